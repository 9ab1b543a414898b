/* Accepting what changes a branch. See wire_accept.h. */
#include "server/git/wire_accept.h"

#include "common/log.h"
#include "server/git/wire_meta.h"

#include <pthread.h>
#include <strings.h>
#include <unistd.h>

fh_err wire_accept_allowed(const struct wire_caller *caller, const struct wire_snapshot *s,
                           struct fh_error *e)
{
    struct auth_object object = wire_view_object(s, NULL);
    FH_TRY(auth_can(caller->policy, caller->actor, AUTH_ENV_CREATE, &object, e));
    if (!s)
        return FH_FAIL(e, FH_DENIED, "You may not push to this owner.");
    return FH_OK;
}

fh_err wire_accept_create(struct wire_repos *repos, struct fh_arena *a, const struct wire_caller *caller,
                          const struct wire_snapshot *s, struct fh_error *e)
{
    fh_err rc = wire_accept_allowed(caller, s, e);
    if (rc != FH_DENIED || !s || !wire_view_is_blank(wire_view_make(a, caller, s)))
        return rc;
    struct fh_error failed = {0};
    fh_err pretended = wire_repo_pretend(repos, &failed);
    return pretended == FH_OK ? rc : FH_FAIL(e, pretended, "%s", failed.msg);
}

fh_err wire_accept_name(const struct wire_snapshot *s, const char *name, struct fh_error *e)
{
    for (size_t i = 0; i < s->repo.nenvs; i++)
        if (strcasecmp(s->repo.envs[i].name, name) == 0)
            return FH_FAIL(e, FH_INVALID,
                           "An environment named %s exists; names that differ only in case are refused.",
                           s->repo.envs[i].name);
    return FH_OK;
}

/* With what is brought on top of what is there, so that the two can be told apart. */
static fh_err check_content(const struct wire_accept *w, struct store_generations *generations,
                            struct fh_error *e)
{
    const struct wire_view *v = wire_view_make(w->arena, w->caller, w->snapshot);
    const struct wire_quarantine *q = w->quarantine;
    struct wire_packs *packs;
    if (q->pack_fd >= 0)
        FH_TRY(wire_packs_open_files(q->pack_fd, q->idx_fd, w->snapshot->packs, &packs, e));
    else
        FH_TRY(wire_packs_open(NULL, 0, w->snapshot->packs, &packs, e));
    struct wire_reader *reader = wire_reader_new(packs);
    fh_err rc = wire_walk_check_push(reader, &w->new_tip, v->tips, v->ntips, e);
    if (rc == FH_OK)
        rc = wire_meta_read(w->arena, reader, &w->new_tip, generations, e);
    wire_reader_free(reader);
    wire_packs_drop(packs);
    return rc;
}

/* --- the transaction --- */

struct commit {
    const struct wire_accept *accept;
    struct store_push push;
    bool checked;
    struct store_generations generations; /* once checked */
    bool placing;
    pthread_t placer;
    struct store_pushed pushed; /* what came of it */
};

/* Making files takes about as long as the transaction, so it is done beside it, by a thread of its own. A
 * pack that becomes no row is rubbish, which compaction sweeps. */
static void *place_pack(void *arg)
{
    const struct wire_accept *w = arg;
    wire_quarantine_place(w->quarantine, wire_repos_settings(w->repos)->data, w->snapshot->repo.owner.handle);
    return NULL;
}

/* Once, however often the transaction has to be run. */
static fh_err check_once(struct commit *w, struct fh_error *e)
{
    if (w->checked)
        return FH_OK;
    FH_TRY(check_content(w->accept, &w->generations, e));
    w->checked = true;
    w->placing = w->push.pack_fd >= 0 &&
                 pthread_create(&w->placer, NULL, place_pack, (void *)(uintptr_t)w->accept) == 0;
    return FH_OK;
}

static fh_err commit_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct commit *w = arg;
    const struct wire_with *with = &w->accept->with;
    if (with->before)
        FH_TRY(with->before(c, with->arg, e));
    FH_TRY(store_push_send(c, &w->push, e));
    FH_TRY(check_once(w, e)); /* while PostgreSQL writes the rows of a small pack */
    fh_err rc = store_push(c, &w->push, &w->pushed, e);
    if (rc == FH_CONFLICT) /* somebody else was first */
        return FH_FAIL(e, FH_AGAIN, "The environment %s was changed by somebody else meanwhile.",
                       w->push.name);
    FH_TRY(rc);
    FH_TRY(store_generations_set(c, w->pushed.env_id, &w->generations, e));
    return with->after ? with->after(c, with->arg, e) : FH_OK;
}

