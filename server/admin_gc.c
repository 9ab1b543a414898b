/* floe-server gc: frees what nothing refers to any more. Rows: store/gc.h; packs: git/wire_compact.h; this
 * node's disk: git/wire_sweep.h.
 *
 * Packs are compacted on a copy in a scratch folder, not in <data>/git: that one belongs to the server's
 * process when it runs. */
#include "server/admin_upkeep.h"

#include "common/clock.h"
#include "server/git/wire_compact.h"
#include "server/git/wire_scratch.h"
#include "server/git/wire_sweep.h"
#include "server/store/gc.h"

#include <jansson.h>

enum { DAY = 24 * 60 * 60, DELTA_CACHE = 32 * 1024 * 1024, TRIES = 3 };

struct gc {
    bool dry_run;
    struct admin *admin;
    struct wire_repos *repos;
    struct store_owner *owners;
    size_t nowners;
    const struct store_owner *owner; /* the one at hand */
    struct store_repo repo;
    struct store_expired expired, all;
    struct wire_compact_stats packs;
    struct wire_swept node_packs, folders, tmp, cache;
    size_t failed; /* owners */
};

static fh_err expire(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct gc *gc = arg;
    int64_t before = fh_now() - gc->admin->config->ref_log_days * DAY;
    if (gc->dry_run)
        return store_gc_count(c, gc->admin->arena, gc->owner->id, before, &gc->expired, e);
    FH_TRY(store_gc_expire(c, gc->owner->id, before, &gc->expired, e));
    if (gc->expired.ref_log == 0 && gc->expired.environments == 0)
        return FH_OK;
    return store_audit(c, &gc->admin->by, "owner.gc", gc->owner->id, gc->owner->handle,
                       fh_sprintf(gc->admin->arena, "{\"ref_log\":%lld,\"environments\":%lld}",
                                  (long long)gc->expired.ref_log, (long long)gc->expired.environments),
                       e);
}

static fh_err load_repo(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct gc *gc = arg;
    return store_repo_load(c, gc->admin->arena, gc->owner->handle, &gc->repo, e);
}

/* FH_AGAIN: the hub did the same at the same time. Then it is done, or the next gc does it. */
static fh_err compact(struct gc *gc, struct wire_compact_stats *stats, struct fh_error *e)
{
    fh_err rc = FH_AGAIN;
    for (int i = 0; rc == FH_AGAIN && i < TRIES; i++)
        rc = wire_compact_owner(gc->repos, gc->owner->handle, gc->dry_run, stats, e);
    if (rc == FH_AGAIN)
        *stats = (struct wire_compact_stats){0};
    return rc == FH_AGAIN ? FH_OK : rc;
}

static fh_err collect_owner(struct gc *gc, struct fh_error *e)
{
    struct wire_compact_stats stats = {0};
    struct db_pool *pool = gc->admin->pool;
    FH_TRY(gc->dry_run ? db_read(pool, expire, gc, e) : db_transaction(pool, expire, gc, e));
    gc->all.ref_log += gc->expired.ref_log;
    gc->all.environments += gc->expired.environments;
    FH_TRY(compact(gc, &stats, e));
    gc->packs.packs_before += stats.packs_before;
    gc->packs.packs_after += stats.packs_after;
    gc->packs.objects_before += stats.objects_before;
    gc->packs.objects_after += stats.objects_after;
    gc->packs.bytes_before += stats.bytes_before;
    gc->packs.bytes_after += stats.bytes_after;
    FH_TRY(db_read(pool, load_repo, gc, e));
    wire_sweep_packs(gc->admin->config->data, &gc->repo, gc->dry_run, &gc->node_packs);
    return FH_OK;
}

static bool is_owner(void *arg, const char *handle)
{
    const struct gc *gc = arg;
    for (size_t i = 0; i < gc->nowners; i++)
        if (strcmp(gc->owners[i].handle, handle) == 0)
            return true;
    return false;
}

static fh_err collect_all(struct gc *gc, struct fh_error *e)
{
    struct admin *a = gc->admin;
    struct admin_stages stages = {0};
    fh_err rc = FH_OK;
    FH_TRY(admin_owners(a, &gc->owners, &gc->nowners, e));
    for (size_t i = 0; rc == FH_OK && i < gc->nowners; i++) {
        admin_stage(&stages, "Going through owners", (int64_t)i, (int64_t)gc->nowners);
        gc->owner = &gc->owners[i];
        rc = collect_owner(gc, e);
        if (rc == FH_NOT_FOUND)
            rc = FH_OK; /* renamed since they were listed */
        if (rc == FH_OK || rc == FH_UNAVAILABLE)
            continue;
        /* Something is wrong with this owner's data; that is no reason to leave the others'. */
        admin_stages_end(&stages);
        admin_say("%s was left as it is: %s", gc->owner->handle, e->msg);
        gc->failed++;
        rc = FH_OK;
    }
    admin_stages_end(&stages);
    if (rc != FH_OK)
        return rc;
    wire_sweep_owners(a->config->data, is_owner, gc, gc->dry_run, &gc->folders);
    wire_sweep_tmp(a->config->data, gc->dry_run, &gc->tmp);
    wire_sweep_cache(a->config->data, a->config->cache_size, gc->dry_run, &gc->cache);
    return FH_OK;
}

