/* Indexing what was pushed, with libgit2. See wire_index.h.
 *
 * libgit2's own limits and checks are not relied on (wire_guard.c has been there first, wire_walk_check_push
 * comes behind); from it we take that every object is hashed, with SHA-1 that detects collisions. Chains of
 * REF_DELTAs are what the guard could not measure: resolving them has a deadline here, and their depth is
 * checked before anything reads them.
 */
#include "server/git/wire_index.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/mem.h"
#include "server/git/wire_packset.h"

#include <errno.h>
#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHUNK = 256 * 1024,
    MAX_RESOLVE_MS = 10 * 1000, /* a sound pack at every ceiling takes two or three seconds */
    GIT_CACHE_BYTES = 16 * 1024 * 1024,
    GIT_WINDOW_FILES = 64,
    /* Of our own packs (compaction); the guard has counted a pusher's. */
    MAX_OBJECTS = 16 * 1024 * 1024
};

static fh_err git_failed(const char *what, struct fh_error *e)
{
    const git_error *why = git_error_last();
    return FH_FAIL(e, FH_INTERNAL, "%s: %s.", what, why && why->message ? why->message : "unknown reason");
}

static int set_options(void)
{
    /* No file outside our data folder may change what libgit2 does. */
    static const int levels[] = {GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_XDG,
                                 GIT_CONFIG_LEVEL_PROGRAMDATA};
    int rc = 0;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        rc |= git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    rc |= git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, (size_t)MAX_OBJECTS);
#ifdef HAVE_GIT_OPT_SET_PACK_MAX_OBJECT_SIZE
    rc |= git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, (size_t)FH_MAX_OBJECT);
#endif
    rc |= git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)GIT_CACHE_BYTES);
    rc |= git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, (size_t)GIT_WINDOW_FILES);
    rc |= git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    rc |= git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
    /* What stands here can be made again from the database, which does sync. */
    rc |= git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
    return rc;
}

fh_err wire_index_init(struct fh_error *e)
{
    if (git_libgit2_init() < 0)
        return git_failed("libgit2 could not be started", e);
    return set_options() == 0 ? FH_OK : git_failed("libgit2 refused an option", e);
}

struct progress {
    int64_t deadline;
    bool late;
};

static int on_progress(const git_indexer_progress *seen, void *arg)
{
    struct progress *p = arg;
    (void)seen;
    p->late = fh_ticks_ms() > p->deadline;
    return p->late ? -1 : 0;
}

static fh_err index_failed(const struct progress *p, struct fh_error *e)
{
    const git_error *why = git_error_last();
    if (p->late)
        return FH_FAIL(e, FH_TOO_LARGE, "The pack takes too long to unpack.");
    if (why && why->klass == GIT_ERROR_OS)
        return git_failed("The pushed pack could not be stored", e);
    if (why && strstr(why->message, "thin pack"))
        return FH_FAIL(e, FH_INVALID, "The pack holds a delta whose base is not in the pack.");
    return FH_FAIL(e, FH_INVALID, "The pack cannot be indexed: %s.",
                   why && why->message ? why->message : "unknown reason");
}

