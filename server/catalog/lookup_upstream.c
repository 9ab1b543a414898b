/* The part of a lookup that another hub is asked. See lookup_upstream.h. */
#include "server/catalog/lookup_upstream.h"

#include "server/catalog/lookup_reference.h"

#include <string.h>

/* --- taking it apart */

struct split {
    struct fh_arena *arena;
    const struct catalog_scope *scope;
    const struct catalog_upstream *upstream;
    const struct catalog_lookup *lookup;
    json_t *handles; /* those that the database is asked for: handle -> whether an owner here has it */
    struct fh_arena *scratch; /* one group's */
};

/* Whose a reference is, where that is no catalog that the caller may see; NULL: it is answered here. In the
 * scratch. */
static const char *owner_beyond(const struct split *s, const char *reference)
{
    struct catalog_reference r;
    return catalog_reference_parse(s->scratch, reference, &r) && !catalog_scope_find(s->scope, r.owner)
               ? r.owner
               : NULL;
}

static void note_handles(struct split *s)
{
    const struct catalog_lookup *l = s->lookup;
    if (l->as_of_build.catalog)
        fh_json_set(s->handles, l->as_of_build.catalog, json_false());
    for (size_t i = 0; i < l->n; i++) {
        s->scratch = fh_arena_new();
        for (size_t k = 0; k < l->groups[i].n; k++) {
            const char *owner = owner_beyond(s, l->groups[i].references[k]);
            if (owner)
                fh_json_set(s->handles, owner, json_false());
        }
        fh_arena_free(s->scratch);
    }
}

static fh_err ask_for_handles(const struct split *s, struct db_conn *c, struct fh_error *e)
{
    size_t n = json_object_size(s->handles), i = 0;
    const char **handles = fh_alloc(s->arena, (n + 1) * sizeof *handles), *key;
    bool *known = fh_alloc(s->arena, n + 1);
    json_t *value;
    json_object_foreach(s->handles, key, value) handles[i++] = fh_strdup(s->arena, key);
    FH_TRY(store_owners_known(c, s->arena, handles, n, known, e));
    for (i = 0; i < n; i++)
        fh_json_set(s->handles, handles[i], json_boolean(known[i]));
    return FH_OK;
}

/* What upstream is asked in place of a text that names an owner: the text, unless the owner is here. Made in
 * either case, for it takes time. */
static const char *harmless(const struct split *s, const char *owner, const char *text)
{
    const char *alias = fh_sprintf(s->arena, "%s.x", catalog_upstream_alias(s->upstream, s->arena, text));
    return json_is_true(json_object_get(s->handles, owner)) ? alias : text;
}

static json_t *group_beyond(const struct split *s, size_t number, struct catalog_beyond *out)
{
    const struct catalog_lookup_group *g = &s->lookup->groups[number];
    json_t *references = json_array(), *group;
    for (size_t k = 0; k < g->n; k++) {
        const char *owner = owner_beyond(s, g->references[k]);
        if (!owner)
            continue;
        out->asked[k] = harmless(s, owner, g->references[k]);
        fh_json_push(references, fh_json_text(out->asked[k]));
    }
    if (json_array_size(references) == 0) {
        json_decref(references);
        return NULL;
    }
    group = json_object();
    fh_json_set(group, "key", json_string(fh_sprintf(s->arena, "%zu", number)));
    fh_json_set(group, "references", references);
    return group;
}

/* "as_of_date" as it was sent, or the build whose time counts; nothing of a build that is here. */
static json_t *reference_point(const struct split *s)
{
    const struct catalog_lookup *l = s->lookup;
    if (!l->as_of_build.catalog)
        return json_pack("{s:s}", "as_of_date", l->as_of_date);
    bool here = json_is_true(json_object_get(s->handles, l->as_of_build.catalog));
    const char *build = fh_sprintf(s->arena, "%s.%s.%s", l->as_of_build.catalog, l->as_of_build.attr_path,
                                   l->as_of_build.rev);
    const char *alias = here ? catalog_upstream_alias(s->upstream, s->arena, build) : l->as_of_build.catalog;
    return json_pack("{s:{s:s,s:s,s:s}}", "as_of_build", "catalog", alias, "attr_path",
                     here ? "x" : l->as_of_build.attr_path, "rev", here ? "x" : l->as_of_build.rev);
}

