/* What people are told of packages that the catalog could not resolve (manifest-lockfile-client §5.4). */
#include "common/json_model.h"
#include "common/lock.h"

#define SYSTEMS_GUIDE "https://flox.dev/docs/tutorials/multi-arch-environments/#handling-unsupported-packages"

/* Every line but the first and empty ones moved in by n. */
static const char *indented(struct fh_arena *a, const char *text, int n)
{
    const char *out = "";
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, "\n");
        bool first = at == text, empty = len == 0;
        out =
            fh_sprintf(a, "%s%*s%.*s%s", out, first || empty ? 0 : n, "", (int)len, at, at[len] ? "\n" : "");
        at += len + (at[len] == '\n');
    }
    return out;
}

static const char *listed(struct fh_arena *a, const struct fh_strings *systems)
{
    const char *out = "";
    for (size_t i = 0; i < systems->count; i++)
        out = fh_sprintf(a, "%s\n    - %s", out, fh_json_shown(a, systems->items[i]));
    return out;
}

static const char *one(struct fh_arena *a, const struct fh_lock_failure *f, bool among_others)
{
    switch (f->kind) {
    case FH_FAILURE_NOT_FOUND:
        return fh_sprintf(a, "could not find package '%s'.", fh_json_shown(a, f->attr_path));
    case FH_FAILURE_SOME_SYSTEMS:
        return indented(a,
                        fh_sprintf(a,
                                   "package '%s' not available for%s\n  but it is available for%s\n\n"
                                   "For more on managing system-specific packages, visit the "
                                   "documentation:\n" SYSTEMS_GUIDE,
                                   fh_json_shown(a, f->attr_path), listed(a, &f->invalid),
                                   listed(a, &f->valid)),
                        among_others ? 2 : 0);
    case FH_FAILURE_TOO_TIGHT:
        return indented(a,
                        fh_sprintf(a,
                                   "constraints for group '%s' are too tight\n\n"
                                   "Use 'floe edit' to adjust version constraints in the [install] section,\n"
                                   "or isolate dependencies in a new group with '<pkg>.pkg-group = "
                                   "\"newgroup\"'",
                                   fh_json_shown(a, f->group)),
                        among_others ? 2 : 3);
    case FH_FAILURE_OTHER:
        break;
    }
    return among_others ? indented(a, f->message, 2) : fh_sprintf(a, "\n%s", f->message);
}

const char *fh_lock_failures_text(struct fh_arena *a, const struct fh_lock_failures *failures)
{
    const char *text = "resolution failed: ";
    if (failures->count == 1)
        text = fh_sprintf(a, "%s%s", text, one(a, &failures->items[0], false));
    else
        text = fh_sprintf(a, "%smultiple resolution failures:", text);
    for (size_t i = 0; failures->count > 1 && i < failures->count; i++)
        text = fh_sprintf(a, "%s\n- %s", text, one(a, &failures->items[i], true));
    return failures->note ? fh_sprintf(a, "%s\n\n%s", text, failures->note) : text;
}
