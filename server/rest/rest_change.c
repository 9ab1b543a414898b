/* Reading what was changed. See rest_change.h. */
#include "server/rest/rest_change.h"

#include "common/json_model.h"

#include <string.h>

enum { MAX_TARGETS = 256, MAX_WORD = 512, MAX_SUMMARY = 1000 };

static const struct {
    const char *name;
    enum fh_change_kind kind;
    bool has_targets, needs_targets;
} kinds[] = {
    {"edit", FH_CHANGE_EDIT, false, false},
    {"install", FH_CHANGE_INSTALL, true, true},
    {"uninstall", FH_CHANGE_UNINSTALL, true, true},
    {"upgrade", FH_CHANGE_UPGRADE, true, false},
    {"include_upgrade", FH_CHANGE_INCLUDE_UPGRADE, true, false},
    {"other", FH_CHANGE_OTHER, false, false},
};

/* One line of text: no control characters, those of C1 (U+0080 to U+009F) included. */
static bool is_line(const json_t *value, size_t max)
{
    const char *s = json_string_value(value);
    size_t n = s ? strlen(s) : 0;
    if (n == 0 || n > max)
        return false;
    for (const unsigned char *p = (const unsigned char *)s; *p; p++)
        if (*p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
            return false;
    return true;
}

static fh_err read_kind(const json_t *change, size_t *out, struct fh_error *e)
{
    const char *text = json_string_value(json_object_get(change, "kind"));
    for (*out = 0; text && *out < sizeof kinds / sizeof *kinds; ++*out)
        if (strcmp(kinds[*out].name, text) == 0)
            return FH_OK;
    return FH_FAIL(e, FH_INVALID,
                   "\"change.kind\" must be edit, install, uninstall, upgrade, include_upgrade or other.");
}

static fh_err check_members(const json_t *change, const char *wanted, struct fh_error *e)
{
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(change), key, value)
    {
        if (strcmp(key, "kind") != 0 && (!wanted || strcmp(key, wanted) != 0))
            return FH_FAIL(e, FH_INVALID, "A change of this kind has \"kind\"%s%s%s and nothing else.",
                           wanted ? ", \"" : "", wanted ? wanted : "", wanted ? "\"" : "");
    }
    return FH_OK;
}

static fh_err read_targets(struct fh_arena *a, const json_t *list, bool needed, struct fh_change *out,
                           struct fh_error *e)
{
    size_t n = json_array_size(list);
    const char **targets = fh_alloc(a, (n + 1) * sizeof *targets);
    if ((list && !json_is_array(list)) || n > MAX_TARGETS || (needed && n == 0))
        return FH_FAIL(e, FH_INVALID, "\"change.targets\" must be a list of %s%d texts.",
                       needed ? "1 to " : "at most ", MAX_TARGETS);
    for (size_t i = 0; i < n; i++) {
        if (!is_line(json_array_get(list, i), MAX_WORD))
            return FH_FAIL(e, FH_INVALID,
                           "A target of \"change.targets\" must be one line of at most %d bytes.", MAX_WORD);
        targets[i] = json_string_value(json_array_get(list, i));
    }
    out->targets = targets;
    out->ntargets = n;
    return FH_OK;
}

fh_err rest_change_read(struct fh_arena *a, const json_t *change, struct fh_change *out, struct fh_error *e)
{
    size_t i = 0;
    out->kind = FH_CHANGE_EDIT;
    if (!change)
        return FH_OK;
    FH_TRY(read_kind(change, &i, e));
    bool is_other = kinds[i].kind == FH_CHANGE_OTHER;
    FH_TRY(check_members(change, kinds[i].has_targets ? "targets" : is_other ? "summary" : NULL, e));
    out->kind = kinds[i].kind;
    if (is_other) {
        if (!is_line(json_object_get(change, "summary"), MAX_SUMMARY))
            return FH_FAIL(e, FH_INVALID, "\"change.summary\" must be one line of at most %d bytes.",
                           MAX_SUMMARY);
        out->text = json_string_value(json_object_get(change, "summary"));
    }
    return kinds[i].has_targets
               ? read_targets(a, json_object_get(change, "targets"), kinds[i].needs_targets, out, e)
               : FH_OK;
}
