/* The pack cache. See wire_packcache.h.
 *
 * An entry is BUILDING (its builder works outside the lock; others wait on `built`) or READY (a file). A
 * failed build takes its entry out, and one of those who waited becomes the next builder. */
#include "server/git/wire_packcache.h"

#include "common/clock.h"
#include "common/hex.h"
#include "common/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUCKETS = 4096,
    MEMOS = 4096,
    MAX_FILES = 50000,
    WRITE_CHUNK = 64 * 1024,
    MAX_IN_MEMORY = 32 * 1024 * 1024,
    WAIT_MS = 30 * 1000,
    NAME_SIZE = 2 * FH_SHA256_SIZE + 1,
};

struct entry {
    struct wire_cache_key key;
    size_t size;
    bool ready;
    unsigned waiters; /* an entry that was taken out is freed by the last of them */
    bool gone;
    struct entry *next;
    struct entry *older, *newer; /* by last use; only when ready */
};

struct memo {
    struct wire_cache_key request, key;
    bool used;
};

struct wire_packcache {
    char *data;
    size_t max_bytes;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t built;
    int dir; /* -1 until first used */
    uint64_t temporaries;
    size_t bytes, files;
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    struct memo memos[MEMOS];
};

fh_err wire_packcache_open(const char *data, size_t max_bytes, struct wire_packcache **out,
                           struct fh_error *e)
{
    (void)e;
    struct wire_packcache *c = fh_xcalloc(1, sizeof *c);
    c->data = fh_xstrdup(data);
    c->max_bytes = max_bytes;
    c->dir = -1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->built, &attr);
    pthread_condattr_destroy(&attr);
    *out = c;
    return FH_OK;
}

void wire_packcache_close(struct wire_packcache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry *at = c->buckets[i]; at;) {
            struct entry *next = at->next;
            free(at);
            at = next;
        }
    if (c->dir >= 0)
        close(c->dir);
    pthread_cond_destroy(&c->built);
    pthread_mutex_destroy(&c->lock);
    free(c->data);
    free(c);
}

static size_t bucket_of(const struct wire_cache_key *key, size_t n)
{
    return (size_t)(key->id[0] | key->id[1] << 8) % n;
}

static bool same_key(const struct wire_cache_key *a, const struct wire_cache_key *b)
{
    return memcmp(a->id, b->id, sizeof a->id) == 0;
}

/* --- the folder --- */

static int open_dir(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void empty_folder(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dir, entry->d_name, 0);
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
}

/* Under the lock. The folder, for a builder to close; -1 when there is none to be had: then answers are built
 * in memory. One that somebody removed is made again. */
static int folder_for_builder(struct wire_packcache *c)
{
    struct stat st;
    if (c->dir >= 0 && fstat(c->dir, &st) == 0 && st.st_nlink > 0)
        return fcntl(c->dir, F_DUPFD_CLOEXEC, 0);
    if (c->dir >= 0)
        close(c->dir);
    int data = open(c->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int cache = data < 0 ? -1 : open_dir(data, "cache");
    c->dir = cache < 0 ? -1 : open_dir(cache, "packs");
    if (cache >= 0)
        close(cache);
    if (data >= 0)
        close(data);
    if (c->dir >= 0)
        empty_folder(c->dir);
    return c->dir < 0 ? -1 : fcntl(c->dir, F_DUPFD_CLOEXEC, 0);
}

static void file_name(const struct wire_cache_key *key, char out[NAME_SIZE])
{
    fh_hex_encode(key->id, sizeof key->id, out);
}

/* --- the table; all under the lock --- */

static struct entry **find_slot(struct wire_packcache *c, const struct wire_cache_key *key)
{
    struct entry **slot = &c->buckets[bucket_of(key, BUCKETS)];
    while (*slot && !same_key(&(*slot)->key, key))
        slot = &(*slot)->next;
    return slot;
}

static void unlink_age(struct wire_packcache *c, struct entry *at)
{
    *(at->newer ? &at->newer->older : &c->newest) = at->older;
    *(at->older ? &at->older->newer : &c->oldest) = at->newer;
    at->newer = at->older = NULL;
}

static void make_newest(struct wire_packcache *c, struct entry *at)
{
    at->older = c->newest;
    at->newer = NULL;
    *(c->newest ? &c->newest->newer : &c->oldest) = at;
    c->newest = at;
}

static void take_out(struct wire_packcache *c, struct entry *at)
{
    struct entry **slot = find_slot(c, &at->key);
    *slot = at->next;
    if (at->ready) {
        unlink_age(c, at);
        c->bytes -= at->size;
        c->files--;
    }
    at->gone = true;
    if (at->waiters == 0)
        free(at);
}

static void throw_away(struct wire_packcache *c, struct entry *at)
{
    char name[NAME_SIZE];
    file_name(&at->key, name);
    (void)unlinkat(c->dir, name, 0); /* those who have it open read on */
    take_out(c, at);
}

/* Opens a ready entry's file; an entry whose file somebody removed is forgotten. */
static bool open_entry(struct wire_packcache *c, struct entry *at, struct wire_cached *out)
{
    char name[NAME_SIZE];
    file_name(&at->key, name);
    int fd = openat(c->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno != EMFILE && errno != ENFILE)
            take_out(c, at);
        return false;
    }
    unlink_age(c, at);
    make_newest(c, at);
    *out = (struct wire_cached){.fd = fd, .size = at->size};
    return true;
}

