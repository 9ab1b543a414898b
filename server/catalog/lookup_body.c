/* The body of a lookup of build inputs. See lookup_body.h. */
#include "server/catalog/lookup_body.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/json.h"
#include "server/catalog/search_text.h"

#include <string.h>

static bool is_absent(const json_t *value)
{
    return !value || json_is_null(value);
}

static fh_err parse_reference_point(struct fh_arena *a, const json_t *point, struct catalog_lookup *out,
                                    struct fh_error *e)
{
    if (is_absent(point))
        return FH_OK;
    const json_t *date = json_object_get(point, "as_of_date"), *build = json_object_get(point, "as_of_build");
    if (!json_is_object(point) || (!is_absent(date) && !is_absent(build)))
        return FH_FAIL(e, FH_MISMATCH,
                       "\"reference_point\" is an object with at most one of as_of_date and as_of_build.");
    int64_t micros = 0;
    if (!is_absent(date) && (!json_is_string(date) || !fh_time_parse_us(json_string_value(date), &micros)))
        return FH_FAIL(e, FH_MISMATCH, "\"as_of_date\" must be a time like 2026-11-27T14:00:00Z.");
    out->as_of = micros / 1000000;
    out->as_of_date = is_absent(date) ? NULL : fh_strdup(a, json_string_value(date));
    if (is_absent(build))
        return FH_OK;
    const char *catalog = fh_json_string(build, "catalog"), *path = fh_json_string(build, "attr_path"),
               *rev = fh_json_string(build, "rev");
    if (!catalog || !path || !rev)
        return FH_FAIL(e, FH_MISMATCH, "\"as_of_build\" must have the strings catalog, attr_path and rev.");
    out->as_of_build.catalog = fh_strdup(a, catalog);
    out->as_of_build.attr_path = fh_strdup(a, path);
    out->as_of_build.rev = fh_strdup(a, rev);
    return FH_OK;
}

static fh_err parse_group(struct fh_arena *a, const json_t *group, struct catalog_lookup_group *out,
                          struct fh_error *e)
{
    const char *key = fh_json_string(group, "key");
    const json_t *references = json_object_get(group, "references");
    if (!key || !json_is_array(references))
        return FH_FAIL(e, FH_MISMATCH, "A group must have a string \"key\" and a list \"references\".");
    out->n = json_array_size(references);
    if (out->n > FH_MAX_LOOKUP_REFERENCES)
        return FH_FAIL(e, FH_MISMATCH, "A group has at most %d references.", FH_MAX_LOOKUP_REFERENCES);
    out->key = fh_strdup(a, key);
    out->references = fh_alloc(a, (out->n + 1) * sizeof *out->references);
    for (size_t i = 0; i < out->n; i++) {
        const char *text = json_string_value(json_array_get(references, i));
        if (!text || catalog_characters(text, strlen(text)) > FH_MAX_LOOKUP_REFERENCE)
            return FH_FAIL(e, FH_MISMATCH, "A reference is a string of at most %d characters.",
                           FH_MAX_LOOKUP_REFERENCE);
        out->references[i] = fh_strdup(a, text);
    }
    return FH_OK;
}

static fh_err parse(struct fh_arena *a, const json_t *body, struct catalog_lookup *out, struct fh_error *e)
{
    const char *stability = fh_json_string(body, "stability");
    const json_t *groups = json_object_get(body, "groups");
    if (!stability || !*stability)
        return FH_FAIL(e, FH_MISMATCH, "\"stability\" must be a string that is not empty.");
    if (!json_is_array(groups))
        return FH_FAIL(e, FH_MISMATCH, "\"groups\" must be a list.");
    out->stability = fh_strdup(a, stability);
    out->n = json_array_size(groups);
    if (out->n > FH_MAX_LOOKUP_GROUPS)
        return FH_FAIL(e, FH_MISMATCH, "A lookup has at most %d groups.", FH_MAX_LOOKUP_GROUPS);
    FH_TRY(parse_reference_point(a, json_object_get(body, "reference_point"), out, e));
    out->groups = fh_alloc(a, (out->n + 1) * sizeof *out->groups);
    for (size_t i = 0; i < out->n; i++) {
        FH_TRY(parse_group(a, json_array_get(groups, i), &out->groups[i], e));
        for (size_t k = 0; k < i; k++)
            if (strcmp(out->groups[k].key, out->groups[i].key) == 0)
                return FH_FAIL(e, FH_MISMATCH, "Two groups have the same key.");
    }
    return FH_OK;
}

fh_err catalog_lookup_parse(struct fh_arena *a, const char *text, size_t n, struct catalog_lookup *out,
                            struct fh_error *e)
{
    struct fh_error why = {0};
    json_t *body;
    *out = (struct catalog_lookup){0};
    if (fh_json_parse(text, n, "body", &body, &why) != FH_OK)
        return FH_FAIL(e, FH_MISMATCH, "The body is not JSON as it is read here: %.500s", why.msg);
    fh_err rc = json_is_object(body) ? parse(a, body, out, e)
                                     : FH_FAIL(e, FH_MISMATCH, "The body must be an object.");
    json_decref(body);
    return rc;
}
