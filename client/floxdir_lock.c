/* Locking the manifest of a .flox folder. */
#include "client/floxdir.h"

#include "client/include.h"
#include "common/ceilings.h"
#include "common/manifest_migrate.h"

static fh_err parse(struct client *c, const struct floxdir_files *files, const struct fh_manifest **m,
                    const struct fh_lock **previous, struct fh_error *e)
{
    struct fh_error broken;
    *previous = NULL;
    if (files->lock != NULL &&
        fh_lock_parse(c->arena, files->lock, files->lock_len, "manifest.lock", previous, &broken) != FH_OK)
        *previous = NULL; /* a lock that does not read is made anew where that is possible */
    return fh_manifest_parse(c->arena, files->manifest, files->manifest_len, "manifest.toml", m, e);
}

/* The file's text takes the newest schema-version with the manifest. */
static fh_err follow_schema(struct client *c, struct floxdir_files *files, const struct fh_manifest *m,
                            const struct fh_manifest *composer, struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_MANIFEST);
    if (composer == m)
        return FH_OK;
    fh_err rc = fh_manifest_migrate_text(files->manifest, files->manifest_len, m, composer, &text, e);
    if (rc == FH_OK) {
        files->manifest = fh_strndup(c->arena, text.data, text.len);
        files->manifest_len = text.len;
    }
    fh_buf_free(&text);
    return rc;
}

static fh_err make(struct client *c, struct floxdir_files *files, const struct fh_manifest *m,
                   const struct fh_lock *previous, struct include_wish *wish,
                   const struct fh_manifest **manifest, struct fh_error *e)
{
    struct fh_lock_input input = {.manifest = m, .previous = previous, .host = settings_system(c->arena)};
    struct fh_buf text = FH_BUF_INIT(FH_MAX_LOCK);
    FH_TRY(include_collect(c, files, m, previous, wish, &input.includes, &input.nincludes, e));
    fh_err rc = fh_lock_compose(c->arena, &input, &text, manifest, e);
    if (rc == FH_OK)
        rc = follow_schema(c, files, m, *manifest, e);
    if (rc == FH_OK) {
        files->lock = fh_strndup(c->arena, text.data, text.len);
        files->lock_len = text.len;
    }
    fh_buf_free(&text);
    return rc;
}

fh_err floxdir_lock_manifest(struct client *c, struct floxdir_files *files,
                             const struct fh_manifest **manifest, bool *made, struct fh_error *e)
{
    const struct fh_lock *previous;
    struct include_wish none = {.upgrades = false};
    if (made != NULL)
        *made = false;
    FH_TRY(parse(c, files, manifest, &previous, e));
    if (previous != NULL && fh_lock_fits(previous, *manifest))
        return FH_OK;
    FH_TRY(make(c, files, *manifest, previous, &none, manifest, e));
    if (made != NULL)
        *made = true;
    return FH_OK;
}

fh_err floxdir_upgrade_includes(struct client *c, struct floxdir_files *files, const char *const *names,
                                size_t nnames, const struct fh_manifest **manifest, struct fh_error *e)
{
    const struct fh_lock *previous;
    struct include_wish wish = {.upgrades = true, .names = names, .nnames = nnames};
    FH_TRY(parse(c, files, manifest, &previous, e));
    return make(c, files, *manifest, previous, &wish, manifest, e);
}
