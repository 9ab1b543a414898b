/* The body of a resolve. See resolve_request.h.
 *
 * Whatever is wrong is FH_MISMATCH, which is 422: the status that the protocol has for it. */
#include "server/catalog/resolve_request.h"

#include "common/ceilings.h"
#include "common/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 80 };

/* Where a value stands, for sentences: "items[0].descriptors[2]". */
struct place {
    struct fh_arena *arena;
    size_t group, descriptor;
    bool in_descriptor;
};

static const char *at(const struct place *p)
{
    return p->in_descriptor ? fh_sprintf(p->arena, "items[%zu].descriptors[%zu]", p->group, p->descriptor)
                            : fh_sprintf(p->arena, "items[%zu]", p->group);
}

/* A text of the request for a sentence: short, and without what moves a cursor. */
static const char *shown(struct fh_arena *a, const char *text)
{
    size_t n = strlen(text), kept = n < SHOWN ? n : SHOWN;
    while (kept < n && kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    char *copy = fh_sprintf(a, "%.*s%s", (int)kept, text, kept < n ? "…" : "");
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return copy;
}

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static fh_err take_text(const struct place *p, const json_t *object, const char *key, bool required,
                        size_t max, const char **out, struct fh_error *e)
{
    const json_t *value = member(object, key);
    *out = NULL;
    if (!value && required)
        return FH_FAIL(e, FH_MISMATCH, "%s must have a \"%s\".", at(p), key);
    if (!value)
        return FH_OK;
    if (!json_is_string(value))
        return FH_FAIL(e, FH_MISMATCH, "\"%s\" of %s must be a string.", key, at(p));
    if (json_string_length(value) > max)
        return FH_FAIL(e, FH_MISMATCH, "\"%s\" of %s has more than %zu bytes.", key, at(p), max);
    *out = json_string_value(value);
    return FH_OK;
}

/* set is left as it is when the member is absent. */
static fh_err take_bool(const struct place *p, const json_t *object, const char *key, bool *set,
                        struct fh_error *e)
{
    const json_t *value = member(object, key);
    if (!value)
        return FH_OK;
    if (!json_is_boolean(value))
        return FH_FAIL(e, FH_MISMATCH, "\"%s\" of %s must be true or false.", key, at(p));
    *set = json_is_true(value);
    return FH_OK;
}

static fh_err take_list(const struct place *p, const json_t *object, const char *key, bool required,
                        size_t max, const json_t **out, struct fh_error *e)
{
    const json_t *value = member(object, key);
    *out = NULL;
    if (!value && required)
        return FH_FAIL(e, FH_MISMATCH, "%s must have \"%s\".", at(p), key);
    if (!value)
        return FH_OK;
    if (!json_is_array(value))
        return FH_FAIL(e, FH_MISMATCH, "\"%s\" of %s must be a list.", key, at(p));
    if (json_array_size(value) > max)
        return FH_FAIL(e, FH_MISMATCH, "\"%s\" of %s has more than %zu entries.", key, at(p), max);
    *out = value;
    return FH_OK;
}

static fh_err take_systems(const struct place *p, const json_t *object, struct resolve_descriptor *d,
                           struct fh_error *e)
{
    const json_t *list;
    FH_TRY(take_list(p, object, "systems", true, FH_MAX_RESOLVE_SYSTEMS, &list, e));
    d->nsystems = json_array_size(list);
    enum fh_system *systems = fh_alloc(p->arena, (d->nsystems + 1) * sizeof *systems);
    for (size_t i = 0; i < d->nsystems; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        systems[i] = name ? fh_system_find(name) : FH_SYSTEM_NONE;
        if (systems[i] == FH_SYSTEM_NONE)
            return FH_FAIL(e, FH_MISMATCH,
                           "\"systems\" of %s must be of aarch64-darwin, aarch64-linux, x86_64-darwin and "
                           "x86_64-linux, not %s.",
                           at(p), name ? shown(p->arena, name) : "another type");
    }
    d->systems = systems;
    return FH_OK;
}

static fh_err take_licenses(const struct place *p, const json_t *object, struct resolve_descriptor *d,
                            struct fh_error *e)
{
    const json_t *list;
    FH_TRY(take_list(p, object, "allowed_licenses", false, FH_MAX_RESOLVE_LICENSES, &list, e));
    if (!list)
        return FH_OK;
    d->nlicenses = json_array_size(list);
    const char **licenses = fh_alloc(p->arena, (d->nlicenses + 1) * sizeof *licenses);
    for (size_t i = 0; i < d->nlicenses; i++) {
        licenses[i] = json_string_value(json_array_get(list, i));
        if (!licenses[i])
            return FH_FAIL(e, FH_MISMATCH, "\"allowed_licenses\" of %s must be strings.", at(p));
    }
    d->licenses = licenses;
    return FH_OK;
}

static fh_err take_version(const struct place *p, const json_t *object, struct resolve_descriptor *d,
                           struct fh_error *e)
{
    struct fh_error why;
    struct fh_version_range *range;
    FH_TRY(take_text(p, object, "version", false, FH_MAX_VERSION_TEXT, &d->version, e));
    if (fh_version_range_parse(p->arena, d->version, &range, &why) != FH_OK)
        return FH_FAIL(
            e, FH_MISMATCH,
            "The descriptor with install_id '%s', attr_path '%s' and version '%s' cannot be resolved: bad "
            "version spec: %s",
            shown(p->arena, d->install_id), shown(p->arena, d->attr_path), shown(p->arena, d->version),
            why.msg);
    d->range = range;
    return FH_OK;
}

static fh_err take_descriptor(const struct place *p, const json_t *object, struct resolve_descriptor *d,
                              struct fh_error *e)
{
    bool missing = false;
    if (!json_is_object(object))
        return FH_FAIL(e, FH_MISMATCH, "%s must be an object.", at(p));
    *d = (struct resolve_descriptor){.unfree = true};
    FH_TRY(take_text(p, object, "install_id", true, FH_MAX_RESOLVE_TEXT, &d->install_id, e));
    FH_TRY(take_text(p, object, "attr_path", true, FH_MAX_RESOLVE_TEXT, &d->attr_path, e));
    FH_TRY(take_text(p, object, "derivation", false, FH_MAX_RESOLVE_TEXT, &d->derivation, e));
    FH_TRY(take_systems(p, object, d, e));
    FH_TRY(take_version(p, object, d, e));
    FH_TRY(take_licenses(p, object, d, e));
    FH_TRY(take_bool(p, object, "allow_pre_releases", &d->pre_releases, e));
    FH_TRY(take_bool(p, object, "allow_unfree", &d->unfree, e));
    FH_TRY(take_bool(p, object, "allow_broken", &d->broken, e));
    FH_TRY(take_bool(p, object, "allow_insecure", &d->insecure, e));
    FH_TRY(take_bool(p, object, "allow_missing_builds", &missing, e));
    if (member(object, "allow_missing_builds"))
        d->missing = missing ? RESOLVE_MISSING_FINE : RESOLVE_MISSING_NEVER;
    return FH_OK;
}

static fh_err take_group(struct place *p, const json_t *object, struct resolve_request *r,
                         struct resolve_group *g, struct fh_error *e)
{
    const json_t *list;
    p->in_descriptor = false;
    if (!json_is_object(object))
        return FH_FAIL(e, FH_MISMATCH, "%s must be an object.", at(p));
    FH_TRY(take_text(p, object, "name", true, FH_MAX_RESOLVE_TEXT, &g->name, e));
    FH_TRY(take_text(p, object, "stability", false, FH_MAX_RESOLVE_TEXT, &g->stability, e));
    FH_TRY(take_list(p, object, "descriptors", true, FH_MAX_RESOLVE_ROWS, &list, e));
    g->n = json_array_size(list);
    g->descriptors = fh_alloc(p->arena, (g->n + 1) * sizeof *g->descriptors);
    p->in_descriptor = true;
    for (size_t i = 0; i < g->n; i++) {
        p->descriptor = i;
        FH_TRY(take_descriptor(p, json_array_get(list, i), &g->descriptors[i], e));
        r->ndescriptors++;
        r->nrows += g->descriptors[i].nsystems;
        r->has_pins = r->has_pins || g->descriptors[i].derivation;
        if (r->nrows > FH_MAX_RESOLVE_ROWS || r->ndescriptors > FH_MAX_RESOLVE_ROWS)
            return FH_FAIL(e, FH_MISMATCH, "A request may ask for at most %d packages, each system counted.",
                           FH_MAX_RESOLVE_ROWS);
    }
    return FH_OK;
}

fh_err resolve_request_parse(struct fh_arena *a, const char *body, size_t n, struct resolve_request **out,
                             struct fh_error *e)
{
    struct place place = {.arena = a};
    struct resolve_request *r = fh_alloc(a, sizeof *r);
    struct fh_error why;
    json_t *root;
    if (fh_json_parse(body, n, "body", &root, &why) != FH_OK)
        return FH_FAIL(e, FH_MISMATCH, "%s", why.msg);
    fh_json_own(a, root);
    const json_t *items = json_object_get(root, "items");
    if (!json_is_array(items))
        return FH_FAIL(e, FH_MISMATCH, "The request's body must be an object with a list \"items\".");
    if (json_array_size(items) > FH_MAX_RESOLVE_GROUPS)
        return FH_FAIL(e, FH_MISMATCH, "A request may have at most %d groups.", FH_MAX_RESOLVE_GROUPS);
    r->n = json_array_size(items);
    r->groups = fh_alloc(a, (r->n + 1) * sizeof *r->groups);
    for (size_t i = 0; i < r->n; i++) {
        place.group = i;
        FH_TRY(take_group(&place, json_array_get(items, i), r, &r->groups[i], e));
    }
    *out = r;
    return FH_OK;
}

fh_err resolve_request_pages(const char *text, size_t *out, struct fh_error *e)
{
    char *end;
    *out = 0;
    if (!text || !*text)
        return FH_OK;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || *end || *text < '0' || *text > '9' || n > FH_MAX_CANDIDATE_PAGES)
        return FH_FAIL(e, FH_MISMATCH, "The parameter candidate_pages must be a whole number from 0 to %d.",
                       FH_MAX_CANDIDATE_PAGES);
    *out = (size_t)n;
    return FH_OK;
}
