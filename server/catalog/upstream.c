/* Another hub that answers questions about the base catalog. See upstream.h. */
#include "server/catalog/upstream.h"

#include "common/buf.h"
#include "common/ceilings.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/hex.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/catalog/upstream_cache.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    IDLE_HANDLES = 8,
    STRIPES = 16,   /* questions that are the same wait for one answer */
    SLOT_MS = 1000, /* how long one more waits until fewer do */
    DOWN_MS = 5000, /* after a failure it is not asked for so long */
    KEY = FH_SHA256_SIZE,
};

struct catalog_upstream {
    struct catalog_upstream_config config;
    struct catalog_kept *kept;
    uint8_t secret[KEY];
    pthread_mutex_t asking[STRIPES];
    pthread_mutex_t lock; /* what follows */
    CURL *idle[IDLE_HANDLES];
    size_t nidle;
    int64_t down_until; /* ticks; 0: it answered last */
    int waiting;        /* threads that ask, or wait for who asks the same */
    pthread_cond_t less_waiting;
    _Atomic uint64_t asked, failed, from_memory, stale;
};

struct catalog_upstream *catalog_upstream_new(const struct catalog_upstream_config *config)
{
    struct catalog_upstream *u = fh_xcalloc(1, sizeof *u);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    u->config = *config;
    u->kept = catalog_kept_new(FH_MAX_UPSTREAM_KEPT);
    fh_random(u->secret, sizeof u->secret);
    pthread_mutex_init(&u->lock, NULL);
    pthread_cond_init(&u->less_waiting, NULL);
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&u->asking[i], NULL);
    return u;
}

void catalog_upstream_free(struct catalog_upstream *u)
{
    if (!u)
        return;
    while (u->nidle > 0)
        curl_easy_cleanup(u->idle[--u->nidle]);
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&u->asking[i]);
    pthread_cond_destroy(&u->less_waiting);
    pthread_mutex_destroy(&u->lock);
    catalog_kept_free(u->kept);
    free(u);
    curl_global_cleanup();
}

/* --- connections that are kept open */

static CURL *take_handle(struct catalog_upstream *u)
{
    pthread_mutex_lock(&u->lock);
    CURL *curl = u->nidle ? u->idle[--u->nidle] : NULL;
    pthread_mutex_unlock(&u->lock);
    return curl ? curl : curl_easy_init();
}

static void give_handle(struct catalog_upstream *u, CURL *take_curl)
{
    curl_easy_reset(take_curl); /* its connections stay */
    pthread_mutex_lock(&u->lock);
    bool room = u->nidle < IDLE_HANDLES;
    if (room)
        u->idle[u->nidle++] = take_curl;
    pthread_mutex_unlock(&u->lock);
    if (!room)
        curl_easy_cleanup(take_curl);
}

/* --- one request */

static size_t take_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    struct fh_buf *b = arg;
    return fh_buf_add(b, bytes, size * n, NULL) == FH_OK ? size * n : 0;
}

static struct curl_slist *headers(struct fh_arena *a, const struct catalog_upstream *u, bool post)
{
    struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
    list = curl_slist_append(list, CATALOG_HOP_HEADER ": 1");
    if (post)
        list = curl_slist_append(list, "Content-Type: application/json");
    if (u->config.token)
        list = curl_slist_append(list, fh_sprintf(a, "Authorization: bearer %s", u->config.token));
    return list;
}

static void set_up(CURL *curl, const char *url, struct curl_slist *list, const char *body, struct fh_buf *out)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L); /* what answers is the host that the operator named */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)FH_UPSTREAM_CONNECT_TIMEOUT);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)FH_UPSTREAM_TIMEOUT);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "floe-server/" FLOE_VERSION);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
}

/* Is it this question that is refused, and no other? */
static bool is_refusal(int status)
{
    return status >= 400 && status < 500 && status != 401 && status != 403 && status != 407 && status != 429;
}

/* What came is an answer of a catalog: one of three statuses, and a JSON object. FH_TOO_LARGE: it is there,
 * and answers, but not this. Whoever asks decides how much that is, so that says nothing to others. */