fh_err catalog_lookup_split(struct db_conn *c, struct fh_arena *a, const struct catalog_scope *scope,
                            const struct catalog_upstream *u, const struct catalog_lookup *lookup,
                            const struct catalog_beyond **beyond, json_t **question, struct fh_error *e)
{
    struct split s = {a, scope, u, lookup, fh_json_own(a, json_object()), NULL};
    struct catalog_beyond *out = fh_alloc(a, (lookup->n + 1) * sizeof *out);
    json_t *groups = fh_json_own(a, json_array());
    bool ours = lookup->as_of_build.catalog && catalog_scope_find(scope, lookup->as_of_build.catalog);
    *beyond = out;
    *question = NULL;
    for (size_t i = 0; i < lookup->n; i++)
        out[i].asked = fh_alloc(a, (lookup->groups[i].n + 1) * sizeof *out->asked);
    if (ours) /* the time of a build of ours says nothing to others */
        return FH_OK;
    note_handles(&s);
    FH_TRY(ask_for_handles(&s, c, e));
    for (size_t i = 0; i < lookup->n; i++) {
        s.scratch = fh_arena_new();
        json_t *group = group_beyond(&s, i, &out[i]);
        fh_arena_free(s.scratch);
        if (group)
            fh_json_push(groups, group);
    }
    if (json_array_size(groups) == 0)
        return FH_OK;
    *question = fh_json_own(a, json_object());
    fh_json_set(*question, "stability", fh_json_text(lookup->stability));
    if (lookup->as_of_date || lookup->as_of_build.catalog)
        fh_json_set(*question, "reference_point", reference_point(&s));
    fh_json_set(*question, "groups", json_incref(groups));
    return FH_OK;
}

bool catalog_lookup_fits(const json_t *question, const json_t *groups)
{
    const json_t *asked = json_object_get(question, "groups");
    for (size_t i = 0; i < json_array_size(asked); i++)
        if (!json_is_object(json_object_get(groups, fh_json_string(json_array_get(asked, i), "key"))))
            return false;
    return true;
}

/* --- putting it together */

static bool is_hidden(const struct catalog_lookup_group *g, const struct catalog_beyond *b, size_t k)
{
    return b->asked[k] != g->references[k];
}

/* Of what a key matched, the references that were asked for; NULL: none was. */
static json_t *asked_for(const json_t *references, const json_t *asked)
{
    json_t *some = json_array();
    for (size_t i = 0; i < json_array_size(references); i++) {
        const char *text = json_string_value(json_array_get(references, i));
        if (text && json_object_get(asked, text))
            json_array_append(some, json_array_get(references, i));
    }
    if (json_array_size(some) > 0)
        return some;
    json_decref(some);
    return NULL;
}

/* reference -> its entries among those that are unresolvable. */
static json_t *by_reference(const json_t *unresolvable)
{
    json_t *lists = json_object();
    for (size_t i = 0; i < json_array_size(unresolvable); i++) {
        json_t *entry = json_array_get(unresolvable, i);
        const char *text = fh_json_string(entry, "reference");
        json_t *list = text ? json_object_get(lists, text) : NULL;
        if (text && !list) {
            list = json_array();
            fh_json_set(lists, text, list);
        }
        if (list)
            json_array_append(list, entry);
    }
    return lists;
}

static json_t *take_first(json_t *list)
{
    json_t *entry = json_incref(json_array_get(list, 0));
    json_array_remove(list, 0);
    return entry;
}

/* In the order of the references, whichever of them are hidden; inputs of what was found come behind. */
static json_t *ordered(const struct catalog_lookup_group *g, const struct catalog_beyond *b,
                       struct catalog_answer *answer, const json_t *theirs)
{
    json_t *lists = by_reference(json_object_get(theirs, "unresolvable")), *list;
    json_t *rest = json_array();
    const char *key;
    for (size_t k = 0; k < g->n; k++)
        if (b->asked[k] && is_hidden(g, b, k)) {
            catalog_answer_lacks(answer, g->references[k]);
            json_object_del(lists, b->asked[k]);
        } else if (b->asked[k] && json_array_size(json_object_get(lists, b->asked[k])) > 0) {
            catalog_answer_lacks_as(answer, take_first(json_object_get(lists, b->asked[k])));
        }
    json_object_foreach(lists, key, list) json_array_extend(rest, list);
    json_decref(lists);
    return rest;
}

void catalog_lookup_join(struct fh_arena *a, const struct catalog_lookup_group *group,
                         const struct catalog_beyond *beyond, const json_t *theirs,
                         struct catalog_answer *answer)
{
    json_t *kept = fh_json_own(a, json_object()), *matched = json_object(), *asked = json_object(),
           *references;
    const char *key;
    if (!theirs)
        return;
    for (size_t k = 0; k < group->n; k++)
        if (beyond->asked[k] && !is_hidden(group, beyond, k))
            fh_json_set(asked, beyond->asked[k], json_true());
    json_object_foreach((json_t *)(uintptr_t)json_object_get(theirs, "matched"), key, references)
    {
        json_t *some = asked_for(references, asked);
        if (some)
            fh_json_set(matched, key, some);
    }
    json_decref(asked);
    fh_json_set(kept, "matched", matched);
    if (json_object_get(theirs, "lock"))
        fh_json_set(kept, "lock", json_incref(json_object_get(theirs, "lock")));
    fh_json_set(kept, "unresolvable", ordered(group, beyond, answer, theirs));
    catalog_answer_join(answer, kept);
}
