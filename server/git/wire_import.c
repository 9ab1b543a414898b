/* git import. See wire_import.h.
 *
 *     the repository ──packs, loose objects──> foreign set ──what is new──> packs under <scratch>/new
 *                                                                              │ pre-scan, index
 *     the database ──packs──> <scratch>/git/<owner> ──base──> set of both ─────┘
 *                                                              │ fsck, connectivity, metadata
 *                                                              └──> one transaction
 */
#include "server/git/wire_import.h"

#include "common/ceilings.h"
#include "server/auth/auth.h"
#include "server/git/wire_foreign.h"
#include "server/git/wire_meta.h"
#include "server/git/wire_scratch.h"
#include "server/git/wire_slices.h"
#include "server/store/import.h"

#include <fcntl.h>
#include <unistd.h>

enum { MAX_NOTES = 16 * 1024 * 1024, TRIES = 5, MAX_NAMED = 400 };

struct branch {
    struct wire_imported result;
    const struct store_env *env; /* NULL: a new one */
    enum store_visibility noted; /* by floe-export.json; 0: not */
    int64_t created_at;          /* the same */
    struct store_generations generations;
};

struct work {
    const struct wire_import *m;
    struct fh_arena *arena; /* the caller's: results point into it */
    struct wire_scratch scratch;
    struct wire_foreign foreign;
    struct wire_foreign_packs foreign_packs;
    struct wire_packs *theirs, *ours, *both;
    struct store_repo repo;
    struct branch *branches;
    size_t nbranches, nchanged;
    struct wire_slices slices;
    int *fds; /* pack and index of each slice */
};

static void tell(const struct work *w, const char *what, int64_t done, int64_t total)
{
    if (w->m->stage)
        w->m->stage(w->m->arg, what, done, total);
}

static bool is_wanted(const struct wire_import *m, const char *name)
{
    for (size_t i = 0; i < m->nonly; i++)
        if (strcmp(m->only[i], name) == 0)
            return true;
    return m->only == NULL;
}

static const struct wire_branch *find_foreign(const struct work *w, const char *name)
{
    for (size_t i = 0; i < w->foreign.branches.n; i++)
        if (strcmp(w->foreign.branches.items[i].name, name) == 0)
            return &w->foreign.branches.items[i];
    return NULL;
}

static fh_err choose_branches(struct work *w, struct fh_error *e)
{
    struct fh_error why;
    w->branches = fh_alloc(w->arena, (w->foreign.branches.n + 1) * sizeof *w->branches);
    for (size_t i = 0; i < w->m->nonly; i++)
        if (!find_foreign(w, w->m->only[i]))
            return FH_FAIL(e, FH_NOT_FOUND, "%s has no branch %s.", w->m->dir, w->m->only[i]);
    for (size_t i = 0; i < w->foreign.branches.n; i++) {
        const struct wire_branch *b = &w->foreign.branches.items[i];
        if (!is_wanted(w->m, b->name))
            continue;
        if (auth_check_env_name(b->name, &why) != FH_OK)
            return FH_FAIL(e, FH_INVALID,
                           "The branch %s cannot be an environment: %s Rename it, or choose the branches to "
                           "take with --env.",
                           b->name, why.msg);
        w->branches[w->nbranches++].result = (struct wire_imported){.name = b->name, .tip = b->tip};
    }
    return FH_OK;
}

static fh_err read_notes(struct work *w, struct fh_error *e)
{
    char *text;
    size_t n, count;
    struct wire_export_note *notes;
    const char *path = fh_sprintf(w->arena, "%s/%s", w->foreign.dir, WIRE_EXPORT_FILE);
    fh_err rc = wire_foreign_slurp(w->arena, path, MAX_NOTES, &text, &n, e);
    if (rc == FH_NOT_FOUND)
        return FH_OK;
    FH_TRY(rc);
    FH_TRY(wire_export_parse(w->arena, text, n, &notes, &count, e));
    for (size_t i = 0; i < w->nbranches; i++)
        for (size_t k = 0; k < count; k++)
            if (strcmp(w->branches[i].result.name, notes[k].name) == 0) {
                w->branches[i].noted = notes[k].visibility;
                w->branches[i].created_at = notes[k].created_at;
            }
    return FH_OK;
}

