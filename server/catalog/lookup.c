/* The answer to one group of a lookup of build inputs. See lookup.h. */
#include "server/catalog/lookup.h"

#include "server/catalog/lookup_reference.h"

#include <string.h>

enum { DEEPEST = 64 };

struct catalog_answer {
    struct fh_arena *arena;
    json_t *body, *lock, *matched, *unresolvable;
};

struct catalog_answer *catalog_answer_new(struct fh_arena *a)
{
    struct catalog_answer *g = fh_alloc(a, sizeof *g);
    g->arena = a;
    g->body = fh_json_own(a, json_object());
    g->lock = json_object();
    g->matched = json_object();
    g->unresolvable = json_array();
    fh_json_set(g->body, "lock", g->lock);
    fh_json_set(g->body, "matched", g->matched);
    fh_json_set(g->body, "unresolvable", g->unresolvable);
    return g;
}

json_t *catalog_answer_json(struct catalog_answer *g)
{
    return g->body;
}

/* chain: what leads from what was asked to what fails; taken over. */
static void lacks(struct catalog_answer *g, const char *reference, json_t *take_chain)
{
    json_t *entry = json_object(), *leaf = json_object();
    fh_json_set(leaf, "unresolvable", json_object());
    fh_json_set(entry, "reference", fh_json_text(reference));
    fh_json_set(entry, "chain", take_chain);
    fh_json_set(entry, "leaf", leaf);
    fh_json_push(g->unresolvable, entry);
}

void catalog_answer_lacks(struct catalog_answer *g, const char *reference)
{
    json_t *chain = json_array();
    fh_json_push(chain, fh_json_text(reference));
    lacks(g, reference, chain);
}

void catalog_answer_lacks_as(struct catalog_answer *g, json_t *take_entry)
{
    fh_json_push(g->unresolvable, take_entry);
}

static const char *key_of(struct catalog_answer *g, const char *owner, const char *attr_path)
{
    return fh_sprintf(g->arena, "%s/%s", owner, attr_path);
}

static void note_match(struct catalog_answer *g, const char *key, const char *reference)
{
    json_t *list = json_object_get(g->matched, key);
    if (!list) {
        list = json_array();
        fh_json_set(g->matched, key, list);
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), reference) == 0)
            return;
    fh_json_push(list, fh_json_text(reference));
}

bool catalog_answer_has(struct catalog_answer *g, const char *reference, const char *owner,
                        const char *attr_path)
{
    const char *key = key_of(g, owner, attr_path);
    if (!json_object_get(g->matched, key))
        return false;
    note_match(g, key, reference);
    return true;
}

/* Stored JSON; what should not be there is taken for nothing. */
static json_t *stored(struct catalog_answer *g, const char *text, bool list)
{
    json_t *value = NULL;
    if (text && fh_json_parse(text, strlen(text), "stored", &value, NULL) == FH_OK)
        fh_json_own(g->arena, value);
    if (value && (list ? json_is_array(value) : json_is_object(value)))
        return value;
    return fh_json_own(g->arena, list ? json_array() : json_object());
}

static json_t *components(struct catalog_answer *g, const char *attr_path)
{
    struct catalog_reference path;
    json_t *list = json_array();
    if (!catalog_attr_parse(g->arena, attr_path, &path))
        fh_json_push(list, fh_json_text(attr_path));
    for (size_t i = 0; i < path.n; i++)
        fh_json_push(list, fh_json_text(path.parts[i]));
    return list;
}

static json_t *entry_of(struct catalog_answer *g, const char *owner, const struct store_source *s,
                        json_t *direct)
{
    json_t *entry = json_object();
    fh_json_set(entry, "catalog", fh_json_text(owner));
    fh_json_set(entry, "attr_path", components(g, s->attr_path));
    fh_json_set(entry, "build_type", fh_json_text(s->build_type));
    fh_json_set(entry, "source", json_incref(stored(g, s->source, false)));
    fh_json_set(entry, "inputs", json_incref(direct));
    fh_json_set(entry, "locked_inputs_hash", fh_json_text(s->locked_inputs_hash));
    return entry;
}

/* Puts key in with its entry, which is taken over; false: it is there as something else. */
static bool put(struct catalog_answer *g, const char *key, json_t *take_entry)
{
    json_t *there = json_object_get(g->lock, key);
    if (!there) {
        fh_json_set(g->lock, key, take_entry);
        return true;
    }
    bool same = json_equal(json_object_get(there, "source"), json_object_get(take_entry, "source")) &&
                json_equal(json_object_get(there, "locked_inputs_hash"),
                           json_object_get(take_entry, "locked_inputs_hash"));
    json_decref(take_entry);
    return same;
}

/* The keys from one of keys to target, appended to chain; false: no way leads there. */
static bool find_way(const json_t *closure, const json_t *keys, const char *target, json_t *chain,
                     json_t *seen, int depth)
{
    for (size_t i = 0; depth < DEEPEST && i < json_array_size(keys); i++) {
        const char *key = json_string_value(json_array_get(keys, i));
        if (!key || json_object_get(seen, key))
            continue;
        fh_json_set(seen, key, json_true());
        fh_json_push(chain, fh_json_text(key));
        if (strcmp(key, target) == 0 ||
            find_way(closure, json_object_get(json_object_get(closure, key), "inputs"), target, chain, seen,
                     depth + 1))
            return true;
        json_array_remove(chain, json_array_size(chain) - 1);
    }
    return false;
}

static void lacks_input(struct catalog_answer *g, const char *reference, const json_t *direct,
                        const json_t *closure, const char *key)
{
    json_t *chain = json_array(), *seen = json_object();
    fh_json_push(chain, fh_json_text(reference));
    if (!find_way(closure, direct, key, chain, seen, 0))
        fh_json_push(chain, fh_json_text(key));
    json_decref(seen);
    lacks(g, key, chain);
}

void catalog_answer_add(struct catalog_answer *g, const char *reference, const char *owner,
                        const struct store_source *source, catalog_visible *visible, void *arg)
{
    const char *own = key_of(g, owner, source->attr_path), *key;
    json_t *direct = stored(g, source->direct, true), *closure = stored(g, source->closure, false), *entry;
    if (!put(g, own, entry_of(g, owner, source, direct))) {
        catalog_answer_lacks(g, reference);
        return;
    }
    note_match(g, own, reference);
    json_object_foreach(closure, key, entry)
    {
        const char *catalog = fh_json_string(entry, "catalog");
        if (!catalog || !visible(arg, catalog) || !put(g, key, json_incref(entry)))
            lacks_input(g, reference, direct, closure, key);
    }
}

void catalog_answer_join(struct catalog_answer *g, const json_t *theirs)
{
    json_object_update_missing(g->lock, json_object_get(theirs, "lock"));
    json_object_update_missing(g->matched, json_object_get(theirs, "matched"));
    json_array_extend(g->unresolvable, json_object_get(theirs, "unresolvable"));
}
