/* Requests to a hub's REST interface. See ask.h. */
#include "client/ask.h"

#include "client/hub.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/digest.h"
#include "common/hex.h"

#include <string.h>
#include <unistd.h>

enum {
    PATIENCE_SECONDS = 30, /* of all waits of one request */
    REQUEST_SECONDS = 120,
    MAX_ANSWER = 48 * 1024 * 1024, /* an environment with the largest lock, escaped */
    MAX_LIST = 64 * 1024 * 1024,   /* bytes of all pages of a list */
    MAX_HEADERS = 6,
    MAX_MESSAGE = 500,
};

static void add_escaped(struct fh_arena *a, const char **path, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = fh_alloc(a, 3 * strlen(text) + 1), *at = out;
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("._-", c)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    *path = fh_sprintf(a, "%s%s", *path, out);
}

const char *ask_path(struct fh_arena *a, const char *const *parts, size_t n)
{
    const char *path = "", *at = parts[0];
    for (size_t i = 1; i < n; i++) {
        const char *hole = strstr(at, "{}");
        path = fh_sprintf(a, "%s%.*s", path, (int)(hole - at), at);
        add_escaped(a, &path, parts[i]);
        at = hole + 2;
    }
    return fh_sprintf(a, "%s%s", path, at);
}

/* -- one exchange */

static fh_err write_body(struct client *c, const json_t *value, const char **out, size_t *n,
                         struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(FH_MAX_LOCK * 2);
    fh_err rc = fh_json_write_compact(value, &b, e);
    if (rc == FH_OK) {
        *out = fh_strndup(c->arena, b.data, b.len);
        *n = b.len;
    }
    fh_buf_free(&b);
    return rc;
}

static const char *new_key(struct fh_arena *a)
{
    unsigned char bytes[16];
    char *hex = fh_alloc(a, 2 * sizeof bytes + 1);
    fh_random(bytes, sizeof bytes);
    fh_hex_encode(bytes, sizeof bytes, hex);
    return hex;
}

/* The sentence of a refusal: the hub's, where it has one. */
static const char *detail_of(struct client *c, const struct api_answer *answer)
{
    json_t *problem = NULL;
    if (answer->body.data == NULL ||
        fh_json_parse(answer->body.data, answer->body.len, "answer", &problem, NULL) != FH_OK)
        return NULL;
    fh_json_own(c->arena, problem);
    const char *detail = fh_json_string(problem, "detail");
    return detail != NULL ? fh_sprintf(c->arena, "%.*s", MAX_MESSAGE, say_safe(c->arena, detail)) : NULL;
}

const char *ask_base(const struct client *c, const struct ask_request *request)
{
    return request->of_catalog ? c->settings.catalog : c->settings.hub;
}

/* The way out of a 401: a login, where it would be sent. */
static const char *login_hint(struct client *c, const char *base)
{
    return base == c->settings.hub || c->settings.catalog_is_ours
               ? "Use 'floe auth login' with a fresh token."
               : fh_sprintf(c->arena, "The catalog at %s is asked without your login, which is for %s.",
                            hub_origin(base, c->arena), c->settings.hub);
}

static fh_err refusal(struct client *c, const char *base, const struct api_answer *answer, struct fh_error *e)
{
    static const struct {
        long status;
        fh_err code;
    } codes[] = {{400, FH_INVALID},  {401, FH_UNAUTHENTICATED}, {403, FH_DENIED},     {404, FH_NOT_FOUND},
                 {409, FH_CONFLICT}, {412, FH_CONFLICT},        {413, FH_TOO_LARGE},  {415, FH_INVALID},
                 {422, FH_INVALID},  {429, FH_UNAVAILABLE},     {503, FH_UNAVAILABLE}};
    const char *detail = detail_of(c, answer);
    fh_err code = answer->status >= 500 ? FH_UNAVAILABLE : FH_INVALID;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].status == answer->status)
            code = codes[i].code;
    if (detail == NULL)
        return api_unusable(base, answer, c->arena, e);
    if (answer->status == 401)
        return FH_FAIL(e, code, "%s\n%s", detail, login_hint(c, base));
    if (answer->status == 412)
        return FH_FAIL(e, code, "%s\nSomebody changed it meanwhile. Look at it again, then repeat.", detail);
    return FH_FAIL(e, code, "%s", detail);
}

/* May this be sent again although it may have been done? */
static bool is_repeatable(const struct ask_request *r)
{
    return r->creates || r->only_asks || strcmp(r->method, "GET") == 0 || strcmp(r->method, "PUT") == 0;
}

/* True when it was worth waiting, and waited. A 429 was refused before anything was done. */
static bool wait_for_it(const struct ask_request *r, const struct api_answer *answer, int64_t *patience)
{
    bool asks = answer->status == 429 || (answer->status == 503 && is_repeatable(r));
    if (!asks || answer->retry_after <= 0 || answer->retry_after > *patience)
        return false;
    if (answer->retry_after > 1)
        say_info("The hub is busy and asks to wait %lld seconds.", (long long)answer->retry_after);
    *patience -= answer->retry_after;
    sleep((unsigned)answer->retry_after);
    return true;
}