static fh_err open_foreign(struct work *w, struct fh_error *e)
{
    char loose[4096];
    tell(w, "Reading the repository", 0, 0);
    FH_TRY(wire_foreign_open(w->arena, w->m->dir, &w->foreign, e));
    FH_TRY(choose_branches(w, e));
    FH_TRY(read_notes(w, e));
    FH_TRY(wire_scratch_folder(&w->scratch, "loose", loose, e));
    FH_TRY(wire_foreign_packs(w->arena, &w->foreign, loose, &w->foreign_packs, e));
    return wire_packs_open(w->foreign_packs.paths, w->foreign_packs.n, NULL, &w->theirs, e);
}

static enum store_visibility visibility_of(const struct work *w, const struct branch *b)
{
    if (w->m->visibility)
        return w->m->visibility;
    if (b->noted)
        return b->noted;
    if (w->repo.owner.default_visibility)
        return (enum store_visibility)w->repo.owner.default_visibility;
    return w->repo.owner.kind == STORE_ORG ? w->m->org_default : w->m->user_default;
}

static void match(const struct work *w, struct branch *b)
{
    struct wire_imported *r = &b->result;
    b->env = NULL;
    for (size_t i = 0; i < w->repo.nenvs; i++)
        if (strcmp(w->repo.envs[i].name, r->name) == 0)
            b->env = &w->repo.envs[i];
    r->old_tip = b->env ? b->env->tip : (struct fh_oid){0};
    if (!b->env)
        r->how = WIRE_IMPORT_CREATED;
    else
        r->how = fh_oid_equal(&r->old_tip, &r->tip) ? WIRE_IMPORT_UNCHANGED : WIRE_IMPORT_UPDATED;
    r->visibility = b->env ? b->env->visibility : visibility_of(w, b);
}

/* Which branches are new, moved and unchanged, against the rows as they are now. */
static fh_err match_branches(struct work *w, struct fh_error *e)
{
    char names[MAX_NAMED + 8] = "";
    size_t len = 0;
    w->nchanged = 0;
    for (size_t i = 0; i < w->nbranches; i++) {
        struct branch *b = &w->branches[i];
        match(w, b);
        w->nchanged += b->result.how != WIRE_IMPORT_UNCHANGED;
        if (b->result.how != WIRE_IMPORT_UPDATED || len >= MAX_NAMED)
            continue;
        int put = snprintf(names + len, MAX_NAMED - len, "%s%s", len ? ", " : "", b->result.name);
        len += put > 0 ? (size_t)put : 0;
        if (len >= MAX_NAMED)
            snprintf(names + MAX_NAMED - 1, 6, ", …");
    }
    if (len && !w->m->force)
        return FH_FAIL(
            e, FH_CONFLICT,
            "The hub has other generations of %s than the repository. --force replaces them (what was "
            "there stays restorable); --env chooses the branches to take.",
            names);
    return FH_OK;
}

/* The tips of changed branches, and the owner's live tips that the repository has too. */
static void collect_tips(struct work *w, struct fh_oid *wants, size_t *nwants, struct fh_oid *haves,
                         size_t *nhaves)
{
    *nwants = *nhaves = 0;
    for (size_t i = 0; i < w->nbranches; i++)
        if (w->branches[i].result.how != WIRE_IMPORT_UNCHANGED)
            wants[(*nwants)++] = w->branches[i].result.tip;
    for (size_t i = 0; i < w->repo.nenvs; i++)
        if (wire_packs_has(w->theirs, &w->repo.envs[i].tip))
            haves[(*nhaves)++] = w->repo.envs[i].tip;
}

static void on_slices(void *arg, int64_t done, int64_t total)
{
    tell(arg, "Taking objects over", done, total);
}

