/* Moving a checkout to another generation. */
#include "client/checkout.h"

#include "client/disk.h"
#include "common/blake3.h"
#include "common/ceilings.h"

#include <string.h>

enum { DIGEST_HEX = 2 * FH_BLAKE3_SIZE, NOTE_LEN = FH_OID_HEX + 1 + DIGEST_HEX };

static const char *note_of(const struct floxmeta *m, const struct floxdir *d)
{
    return fh_sprintf(m->client->arena, "%s/run/floe/moving", d->path);
}

/* Of the manifest that is in the folder now; dashes when there is none. */
static void digest_manifest(struct floxmeta *m, const struct floxdir *d, char out[DIGEST_HEX + 1])
{
    uint8_t digest[FH_BLAKE3_SIZE];
    char *text;
    size_t n;
    struct fh_error ignored;
    const char *path = fh_sprintf(m->client->arena, "%s/env/manifest.toml", d->path);
    memset(out, '-', DIGEST_HEX);
    out[DIGEST_HEX] = '\0';
    if (disk_read(path, FH_MAX_MANIFEST, m->client->arena, &text, &n, &ignored) != FH_OK)
        return;
    fh_blake3(text, n, digest);
    fh_hex_encode(digest, FH_BLAKE3_SIZE, out);
}

static fh_err write_note(struct floxmeta *m, const struct floxdir *d, const char *commit, struct fh_error *e)
{
    char digest[DIGEST_HEX + 1];
    digest_manifest(m, d, digest);
    const char *text = fh_sprintf(m->client->arena, "%s %s", commit, digest);
    FH_TRY(disk_make_dirs(fh_sprintf(m->client->arena, "%s/run/floe", d->path), 0777, e));
    return disk_write(note_of(m, d), text, strlen(text), 0644, e);
}

fh_err checkout_move(struct floxmeta *m, const struct floxdir *d, const char *commit, const char *rev,
                     const struct floxdir_files *files, struct fh_error *e)
{
    struct floxdir_staged staged;
    struct fh_error ignored;
    FH_TRY(floxdir_stage(d->path, files, &staged, e));
    fh_err rc = write_note(m, d, commit, e);
    if (rc == FH_OK)
        rc = floxmeta_move(m, d->path, commit, rev, e);
    if (rc == FH_OK)
        return floxdir_commit(&staged, e) == FH_OK ? disk_remove(note_of(m, d), e) : e->code;
    floxdir_unstage(&staged);
    (void)!disk_remove(note_of(m, d), &ignored);
    return rc;
}

fh_err checkout_finish(struct floxmeta *m, const struct floxdir *d, struct fh_error *e)
{
    char *text, now[DIGEST_HEX + 1];
    size_t n;
    struct floxdir_files live;
    fh_err rc = disk_read(note_of(m, d), FH_MAX_BODY_SMALL, m->client->arena, &text, &n, e);
    if (rc == FH_NOT_FOUND)
        return FH_OK;
    if (rc != FH_OK)
        return rc;
    digest_manifest(m, d, now);
    /* Of another commit: env.lock was not reached. Another digest: written, or edited since. */
    if (n == NOTE_LEN && memcmp(text, m->here, FH_OID_HEX) == 0 &&
        memcmp(text + FH_OID_HEX + 1, now, DIGEST_HEX) == 0) {
        FH_TRY(floxmeta_live_files(m, m->here, &live, e));
        FH_TRY(floxdir_write(d->path, &live, e));
    }
    return disk_remove(note_of(m, d), e);
}
