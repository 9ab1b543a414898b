/* Idempotency-Key. See rest_key_http.h. */
#include "server/rest/rest_key_http.h"

#include "common/digest.h"

#include <string.h>

enum { MAX_KEY = 255 };

static bool is_fine(const char *key)
{
    size_t n = 0;
    for (; key[n]; n++)
        if (key[n] <= ' ' || key[n] > '~')
            return false;
    return n >= 1 && n <= MAX_KEY;
}

static void add(struct fh_digest *d, const char *text)
{
    fh_digest_add(d, text ? text : "", strlen(text ? text : "") + 1); /* with its NUL, as a border */
}

fh_err rest_key_read(struct web_request *req, struct rest_key *out, struct fh_error *e)
{
    const char *text = web_header(req, "Idempotency-Key"), *bytes;
    size_t n;
    *out = (struct rest_key){0};
    if (!text)
        return FH_OK;
    if (!is_fine(text))
        return FH_FAIL(e, FH_INVALID, "An Idempotency-Key has 1 to %d visible characters, without spaces.",
                       MAX_KEY);
    FH_TRY(web_body_bytes(req, req->route->body_limit, &bytes, &n, e));
    struct fh_digest *d = fh_digest_new(FH_SHA256);
    add(d, req->route->name);
    add(d, req->path);
    add(d, web_header(req, "If-Match"));
    fh_digest_add(d, bytes, n);
    fh_digest_finish(d, out->key.request);
    fh_digest_free(d);
    out->given = true;
    out->key.owner_id = req->actor->owner_id;
    out->key.text = text;
    return FH_OK;
}

fh_err rest_key_claim(struct db_conn *c, const struct web_request *req, struct rest_key *key,
                      struct fh_error *e)
{
    key->found = false;
    return key->given ? store_key_claim(c, req->arena, &key->key, &key->kept, &key->found, e) : FH_OK;
}

fh_err rest_key_keep(struct db_conn *c, const struct web_request *req, const struct rest_key *key,
                     const struct rest_made *made, struct fh_error *e)
{
    if (!key->given)
        return FH_OK;
    struct store_kept kept = {.made = made->name, .path = made->path, .etag = made->etag};
    char *text = made->secret ? NULL : json_dumps(made->body, JSON_COMPACT);
    if (text)
        fh_defer(req->arena, free, text);
    kept.answer = text;
    return store_key_keep(c, &key->key, &kept, e);
}

fh_err rest_reply_made(struct web_request *req, struct web_response *res, const struct rest_key *key,
                       const struct rest_made *made, struct fh_error *e)
{
    if (!key->found)
        return rest_reply_created(req, res, made->path, made->etag, json_incref(made->body), e);
    if (!key->kept.answer)
        return FH_FAIL(e, FH_CONFLICT,
                       "The request with this Idempotency-Key made %s already. What it showed once is kept "
                       "nowhere: if that answer was lost, revoke it and make another with a new key.",
                       key->kept.made);
    json_t *body;
    FH_TRY(fh_json_parse(key->kept.answer, strlen(key->kept.answer), "answer", &body, e));
    FH_TRY(rest_reply_created(req, res, key->kept.path, key->kept.etag, body, e));
    web_add_header(res, "Idempotency-Replayed", "true");
    return FH_OK;
}