static fh_err check(int status, const char *type, const struct fh_buf *b, struct fh_error *e)
{
    struct fh_error why = {0};
    json_t *value;
    if (status != 200 && status != 404 && status != 422)
        return FH_FAIL(e, is_refusal(status) ? FH_TOO_LARGE : FH_UNAVAILABLE, "it answered with status %d",
                       status);
    if (!type || strncasecmp(type, "application/json", 16) != 0)
        return FH_FAIL(e, FH_UNAVAILABLE, "its answer is not JSON");
    fh_err rc = fh_json_parse(b->data ? b->data : "", b->len, "answer", &value, &why);
    if (rc != FH_OK)
        return FH_FAIL(e, rc == FH_TOO_LARGE ? rc : FH_UNAVAILABLE, "its answer cannot be read: %.200s",
                       why.msg);
    bool object = json_is_object(value);
    json_decref(value);
    return object ? FH_OK : FH_FAIL(e, FH_UNAVAILABLE, "its answer is no object");
}

static fh_err fetch(struct catalog_upstream *u, struct fh_arena *a, const char *path, const char *body,
                    int *status, struct fh_buf *b, struct fh_error *e)
{
    CURL *curl = take_handle(u);
    char reason[CURL_ERROR_SIZE] = "", *type = NULL;
    long code = 0;
    if (!curl)
        return FH_FAIL(e, FH_UNAVAILABLE, "libcurl cannot be used");
    struct curl_slist *list = headers(a, u, body != NULL);
    set_up(curl, fh_sprintf(a, "%s%s", u->config.url, path), list, body, b);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    CURLcode rc = curl_easy_perform(curl);
    fh_err done;
    if (rc == CURLE_WRITE_ERROR) { /* take_bytes had no room */
        done = FH_FAIL(e, FH_TOO_LARGE, "its answer is larger than %d bytes", FH_MAX_UPSTREAM_ANSWER);
    } else if (rc != CURLE_OK) {
        done = FH_FAIL(e, FH_UNAVAILABLE, "%s", reason[0] ? reason : curl_easy_strerror(rc));
    } else {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
        curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
        *status = (int)code;
        done = check(*status, type, b, e);
    }
    curl_slist_free_all(list);
    give_handle(u, curl);
    return done;
}

/* --- questions */

const char *catalog_upstream_alias(const struct catalog_upstream *u, struct fh_arena *a, const char *text)
{
    enum { SHOWN = 8 };
    uint8_t digest[KEY];
    char *hex = fh_alloc(a, 2 * SHOWN + 1);
    struct fh_digest *d = fh_digest_new(FH_SHA256);
    fh_digest_add(d, u->secret, sizeof u->secret);
    fh_digest_add(d, text, strlen(text));
    fh_digest_finish(d, digest);
    fh_digest_free(d);
    fh_hex_encode(digest, SHOWN, hex);
    return fh_sprintf(a, "x%s", hex);
}

static void make_key(const char *path, const char *body, uint8_t key[KEY])
{
    struct fh_digest *d = fh_digest_new(FH_SHA256);
    fh_digest_add(d, path, strlen(path) + 1);
    if (body)
        fh_digest_add(d, body, strlen(body));
    fh_digest_finish(d, key);
    fh_digest_free(d);
}

static bool is_down(struct catalog_upstream *u)
{
    pthread_mutex_lock(&u->lock);
    bool down = fh_ticks_ms() < u->down_until;
    pthread_mutex_unlock(&u->lock);
    return down;
}

static void note(struct catalog_upstream *u, bool answered, const char *why)
{
    pthread_mutex_lock(&u->lock);
    bool was_down = u->down_until != 0;
    u->down_until = answered ? 0 : fh_ticks_ms() + DOWN_MS;
    pthread_mutex_unlock(&u->lock);
    if (!answered && !was_down)
        fh_log(FH_LOG_WARN, "The catalog's upstream does not answer: %s", why);
    else if (answered && was_down)
        fh_log(FH_LOG_INFO, "The catalog's upstream answers again.");
}

static fh_err no_answer(struct fh_error *e)
{
    return FH_FAIL(e, FH_UNAVAILABLE,
                   "The hub that this one asks for packages does not answer. Try again in a moment.");
}

static fh_err cannot_answer(struct fh_error *e)
{
    return FH_FAIL(e, FH_MISMATCH,
                   "The hub that this one asks for packages cannot answer this. Ask for less at a time.");
}

/* Under the question's stripe: asks, and keeps the answer. */
static fh_err ask_now(struct catalog_upstream *u, struct fh_arena *a, const uint8_t key[KEY],
                      const char *path, const char *body, struct catalog_upstream_answer *out,
                      struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(FH_MAX_UPSTREAM_ANSWER);
    struct fh_error why = {0};
    int status = 0;
    atomic_fetch_add(&u->asked, 1);
    fh_err rc = fetch(u, a, path, body, &status, &b, &why);
    note(u, rc != FH_UNAVAILABLE, why.msg);
    if (rc == FH_OK) {
        catalog_kept_put(u->kept, key, status, b.data, b.len, fh_now());
        *out = (struct catalog_upstream_answer){
            .status = status, .body = fh_strndup(a, b.data, b.len), .n = b.len};
    } else {
        atomic_fetch_add(&u->failed, 1);
        rc = rc == FH_UNAVAILABLE ? no_answer(e) : cannot_answer(e);
    }
    fh_buf_free(&b);
    return rc;
}

