/* What all routes of REST share. See rest.h. */
#include "server/rest/rest.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/config.h"
#include "server/git/wire_repo.h"

#include "server/rest/rest_rate.h"
#include "server/store/key.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <strings.h>

enum { MAX_LIMIT = 200, LIMIT = 50, TELL_MS = 1000, SWEEP_MS = 3600 * 1000 };

struct rest {
    struct rest_rate *rates;
    int64_t swept_ms;         /* the timer's alone; 0: not yet */
    pthread_mutex_t telling;  /* guards told; one node-wide announcement at a time */
    _Atomic uint64_t changes; /* of accounts, committed */
    uint64_t told;            /* every node knows of the changes up to this one */
};

struct rest *rest_open(int64_t rate_limit)
{
    struct rest *r = fh_xcalloc(1, sizeof *r);
    r->rates = rest_rate_new(rate_limit);
    pthread_mutex_init(&r->telling, NULL);
    return r;
}

void rest_close(struct rest *r)
{
    if (!r)
        return;
    rest_rate_free(r->rates);
    pthread_mutex_destroy(&r->telling);
    free(r);
}

struct rest_rate *rest_rates(const struct app *app)
{
    return app->rest->rates;
}

static fh_err sweep(struct db_conn *c, void *arg, struct fh_error *e)
{
    (void)arg;
    return store_key_sweep(c, e);
}

void rest_tick(const struct app *app)
{
    struct rest *r = app->rest;
    int64_t now = fh_ticks_ms();
    if (r->swept_ms && now - r->swept_ms < SWEEP_MS)
        return;
    r->swept_ms = now;
    (void)!db_transaction(app->pool, sweep, NULL,
                          NULL); /* keys that are over count for nothing: it can wait */
}

/* --- reading */

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t n = sizeof json - 1;
    return type && strncasecmp(type, json, n) == 0 && (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

fh_err rest_read(struct web_request *req, const struct rest_member *members, size_t count,
                 const struct rest_body **out, struct fh_error *e)
{
    const char *bytes;
    size_t n;
    FH_TRY(web_body_bytes(req, req->route->body_limit, &bytes, &n, e));
    if (n > 0 && !is_json(web_header(req, "Content-Type")))
        return FH_FAIL(e, FH_WRONG_TYPE,
                       "The body of this request must be JSON: send it with Content-Type: "
                       "application/json.");
    return rest_body_parse(req->arena, bytes, n, members, count, out, e);
}

static bool is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

fh_err rest_query(const struct web_request *req, const char *const *names, struct fh_error *e)
{
    const char *name;
    for (size_t i = 0; (name = web_query_name(req, i)); i++) {
        if (!is_among(name, names))
            return FH_FAIL(e, FH_INVALID, "This request has no parameter \"%.60s\".", name);
        for (size_t k = 0; k < i; k++)
            if (strcmp(web_query_name(req, k), name) == 0)
                return FH_FAIL(e, FH_INVALID, "The parameter \"%.60s\" is given twice.", name);
    }
    return FH_OK;
}

static bool parse_number(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || *end || *text < '1' || *text > '9' || n <= 0)
        return false;
    *out = n;
    return true;
}

fh_err rest_number(const char *text, const char *what, int64_t *out, struct fh_error *e)
{
    return parse_number(text, out) ? FH_OK
                                   : FH_FAIL(e, FH_INVALID, "%s must be a whole number, 1 or more.", what);
}

fh_err rest_path_number(const char *text, const char *absent, int64_t *out, struct fh_error *e)
{
    return parse_number(text, out) ? FH_OK : FH_FAIL(e, FH_NOT_FOUND, "%s", absent);
}

/* --- lists */

fh_err rest_page_read(struct web_request *req, struct rest_page *out, struct fh_error *e)
{
    const char *limit = web_query(req, "limit"), *cursor = web_query(req, "cursor");
    int64_t n = LIMIT;
    if (limit && (!parse_number(limit, &n) || n > MAX_LIMIT))
        return FH_FAIL(e, FH_INVALID, "limit must be a number from 1 to %d.", MAX_LIMIT);
    *out = (struct rest_page){.limit = (size_t)n};
    return cursor ? rest_cursor_parse(req->arena, cursor, &out->after, e) : FH_OK;
}

fh_err rest_page_id(const struct rest_page *page, int64_t *id, struct fh_error *e)
{
    *id = 0;
    return page->after ? rest_cursor_id(page->after, id, e) : FH_OK;
}

fh_err rest_reply_list(struct web_request *req, struct web_response *res, json_t *take_items,
                       const char *next_key, struct fh_error *e)
{
    json_t *body = json_object();
    fh_json_set(body, "items", take_items);
    fh_json_set(body, "next", rest_text(next_key ? rest_cursor_make(req->arena, next_key) : NULL));
    return rest_reply(req, res, 200, body, e);
}

/* --- answers */

fh_err rest_reply(struct web_request *req, struct web_response *res, int status, json_t *take_body,
                  struct fh_error *e)
{
    FH_TRY(web_reply_json(req, res, status, take_body, e));
    web_add_header(res, "Cache-Control", "private, no-cache");
    return FH_OK;
}

