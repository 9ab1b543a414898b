/* The routes of git. See wire_http.h.
 *
 * Reading never says who exists: an owner that does not, and one of whose environments the caller may see
 * none, look like an empty repository. Refusals of a fetch are an ERR line and those of a push a side-band
 * line, since git shows neither the status nor the body of a failed POST (git-environments §6.1, §8). */
#include "server/git/wire_http.h"

#include "common/ceilings.h"
#include "common/mem.h"
#include "common/pkt.h"
#include "server/app.h"
#include "server/config.h"
#include "server/git/wire_adv.h"
#include "server/git/wire_compact.h"
#include "server/git/wire_fetch.h"
#include "server/git/wire_push.h"

struct held {
    struct wire_repos *repos;
    const struct wire_snapshot *snapshot;
};

static void drop_held(void *arg)
{
    struct held *h = arg;
    wire_repo_drop(h->repos, h->snapshot);
}

static struct wire_caller caller_of(const struct web_request *req)
{
    return (struct wire_caller){&req->app->policy, req->actor};
}

/* What the caller sees of the owner, until the answer was sent. An owner that is in memory is found sooner
 * than one that does not exist, and a stranger could tell them apart by that: one of whom the caller sees
 * nothing is therefore looked for in the database all the same. */
static fh_err look(struct web_request *req, struct wire_view **out, struct fh_error *e)
{
    const struct wire_caller caller = caller_of(req);
    struct wire_repos *repos = req->app->repos;
    struct held *h = fh_alloc(req->arena, sizeof *h);
    h->repos = repos;
    fh_err rc = wire_repo_hold(repos, req->params[0], req->inline_only, &h->snapshot, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    if (rc == FH_OK)
        fh_defer(req->arena, drop_held, h);
    *out = wire_view_make(req->arena, &caller, rc == FH_OK ? h->snapshot : NULL);
    if (rc != FH_OK || !wire_view_is_blank(*out))
        return FH_OK;
    return req->inline_only ? FH_FAIL(e, FH_AGAIN, "This is as slow as for an owner that does not exist.")
                            : wire_repo_pretend(repos, e);
}

static void reply(struct web_response *res, const char *type, const struct wire_answer *answer)
{
    if (answer->fd >= 0)
        web_reply_file(res, 200, type, answer->fd, 0, answer->size);
    else
        web_reply(res, 200, type, answer->data, answer->size);
    web_add_header(res, "Cache-Control", "no-cache");
}

static void reply_buffer(struct web_request *req, struct web_response *res, const char *type,
                         struct fh_buf *b)
{
    struct wire_answer answer;
    wire_answer_take(req->arena, b, &answer);
    reply(res, type, &answer);
}

/* --- info/refs --- */

static fh_err advertise_upload(struct web_request *req, struct fh_buf *out, struct fh_error *e)
{
    struct wire_view *v;
    if (wire_request_version(web_header(req, "Git-Protocol")) == 2)
        return wire_adv_v2(out, e);
    FH_TRY(look(req, &v, e));
    return wire_adv_upload(v, out, e);
}

/* Who may not push learns it here: git shows the text of this refusal, and of no later one. */
static fh_err advertise_receive(struct web_request *req, struct fh_buf *out, struct fh_error *e)
{
    struct wire_view *v;
    const struct wire_caller caller = caller_of(req);
    FH_TRY(auth_can(caller.policy, caller.actor, AUTH_GIT_WRITE, NULL, e));
    FH_TRY(look(req, &v, e));
    FH_TRY(wire_accept_allowed(&caller, v->snapshot, e));
    return wire_adv_receive(v, out, e);
}

fh_err wire_http_info_refs(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const char *service = web_query(req, "service");
    struct fh_buf out = FH_BUF_INIT(WIRE_MAX_ADVERTISEMENT);
    const char *type = NULL;
    fh_err rc;
    if (service && strcmp(service, "git-upload-pack") == 0) {
        type = "application/x-git-upload-pack-advertisement";
        rc = advertise_upload(req, &out, e);
    } else if (service && strcmp(service, "git-receive-pack") == 0) {
        type = "application/x-git-receive-pack-advertisement";
        rc = advertise_receive(req, &out, e);
    } else
        rc = FH_FAIL(e, FH_INVALID, "This address is for git with smart HTTP: name a service.");
    if (rc == FH_OK)
        reply_buffer(req, res, type, &out);
    fh_buf_free(&out);
    return rc;
}

/* --- git-upload-pack --- */

struct upload {
    struct web_request *req;
    int version;
    const char *bytes;
    size_t n;
    const struct wire_view *view;
    struct wire_cache_key digest;
};

static fh_err answer_ls_refs(const struct upload *u, const struct wire_ls_refs *request,
                             struct wire_answer *out, struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(WIRE_MAX_ADVERTISEMENT);
    fh_err rc = wire_adv_ls_refs(u->view, request, &b, e);
    if (rc == FH_OK)
        wire_answer_take(u->req->arena, &b, out);
    fh_buf_free(&b);
    return rc;
}

static fh_err answer_fetch(const struct upload *u, const struct wire_fetch *request, struct wire_answer *out,
                           struct fh_error *e)
{
    struct wire_fetch_job job = {
        .repos = u->req->app->repos,
        .view = u->view,
        .arena = u->req->arena,
        .version = u->version,
        .digest = u->digest,
    };
    if (u->req->inline_only)
        return FH_FAIL(e, FH_AGAIN, "A pack is not built on an event thread.");
    return wire_fetch_answer(&job, request, out, e);
}

static fh_err answer_upload(const struct upload *u, struct wire_answer *out, struct fh_error *e)
{
    struct wire_v2 v2;
    struct wire_fetch v0;
    *out = (struct wire_answer){.data = "", .fd = -1};
    if (u->version == 0) {
        FH_TRY(wire_request_v0(u->req->arena, u->bytes, u->n, &v0, e));
        return v0.nwants ? answer_fetch(u, &v0, out, e) : FH_OK;
    }
    FH_TRY(wire_request_v2(u->req->arena, u->bytes, u->n, &v2, e));
    switch (v2.command) {
    case WIRE_LS_REFS:
        return answer_ls_refs(u, &v2.ls_refs, out, e);
    case WIRE_FETCH:
        return answer_fetch(u, &v2.fetch, out, e);
    case WIRE_NO_COMMAND:
        break;
    }
    return FH_OK;
}

/* The client's mistakes and what it may not have, in the one form that git shows. */
static fh_err answer_error(struct web_request *req, fh_err rc, struct wire_answer *out, struct fh_error *e)
{
    if (rc != FH_INVALID && rc != FH_TOO_LARGE && rc != FH_NOT_FOUND)
        return rc;
    struct fh_buf b = FH_BUF_INIT(FH_MAX_PKT);
    char sentence[sizeof e->msg];
    snprintf(sentence, sizeof sentence, "%s", e->msg);
    fh_err failed = fh_pkt_addf(&b, e, "ERR %s\n", sentence);
    if (failed == FH_OK)
        wire_answer_take(req->arena, &b, out);
    fh_buf_free(&b);
    return failed;
}

fh_err wire_http_upload(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct wire_view *view;
    struct upload u = {
        .req = req,
        .version = wire_request_version(web_header(req, "Git-Protocol")),
    };
    struct wire_answer answer;
    if (req->inline_only && !req->body.data && req->body.size > 0)
        return FH_FAIL(e, FH_AGAIN, "The body is in a file.");
    FH_TRY(look(req, &view, e));
    FH_TRY(web_body_bytes(req, FH_MAX_BODY_FETCH, &u.bytes, &u.n, e));
    u.view = view;
    wire_fetch_digest(u.view, u.version, u.bytes, u.n, &u.digest);
    if (!wire_fetch_repeat(req->app->repos, &u.digest, &answer)) {
        fh_err rc = answer_upload(&u, &answer, e);
        if (rc != FH_OK)
            FH_TRY(answer_error(req, rc, &answer, e));
    }
    reply(res, "application/x-git-upload-pack-result", &answer);
    return FH_OK;
}

/* --- git-receive-pack --- */

struct after {
    const struct app *app;
    struct fh_oid tip;
    char owner[];
};

static void after_push(void *arg)
{
    struct after *a = arg;
    wire_compact_after_push(a->app->repos, a->owner, &a->tip);
    free(a);
}

/* A full queue may drop it: it makes later clones cheaper, no more. */
static void begin_after(void *arg)
{
    struct after *a = arg;
    if (!web_server_later(a->app->web, after_push, a))
        free(a);
}

void wire_http_changed(struct web_request *req, const char *owner, const struct fh_oid *tip)
{
    size_t n = strlen(owner);
    struct after *a = fh_xcalloc(1, sizeof *a + n + 1);
    a->app = req->app;
    a->tip = *tip;
    memcpy(a->owner, owner, n);
    fh_defer(req->arena, begin_after, a); /* the answer goes first */
}

fh_err wire_http_receive(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct wire_caller caller = caller_of(req);
    const struct config *config = req->app->config;
    struct wire_push_job job = {
        .repos = req->app->repos,
        .caller = &caller,
        .arena = req->arena,
        .owner = req->params[0],
        .remote = req->remote,
        .data = req->body.data,
        .fd = req->body.fd,
        .size = req->body.size,
        .rules = {config->default_visibility, config->default_org_visibility, config->owner_quota},
    };
    struct wire_answer answer;
    struct fh_oid tip;
    bool changed;
    fh_err rc = wire_push_answer(&job, &answer, &changed, &tip, e);
    if (changed)
        wire_http_changed(req, req->params[0], &tip);
    FH_TRY(rc);
    reply(res, "application/x-git-receive-pack-result", &answer);
    return FH_OK;
}