bool wire_packcache_find(struct wire_packcache *c, const struct wire_cache_key *key, struct wire_cached *out)
{
    pthread_mutex_lock(&c->lock);
    struct entry *at = *find_slot(c, key);
    bool found = at && at->ready && open_entry(c, at, out);
    pthread_mutex_unlock(&c->lock);
    return found;
}

void wire_packcache_remember(struct wire_packcache *c, const struct wire_cache_key *request,
                             const struct wire_cache_key *key)
{
    pthread_mutex_lock(&c->lock);
    c->memos[bucket_of(request, MEMOS)] = (struct memo){*request, *key, true};
    pthread_mutex_unlock(&c->lock);
}

bool wire_packcache_recall(struct wire_packcache *c, const struct wire_cache_key *request,
                           struct wire_cache_key *key)
{
    pthread_mutex_lock(&c->lock);
    const struct memo *m = &c->memos[bucket_of(request, MEMOS)];
    bool found = m->used && same_key(&m->request, request);
    if (found)
        *key = m->key;
    pthread_mutex_unlock(&c->lock);
    return found;
}

/* --- building --- */

struct writer {
    int fd;
    size_t size, used;
    bool failed; /* the disk, as opposed to what is written */
    char *chunk;
};

static fh_err flush_chunk(struct writer *w, struct fh_error *e)
{
    for (size_t at = 0; at < w->used;) {
        ssize_t put = write(w->fd, w->chunk + at, w->used - at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            w->failed = true;
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The cache of built packs cannot be written");
        }
        at += (size_t)put;
    }
    w->used = 0;
    return FH_OK;
}

static fh_err write_chunked(void *arg, const void *bytes, size_t n, struct fh_error *e)
{
    struct writer *w = arg;
    const char *at = bytes;
    w->size += n;
    while (n > 0) {
        size_t part = WRITE_CHUNK - w->used < n ? WRITE_CHUNK - w->used : n;
        memcpy(w->chunk + w->used, at, part);
        w->used += part;
        at += part;
        n -= part;
        if (w->used == WRITE_CHUNK)
            FH_TRY(flush_chunk(w, e));
    }
    return FH_OK;
}

static fh_err write_memory(void *arg, const void *bytes, size_t n, struct fh_error *e)
{
    return fh_buf_add(arg, bytes, n, e);
}

static fh_err build_in_memory(wire_build_fn *build, void *arg, struct wire_cached *out, struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(MAX_IN_MEMORY);
    fh_err rc = build(arg, write_memory, &b, e);
    if (rc == FH_OK) {
        *out = (struct wire_cached){.fd = -1};
        out->bytes = fh_buf_take(&b, &out->size);
    } else if (rc == FH_TOO_LARGE)
        rc = FH_FAIL(e, FH_UNAVAILABLE,
                     "The answer is too large to be built in memory and the hub's disk does not take it.");
    fh_buf_free(&b);
    return rc;
}