static fh_err cut_packs(struct work *w, struct fh_error *e)
{
    char folder[4096];
    struct wire_list list = {0};
    size_t nwants, nhaves;
    struct fh_oid *wants = fh_alloc(w->arena, (w->nbranches + 1) * sizeof *wants);
    struct fh_oid *haves = fh_alloc(w->arena, (w->repo.nenvs + 1) * sizeof *haves);
    struct wire_slices_options options = {.dir = folder, .guard = true, .progress = on_slices, .arg = w};
    FH_TRY(wire_scratch_folder(&w->scratch, "new", folder, e));
    collect_tips(w, wants, &nwants, haves, &nhaves);
    struct wire_reader *r = wire_reader_new(w->theirs);
    fh_err rc = wire_walk_list(r, wants, nwants, haves, nhaves, FH_MAX_WALK_COMMITS, &list, e);
    if (rc == FH_OK)
        rc = wire_slices_write(w->arena, r, &list, &options, &w->slices, e);
    wire_list_free(&list);
    wire_reader_free(r);
    if (rc != FH_OK && w->foreign_packs.skipped) {
        struct fh_error why = *e;
        return FH_FAIL(e, rc, "%s (Left out was %s)", why.msg, w->foreign_packs.skipped);
    }
    return rc;
}

static fh_err check_branch(struct work *w, struct wire_reader *r, struct branch *b, const struct fh_oid *live,
                           struct fh_error *e)
{
    struct fh_error why = {0};
    fh_err rc = wire_walk_check_push(r, &b->result.tip, live, w->repo.nenvs, &why);
    if (rc != FH_OK)
        return FH_FAIL(e, rc, "The branch %s was not taken. %s", b->result.name, why.msg);
    FH_TRY(wire_meta_read_kept(w->arena, r, &b->result.tip, &b->generations, e));
    b->result.broken = b->generations.broken ? b->generations.reason : NULL;
    return FH_OK;
}

static fh_err check_branches(struct work *w, struct fh_error *e)
{
    const char **paths = fh_alloc(w->arena, (w->slices.n + 1) * sizeof *paths);
    struct fh_oid *live = fh_alloc(w->arena, (w->repo.nenvs + 1) * sizeof *live);
    for (size_t i = 0; i < w->slices.n; i++)
        paths[i] = w->slices.items[i].path;
    for (size_t i = 0; i < w->repo.nenvs; i++)
        live[i] = w->repo.envs[i].tip;
    FH_TRY(wire_packs_open(paths, w->slices.n, w->ours, &w->both, e));
    struct wire_reader *r = wire_reader_new(w->both);
    fh_err rc = FH_OK;
    for (size_t i = 0; rc == FH_OK && i < w->nbranches; i++) {
        tell(w, "Checking branches", (int64_t)i, (int64_t)w->nbranches);
        if (w->branches[i].result.how != WIRE_IMPORT_UNCHANGED)
            rc = check_branch(w, r, &w->branches[i], live, e);
    }
    wire_reader_free(r);
    return rc;
}

/* Of slice number i, or of none. */
static void set_pack(const struct work *w, size_t i, struct store_swap *s)
{
    *s = (struct store_swap){.owner_id = w->repo.owner.id, .pack_fd = -1, .idx_fd = -1};
    if (i >= w->slices.n)
        return;
    const struct wire_slice *slice = &w->slices.items[i];
    s->pack_fd = w->fds[2 * i];
    s->idx_fd = w->fds[2 * i + 1];
    s->objects = slice->objects;
    s->pack_bytes = slice->bytes;
    s->idx_bytes = slice->idx_bytes;
    memcpy(s->checksum, slice->checksum, sizeof s->checksum);
}

static fh_err store_branch(struct db_conn *c, const struct work *w, const struct branch *b, size_t slice,
                           int64_t epoch, struct fh_error *e)
{
    struct store_swap pack;
    struct store_pushed pushed;
    set_pack(w, slice, &pack);
    struct store_push push = {.owner_id = w->repo.owner.id,
                              .epoch = epoch,
                              .name = b->result.name,
                              .old_tip = b->result.old_tip,
                              .new_tip = b->result.tip,
                              .kind = STORE_REF_IMPORT,
                              .visibility = b->result.visibility,
                              .pack_fd = pack.pack_fd,
                              .idx_fd = pack.idx_fd,
                              .objects = pack.objects,
                              .pack_bytes = pack.pack_bytes,
                              .idx_bytes = pack.idx_bytes,
                              .actor = w->m->actor,
                              .quota = w->m->quota};
    memcpy(push.checksum, pack.checksum, sizeof push.checksum);
    FH_TRY(store_push_send(c, &push, e));
    FH_TRY(store_push(c, &push, &pushed, e));
    if (!b->env && b->created_at)
        FH_TRY(store_env_set_created(c, pushed.env_id, b->created_at, e));
    return store_generations_set(c, pushed.env_id, &b->generations, e);
}

