/* fsck of an owner's packs. See wire_verify_packs.h. */
#include "server/git/wire_verify_packs.h"

#include "common/digest.h"
#include "common/mem.h"
#include "server/git/wire_materialise.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRAILER = FH_SHA1_SIZE, BLOCK = 64 * 1024 };

/* The SHA-1 of all but the last twenty bytes, as they come by, and those twenty. */
struct hasher {
    struct fh_digest *digest;
    uint8_t tail[TRAILER];
    size_t ntail;
    int64_t bytes;
};

static void hash(struct hasher *h, const uint8_t *bytes, size_t n)
{
    h->bytes += (int64_t)n;
    if (n >= TRAILER) {
        fh_digest_add(h->digest, h->tail, h->ntail);
        fh_digest_add(h->digest, bytes, n - TRAILER);
        memcpy(h->tail, bytes + n - TRAILER, TRAILER);
        h->ntail = TRAILER;
        return;
    }
    size_t over = h->ntail + n > TRAILER ? h->ntail + n - TRAILER : 0;
    fh_digest_add(h->digest, h->tail, over);
    memmove(h->tail, h->tail + over, h->ntail - over);
    memcpy(h->tail + h->ntail - over, bytes, n);
    h->ntail += n - over;
}

static bool hash_agrees(struct hasher *h)
{
    uint8_t sum[FH_SHA1_SIZE];
    fh_digest_finish(h->digest, sum);
    return h->ntail == TRAILER && memcmp(sum, h->tail, TRAILER) == 0;
}

struct copy {
    struct wire_pass *pass;
    const struct store_pack *pack;
    bool idx;
    const char *path;
    int fd;
    struct hasher h;
};