static fh_err read_answer(struct client *c, const char *base, const struct api_answer *answer,
                          struct ask_answer *out, struct fh_error *e)
{
    json_t *value = NULL;
    if (answer->status < 200 || answer->status > 299)
        return refusal(c, base, answer, e);
    *out = (struct ask_answer){.status = answer->status, .etag = answer->etag, .bytes = answer->body.len};
    if (answer->status == 204)
        return FH_OK;
    if (strcmp(answer->type, "application/json") != 0 || answer->body.data == NULL ||
        fh_json_parse(answer->body.data, answer->body.len, "answer", &value, NULL) != FH_OK)
        return api_unusable(base, answer, c->arena, e);
    out->json = fh_json_own(c->arena, value);
    return FH_OK;
}

static fh_err exchange(struct client *c, const struct ask_request *r, struct api_request *request,
                       struct ask_answer *out, struct fh_error *e)
{
    int64_t patience = PATIENCE_SECONDS;
    for (;;) {
        struct api_answer answer;
        FH_TRY(api_send(c->api, request, c->arena, &answer, e));
        fh_err rc = FH_AGAIN;
        if (!wait_for_it(r, &answer, &patience))
            rc = read_answer(c, ask_base(c, r), &answer, out, e);
        fh_buf_free(&answer.body);
        if (rc != FH_AGAIN)
            return rc;
    }
}

fh_err ask_send(struct client *c, const struct ask_request *r, struct ask_answer *out, struct fh_error *e)
{
    const char *headers[MAX_HEADERS + 1] = {"Accept: application/json"};
    size_t n = 1, len = 0;
    const char *body = NULL;
    if (r->body != NULL) {
        FH_TRY(write_body(c, r->body, &body, &len, e));
        headers[n++] = "Content-Type: application/json";
    }
    if (r->if_match != NULL)
        headers[n++] = fh_sprintf(c->arena, "If-Match: %s", r->if_match);
    if (r->creates)
        headers[n++] = fh_sprintf(c->arena, "Idempotency-Key: %s", new_key(c->arena));
    struct api_request request = {
        .url = fh_sprintf(c->arena, "%s/api/v1%s", hub_api_base(ask_base(c, r), c->arena), r->path),
        .method = r->method,
        .auth = API_BEARER,
        .headers = headers,
        .body = body,
        .body_len = len,
        .ceiling = MAX_ANSWER,
        .seconds = REQUEST_SECONDS,
        .progress = "Asking the hub",
    };
    return exchange(c, r, &request, out, e);
}

fh_err ask_get(struct client *c, const char *path, struct ask_answer *out, struct fh_error *e)
{
    const struct ask_request request = {.method = "GET", .path = path};
    FH_TRY(ask_send(c, &request, out, e));
    if (out->json == NULL)
        return FH_FAIL(e, FH_UNAVAILABLE, "The hub at %s sent an empty answer.",
                       hub_origin(c->settings.hub, c->arena));
    return FH_OK;
}

/* -- lists */

fh_err ask_list(struct client *c, const char *path, size_t max, const json_t **items, struct fh_error *e)
{
    json_t *all = fh_json_own(c->arena, json_array());
    const char *cursor = NULL, *join = strchr(path, '?') != NULL ? "&" : "?";
    size_t step = max > 0 && max < 200 ? max : 200, bytes = 0;
    do {
        struct ask_answer page;
        const char *at = fh_sprintf(c->arena, "%s%slimit=%zu", path, join, step);
        if (cursor != NULL)
            at = fh_sprintf(c->arena, "%s%s", at, ASK_PATH(c, "&cursor={}", cursor));
        FH_TRY(ask_get(c, at, &page, e));
        json_t *some = json_object_get(page.json, "items");
        const char *next = fh_json_string(page.json, "next");
        if (!json_is_array(some))
            return FH_FAIL(e, FH_UNAVAILABLE, "The hub at %s sent a list that is none.",
                           hub_origin(c->settings.hub, c->arena));
        json_array_extend(all, some);
        bytes += page.bytes;
        if (bytes > MAX_LIST ||
            (next != NULL && (json_array_size(some) == 0 || (cursor != NULL && strcmp(cursor, next) == 0))))
            return FH_FAIL(e, FH_UNAVAILABLE, "The list of the hub at %s does not end.",
                           hub_origin(c->settings.hub, c->arena));
        cursor = next;
    } while (cursor != NULL && (max == 0 || json_array_size(all) < max));
    while (max > 0 && json_array_size(all) > max)
        json_array_remove(all, json_array_size(all) - 1);
    *items = all;
    return FH_OK;
}
