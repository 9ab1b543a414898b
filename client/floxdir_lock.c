/* Locking the manifest of a .flox folder. */
#include "client/floxdir.h"

#include "client/ask_catalog.h"
#include "client/include.h"
#include "common/ceilings.h"
#include "common/clock.h"
#include "common/manifest_migrate.h"

/* Where a lock is made: what is asked for, and what there is. */
struct making {
    struct client *c;
    struct floxdir_files *files;
    const struct fh_manifest *manifest; /* as it stands in manifest.toml */
    const struct fh_lock *previous;
    struct include_wish *includes;
    struct floxdir_wish *packages;
    struct fh_error *e;
};

fh_err floxdir_previous_lock(struct client *c, const struct floxdir_files *files, const struct fh_lock **out,
                             struct fh_error *e)
{
    struct fh_error broken;
    *out = NULL;
    if (files->lock == NULL ||
        fh_lock_parse(c->arena, files->lock, files->lock_len, "manifest.lock", out, &broken) == FH_OK)
        return FH_OK;
    return FH_FAIL(
        e, FH_CONFLICT,
        "%.200s\n\nA lock that does not read is not replaced, since other versions would come out. "
        "Bring back the one that was there, or remove .flox/env/manifest.lock to have it made anew.",
        broken.msg);
}

static fh_err parse(struct making *k)
{
    struct client *c = k->c;
    c->why = NULL;
    FH_TRY(floxdir_previous_lock(c, k->files, &k->previous, k->e));
    return fh_manifest_parse(c->arena, k->files->manifest, k->files->manifest_len, "manifest.toml",
                             &k->manifest, k->e);
}

/* The file's text takes the newest schema-version with the manifest. */
static fh_err follow_schema(struct making *k, const struct fh_manifest *composer)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_MANIFEST);
    struct floxdir_files *files = k->files;
    if (composer == k->manifest)
        return FH_OK;
    fh_err rc =
        fh_manifest_migrate_text(files->manifest, files->manifest_len, k->manifest, composer, &text, k->e);
    if (rc == FH_OK) {
        files->manifest = fh_strndup(k->c->arena, text.data, text.len);
        files->manifest_len = text.len;
    }
    fh_buf_free(&text);
    return rc;
}

/* The lock's text; the catalog is asked where that takes it. */
static fh_err resolve(struct making *k, const struct fh_lock_input *input, struct fh_buf *text,
                      const struct fh_manifest **composer)
{
    struct client *c = k->c;
    struct fh_locking *locking;
    const json_t *answer = NULL;
    FH_TRY(fh_locking_begin(c->arena, input, &locking, k->e));
    c->question = fh_locking_question(locking);
    if (c->question != NULL)
        FH_TRY(ask_resolve(c, c->question, &answer, k->e));
    fh_err rc = fh_locking_finish(locking, answer, text, composer, &k->packages->failures, k->e);
    if (rc != FH_OK && k->packages->failures != NULL)
        c->why = fh_lock_failures_text(c->arena, k->packages->failures);
    return rc;
}

static fh_err make(struct making *k, const struct fh_manifest **manifest)
{
    struct client *c = k->c;
    char now[FH_RFC3339_SIZE];
    fh_time_format(settings_now(), now);
    struct fh_lock_input input = {
        .manifest = k->manifest,
        .previous = k->previous,
        .host = settings_system(c->arena),
        .unlocked = k->packages->upgraded,
        .unlocks_all = k->packages->upgrades && k->packages->upgraded.count == 0,
        .may_move = true,
        .fresh = k->packages->fresh,
        .now = now,
    };
    struct fh_buf text = FH_BUF_INIT(FH_MAX_LOCK);
    FH_TRY(include_collect(c, k->files, k->manifest, k->previous, k->includes, &input.includes,
                           &input.nincludes, k->e));
    fh_err rc = resolve(k, &input, &text, manifest);
    if (rc == FH_OK)
        rc = follow_schema(k, *manifest);
    if (rc == FH_OK) {
        k->files->lock = fh_strndup(c->arena, text.data, text.len);
        k->files->lock_len = text.len;
    }
    fh_buf_free(&text);
    return rc;
}

fh_err floxdir_lock_packages(struct client *c, struct floxdir_files *files, struct floxdir_wish *wish,
                             const struct fh_manifest **manifest, bool *made, struct fh_error *e)
{
    struct include_wish none = {.upgrades = false};
    struct making k = {.c = c, .files = files, .includes = &none, .packages = wish, .e = e};
    if (made != NULL)
        *made = false;
    wish->failures = NULL;
    FH_TRY(parse(&k));
    *manifest = k.manifest;
    if (!wish->upgrades && k.previous != NULL && fh_lock_fits(k.previous, k.manifest))
        return FH_OK;
    FH_TRY(make(&k, manifest));
    if (made != NULL)
        *made = true;
    return FH_OK;
}

fh_err floxdir_lock_manifest(struct client *c, struct floxdir_files *files,
                             const struct fh_manifest **manifest, bool *made, struct fh_error *e)
{
    struct floxdir_wish none = {.upgrades = false};
    return floxdir_lock_packages(c, files, &none, manifest, made, e);
}

fh_err floxdir_upgrade_includes(struct client *c, struct floxdir_files *files, const char *const *names,
                                size_t nnames, const struct fh_manifest **manifest, struct fh_error *e)
{
    struct include_wish wish = {.upgrades = true, .names = names, .nnames = nnames};
    struct floxdir_wish none = {.upgrades = false};
    struct making k = {.c = c, .files = files, .includes = &wish, .packages = &none, .e = e};
    FH_TRY(parse(&k));
    return make(&k, manifest);
}