/* The bytes of a large pack are put into the database only once it is known that they are good. */
static fh_err run_transaction(struct commit *w, struct fh_error *e)
{
    if (!store_push_is_small(&w->push))
        FH_TRY(check_once(w, e));
    fh_err rc = db_transaction(wire_repos_settings(w->accept->repos)->pool, commit_rows, w, e);
    if (w->placing)
        pthread_join(w->placer, NULL);
    return rc;
}

enum store_visibility wire_accept_visibility(const struct wire_rules *rules, const struct wire_snapshot *s)
{
    const struct store_owner *owner = &s->repo.owner;
    if (owner->default_visibility)
        return (enum store_visibility)owner->default_visibility;
    return owner->kind == STORE_ORG ? rules->org_visibility : rules->user_visibility;
}

static bool has_pack(const struct store_repo *repo, const uint8_t checksum[20])
{
    for (size_t i = 0; i < repo->npacks; i++)
        if (memcmp(repo->packs[i].checksum, checksum, sizeof repo->packs[i].checksum) == 0)
            return true;
    return false;
}

static struct commit commit_of(const struct wire_accept *w)
{
    const struct wire_quarantine *q = w->quarantine;
    const struct store_repo *repo = &w->snapshot->repo;
    const struct auth_actor *actor = w->caller->actor;
    /* The same pack may be there from an earlier push of the same objects. */
    bool brings = q->pack_fd >= 0 && !has_pack(repo, q->checksum);
    struct commit commit = {
        .accept = w,
        .push =
            {
                .owner_id = repo->owner.id,
                .epoch = repo->epoch,
                .name = w->name,
                .old_tip = w->old_tip,
                .new_tip = w->new_tip,
                .kind = STORE_REF_PUSH,
                .action = w->action,
                .visibility = w->visibility ? w->visibility : wire_accept_visibility(w->rules, w->snapshot),
                .pack_fd = brings ? q->pack_fd : -1,
                .idx_fd = brings ? q->idx_fd : -1,
                .objects = brings ? q->objects : 0,
                .pack_bytes = brings ? q->pack_bytes : 0,
                .idx_bytes = brings ? q->idx_bytes : 0,
                .actor = {.owner_id = actor->owner_id,
                          .token_id = actor->token_id,
                          .handle = actor->handle,
                          .remote = w->remote},
                .quota = w->rules->quota,
            },
    };
    memcpy(commit.push.checksum, q->checksum, sizeof commit.push.checksum);
    return commit;
}

/* What stands there now is known without reading it, unless something else happened meanwhile. */
static bool advance(const struct wire_accept *w, const struct commit *commit)
{
    struct fh_arena *a = fh_arena_new();
    struct store_repo next;
    if (!store_repo_push(a, &w->snapshot->repo, &commit->push, &commit->pushed, &commit->generations,
                         &next)) {
        fh_arena_free(a);
        return false;
    }
    return wire_repo_advance(w->repos, w->snapshot, a, &next);
}

/* After the commit nothing can fail that matters: what is not put in place now is fetched when needed. */
static void settle(const struct wire_accept *w, const struct commit *commit)
{
    const char *handle = w->snapshot->repo.owner.handle;
    const struct wire_snapshot *fresh = NULL;
    struct fh_error e = {0};
    fh_err rc = wire_quarantine_release(w->quarantine, wire_repos_settings(w->repos)->data, handle, &e);
    if (rc == FH_OK && advance(w, commit))
        return;
    wire_repos_changed(w->repos, handle, commit->pushed.revision);
    if (rc == FH_OK)
        rc = wire_repo_hold(w->repos, handle, false, &fresh, &e); /* the bare repository, refs and HEAD */
    if (rc != FH_OK)
        fh_log(FH_LOG_WARN, "After a push the repository of %s could not be brought up to date: %s", handle,
               e.msg);
    wire_repo_drop(w->repos, fresh);
}

fh_err wire_accept(const struct wire_accept *w, struct fh_error *e)
{
    struct commit commit = commit_of(w);
    fh_err rc = run_transaction(&commit, e);
    if (rc == FH_OK)
        settle(w, &commit);
    else /* the outcome may be unknown */
        wire_repos_changed(w->repos, w->snapshot->repo.owner.handle, 0);
    return rc;
}
