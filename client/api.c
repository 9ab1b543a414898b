/* HTTP over libcurl. */
#include "client/api.h"

#include "client/hub.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/cli.h"
#include "common/clock.h"
#include "common/mem.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_SECONDS = 15, STALL_SECONDS = 60, MAX_STALL_SECONDS = 24 * 60 * 60, STALL_BYTES = 16 };

struct api {
    CURL *curl;
    char *token, *origin;
    int64_t began; /* of the first request: what takes a second is the verb */
};

static void api_free(void *ptr)
{
    struct api *api = ptr;
    if (api->curl != NULL)
        curl_easy_cleanup(api->curl);
    if (api->token != NULL)
        explicit_bzero(api->token, strlen(api->token));
    free(api->token);
    free(api->origin);
    free(api);
    curl_global_cleanup();
}

struct api *api_new(struct fh_arena *a, const char *token, const char *origin)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct api *api = fh_xcalloc(1, sizeof *api);
    api->curl = curl_easy_init();
    /* A token with a control character in it would end its header line. */
    bool sane = token != NULL && *token != '\0';
    for (const char *p = token; sane && *p != '\0'; p++)
        sane = (unsigned char)*p > ' ' && (unsigned char)*p < 127;
    api->token = sane ? fh_xstrdup(token) : NULL;
    api->origin = fh_xstrdup(origin != NULL ? origin : "");
    fh_defer(a, api_free, api);
    return api;
}

bool api_has_token(const struct api *api, const char *url)
{
    struct fh_arena *a = fh_arena_new();
    bool same = api->token != NULL && strcmp(hub_origin(url, a), api->origin) == 0;
    fh_arena_free(a);
    return same;
}

struct transfer {
    const struct api_request *request;
    struct api_answer *answer;
    CURL *curl;
    struct fh_error *e;
    fh_err rc; /* what the sink or the ceiling said */
    size_t received, ceiling;
    bool decided, to_sink;
    struct fh_progress *progress;
    curl_off_t moved;    /* bytes in both directions */
    int64_t moved_at;    /* when the last of them went */
    int64_t patience_ms; /* how long none may */
};

static const char *media_type(CURL *curl, struct fh_arena *a)
{
    char *raw = NULL;
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &raw);
    if (raw == NULL)
        return "";
    char *type = fh_strndup(a, raw, strcspn(raw, "; \t"));
    for (char *p = type; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    return type;
}

static void decide(struct transfer *t)
{
    long status = 0;
    char *raw = NULL;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_TYPE, &raw);
    const char *want = t->request->sink_type;
    t->to_sink = t->request->sink != NULL && status == 200 && raw != NULL && want != NULL &&
                 strncmp(raw, want, strlen(want)) == 0 && strchr("; \t", raw[strlen(want)]) != NULL;
    t->decided = true;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *state)
{
    struct transfer *t = state;
    size_t n = size * count;
    if (!t->decided)
        decide(t);
    t->received += n;
    if (t->received > t->ceiling)
        t->rc = FH_FAIL(t->e, FH_TOO_LARGE, "The answer of the server is larger than %zu bytes.", t->ceiling);
    else if (t->to_sink)
        t->rc = t->request->sink(t->request->sink_state, bytes, n, t->e);
    else if (fh_buf_add(&t->answer->body, bytes, n, NULL) != FH_OK)
        t->rc = FH_FAIL(t->e, FH_TOO_LARGE, "The answer of the server is larger than expected.");
    return t->rc == FH_OK ? n : 0;
}

static int on_progress(void *state, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    struct transfer *t = state;
    if (t->progress != NULL)
        fh_progress_set(t->progress, down > 0 ? down : up, down > 0 ? down_total : up_total);
    int64_t now = fh_ticks_ms();
    if (down + up != t->moved || t->moved_at == 0) {
        t->moved = down + up;
        t->moved_at = now;
    }
    return now - t->moved_at > t->patience_ms;
}

static long stall_seconds(void)
{
    const char *text = getenv("FLOE_TIMEOUT");
    char *end;
    long seconds = text != NULL ? strtol(text, &end, 10) : 0;
    bool fine = text != NULL && *text != '\0' && *end == '\0' && seconds > 0 && seconds <= MAX_STALL_SECONDS;
    return fine ? seconds : STALL_SECONDS;
}

static void read_headers(CURL *curl, struct fh_arena *a, struct api_answer *out)
{
    struct curl_header *h;
    curl_off_t seconds = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
    out->type = media_type(curl, a);
    out->retry_after = seconds;
    if (curl_easy_header(curl, "ETag", 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
        out->etag = fh_strdup(a, h->value);
}

static struct curl_slist *headers_of(const struct api_request *r)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (const char *const *h = r->headers; h != NULL && *h != NULL; h++)
        list = curl_slist_append(list, *h);
    return list;
}

static void set_auth(struct api *api, const struct api_request *r)
{
    const char *token = api_has_token(api, r->url) ? api->token : NULL;
    if (r->auth == API_BEARER && token != NULL) {
        curl_easy_setopt(api->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(api->curl, CURLOPT_XOAUTH2_BEARER, token);
    } else if (r->auth == API_BASIC_OAUTH) {
        curl_easy_setopt(api->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(api->curl, CURLOPT_USERNAME, "oauth");
        curl_easy_setopt(api->curl, CURLOPT_PASSWORD, token != NULL ? token : "");
    }
}

static void set_up(struct api *api, const struct api_request *r, struct transfer *t,
                   struct curl_slist *headers, char *reason)
{
    CURL *c = api->curl;
    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, r->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT,
                     stall_seconds() < CONNECT_SECONDS ? stall_seconds() : (long)CONNECT_SECONDS);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, stall_seconds());
    curl_easy_setopt(c, CURLOPT_TIMEOUT, r->seconds > stall_seconds() ? stall_seconds() : r->seconds);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "floe/" FLOE_VERSION);
    curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    const char *ca = getenv("SSL_CERT_FILE");
    if (ca != NULL && *ca != '\0')
        curl_easy_setopt(c, CURLOPT_CAINFO, ca);
    if (r->body != NULL) {
        curl_easy_setopt(c, CURLOPT_POST, 1L);
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body);
    }
    if (r->method != NULL)
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
    set_auth(api, r);
}

