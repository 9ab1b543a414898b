/* Compaction. See wire_compact.h. */
#include "server/git/wire_compact.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/log.h"
#include "server/git/wire_index.h"
#include "server/git/wire_materialise.h"
#include "server/git/wire_quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DAY = 24 * 60 * 60,
    WARM_GENERATIONS = 8, /* a few more than wire_plan.c tries */
};

struct compaction {
    struct wire_repos *repos;
    const struct wire_repos_config *config;
    const struct wire_snapshot *snapshot;
    struct fh_arena *arena;
    struct wire_reader *reader;
    struct fh_oid *roots;
    size_t nroots;
    struct wire_quarantine made; /* the new pack, before it is one of the owner's */
};

struct log_roots {
    struct fh_arena *arena;
    int64_t owner_id, since;
    struct fh_oid *oids;
    size_t n;
};

static fh_err read_log_roots(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct log_roots *l = arg;
    return store_ref_log_roots(c, l->arena, l->owner_id, l->since, &l->oids, &l->n, e);
}

static fh_err collect_roots(struct compaction *w, struct fh_error *e)
{
    const struct store_repo *repo = &w->snapshot->repo;
    struct log_roots log = {
        .arena = w->arena,
        .owner_id = repo->owner.id,
        .since = fh_now() - (int64_t)w->config->ref_log_days * DAY,
    };
    FH_TRY(db_read(w->config->pool, read_log_roots, &log, e));
    w->roots = fh_alloc(w->arena, (repo->nenvs + repo->nrecent + log.n + 1) * sizeof *w->roots);
    for (size_t i = 0; i < repo->nenvs; i++) {
        if (!wire_packs_has(w->snapshot->packs, &repo->envs[i].tip))
            return FH_FAIL(e, FH_INTERNAL, "The tip of %s/%s is in no pack; nothing was changed.",
                           repo->owner.handle, repo->envs[i].name);
        w->roots[w->nroots++] = repo->envs[i].tip;
    }
    for (size_t i = 0; i < repo->nrecent; i++)
        if (wire_packs_has(w->snapshot->packs, &repo->recent[i].tip))
            w->roots[w->nroots++] = repo->recent[i].tip;
    /* The log may name tips that an earlier gc, with a shorter memory, took away. */
    for (size_t i = 0; i < log.n; i++)
        if (wire_packs_has(w->snapshot->packs, &log.oids[i]))
            w->roots[w->nroots++] = log.oids[i];
    return FH_OK;
}

struct pack_file {
    int fd;
    size_t size;
};

static fh_err write_file(void *arg, const void *bytes, size_t n, struct fh_error *e)
{
    struct pack_file *f = arg;
    const char *at = bytes;
    f->size += n;
    while (n > 0) {
        ssize_t put = write(f->fd, at, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The new pack cannot be written");
        at += put;
        n -= (size_t)put;
    }
    return FH_OK;
}

static fh_err size_of(const char *path, const char *ending, int *fd, int64_t *bytes, struct fh_error *e)
{
    char name[WIRE_PATH_SIZE];
    struct stat st;
    if (snprintf(name, sizeof name, "%s%s", path, ending) >= (int)sizeof name)
        return FH_FAIL(e, FH_INTERNAL, "The path of the data folder is too long.");
    *fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &st) < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "The new pack cannot be opened");
    *bytes = st.st_size;
    return FH_OK;
}