const char *rest_etag_of(struct fh_arena *a, const json_t *body)
{
    enum { SHOWN = 16 };
    uint8_t hash[FH_SHA256_SIZE];
    char hex[2 * SHOWN + 1];
    char *text = json_dumps(body, JSON_COMPACT);
    fh_sha256(text ? text : "", text ? strlen(text) : 0, hash);
    free(text);
    fh_hex_encode(hash, SHOWN, hex);
    return fh_sprintf(a, "\"%s\"", hex);
}

fh_err rest_reply_tagged(struct web_request *req, struct web_response *res, json_t *take_body,
                         const char *etag, struct fh_error *e)
{
    const char *known = web_header(req, "If-None-Match");
    if (!etag)
        etag = rest_etag_of(req->arena, take_body);
    if (known && web_etag_listed(known, etag, true)) {
        json_decref(take_body);
        web_reply(res, 304, NULL, "", 0);
        web_add_header(res, "Cache-Control", "private, no-cache");
    } else {
        FH_TRY(rest_reply(req, res, 200, take_body, e));
    }
    web_add_header(res, "ETag", etag);
    return FH_OK;
}

fh_err rest_reply_changed(struct web_request *req, struct web_response *res, json_t *take_body,
                          const char *etag, struct fh_error *e)
{
    if (!etag)
        etag = rest_etag_of(req->arena, take_body);
    FH_TRY(rest_reply(req, res, 200, take_body, e));
    web_add_header(res, "ETag", etag);
    return FH_OK;
}

fh_err rest_reply_created(struct web_request *req, struct web_response *res, const char *path,
                          const char *etag, json_t *take_body, struct fh_error *e)
{
    FH_TRY(rest_reply(req, res, 201, take_body, e));
    web_add_header(res, "Location", rest_url(req, path));
    if (etag)
        web_add_header(res, "ETag", etag);
    return FH_OK;
}

void rest_reply_nothing(struct web_response *res)
{
    web_reply(res, 204, NULL, "", 0);
    web_add_header(res, "Cache-Control", "private, no-cache");
}

fh_err rest_if_match(const struct web_request *req, const char *etag, const char *other, struct fh_error *e)
{
    const char *wanted = web_header(req, "If-Match");
    if (!wanted || web_etag_listed(wanted, etag, false) || (other && web_etag_listed(wanted, other, false)))
        return FH_OK;
    return FH_FAIL(e, FH_PRECONDITION,
                   "It was changed by somebody else: its ETag is %s now. Look at it again, then decide.",
                   etag);
}

json_t *rest_time(int64_t at)
{
    char text[FH_RFC3339_SIZE];
    if (at == 0)
        return json_null();
    fh_time_format(at, text);
    return json_string(text);
}

json_t *rest_text(const char *text)
{
    return text ? fh_json_text(text) : json_null();
}

const char *rest_url(const struct web_request *req, const char *path)
{
    return fh_sprintf(req->arena, "%s%s", req->app->config->base_url, path);
}

/* --- the database */

struct store_actor rest_by(const struct web_request *req)
{
    return (struct store_actor){.owner_id = req->actor->owner_id,
                                .token_id = req->actor->token_id,
                                .handle = req->actor->handle,
                                .remote = req->remote};
}

fh_err rest_load(const struct web_request *req, db_work *work, void *arg, struct fh_error *e)
{
    return db_read(req->app->pool, work, arg, e);
}

static void announce(const struct app *app, const char *channel, const char *handle)
{
    struct fh_error why = {0};
    if (db_announce(app->pool, channel, handle, TELL_MS, &why) != FH_OK)
        fh_log(FH_LOG_WARN, "%s", why.msg);
}

/* Clearing what this node keeps of accounts clears all of it, so whoever waits for a turn is served by an
 * announcement that began after its own commit. */
static void tell_of_accounts(const struct app *app)
{
    struct rest *r = app->rest;
    uint64_t mine = atomic_fetch_add(&r->changes, 1) + 1;
    auth_sessions_clear(app->sessions);
    pthread_mutex_lock(&r->telling);
    if (r->told < mine) {
        uint64_t upto = atomic_load(&r->changes);
        announce(app, "floe_accounts", "");
        r->told = upto;
    }
    pthread_mutex_unlock(&r->telling);
}

void rest_tell(const struct app *app, enum rest_about about, const char *handle)
{
    if (about == REST_ACCOUNTS) {
        tell_of_accounts(app);
        return;
    }
    wire_repos_changed(app->repos, handle, 0);
    pthread_mutex_lock(&app->rest->telling);
    announce(app, "floe_owner", handle);
    pthread_mutex_unlock(&app->rest->telling);
}

fh_err rest_change(const struct web_request *req, db_work *work, void *arg, enum rest_about about,
                   const char *handle, struct fh_error *e)
{
    FH_TRY(db_transaction(req->app->pool, work, arg, e));
    rest_tell(req->app, about, handle);
    return FH_OK;
}
