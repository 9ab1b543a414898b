/* Checking the files of a generation. See rest_files.h. */
#include "server/rest/rest_files.h"

#include "common/ceilings.h"
#include "common/lock.h"

#include <stdlib.h>
#include <string.h>

/* One of the three that a manifest without options.systems is locked for anyway, so that what the hub runs on
 * does not show in a lock. */
static const char host[] = "x86_64-linux";

static fh_err wrong(struct fh_error *e, const struct fh_error *why)
{
    return FH_FAIL(e, FH_MISMATCH, "%s", why->msg);
}

static fh_err check_includes(const struct fh_manifest *m, struct fh_error *e)
{
    for (size_t i = 0; i < m->nincludes; i++)
        if (m->includes[i].dir)
            return FH_FAIL(
                e, FH_MISMATCH,
                "manifest.toml: it includes the folder '%.200s', which is only on the machine that "
                "it was written on. Include an environment of a hub instead.",
                m->includes[i].dir);
    return FH_OK;
}

static bool installs(const struct fh_manifest *m, const struct fh_lock_package *locked)
{
    for (size_t i = 0; i < m->npackages; i++)
        if (m->packages[i].kind == locked->kind && strcmp(m->packages[i].id, locked->install_id) == 0)
            return true;
    return false;
}

/* The same manifest, and no package that it does not ask for. */
static fh_err check_lock(struct fh_arena *a, const struct fh_manifest *m, const char *text,
                         struct fh_error *e)
{
    const struct fh_lock *lock;
    struct fh_error why = {0};
    if (fh_lock_parse(a, text, strlen(text), "manifest.lock", &lock, &why) != FH_OK)
        return wrong(e, &why);
    if (!fh_lock_fits(lock, m))
        return FH_FAIL(e, FH_MISMATCH,
                       "manifest.lock: it was made of another manifest than this one. Lock this one, for "
                       "instance by editing it with the client, and send that lock.");
    for (size_t i = 0; i < lock->npackages; i++)
        if (!installs(lock->manifest, &lock->packages[i]))
            return FH_FAIL(e, FH_MISMATCH,
                           "manifest.lock: it has the package '%.200s', which the manifest does not install.",
                           lock->packages[i].install_id);
    return FH_OK;
}

static fh_err make_lock(struct fh_arena *a, const struct fh_manifest *m, const struct wire_file *previous,
                        struct wire_file *out, struct fh_error *e)
{
    const struct fh_lock *old = NULL;
    struct fh_error why = {0};
    if (previous && previous->bytes &&
        fh_lock_parse(a, previous->bytes, previous->n, "manifest.lock", &old, &why) != FH_OK)
        old = NULL; /* it serves nobody */
    if (old && fh_lock_fits(old, m)) {
        *out = *previous;
        return FH_OK;
    }
    if (m->nincludes > 0)
        return FH_FAIL(
            e, FH_MISMATCH,
            "The hub cannot lock this manifest by itself, so send its manifest.lock too: it includes "
            "other environments, which the client brings.");
    struct fh_buf text = FH_BUF_INIT(FH_MAX_LOCK);
    fh_err rc = fh_lock_make(a, m, old, host, &text, &why);
    if (rc == FH_OK) {
        out->bytes = fh_buf_take(&text, &out->n);
        fh_defer(a, free, (void *)(uintptr_t)out->bytes);
    } else if (rc == FH_UNAVAILABLE) {
        rc = FH_FAIL(e, FH_MISMATCH,
                     "The hub cannot lock this manifest by itself, so send its manifest.lock too: %s",
                     why.msg);
    } else {
        rc = wrong(e, &why);
    }
    fh_buf_free(&text);
    return rc;
}

fh_err rest_files_check(struct fh_arena *a, const char *manifest, const char *lock,
                        const struct wire_file *previous, struct wire_files *out, struct fh_error *e)
{
    const struct fh_manifest *m;
    struct fh_error why = {0};
    *out = (struct wire_files){.manifest = {.bytes = manifest, .n = strlen(manifest)}};
    if (fh_manifest_parse(a, manifest, out->manifest.n, "manifest.toml", &m, &why) != FH_OK)
        return wrong(e, &why);
    FH_TRY(check_includes(m, e));
    if (!lock)
        return make_lock(a, m, previous, &out->lock, e);
    out->lock = (struct wire_file){.bytes = lock, .n = strlen(lock)};
    return check_lock(a, m, lock, e);
}
