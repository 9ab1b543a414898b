/* What the guard lets through is indexed or refused in words, and what is indexed reads back: each object has
 * the id that the index gives it. Without the guard nothing else may happen, either. */
#include "common/ceilings.h"
#include "common/digest.h"
#include "server/git/wire_guard.h"
#include "server/git/wire_index.h"
#include "server/git/wire_packset.h"

#include <sys/mman.h>
#include <unistd.h>

enum { LEAD = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void remove_folder(void)
{
    (void)rmdir(folder);
}

static void make_folder(void)
{
    const char *where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/fuzz-index-XXXXXX", where);
    if (!mkdtemp(folder))
        abort();
    atexit(remove_folder);
}

static int file_of(const uint8_t *data, size_t size)
{
    static int fd = -1;
    uint8_t sum[FH_SHA1_SIZE];
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    fh_sha1(data, size, sum);
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, LEAD) != (ssize_t)size ||
        pwrite(fd, sum, sizeof sum, LEAD + (off_t)size) != sizeof sum)
        abort();
    return fd;
}

struct reading {
    struct wire_reader *reader;
    struct fh_buf bytes;
    uint32_t n;
};

static fh_err read_back(void *arg, const struct fh_oid *oid, const struct wire_place *place,
                        struct fh_error *e)
{
    static const char *const names[] = {"", "commit", "tree", "blob", "tag"};
    struct reading *r = arg;
    struct fh_oid id;
    enum wire_type type;
    char head[64];
    FH_TRY(wire_read_place(r->reader, place, &type, &r->bytes, e));
    int n = snprintf(head, sizeof head, "%s %zu", names[type], r->bytes.len);
    struct fh_digest *sha = fh_digest_new(FH_SHA1);
    fh_digest_add(sha, head, (size_t)n + 1);
    fh_digest_add(sha, r->bytes.data, r->bytes.len);
    fh_digest_finish(sha, id.id);
    fh_digest_free(sha);
    if (!fh_oid_equal(&id, oid))
        abort();
    r->n++;
    return FH_OK;
}

static void check(const char *path, uint32_t objects)
{
    char name[4200];
    struct wire_packs *packs;
    struct fh_error e = {0};
    if (wire_packs_open(&path, 1, NULL, &packs, &e) != FH_OK)
        abort();
    struct reading r = {.reader = wire_reader_new(packs), .bytes = FH_BUF_INIT(FH_MAX_OBJECT)};
    if (wire_packs_each(packs, read_back, &r, &e) != FH_OK || r.n != objects)
        abort();
    wire_reader_free(r.reader);
    wire_packs_drop(packs);
    fh_buf_free(&r.bytes);
    snprintf(name, sizeof name, "%s.pack", path);
    int gone = unlink(name);
    snprintf(name, sizeof name, "%s.idx", path);
    if (gone != 0 || unlink(name) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[4096];
    uint8_t sum[FH_SHA1_SIZE];
    uint32_t objects;
    struct wire_scan found;
    struct fh_error e = {0};
    if (!*folder)
        make_folder();
    int fd = file_of(data, size);
    bool guarded = wire_guard_scan(fd, LEAD, size + sizeof sum, &found, &e) == FH_OK;
    e = (struct fh_error){0};
    fh_err rc = wire_index_pack(fd, LEAD, size + sizeof sum, folder, path, sum, &objects, &e);
    if (rc == FH_OK) {
        if (guarded && (found.objects != objects || memcmp(found.checksum, sum, sizeof sum) != 0))
            abort();
        check(path, objects);
    } else if ((rc != FH_INVALID && rc != FH_TOO_LARGE) || !e.msg[0]) {
        abort();
    }
    return 0;
}
