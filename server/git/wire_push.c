/* Accepting pushes. See wire_push.h. */
#include "server/git/wire_push.h"

#include "common/ceilings.h"
#include "common/log.h"
#include "server/git/wire_meta.h"
#include "server/git/wire_quarantine.h"
#include "server/git/wire_report.h"

#include <errno.h>
#include <strings.h>
#include <unistd.h>

enum { TRIES = 5, MAX_COMMANDS = FH_MAX_BODY_SMALL };

struct push {
    const struct wire_push_job *job;
    struct wire_push request;
    const struct wire_update *update;
    const char *name; /* of the environment */
    bool sent;        /* the pack was scanned and indexed already */
    struct wire_quarantine quarantine;
    /* of one try */
    const struct wire_snapshot *snapshot;
    const struct store_env *env; /* NULL: it is new */
    const char *rejected;        /* the reason of an "ng", whenever the error is FH_CONFLICT */
    bool changed;
};

/* --- commands --- */

static fh_err read_commands(struct push *p, struct fh_error *e)
{
    const struct wire_push_job *job = p->job;
    size_t n = job->size < MAX_COMMANDS ? job->size : MAX_COMMANDS;
    const char *bytes = job->data;
    if (!bytes) {
        char *copy = fh_alloc(job->arena, n + 1);
        for (size_t at = 0; at < n;) {
            ssize_t got = pread(job->fd, copy + at, n - at, (off_t)at);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                return FH_FAIL_ERRNO(e, FH_INTERNAL, "The body of a push cannot be read");
            at += (size_t)got;
        }
        bytes = copy;
    }
    return wire_request_push(job->arena, bytes, n, &p->request, e);
}

static fh_err reject(struct push *p, const char *reason, struct fh_error *e)
{
    p->rejected = reason;
    return FH_FAIL(e, FH_CONFLICT, "%s", reason);
}

/* What is asked, apart from who asks and what is there. */
static fh_err check_command(struct push *p, struct fh_error *e)
{
    static const char heads[] = "refs/heads/";
    if (p->request.nupdates != 1)
        return reject(p, "one branch at a time", e);
    p->update = &p->request.updates[0];
    if (fh_oid_is_zero(&p->update->new_tip))
        return reject(p, "environments are not deleted by a push", e);
    if (strncmp(p->update->ref, heads, strlen(heads)) != 0)
        return reject(p, "only branches are accepted", e);
    p->name = p->update->ref + strlen(heads);
    return auth_check_env_name(p->name, e);
}

fh_err wire_push_allowed(const struct wire_caller *caller, const struct wire_snapshot *s, struct fh_error *e)
{
    struct auth_object object = wire_view_object(s, NULL);
    FH_TRY(auth_can(caller->policy, caller->actor, AUTH_ENV_CREATE, &object, e));
    if (!s)
        return FH_FAIL(e, FH_DENIED, "You may not push to this owner.");
    return FH_OK;
}

/* Told at the same pace whether the owner exists or not, unless the caller sees that it does. */
static fh_err may_push(struct push *p, struct fh_error *e)
{
    fh_err rc = wire_push_allowed(p->job->caller, p->snapshot, e);
    if (rc != FH_DENIED || !p->snapshot ||
        !wire_view_is_blank(wire_view_make(p->job->arena, p->job->caller, p->snapshot)))
        return rc;
    struct fh_error failed = {0};
    fh_err pretended = wire_repo_pretend(p->job->repos, &failed);
    return pretended == FH_OK ? rc : FH_FAIL(e, pretended, "%s", failed.msg);
}

/* Finds the environment, which need not exist yet, and what the caller may do to it. */
static fh_err find_env(struct push *p, struct fh_error *e)
{
    const struct wire_caller *caller = p->job->caller;
    p->env = wire_view_find(p->snapshot, p->name);
    if (!p->env)
        return FH_OK;
    struct auth_object object = wire_view_object(p->snapshot, p->env);
    return auth_can(caller->policy, caller->actor, AUTH_ENV_WRITE, &object, e);
}

