/* Reading floe-export.json. See wire_import.h. */
#include "server/git/wire_import.h"

#include "common/json.h"

static int64_t parse_time(const char *text)
{
    struct tm tm = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
    int64_t at = end && !*end ? (int64_t)timegm(&tm) : 0;
    return at > 0 ? at : 0;
}

fh_err wire_export_parse(struct fh_arena *a, const char *text, size_t n, struct wire_export_note **out,
                         size_t *count, struct fh_error *e)
{
    json_t *parsed;
    FH_TRY(fh_json_parse(text, n, WIRE_EXPORT_FILE, &parsed, e));
    const json_t *top = fh_json_own(a, parsed), *envs = json_object_get(top, "environments");
    if (!json_is_array(envs))
        return FH_FAIL(e, FH_INVALID, "%s has no list of environments.", WIRE_EXPORT_FILE);
    size_t found = 0;
    struct wire_export_note *notes = fh_alloc(a, (json_array_size(envs) + 1) * sizeof *notes);
    for (size_t i = 0; i < json_array_size(envs); i++) {
        const json_t *item = json_array_get(envs, i);
        const char *name = fh_json_string(item, "name"), *visibility = fh_json_string(item, "visibility");
        if (name)
            notes[found++] = (struct wire_export_note){
                .name = name,
                .visibility = visibility ? store_visibility_parse(visibility) : 0,
                .created_at = parse_time(fh_json_string(item, "created_at")),
            };
    }
    *out = notes;
    *count = found;
    return FH_OK;
}