/* A pack goes in with each branch as long as there are some; packs beyond the number of branches first. */
static fh_err store_all(struct db_conn *c, void *arg, struct fh_error *e)
{
    const struct work *w = arg;
    int64_t epoch = w->repo.epoch;
    size_t slice = 0;
    for (; w->slices.n - slice > w->nchanged; slice++) {
        struct store_swap extra;
        set_pack(w, slice, &extra);
        extra.epoch = epoch++;
        FH_TRY(store_pack_swap(c, &extra, e));
    }
    for (size_t i = 0; i < w->nbranches; i++)
        if (w->branches[i].result.how != WIRE_IMPORT_UNCHANGED)
            FH_TRY(store_branch(c, w, &w->branches[i], slice < w->slices.n ? slice++ : SIZE_MAX, epoch, e));
    return FH_OK;
}

static void close_slices(struct work *w)
{
    for (size_t i = 0; w->fds && i < 2 * w->slices.n; i++)
        if (w->fds[i] >= 0)
            close(w->fds[i]);
    w->fds = NULL;
}

static fh_err open_slices(struct work *w, struct fh_error *e)
{
    w->fds = fh_alloc(w->arena, (2 * w->slices.n + 1) * sizeof *w->fds);
    for (size_t i = 0; i < 2 * w->slices.n; i++)
        w->fds[i] = -1;
    for (size_t i = 0; i < 2 * w->slices.n; i++) {
        const char *path = fh_sprintf(w->arena, "%s.%s", w->slices.items[i / 2].path, i % 2 ? "idx" : "pack");
        w->fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (w->fds[i] < 0)
            return FH_FAIL_ERRNO(e, FH_INTERNAL, "%s cannot be opened", path);
    }
    return FH_OK;
}

static fh_err attempt(struct work *w, struct fh_error *e)
{
    FH_TRY(wire_scratch_load(&w->scratch, w->m->pool, w->m->owner, w->arena, &w->repo, &w->ours, e));
    FH_TRY(match_branches(w, e));
    if (w->nchanged == 0)
        return FH_OK;
    FH_TRY(cut_packs(w, e));
    FH_TRY(check_branches(w, e));
    FH_TRY(open_slices(w, e));
    tell(w, "Saving", 0, 0);
    return db_transaction(w->m->pool, store_all, w, e);
}

static void give_results(const struct work *w, struct wire_imported **out, size_t *n)
{
    *out = fh_alloc(w->arena, (w->nbranches + 1) * sizeof **out);
    *n = w->nbranches;
    for (size_t i = 0; i < w->nbranches; i++)
        (*out)[i] = w->branches[i].result;
}

fh_err wire_import(const struct wire_import *m, struct fh_arena *a, struct wire_imported **out, size_t *n,
                   struct fh_error *e)
{
    struct work w = {.m = m, .arena = a};
    fh_err rc = wire_scratch_in_data(&w.scratch, m->data, "import", e);
    if (rc == FH_OK)
        rc = open_foreign(&w, e);
    /* Somebody pushed or compacted while we looked: look again. */
    for (int i = 0; rc == FH_OK && i < TRIES; i++) {
        rc = attempt(&w, e);
        close_slices(&w);
        wire_packs_drop(w.both);
        wire_packs_drop(w.ours);
        w.both = w.ours = NULL;
        if (rc != FH_AGAIN)
            break;
        rc = i + 1 < TRIES
                 ? FH_OK
                 : FH_FAIL(e, FH_UNAVAILABLE, "%s is changed again and again; try later.", m->owner);
    }
    if (rc == FH_OK)
        give_results(&w, out, n);
    wire_packs_drop(w.theirs);
    wire_scratch_remove(&w.scratch);
    return rc;
}
