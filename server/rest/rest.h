/* REST: what its routes share. docs/internals/rest.md says what holds for all of them and how one is written.
 *
 *     handler: read the query and the body -> load what it is about -> auth_can on that -> change -> reply
 *
 * All memory is the request's arena; every function is called on a worker, by one thread at a time. */
#ifndef REST_REST_H
#define REST_REST_H

#include "common/json.h"
#include "server/app.h"
#include "server/auth/auth.h"
#include "server/http/web.h"
#include "server/rest/rest_body.h"
#include "server/rest/rest_cursor.h"
#include "server/store/env.h"

/* --- reading */

/* The body against its table; its Content-Type must be application/json (FH_WRONG_TYPE), which also keeps
 * forms of other people's pages out. */
fh_err rest_read(struct web_request *req, const struct rest_member *members, size_t count,
                 const struct rest_body **out, struct fh_error *e) FH_MUSTCHECK;
/* Refuses parameters of the query that are not in names (ended by NULL), and one given twice: a filter that
 * is misspelt must not show everything. */
fh_err rest_query(const struct web_request *req, const char *const *names, struct fh_error *e) FH_MUSTCHECK;
/* A number of the path or the query, 1 or more. what: "The token's number", for the sentence. */
fh_err rest_number(const char *text, const char *what, int64_t *out, struct fh_error *e) FH_MUSTCHECK;
/* The same where anything else than a number names nothing: FH_NOT_FOUND with that sentence. */
fh_err rest_path_number(const char *text, const char *absent, int64_t *out, struct fh_error *e) FH_MUSTCHECK;

/* --- lists */

struct rest_page {
    size_t limit;      /* 1 to 200 */
    const char *after; /* the key behind which to go on; NULL: from the beginning */
};
/* The parameters limit and cursor. Ask the store for limit + 1 items: the one too many says that there is a
 * next page, and is not shown. */
fh_err rest_page_read(struct web_request *req, struct rest_page *out, struct fh_error *e) FH_MUSTCHECK;
/* As above for lists whose keys are row ids; 0: from the beginning. */
fh_err rest_page_id(const struct rest_page *page, int64_t *id, struct fh_error *e) FH_MUSTCHECK;
/* {"items": take_items, "next": …}; next_key NULL: it was the last page. */
fh_err rest_reply_list(struct web_request *req, struct web_response *res, json_t *take_items,
                       const char *next_key, struct fh_error *e) FH_MUSTCHECK;

/* --- answers; all say Cache-Control: private, no-cache */

fh_err rest_reply(struct web_request *req, struct web_response *res, int status, json_t *take_body,
                  struct fh_error *e) FH_MUSTCHECK;
/* 200 with the ETag, or 304 when If-None-Match has it. etag with its quotes; NULL: one is made from the body.
 */
fh_err rest_reply_tagged(struct web_request *req, struct web_response *res, json_t *take_body,
                         const char *etag, struct fh_error *e) FH_MUSTCHECK;
/* 200 after a change, with the new ETag; NULL: made from the body. */
fh_err rest_reply_changed(struct web_request *req, struct web_response *res, json_t *take_body,
                          const char *etag, struct fh_error *e) FH_MUSTCHECK;
/* 201 with a Location; path begins with a slash, below the base URL. etag may be NULL. */
fh_err rest_reply_created(struct web_request *req, struct web_response *res, const char *path,
                          const char *etag, json_t *take_body, struct fh_error *e) FH_MUSTCHECK;
void rest_reply_nothing(struct web_response *res); /* 204 */
/* The ETag that rest_reply_tagged makes from a body: of every byte of it. */
const char *rest_etag_of(struct fh_arena *a, const json_t *body);
/* FH_PRECONDITION unless there is no If-Match, or it names etag or, where not NULL, other. */
fh_err rest_if_match(const struct web_request *req, const char *etag, const char *other,
                     struct fh_error *e) FH_MUSTCHECK;
json_t *rest_time(int64_t at);                                         /* RFC 3339; null for 0 */
json_t *rest_text(const char *text);                                   /* null for NULL */
const char *rest_url(const struct web_request *req, const char *path); /* below the base URL */

/* --- the database */

struct store_actor rest_by(const struct web_request *req);
fh_err rest_load(const struct web_request *req, db_work *work, void *arg, struct fh_error *e) FH_MUSTCHECK;
/* One transaction; then waits until every running hub knows: about accounts, or about the environments of an
 * owner. So a token that was revoked is refused by the next request, whichever node it reaches. */
enum rest_about { REST_ACCOUNTS, REST_ENVIRONMENTS };
fh_err rest_change(const struct web_request *req, db_work *work, void *arg, enum rest_about about,
                   const char *handle, struct fh_error *e) FH_MUSTCHECK;
/* The second half of it, for who has a transaction of its own. */
void rest_tell(const struct app *app, enum rest_about about, const char *handle);

/* What REST keeps for as long as the hub runs: made and freed by app.c. */
struct rest;
struct rest *rest_open(int64_t rate_limit); /* requests a minute of one caller; 0: no limit */
void rest_close(struct rest *r);
/* Called every few seconds: takes out idempotency keys that are over, once an hour. */
void rest_tick(const struct app *app);
struct rest_rate;
struct rest_rate *rest_rates(const struct app *app);

#endif