static fh_err append_all(git_indexer *indexer, int fd, off_t offset, uint64_t size, struct progress *progress,
                         struct fh_error *e)
{
    git_indexer_progress stats = {0};
    uint8_t *chunk = fh_xmalloc(CHUNK);
    fh_err rc = FH_OK;
    while (rc == FH_OK && size) {
        ssize_t got = pread(fd, chunk, size < CHUNK ? (size_t)size : CHUNK, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = FH_FAIL_ERRNO(e, FH_INTERNAL, "The pushed pack could not be read back");
        else if (got == 0)
            rc = FH_FAIL(e, FH_INVALID, "The pack is cut short.");
        else if (git_indexer_append(indexer, chunk, (size_t)got, &stats) < 0)
            rc = index_failed(progress, e);
        else
            size -= (uint64_t)got;
        offset += got;
    }
    free(chunk);
    if (rc == FH_OK && git_indexer_commit(indexer, &stats) < 0)
        rc = index_failed(progress, e);
    return rc;
}

/* At most FH_MAX_DELTA_DEPTH steps for each entry, over headers alone. */
static fh_err check_depth(void *arg, const struct fh_oid *oid, const struct wire_place *place,
                          struct fh_error *e)
{
    struct wire_reader *reader = arg;
    struct wire_place at = *place;
    bool has_base = true;
    (void)oid;
    for (int depth = -1; has_base; depth++) {
        if (depth == FH_MAX_DELTA_DEPTH)
            return FH_FAIL(e, FH_INVALID, "The pack holds a chain of more than %d deltas.",
                           FH_MAX_DELTA_DEPTH);
        FH_TRY(wire_read_base(reader, &at, &has_base, &at, e));
    }
    return FH_OK;
}

static fh_err check_index(const char *path, uint8_t checksum[20], uint32_t *objects, struct fh_error *e)
{
    struct wire_packs *packs;
    FH_TRY(wire_packs_open(&path, 1, NULL, &packs, e));
    const struct wire_pack *pack = packs->packs[0];
    struct wire_reader *reader = wire_reader_new(packs);
    fh_err rc = wire_packs_each(packs, check_depth, reader, e);
    if (rc == FH_OK) {
        memcpy(checksum, pack->pack + pack->npack - WIRE_PACK_TRAILER, WIRE_PACK_TRAILER);
        *objects = pack->n;
    }
    wire_reader_free(reader);
    wire_packs_drop(packs);
    return rc;
}

static void remove_both(const char *path)
{
    static const char *const endings[] = {".idx", ".pack"};
    char name[4200];
    for (size_t i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

/* libgit2 names a pack by what is in it, we by its checksum. */
static fh_err rename_both(const char *from, const char *to, struct fh_error *e)
{
    static const char *const endings[] = {".pack", ".idx"};
    char old[4200], new[4200];
    for (size_t i = 0; i < 2; i++) {
        snprintf(old, sizeof old, "%s%s", from, endings[i]);
        snprintf(new, sizeof new, "%s%s", to, endings[i]);
        if (rename(old, new) != 0)
            return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot name %s", new);
    }
    return FH_OK;
}

static fh_err finish(git_indexer *indexer, const char *dir, char path[4096], uint8_t checksum[20],
                     uint32_t *objects, struct fh_error *e)
{
    char made[4096], hex[2 * 20 + 1], name[4096];
    uint8_t sum[20];
    uint32_t n;
    int len = snprintf(made, sizeof made, "%s/pack-%s", dir, git_indexer_name(indexer));
    if (len < 0 || (size_t)len >= sizeof made)
        return FH_FAIL(e, FH_INTERNAL, "The path of a pack is too long.");
    fh_err rc = check_index(made, sum, &n, e);
    if (rc == FH_OK) {
        fh_hex_encode(sum, sizeof sum, hex);
        snprintf(name, sizeof name, "%s/pack-%s", dir, hex);
        rc = strcmp(made, name) == 0 ? FH_OK : rename_both(made, name, e);
    }
    if (rc != FH_OK) {
        remove_both(made);
        return rc;
    }
    memcpy(path, name, strlen(name) + 1);
    memcpy(checksum, sum, sizeof sum);
    *objects = n;
    return FH_OK;
}

fh_err wire_index_pack(int fd, off_t offset, uint64_t size, const char *dir, char path[4096],
                       uint8_t checksum[20], uint32_t *objects, struct fh_error *e)
{
    git_indexer *indexer = NULL;
    git_indexer_options options;
    struct progress progress = {.deadline = fh_ticks_ms() + MAX_RESOLVE_MS};
    if (git_indexer_options_init(&options, GIT_INDEXER_OPTIONS_VERSION) < 0)
        return git_failed("libgit2 could not be prepared", e);
    options.progress_cb = on_progress;
    options.progress_cb_payload = &progress;
    options.verify = 0;
    if (git_indexer_new(&indexer, dir, 0400, NULL, &options) < 0)
        return git_failed("The pushed pack could not be stored", e);
    fh_err rc = append_all(indexer, fd, offset, size, &progress, e);
    if (rc == FH_OK)
        rc = finish(indexer, dir, path, checksum, objects, e);
    git_indexer_free(indexer);
    return rc;
}
