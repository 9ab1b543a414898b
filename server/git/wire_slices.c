/* A list of objects as packs on disk. See wire_slices.h. */
#include "server/git/wire_slices.h"

#include "common/ceilings.h"
#include "server/git/wire_guard.h"
#include "server/git/wire_index.h"
#include "server/git/wire_list.h"
#include "server/git/wire_write.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_GUARDED = FH_MAX_PUSH_OBJECTS,
    MAX_GUARDED_INFLATED = FH_MAX_PACK_INFLATED / 2, /* deltas count, too */
    MAX_OBJECTS = 200 * 1000,                        /* what the indexer does in seconds */
    DELTA_CACHE = 32 * 1024 * 1024
};

struct cutter {
    struct fh_arena *arena;
    struct wire_reader *reader;
    const struct wire_slices_options *options;
    struct wire_slices *out;
    struct wire_deltas *deltas;
};

struct file {
    int fd;
    uint64_t bytes;
};

static fh_err write_out(void *arg, const void *bytes, size_t n, struct fh_error *e)
{
    struct file *f = arg;
    for (const char *p = bytes; n;) {
        ssize_t put = write(f->fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack cannot be written");
        p += put;
        n -= (size_t)put;
        f->bytes += (uint64_t)put;
    }
    return FH_OK;
}

static void add_slice(struct cutter *c, const struct wire_slice *slice)
{
    struct wire_slices *s = c->out;
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;
        struct wire_slice *items = fh_alloc(c->arena, cap * sizeof *items);
        if (s->n)
            memcpy(items, s->items, s->n * sizeof *items);
        s->items = items;
        s->cap = cap;
    }
    s->items[s->n++] = *slice;
}

static fh_err file_size(struct fh_arena *a, const char *path, const char *ending, int64_t *bytes,
                        struct fh_error *e)
{
    struct stat st;
    if (stat(fh_sprintf(a, "%s%s", path, ending), &st) != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "%s%s cannot be looked at", path, ending);
    *bytes = st.st_size;
    return FH_OK;
}

static fh_err index_slice(struct cutter *c, const struct file *f, struct fh_error *e)
{
    char path[4096];
    uint32_t objects;
    struct wire_slice slice = {0};
    struct wire_scan scan;
    if (c->options->guard)
        FH_TRY(wire_guard_scan(f->fd, 0, f->bytes, &scan, e));
    FH_TRY(wire_index_pack(f->fd, 0, f->bytes, c->options->dir, path, slice.checksum, &objects, e));
    slice.path = fh_strdup(c->arena, path);
    slice.objects = objects;
    FH_TRY(file_size(c->arena, path, ".pack", &slice.bytes, e));
    FH_TRY(file_size(c->arena, path, ".idx", &slice.idx_bytes, e));
    add_slice(c, &slice);
    return FH_OK;
}

static fh_err write_slice(struct cutter *c, const struct wire_list *part, struct fh_error *e)
{
    struct wire_write_options how = {.ofs_delta = true, .deltas = c->deltas};
    struct file f = {.fd = open(c->options->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    if (f.fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No temporary file can be made in %s", c->options->dir);
    fh_err rc = wire_write_pack(c->reader, part, &how, write_out, &f, NULL, e);
    if (rc == FH_OK)
        rc = index_slice(c, &f, e);
    close(f.fd);
    return rc;
}

/* Moves items from *at on into part until it is full. */
static fh_err cut(struct cutter *c, const struct wire_list *list, size_t *at, struct wire_list *part,
                  struct fh_error *e)
{
    bool guard = c->options->guard;
    uint64_t inflated = 0;
    for (; *at < list->n && part->n < (guard ? MAX_GUARDED : MAX_OBJECTS); ++*at) {
        const struct wire_list_item *item = &list->items[*at];
        enum wire_type type;
        uint64_t size;
        FH_TRY(wire_read_header(c->reader, &item->oid, &type, &size, e));
        if (guard && part->n && inflated + size > MAX_GUARDED_INFLATED)
            return FH_OK;
        inflated += size;
        (void)wire_list_add(part, &item->oid, item->type, item->name_hash);
    }
    return FH_OK;
}

fh_err wire_slices_write(struct fh_arena *a, struct wire_reader *r, const struct wire_list *list,
                         const struct wire_slices_options *options, struct wire_slices *out,
                         struct fh_error *e)
{
    struct cutter c = {.arena = a, .reader = r, .options = options, .out = out};
    fh_err rc = FH_OK;
    *out = (struct wire_slices){0};
    c.deltas = wire_deltas_new(DELTA_CACHE);
    for (size_t at = 0; rc == FH_OK && at < list->n;) {
        struct wire_list part;
        wire_list_init(&part);
        if (options->progress)
            options->progress(options->arg, (int64_t)at, (int64_t)list->n);
        rc = cut(&c, list, &at, &part, e);
        if (rc == FH_OK)
            rc = write_slice(&c, &part, e);
        wire_list_free(&part);
    }
    wire_deltas_free(c.deltas);
    return rc;
}