/* The transaction decides; this only spares the work when the race is lost already. */
static fh_err check_old_tip(struct push *p, struct fh_error *e)
{
    const struct store_repo *repo = &p->snapshot->repo;
    static const struct fh_oid none;
    if (!fh_oid_equal(&p->update->old_tip, p->env ? &p->env->tip : &none))
        return reject(p, "fetch first", e);
    for (size_t i = 0; !p->env && i < repo->nenvs; i++)
        if (strcasecmp(repo->envs[i].name, p->name) == 0)
            return FH_FAIL(e, FH_INVALID,
                           "An environment named %s exists; names that differ only in case are refused.",
                           repo->envs[i].name);
    return FH_OK;
}

/* --- content --- */

static fh_err receive(struct push *p, struct fh_error *e)
{
    const struct wire_push_job *job = p->job;
    if (p->sent)
        return FH_OK;
    FH_TRY(wire_quarantine_enter(&p->quarantine, wire_repos_settings(job->repos)->data, job->data, job->fd,
                                 (off_t)p->request.pack_offset, job->size - p->request.pack_offset, e));
    p->sent = true;
    return FH_OK;
}

/* With what the push brings on top of what is there, so that the two can be told apart. */
static fh_err check_content(struct push *p, struct store_generations *generations, struct fh_error *e)
{
    const struct wire_view *v = wire_view_make(p->job->arena, p->job->caller, p->snapshot);
    const char *path = p->quarantine.path;
    struct wire_packs *packs;
    FH_TRY(wire_packs_open(&path, *path ? 1 : 0, p->snapshot->packs, &packs, e));
    struct wire_reader *reader = wire_reader_new(packs);
    fh_err rc = wire_walk_check_push(reader, &p->update->new_tip, v->tips, v->ntips, e);
    if (rc == FH_OK)
        rc = wire_meta_read(p->job->arena, reader, &p->update->new_tip, generations, e);
    wire_reader_free(reader);
    wire_packs_drop(packs);
    return rc;
}

/* --- the transaction --- */

struct commit {
    struct store_push push;
    const struct store_generations *generations;
};

static fh_err commit_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    const struct commit *w = arg;
    int64_t env_id;
    if (w->push.pack_fd >= 0 &&
        (lseek(w->push.pack_fd, 0, SEEK_SET) < 0 || lseek(w->push.idx_fd, 0, SEEK_SET) < 0))
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "A pushed pack cannot be read");
    FH_TRY(store_push(c, &w->push, &env_id, e));
    return store_generations_set(c, env_id, w->generations, e);
}

static enum store_visibility first_visibility(const struct push *p)
{
    const struct store_owner *owner = &p->snapshot->repo.owner;
    if (owner->default_visibility)
        return (enum store_visibility)owner->default_visibility;
    return owner->kind == STORE_ORG ? p->job->org_visibility : p->job->user_visibility;
}

static bool has_pack(const struct store_repo *repo, const uint8_t checksum[20])
{
    for (size_t i = 0; i < repo->npacks; i++)
        if (memcmp(repo->packs[i].checksum, checksum, sizeof repo->packs[i].checksum) == 0)
            return true;
    return false;
}

static fh_err commit(struct push *p, const struct store_generations *generations, struct fh_error *e)
{
    const struct wire_push_job *job = p->job;
    const struct wire_quarantine *q = &p->quarantine;
    const struct store_repo *repo = &p->snapshot->repo;
    /* The same pack may be there from an earlier push of the same objects. */
    bool brings = *q->path && !has_pack(repo, q->checksum);
    struct commit w = {
        .push =
            {
                .owner_id = repo->owner.id,
                .epoch = repo->epoch,
                .name = p->name,
                .old_tip = p->update->old_tip,
                .new_tip = p->update->new_tip,
                .kind = STORE_REF_PUSH,
                .visibility = first_visibility(p),
                .pack_fd = brings ? q->pack_fd : -1,
                .idx_fd = brings ? q->idx_fd : -1,
                .objects = brings ? q->objects : 0,
                .pack_bytes = brings ? q->pack_bytes : 0,
                .idx_bytes = brings ? q->idx_bytes : 0,
                .actor = {.owner_id = job->caller->actor->owner_id,
                          .token_id = job->caller->actor->token_id,
                          .handle = job->caller->actor->handle,
                          .remote = job->remote},
                .quota = job->quota,
            },
        .generations = generations,
    };
    memcpy(w.push.checksum, q->checksum, sizeof w.push.checksum);
    fh_err rc = db_transaction(wire_repos_settings(job->repos)->pool, commit_rows, &w, e);
    /* Also after a failure: the outcome may be unknown. */
    if (rc != FH_OK)
        wire_repos_changed(job->repos, repo->owner.handle);
    /* Somebody else was first: what that means is seen by looking again. */
    if (rc == FH_CONFLICT)
        rc = FH_AGAIN;
    return rc;
}