static fh_err collect(struct gc *gc, struct fh_error *e)
{
    struct admin *a = gc->admin;
    struct wire_scratch scratch = {0};
    FH_TRY(admin_become_service(a, e));
    fh_err rc = wire_scratch_in_data(&scratch, a->config->data, "gc", e);
    const struct wire_repos_config config = {.data = scratch.path,
                                             .pool = a->pool,
                                             .delta_cache_bytes = DELTA_CACHE,
                                             .ref_log_days = (int)a->config->ref_log_days};
    if (rc == FH_OK)
        rc = wire_repos_open(&config, &gc->repos, e);
    if (rc == FH_OK)
        rc = collect_all(gc, e);
    if (gc->repos)
        wire_repos_close(gc->repos);
    wire_scratch_remove(&scratch);
    admin_become_caller();
    return rc;
}

static void print_text(const struct gc *gc)
{
    struct admin *a = gc->admin;
    const char *would = gc->dry_run ? "would be " : "";
    const struct wire_compact_stats *p = &gc->packs;
    struct wire_swept disk = {
        .files = gc->node_packs.files + gc->folders.files + gc->tmp.files + gc->cache.files,
        .bytes = gc->node_packs.bytes + gc->folders.bytes + gc->tmp.bytes + gc->cache.bytes};
    admin_say("Ref log: %lld entries over %lld days old and %lld environments deleted before that %sdropped.",
              (long long)gc->all.ref_log, (long long)a->config->ref_log_days, (long long)gc->all.environments,
              would);
    admin_say("Database: %lld packs %s%lld, %lld objects %s%lld, %s freed.", (long long)p->packs_before,
              gc->dry_run ? "would become " : "became ", (long long)p->packs_after,
              (long long)p->objects_before, gc->dry_run ? "would become " : "became ",
              (long long)p->objects_after,
              fh_sprintf(a->arena, "%s%s", would, admin_size(a, p->bytes_before - p->bytes_after)));
    admin_say("This node: %lld files and folders %sremoved, %s.", (long long)disk.files, would,
              admin_size(a, disk.bytes));
}

static json_t *swept_json(const struct wire_swept *s)
{
    return json_pack("{s:I, s:I}", "files", (json_int_t)s->files, "bytes", (json_int_t)s->bytes);
}

static fh_err print_json(const struct gc *gc, struct fh_error *e)
{
    const struct wire_compact_stats *p = &gc->packs;
    json_t *top =
        json_pack("{s:b, s:I, s:I, s:{s:I, s:I}, s:{s:I, s:I}, s:{s:I, s:I}}", "dry_run", gc->dry_run,
                  "ref_log", (json_int_t)gc->all.ref_log, "environments", (json_int_t)gc->all.environments,
                  "packs", "before", (json_int_t)p->packs_before, "after", (json_int_t)p->packs_after,
                  "objects", "before", (json_int_t)p->objects_before, "after", (json_int_t)p->objects_after,
                  "bytes", "before", (json_int_t)p->bytes_before, "after", (json_int_t)p->bytes_after);
    json_object_set_new(top, "node_packs", swept_json(&gc->node_packs));
    json_object_set_new(top, "node_folders", swept_json(&gc->folders));
    json_object_set_new(top, "temporary", swept_json(&gc->tmp));
    json_object_set_new(top, "cache", swept_json(&gc->cache));
    return admin_print_json(top, e);
}

static fh_err gc(struct admin *a, struct fh_error *e)
{
    struct gc *g = a->arg;
    g->admin = a;
    FH_TRY(collect(g, e));
    if (admin_wants_json(a))
        return print_json(g, e);
    print_text(g);
    return FH_OK;
}

static int run_gc(struct fh_cli *cli)
{
    struct gc g = {.dry_run = fh_cli_flag(cli, "dry-run")};
    int status = admin_run(cli, ADMIN_READY, gc, &g);
    return status == 0 && g.failed ? 1 : status;
}

static const struct fh_opt gc_opts[] = {
    {.name = "dry-run", .kind = FH_OPT_FLAG, .help = "Only say what would be freed."}, ADMIN_JSON_OPT, {0}};

const struct fh_verb admin_gc_verbs[] = {
    {.path = "gc",
     .summary = "Free what nothing refers to any more.",
     .text = "Drops log entries and deleted environments that are older than ref_log_days, packs each "
             "owner's objects into "
             "one pack without those that only they needed, and removes from this node's disk what was left "
             "behind: "
             "temporary folders older than a day, packs that were replaced, the cache beyond its size. May "
             "run while the "
             "hub does. Nothing that \"env restore\" could still bring back is touched.",
     .opts = gc_opts,
     .run = run_gc},
    {0}};