/* Into a temporary file, renamed to the key's name when whole. *failed: it was the disk's fault. */
static fh_err build_file(int dir, const struct wire_cache_key *key, uint64_t serial, wire_build_fn *build,
                         void *arg, struct wire_cached *out, bool *failed, struct fh_error *e)
{
    char temporary[40], name[NAME_SIZE];
    snprintf(temporary, sizeof temporary, "new-%llu", (unsigned long long)serial);
    file_name(key, name);
    int fd = openat(dir, temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        *failed = true;
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The cache of built packs cannot be written");
    }
    struct writer w = {.fd = fd, .chunk = fh_xmalloc(WRITE_CHUNK)};
    fh_err rc = build(arg, write_chunked, &w, e);
    if (rc == FH_OK)
        rc = flush_chunk(&w, e);
    if (rc == FH_OK && renameat(dir, temporary, dir, name) < 0) {
        w.failed = true;
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The cache of built packs cannot be written");
    }
    free(w.chunk);
    *failed = w.failed;
    if (rc == FH_OK)
        *out = (struct wire_cached){.fd = fd, .size = w.size};
    else {
        (void)unlinkat(dir, temporary, 0);
        close(fd);
    }
    return rc;
}

/* Under the lock. Waits for the builder of at; false when the time is up. */
static bool wait_for(struct wire_packcache *c, struct entry *at, int64_t deadline)
{
    struct timespec until = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000};
    int rc = 0;
    at->waiters++;
    while (!at->ready && !at->gone && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&c->built, &c->lock, &until);
    bool settled = at->ready || at->gone;
    at->waiters--;
    if (at->gone && at->waiters == 0)
        free(at);
    return settled;
}

/* Under the lock: makes at what its build came to, and room for it. */
static void settle(struct wire_packcache *c, struct entry *at, bool is_file, size_t size)
{
    if (is_file) {
        at->ready = true;
        at->size = size;
        make_newest(c, at);
        c->bytes += size;
        c->files++;
        while (c->oldest && (c->bytes > c->max_bytes || c->files > MAX_FILES))
            throw_away(c, c->oldest);
    } else
        take_out(c, at);
    pthread_cond_broadcast(&c->built);
}

static fh_err build_entry(struct wire_packcache *c, struct entry *at, uint64_t serial, int dir,
                          wire_build_fn *build, void *arg, struct wire_cached *out, struct fh_error *e)
{
    bool failed = dir < 0;
    fh_err rc = FH_UNAVAILABLE;
    if (dir >= 0)
        rc = build_file(dir, &at->key, serial, build, arg, out, &failed, e);
    bool is_file = rc == FH_OK;
    size_t size = is_file ? out->size : 0;
    if (dir >= 0)
        close(dir);
    pthread_mutex_lock(&c->lock);
    settle(c, at, is_file, size);
    pthread_mutex_unlock(&c->lock);
    return failed ? build_in_memory(build, arg, out, e) : rc;
}

fh_err wire_packcache_get(struct wire_packcache *c, const struct wire_cache_key *key, wire_build_fn *build,
                          void *arg, struct wire_cached *out, struct fh_error *e)
{
    int64_t deadline = fh_ticks_ms() + WAIT_MS;
    pthread_mutex_lock(&c->lock);
    struct entry *at;
    while ((at = *find_slot(c, key)) != NULL) {
        if (!at->ready) {
            if (wait_for(c, at, deadline))
                continue;
            pthread_mutex_unlock(&c->lock);
            return FH_FAIL(e, FH_UNAVAILABLE, "The hub is busy building this answer; try again.");
        }
        bool opened = open_entry(c, at, out);
        if (!opened && !*find_slot(c, key))
            continue; /* somebody removed its file */
        pthread_mutex_unlock(&c->lock);
        return opened ? FH_OK : build_in_memory(build, arg, out, e);
    }
    at = fh_xcalloc(1, sizeof *at);
    at->key = *key;
    at->next = c->buckets[bucket_of(key, BUCKETS)];
    c->buckets[bucket_of(key, BUCKETS)] = at;
    uint64_t serial = c->temporaries++;
    int dir = folder_for_builder(c);
    pthread_mutex_unlock(&c->lock);
    return build_entry(c, at, serial, dir, build, arg, out, e);
}