/* Writes the list as a pack and indexes it, in a private folder. */
static fh_err make_pack(struct compaction *w, const struct wire_list *list, struct fh_error *e)
{
    struct wire_quarantine *q = &w->made;
    struct wire_write_options options = {.ofs_delta = true, .deltas = wire_repos_deltas(w->repos)};
    uint32_t objects;
    FH_TRY(wire_private_folder(w->config->data, "pack", q->folder, e));
    struct pack_file f = {.fd = open(q->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    if (f.fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The new pack cannot be made");
    fh_err rc = wire_write_pack(w->reader, list, &options, write_file, &f, NULL, e);
    if (rc == FH_OK)
        rc = wire_index_pack(f.fd, 0, f.size, q->folder, q->path, q->checksum, &objects, e);
    close(f.fd);
    FH_TRY(rc);
    q->objects = objects;
    FH_TRY(size_of(q->path, ".pack", &q->pack_fd, &q->pack_bytes, e));
    return size_of(q->path, ".idx", &q->idx_fd, &q->idx_bytes, e);
}

static void count(const struct store_repo *repo, struct wire_compact_stats *s)
{
    *s = (struct wire_compact_stats){.packs_before = (int64_t)repo->npacks};
    for (size_t i = 0; i < repo->npacks; i++) {
        s->objects_before += repo->packs[i].objects;
        s->bytes_before += repo->packs[i].bytes;
    }
}

static fh_err swap_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    const struct store_swap *s = arg;
    if (s->pack_fd >= 0 && (lseek(s->pack_fd, 0, SEEK_SET) < 0 || lseek(s->idx_fd, 0, SEEK_SET) < 0))
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "The new pack cannot be read");
    return store_pack_swap(c, s, e);
}

/* The same objects may make the same pack as one that stands there: then that one stays. */
static fh_err swap(struct compaction *w, struct fh_error *e)
{
    const struct store_repo *repo = &w->snapshot->repo;
    const struct wire_quarantine *q = &w->made;
    int64_t *remove = fh_alloc(w->arena, (repo->npacks + 1) * sizeof *remove);
    struct store_swap s = {
        .owner_id = repo->owner.id,
        .epoch = repo->epoch,
        .remove = remove,
        .pack_fd = q->pack_fd,
        .idx_fd = q->idx_fd,
        .objects = q->objects,
        .pack_bytes = q->pack_bytes,
        .idx_bytes = q->idx_bytes,
    };
    memcpy(s.checksum, q->checksum, sizeof s.checksum);
    for (size_t i = 0; i < repo->npacks; i++)
        if (q->pack_fd >= 0 && memcmp(repo->packs[i].checksum, q->checksum, sizeof q->checksum) == 0)
            s.pack_fd = s.idx_fd = -1;
        else
            remove[s.nremove++] = repo->packs[i].id;
    return s.nremove ? db_transaction(w->config->pool, swap_rows, &s, e) : FH_OK;
}

/* A tip that was set while the pack was built, to a commit that is no root (an old one that an admin
 * restored), must not lose its objects. */
static fh_err check_tips(struct compaction *w, const struct wire_list *list, struct fh_error *e)
{
    const struct wire_snapshot *now = NULL;
    fh_err rc = FH_OK;
    wire_repos_changed(w->repos, w->snapshot->repo.owner.handle, 0);
    FH_TRY(wire_repo_hold(w->repos, w->snapshot->repo.owner.handle, false, &now, e));
    for (size_t i = 0; rc == FH_OK && i < now->repo.nenvs; i++) {
        const struct fh_oid *tip = &now->repo.envs[i].tip;
        if (wire_packs_has(w->snapshot->packs, tip) && !wire_list_has(list, tip, NULL))
            rc = FH_FAIL(e, FH_AGAIN, "The branch %s was set back meanwhile.", now->repo.envs[i].name);
    }
    wire_repo_drop(w->repos, now);
    return rc;
}

static fh_err compact(struct compaction *w, bool dry_run, struct wire_compact_stats *out, struct fh_error *e)
{
    const struct store_repo *repo = &w->snapshot->repo;
    struct wire_list list = {0};
    count(repo, out);
    FH_TRY(collect_roots(w, e));
    fh_err rc = wire_walk_list(w->reader, w->roots, w->nroots, NULL, 0, SIZE_MAX, &list, e);
    bool same = rc == FH_OK && repo->npacks <= 1 && (int64_t)list.n == out->objects_before;
    if (same) {
        out->packs_after = out->packs_before;
        out->objects_after = out->objects_before;
        out->bytes_after = out->bytes_before;
    } else if (rc == FH_OK) {
        if (list.n > 0)
            rc = make_pack(w, &list, e);
        if (rc == FH_OK && !dry_run)
            rc = check_tips(w, &list, e);
        if (rc == FH_OK && !dry_run)
            rc = swap(w, e);
        out->packs_after = list.n > 0;
        out->objects_after = (int64_t)list.n;
        out->bytes_after = w->made.pack_bytes;
    }
    wire_list_free(&list);
    if (rc == FH_OK && !same && !dry_run)
        rc = wire_quarantine_release(&w->made, w->config->data, repo->owner.handle, e);
    return rc;
}

fh_err wire_compact_owner(struct wire_repos *r, const char *owner, bool dry_run,
                          struct wire_compact_stats *out, struct fh_error *e)
{
    struct compaction w = {
        .repos = r,
        .config = wire_repos_settings(r),
        .made = {.pack_fd = -1, .idx_fd = -1},
    };
    FH_TRY(wire_repo_hold(r, owner, false, &w.snapshot, e));
    w.arena = fh_arena_new();
    w.reader = wire_reader_new(w.snapshot->packs);
    fh_err rc = compact(&w, dry_run, out, e);
    wire_reader_free(w.reader);
    wire_quarantine_leave(&w.made);
    wire_repo_drop(r, w.snapshot);
    fh_arena_free(w.arena);
    if (!dry_run)
        wire_repos_changed(r, owner, 0);
    return rc;
}

/* The commit that is depth generations before tip, along first parents; zero where the history is shorter. */
static fh_err before(struct wire_reader *reader, const struct fh_oid *tip, int depth, struct fh_oid *out,
                     struct fh_error *e)
{
    struct fh_buf bytes = FH_BUF_INIT(FH_MAX_COMMIT);
    fh_err rc = FH_OK;
    *out = *tip;
    for (int i = 0; rc == FH_OK && i < depth && !fh_oid_is_zero(out); i++) {
        enum wire_type type;
        struct wire_commit commit = {0};
        rc = wire_read(reader, out, &type, &bytes, e);
        if (rc == FH_OK)
            rc = wire_commit_parse(bytes.data, bytes.len, &commit, e);
        *out = commit.nparents ? commit.parents[0] : (struct fh_oid){0};
    }
    fh_buf_free(&bytes);
    return rc;
}

/* Finds the deltas that the next clone will want. A push changes what the newest few generations are deltas
 * of, and nothing before them (wire_plan.c tries that many), so this does not walk the history. */
static fh_err warm(struct wire_repos *r, const struct wire_snapshot *s, const struct fh_oid *tip,
                   struct fh_error *e)
{
    struct fh_oid known;
    if (!wire_packs_has(s->packs, tip))
        return FH_OK; /* replaced and compacted away already */
    struct wire_reader *reader = wire_reader_new(s->packs);
    struct wire_list list = {0};
    fh_err rc = before(reader, tip, WARM_GENERATIONS, &known, e);
    if (rc == FH_OK)
        rc = wire_walk_list(reader, tip, 1, &known, fh_oid_is_zero(&known) ? 0 : 1, FH_MAX_WALK_COMMITS,
                            &list, e);
    if (rc == FH_OK)
        rc = wire_write_warm(reader, &list, wire_repos_deltas(r), e);
    wire_list_free(&list);
    wire_reader_free(reader);
    return rc;
}

void wire_compact_after_push(struct wire_repos *r, const char *owner, const struct fh_oid *tip)
{
    const struct wire_snapshot *s = NULL;
    struct wire_compact_stats stats;
    struct fh_error e = {0};
    fh_err rc = wire_repo_hold(r, owner, false, &s, &e);
    if (rc == FH_OK)
        rc = warm(r, s, tip, &e);
    bool many = s && s->repo.npacks > FH_MAX_PACKS_PER_OWNER;
    if (rc == FH_OK && many)
        rc = wire_materialise_sweep(wire_repos_settings(r)->data, &s->repo, &e);
    wire_repo_drop(r, s);
    if (rc == FH_OK && many && wire_repos_begin_compaction(r)) {
        rc = wire_compact_owner(r, owner, false, &stats, &e);
        wire_repos_end_compaction(r);
    }
    if (rc != FH_OK && rc != FH_AGAIN && rc != FH_NOT_FOUND)
        fh_log(FH_LOG_WARN, "After a push to %s: %s", owner, e.msg);
}
