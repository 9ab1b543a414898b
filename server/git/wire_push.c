/* Accepting pushes. See wire_push.h. */
#include "server/git/wire_push.h"

#include "common/ceilings.h"
#include "server/git/wire_report.h"

#include <errno.h>
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
    static const struct fh_oid none;
    if (!fh_oid_equal(&p->update->old_tip, p->env ? &p->env->tip : &none))
        return reject(p, "fetch first", e);
    return p->env ? FH_OK : wire_accept_name(p->snapshot, p->name, e);
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

static fh_err move_branch(struct push *p, struct fh_error *e)
{
    const struct wire_push_job *job = p->job;
    const struct wire_accept w = {
        .repos = job->repos,
        .caller = job->caller,
        .arena = job->arena,
        .remote = job->remote,
        .rules = &job->rules,
        .snapshot = p->snapshot,
        .name = p->name,
        .old_tip = p->update->old_tip,
        .new_tip = p->update->new_tip,
        .quarantine = &p->quarantine,
    };
    return wire_accept(&w, e);
}

static fh_err try_once(struct push *p, struct fh_error *e)
{
    fh_err rc = wire_repo_hold(p->job->repos, p->job->owner, false, &p->snapshot, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    if (rc == FH_NOT_FOUND)
        p->snapshot = NULL;
    FH_TRY(wire_accept_create(p->job->repos, p->job->arena, p->job->caller, p->snapshot, e));
    FH_TRY(check_command(p, e));
    FH_TRY(find_env(p, e));
    FH_TRY(check_old_tip(p, e));
    if (fh_oid_equal(&p->update->old_tip, &p->update->new_tip))
        return FH_OK;
    FH_TRY(receive(p, e));
    FH_TRY(move_branch(p, e));
    p->changed = true;
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