static fh_err no_answer(struct api *api, const struct api_request *r, CURLcode code, const char *reason,
                        struct fh_arena *a, struct fh_error *e)
{
    (void)api;
    const char *origin = hub_origin(r->url, a);
    const char *why = say_safe(a, *reason != '\0' ? reason : curl_easy_strerror(code));
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return FH_FAIL(e, FH_UNAVAILABLE,
                       "The certificate of %s cannot be trusted: %s. Set SSL_CERT_FILE to a file with the "
                       "authority that signed it, if you trust it.",
                       origin, why);
    case CURLE_SSL_CONNECT_ERROR:
        return FH_FAIL(
            e, FH_UNAVAILABLE,
            "No secure connection to %s: %s. If that hub has no TLS, its address begins with http://.",
            origin, why);
    case CURLE_COULDNT_RESOLVE_HOST:
        return FH_FAIL(
            e, FH_UNAVAILABLE,
            "Cannot reach the hub at %s: %s. Is the address right ('floe config' tells where it comes "
            "from), and is this machine on the network?",
            origin, why);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return FH_FAIL(e, FH_UNAVAILABLE,
                       "Cannot reach the hub at %s: %s. Look at http_proxy, https_proxy and no_proxy.",
                       origin, why);
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_ABORTED_BY_CALLBACK:
        if (code == CURLE_ABORTED_BY_CALLBACK)
            why = fh_sprintf(a, "nothing came for %ld seconds", stall_seconds());
        return FH_FAIL(
            e, FH_UNAVAILABLE,
            "The hub at %s did not answer in time: %s. Try again; FLOE_TIMEOUT sets how many seconds "
            "to wait.",
            origin, why);
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2_STREAM:
        if (strstr(why, "407") != NULL)
            return api_unusable(r->url, &(struct api_answer){.status = 407, .type = ""}, a, e);
        return FH_FAIL(e, FH_UNAVAILABLE, "The connection to %s broke off: %s. Try again.", origin, why);
    default:
        return FH_FAIL(
            e, FH_UNAVAILABLE,
            "Cannot reach the hub at %s: %s. Is it running, and is the address right? 'floe config' "
            "tells where it comes from.",
            origin, why);
    }
}

fh_err api_send(struct api *api, const struct api_request *request, struct fh_arena *a,
                struct api_answer *out, struct fh_error *e)
{
    if (api->curl == NULL)
        return FH_FAIL(e, FH_INTERNAL, "libcurl cannot be initialised.");
    char reason[CURL_ERROR_SIZE] = "";
    size_t ceiling = request->ceiling != 0 ? request->ceiling : FH_MAX_BODY_SMALL;
    *out = (struct api_answer){.type = "", .body = FH_BUF_INIT(ceiling)};
    struct transfer t = {.request = request,
                         .answer = out,
                         .curl = api->curl,
                         .e = e,
                         .ceiling = ceiling,
                         .patience_ms = 1000 * (int64_t)stall_seconds()};
    struct curl_slist *headers = headers_of(request);
    set_up(api, request, &t, headers, reason);
    if (api->began == 0)
        api->began = fh_ticks_ms();
    if (!say_is_quiet())
        t.progress =
            fh_progress_since(request->progress != NULL ? request->progress : "Asking the hub", api->began);
    CURLcode code = curl_easy_perform(api->curl);
    if (t.progress != NULL)
        fh_progress_end(t.progress);
    curl_slist_free_all(headers);
    fh_err rc = FH_OK;
    if (t.rc != FH_OK)
        rc = t.rc;
    else if (code != CURLE_OK)
        rc = no_answer(api, request, code, reason, a, e);
    read_headers(api->curl, a, out);
    char *location = NULL;
    curl_easy_getinfo(api->curl, CURLINFO_REDIRECT_URL, &location);
    if (rc == FH_OK && out->status >= 300 && out->status < 400)
        rc = FH_FAIL(e, FH_INVALID,
                     "The server at %s redirects to '%.200s'; floe follows no redirects. Is that the hub's "
                     "address?",
                     hub_origin(request->url, a), location != NULL ? say_safe(a, location) : "nowhere");
    /* No copy of the credential stays in the handle between requests. */
    curl_easy_setopt(api->curl, CURLOPT_PASSWORD, NULL);
    curl_easy_setopt(api->curl, CURLOPT_XOAUTH2_BEARER, NULL);
    if (rc != FH_OK)
        fh_buf_free(&out->body);
    return rc;
}