static bool find(struct catalog_upstream *u, struct fh_arena *a, const uint8_t key[KEY], bool any_age,
                 struct catalog_upstream_answer *out)
{
    int64_t at;
    if (!catalog_kept_get(u->kept, a, key, &out->status, &out->body, &out->n, &at))
        return false;
    int64_t age = fh_now() - at;
    out->age = age > 0 ? age : 0;
    out->stale = out->age >= u->config.fresh;
    return any_age || !out->stale;
}

/* A thread that waits for another hub is one less for everything else, so only so many do. false: one is not
 * to wait. */
static bool begin_waiting(struct catalog_upstream *u)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SLOT_MS / 1000;
    pthread_mutex_lock(&u->lock);
    while (u->waiting >= u->config.most && fh_ticks_ms() >= u->down_until &&
           pthread_cond_timedwait(&u->less_waiting, &u->lock, &until) == 0)
        ;
    bool mine = u->waiting < u->config.most && fh_ticks_ms() >= u->down_until;
    u->waiting += mine;
    pthread_mutex_unlock(&u->lock);
    return mine;
}

static void end_waiting(struct catalog_upstream *u)
{
    pthread_mutex_lock(&u->lock);
    u->waiting--;
    pthread_cond_broadcast(&u->less_waiting);
    pthread_mutex_unlock(&u->lock);
}

/* One asks; who has the same question meanwhile finds the answer. */
static fh_err ask_in_turn(struct catalog_upstream *u, struct fh_arena *a, const uint8_t key[KEY],
                          const char *path, const char *body, struct catalog_upstream_answer *out,
                          struct fh_error *e)
{
    pthread_mutex_t *stripe = &u->asking[key[KEY - 1] % STRIPES];
    fh_err rc = FH_OK;
    pthread_mutex_lock(stripe);
    if (find(u, a, key, false, out))
        atomic_fetch_add(&u->from_memory, 1);
    else
        rc = is_down(u) ? no_answer(e) : ask_now(u, a, key, path, body, out, e);
    pthread_mutex_unlock(stripe);
    return rc;
}

fh_err catalog_upstream_ask(struct catalog_upstream *u, struct fh_arena *a, const char *path,
                            const char *body, struct catalog_upstream_answer *out, struct fh_error *e)
{
    uint8_t key[KEY];
    fh_err rc = FH_UNAVAILABLE;
    make_key(path, body, key);
    *out = (struct catalog_upstream_answer){0};
    if (find(u, a, key, false, out)) {
        atomic_fetch_add(&u->from_memory, 1);
        return FH_OK;
    }
    bool mine = begin_waiting(u);
    rc = mine ? ask_in_turn(u, a, key, path, body, out, e) : no_answer(e);
    if (mine)
        end_waiting(u);
    if (rc != FH_OK && find(u, a, key, true, out)) {
        atomic_fetch_add(&u->stale, 1);
        out->stale = true;
        rc = FH_OK;
    }
    return rc;
}

fh_err catalog_upstream_metrics(struct catalog_upstream *u, struct fh_buf *out, struct fh_error *e)
{
    if (!u)
        return FH_OK;
    return fh_buf_addf(
        out, e,
        "# HELP floe_upstream_up Whether the catalog's upstream answered when it was last asked.\n"
        "# TYPE floe_upstream_up gauge\nfloe_upstream_up %d\n"
        "# HELP floe_upstream_answers_total Questions that are for the upstream, by how they were answered.\n"
        "# TYPE floe_upstream_answers_total counter\n"
        "floe_upstream_answers_total{how=\"asked\"} %llu\n"
        "floe_upstream_answers_total{how=\"memory\"} %llu\n"
        "floe_upstream_answers_total{how=\"stale\"} %llu\n"
        "# HELP floe_upstream_failures_total Times that it was asked and did not answer.\n"
        "# TYPE floe_upstream_failures_total counter\nfloe_upstream_failures_total %llu\n",
        u->down_until == 0, (unsigned long long)(u->asked - u->failed), (unsigned long long)u->from_memory,
        (unsigned long long)u->stale, (unsigned long long)u->failed);
}