/* After the commit nothing can fail that matters: what is not put in place now is fetched when needed. */
static void settle(struct push *p)
{
    const struct wire_push_job *job = p->job;
    const char *handle = p->snapshot->repo.owner.handle;
    const struct wire_snapshot *fresh = NULL;
    struct fh_error e = {0};
    fh_err rc = wire_quarantine_release(&p->quarantine, wire_repos_settings(job->repos)->data, handle, &e);
    wire_repos_changed(job->repos, handle);
    if (rc == FH_OK)
        rc = wire_repo_hold(job->repos, handle, false, &fresh, &e); /* the bare repository, refs and HEAD */
    if (rc != FH_OK)
        fh_log(FH_LOG_WARN, "After a push the repository of %s could not be brought up to date: %s", handle,
               e.msg);
    wire_repo_drop(job->repos, fresh);
}

static fh_err try_once(struct push *p, struct fh_error *e)
{
    struct store_generations generations;
    fh_err rc = wire_repo_hold(p->job->repos, p->job->owner, false, &p->snapshot, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    if (rc == FH_NOT_FOUND)
        p->snapshot = NULL;
    FH_TRY(may_push(p, e));
    FH_TRY(check_command(p, e));
    FH_TRY(find_env(p, e));
    FH_TRY(check_old_tip(p, e));
    if (fh_oid_equal(&p->update->old_tip, &p->update->new_tip))
        return FH_OK;
    FH_TRY(receive(p, e));
    FH_TRY(check_content(p, &generations, e));
    FH_TRY(commit(p, &generations, e));
    p->changed = true;
    settle(p);
    return FH_OK;
}

/* --- the answer --- */

static fh_err answer(struct push *p, fh_err rc, struct wire_answer *out, struct fh_error *e)
{
    struct fh_arena *a = p->job->arena;
    switch (rc) {
    case FH_OK:
        return wire_report_status(a, &p->request, NULL, out, e);
    case FH_CONFLICT:
        return wire_report_status(a, &p->request, p->rejected, out, e);
    case FH_DENIED:
    case FH_UNAUTHENTICATED:
        return wire_report_refusal(a, &p->request, fh_sprintf(a, "DENIED: %s", e->msg), out, e);
    case FH_INVALID:
    case FH_TOO_LARGE:
    case FH_WRONG_TYPE:
    case FH_PRECONDITION:
    case FH_MISMATCH:
    case FH_LIMITED:
    case FH_NOT_FOUND:
        return wire_report_refusal(a, &p->request, fh_sprintf(a, "%s Nothing was changed.", e->msg), out, e);
    case FH_AGAIN:
        return wire_report_refusal(a, &p->request, "The repository is being changed by others; push again.",
                                   out, e);
    case FH_UNAVAILABLE:
    case FH_INTERNAL:
        break;
    }
    return rc;
}

fh_err wire_push_answer(const struct wire_push_job *job, struct wire_answer *out, bool *changed,
                        struct fh_oid *tip, struct fh_error *e)
{
    struct push p = {.job = job, .quarantine = {.pack_fd = -1, .idx_fd = -1}};
    *changed = false;
    fh_err rc = read_commands(&p, e);
    if (rc != FH_OK && p.request.nupdates == 0)
        return rc;
    if (rc == FH_OK && p.request.nupdates == 0) {
        *out = (struct wire_answer){.data = "", .fd = -1};
        return FH_OK;
    }
    if (rc == FH_OK) {
        rc = FH_AGAIN;
        for (int i = 0; rc == FH_AGAIN && i < TRIES; i++) {
            rc = try_once(&p, e);
            wire_repo_drop(job->repos, p.snapshot);
            p.snapshot = NULL;
        }
    }
    wire_quarantine_leave(&p.quarantine);
    rc = answer(&p, rc, out, e);
    if (p.changed) {
        *changed = true;
        *tip = p.update->new_tip;
    }
    return rc;
}