static fh_err take_chunk(void *arg, const void *bytes, size_t n, struct fh_error *e)
{
    struct copy *c = arg;
    hash(&c->h, bytes, n);
    for (const char *p = bytes; n;) {
        ssize_t put = write(c->fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be written", c->path);
        p += put;
        n -= (size_t)put;
    }
    return FH_OK;
}

/* May be called twice (db_read). */
static fh_err copy_file(struct db_conn *conn, void *arg, struct fh_error *e)
{
    struct copy *c = arg;
    fh_digest_free(c->h.digest);
    c->h = (struct hasher){.digest = fh_digest_new(FH_SHA1)};
    c->fd = open(c->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (c->fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be made", c->path);
    fh_err rc = store_pack_read(conn, c->pack->id, c->idx, take_chunk, c, e);
    if (close(c->fd) != 0 && rc == FH_OK)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be written", c->path);
    return rc == FH_NOT_FOUND ? FH_OK : rc; /* no chunks: judged by the number of bytes */
}

/* One of a pack's two files: copied, and compared with the row and with its own trailer. */
static fh_err check_file(struct copy *c, const char *hex, bool *sound, struct fh_error *e)
{
    const char *what = c->idx ? "index of the pack" : "pack", *kind = c->idx ? "index" : "pack";
    const char *owner = c->pass->repo.owner.handle;
    int64_t want = c->idx ? c->pack->idx_bytes : c->pack->bytes;
    struct fh_error why = {0};
    *sound = false;
    fh_err rc = db_read(c->pass->v->pool, copy_file, c, &why);
    if (rc == FH_INTERNAL)
        wire_pass_fault(c->pass, kind, owner, "the %s %s cannot be read: %s", what, hex, why.msg);
    else if (rc != FH_OK)
        return FH_FAIL(e, rc, "%s", why.msg);
    else if (c->h.bytes != want)
        wire_pass_fault(c->pass, kind, owner,
                        "the %s %s has %" PRId64 " of its %" PRId64 " bytes in the database", what, hex,
                        c->h.bytes, want);
    else if (!hash_agrees(&c->h))
        wire_pass_fault(c->pass, kind, owner, "the %s %s is damaged: its bytes do not have its checksum",
                        what, hex);
    else if (!c->idx && memcmp(c->h.tail, c->pack->checksum, TRAILER) != 0)
        wire_pass_fault(c->pass, kind, owner, "the pack %s is another pack than its row says", hex);
    else
        *sound = true;
    return FH_OK;
}

static fh_err check_pack(struct wire_pass *p, const struct store_pack *pack, const char *folder, bool *sound,
                         const char **path, struct fh_error *e)
{
    char hex[2 * FH_OID_RAW + 1];
    struct fh_error why = {0};
    struct wire_packs *opened = NULL;
    fh_err rc = FH_OK;
    bool good[2] = {false, false};
    fh_hex_encode(pack->checksum, sizeof pack->checksum, hex);
    *path = fh_sprintf(p->arena, "%s/pack-%s", folder, hex);
    for (int idx = 0; rc == FH_OK && idx < 2; idx++) {
        struct copy c = {.pass = p,
                         .pack = pack,
                         .idx = idx != 0,
                         .path = fh_sprintf(p->arena, "%s.%s", *path, idx ? "idx" : "pack")};
        rc = check_file(&c, hex, &good[idx], e);
        fh_digest_free(c.h.digest);
    }
    *sound = rc == FH_OK && good[0] && good[1];
    if (!*sound)
        return rc;
    if (wire_packs_open(path, 1, NULL, &opened, &why) != FH_OK) {
        wire_pass_fault(p, "index", p->repo.owner.handle, "the pack %s and its index do not agree: %s", hex,
                        why.msg);
        *sound = false;
    } else if ((int64_t)wire_packs_count(opened) != pack->objects) {
        wire_pass_fault(p, "pack", p->repo.owner.handle,
                        "the pack %s has %zu objects, and its row says %" PRId64, hex,
                        wire_packs_count(opened), pack->objects);
    }
    wire_packs_drop(opened);
    return FH_OK;
}

fh_err wire_verify_packs(struct wire_pass *p, struct fh_error *e)
{
    char folder[4096];
    const char **paths = fh_alloc(p->arena, (p->repo.npacks + 1) * sizeof *paths);
    size_t n = 0;
    FH_TRY(wire_scratch_folder(&p->scratch, "packs", folder, e));
    for (size_t i = 0; i < p->repo.npacks; i++) {
        bool sound;
        FH_TRY(check_pack(p, &p->repo.packs[i], folder, &sound, &paths[n], e));
        n += sound;
        p->found.packs++;
        p->found.bytes += p->repo.packs[i].bytes;
    }
    return wire_packs_open(paths, n, NULL, &p->packs, e);
}

static bool is_sound(const char *path, const uint8_t checksum[20])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct hasher h = {.digest = fh_digest_new(FH_SHA1)};
    uint8_t *block = fh_xmalloc(BLOCK);
    bool read_all = fd >= 0;
    while (read_all) {
        ssize_t n = read(fd, block, BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        read_all = n >= 0;
        if (n <= 0)
            break;
        hash(&h, block, (size_t)n);
    }
    bool sound = read_all && hash_agrees(&h) && memcmp(h.tail, checksum, TRAILER) == 0;
    free(block);
    fh_digest_free(h.digest);
    if (fd >= 0)
        close(fd);
    return sound;
}

void wire_verify_node_packs(struct wire_pass *p)
{
    char folder[WIRE_PATH_SIZE], path[WIRE_PATH_SIZE], hex[2 * FH_OID_RAW + 1];
    const char *owner = p->repo.owner.handle;
    if (wire_repo_path(p->v->data, owner, folder, NULL) != FH_OK || access(folder, F_OK) != 0)
        return;
    for (size_t i = 0; i < p->repo.npacks; i++) {
        const struct store_pack *pack = &p->repo.packs[i];
        if (wire_pack_path(p->v->data, owner, pack->checksum, path, NULL) != FH_OK)
            continue;
        const char *file = fh_sprintf(p->arena, "%s.pack", path);
        fh_hex_encode(pack->checksum, sizeof pack->checksum, hex);
        if (access(file, F_OK) != 0)
            wire_pass_fault(p, "node", owner,
                            "this node's copy has no pack %s; it is fetched when it is needed", hex);
        else if (p->v->deep && !is_sound(file, pack->checksum))
            wire_pass_fault(p, "node", owner,
                            "this node's copy of the pack %s is damaged; delete %s and it is made again", hex,
                            folder);
    }
}
