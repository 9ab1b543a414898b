/* A server with test routes and a client of raw bytes, for the tests of server/http. */
#ifndef TESTS_WEB_PROBE_H
#define TESTS_WEB_PROBE_H

#include "server/http/web.h"

#include "common/ceilings.h"
#include "common/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#pragma GCC diagnostic ignored "-Wunused-function" /* each test uses some */

struct probe {
    struct web_config config;
    struct web_server *server;
    char spool[64];
    int port, metrics_port;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool holding;
static int held;

/* Holds and releases the handler of /hold. */
static void probe_hold(bool hold)
{
    pthread_mutex_lock(&lock);
    holding = hold;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static int probe_held(void)
{
    pthread_mutex_lock(&lock);
    int n = held;
    pthread_mutex_unlock(&lock);
    return n;
}

static fh_err hello(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)req, (void)e;
    web_reply(res, 200, "text/plain", "hello\n", 6);
    return FH_OK;
}

static fh_err on_worker(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    if (req->inline_only)
        return FH_AGAIN;
    return hello(req, res, e);
}

static fh_err hold(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    pthread_mutex_lock(&lock);
    held++;
    while (holding)
        pthread_cond_wait(&changed, &lock);
    held--;
    pthread_mutex_unlock(&lock);
    return hello(req, res, e);
}

/* What the handler sees of its request. */
static fh_err mirror(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const char *bytes = "";
    size_t n = 0;
    if (req->inline_only && req->body.fd >= 0)
        return FH_AGAIN;
    FH_TRY(web_body_bytes(req, 256 * 1024 * 1024, &bytes, &n, e));
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (unsigned char)bytes[i];
    const char *q = web_query(req, "q");
    return web_reply_json(req, res, 200,
                          json_pack("{s:s, s:s?, s:s?, s:I, s:I, s:b, s:s, s:b}", "path", req->path, "param",
                                    req->params[0], "q", q, "size", (json_int_t)n, "sum", (json_int_t)sum,
                                    "spooled", req->body.fd >= 0, "remote", req->remote, "https", req->https),
                          e);
}

static fh_err break_off(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)res;
    const char *kind = req->params[0];
    for (int rc = FH_NOT_FOUND; rc <= FH_INTERNAL; rc++)
        if (strcmp(fh_err_name((fh_err)rc), kind) == 0)
            return FH_FAIL(e, (fh_err)rc, "It went wrong: %s.", kind);
    return FH_FAIL(e, FH_NOT_FOUND, "There is no such way to fail.");
}

static fh_err big(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)e;
    size_t n = 8u << 20;
    char *bytes = fh_alloc(req->arena, n);
    memset(bytes, 'x', n);
    web_reply(res, 200, "application/octet-stream", bytes, n);
    return FH_OK;
}

static fh_err file(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)req;
    FILE *f = tmpfile();
    if (!f || fputs("skip this\nfrom a file\n", f) < 0 || fflush(f) != 0)
        return FH_FAIL(e, FH_INTERNAL, "no temporary file");
    int fd = dup(fileno(f));
    fclose(f);
    web_reply_file(res, 200, "text/plain", fd, 10, 12);
    return FH_OK;
}

enum { OPEN = 1, NEEDS_TOKEN = 2 };

/* "Bearer slow" is only known to a worker. */
static fh_err authenticate(struct web_request *req, struct fh_error *e)
{
    const char *sent = web_header(req, "Authorization");
    if (req->route->action == OPEN || (sent && strcmp(sent, "Bearer good") == 0))
        return FH_OK;
    if (sent && strncmp(sent, "Bearer slow", 11) == 0 && req->inline_only)
        return FH_AGAIN;
    if (sent && strcmp(sent, "Bearer slow") == 0)
        return FH_OK;
    return FH_FAIL(e, FH_UNAUTHENTICATED, "Log in first.");
}

static fh_err admit(const struct web_request *req, struct fh_error *e)
{
    if (web_header(req, "X-Denied"))
        return FH_FAIL(e, FH_DENIED, "You may not do this.");
    return FH_OK;
}

/* clang-format off */
static const struct web_route routes[] = {
    {WEB_GET,             "/hello",             OPEN,        WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_INLINE,     hello,     "hello"},
    {WEB_GET,             "/worker",            OPEN,        WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_WORKER,     hello,     "worker"},
    {WEB_GET,             "/try",               OPEN,        WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_TRY_INLINE, on_worker, "try"},
    {WEB_GET,             "/hold",              OPEN,        WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_WORKER,     hold,      "hold"},
    {WEB_GET,             "/big",               OPEN,        WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_WORKER,     big,       "big"},
    {WEB_GET,             "/file",              OPEN,        WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_WORKER,     file,      "file"},
    {WEB_GET,             "/fail/{kind}",       OPEN,        WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_INLINE,     break_off,    "fail"},
    {WEB_GET,             "/gitfail/{kind}",    OPEN,        WEB_FACE_GIT,  WEB_NO_BODY,      0,                  WEB_INLINE,     break_off,    "gitfail"},
    {WEB_GET,             "/mirror/{name}/end", OPEN,        WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_INLINE,     mirror,    "mirror.name"},
    {WEB_GET,             "/rest/{rest*}",      OPEN,        WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_INLINE,     mirror,    "rest"},
    {WEB_POST | WEB_PUT,  "/small",             OPEN,        WEB_FACE_JSON, WEB_SMALL_BODY,   1000,               WEB_TRY_INLINE, mirror,    "small"},
    {WEB_POST,            "/body",              OPEN,        WEB_FACE_JSON, WEB_SPOOLED_BODY, FH_MAX_BODY_FETCH,  WEB_TRY_INLINE, mirror,    "body"},
    {WEB_POST,            "/push",              NEEDS_TOKEN, WEB_FACE_GIT,  WEB_SPOOLED_BODY, FH_MAX_BODY_PUSH,   WEB_WORKER,     mirror,    "push"},
    {WEB_POST,            "/token",             NEEDS_TOKEN, WEB_FACE_JSON, WEB_SPOOLED_BODY, FH_MAX_BODY_FETCH,  WEB_WORKER,     mirror,    "token"},
};
/* clang-format on */

/* Defaults that a test may change before probe_start. */
static void probe_defaults(struct probe *p)
{
    *p = (struct probe){.config = {
                            .listen = "127.0.0.1:0",
                            .metrics_listen = "127.0.0.1:0",
                            .prefix = "",
                            .event_threads = 2,
                            .workers = 2,
                            .max_connections = 2000,
                            .max_connections_per_address = 1000,
                            .push_limit = 2 * 1024 * 1024,
                            .routes = routes,
                            .nroutes = sizeof routes / sizeof *routes,
                            .authenticate = authenticate,
                            .admit = admit,
                        }};
    const char *tmp = getenv("TMPDIR");
    snprintf(p->spool, sizeof p->spool, "%s/floe-web-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    assert_non_null(mkdtemp(p->spool));
}

static void probe_start(struct probe *p)
{
    struct fh_error e = {0};
    p->config.spool_dir = p->spool;
    if (web_server_start(&p->config, &p->server, &e) != FH_OK)
        fail_msg("%s", e.msg);
    p->port = web_server_port(p->server);
    p->metrics_port = web_server_metrics_port(p->server);
}

static void probe_stop(struct probe *p, int drain_ms)
{
    web_server_stop(p->server, drain_ms);
    assert_int_equal(rmdir(p->spool), 0); /* nothing was left there */
}

static int connect_from(const char *from, int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(inet_pton(AF_INET, from, &at.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static int connect_port(int port)
{
    return connect_from("127.0.0.1", port);
}

static int probe_connect(const struct probe *p)
{
    return connect_port(p->port);
}

static int probe_connect_from(const struct probe *p, const char *from)
{
    return connect_from(from, p->port);
}

/* All of it; a peer that resets is no failure. */
static void probe_send(int fd, const void *bytes, size_t n)
{
    for (const char *p = bytes; n > 0;) {
        ssize_t put = send(fd, p, n, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return;
        p += put;
        n -= (size_t)put;
    }
}

static void probe_text(int fd, const char *text)
{
    probe_send(fd, text, strlen(text));
}

static bool read_some(int fd, char *out, size_t *have, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (*have + 1 >= size || poll(&p, 1, 20000) != 1)
        return false;
    /* One byte at a time in the head would be exact but slow; pipelined answers are read by peeking. */
    ssize_t n = recv(fd, out + *have, size - 1 - *have, MSG_PEEK);
    if (n <= 0)
        return false;
    out[*have + (size_t)n] = '\0';
    char *end = strstr(out, "\r\n\r\n");
    size_t head = end ? (size_t)(end - out) + 4 : *have + (size_t)n;
    size_t want = head > *have ? head - *have : (size_t)n;
    if (want > (size_t)n)
        want = (size_t)n;
    n = recv(fd, out + *have, want, 0);
    if (n <= 0)
        return false;
    *have += (size_t)n;
    out[*have] = '\0';
    return true;
}

/* Reads one answer: head and as much body as Content-Length says. Returns its status, 0 when the connection
 * ended before. */
static int probe_read(int fd, char *out, size_t size)
{
    size_t have = 0;
    out[0] = '\0';
    while (!strstr(out, "\r\n\r\n"))
        if (!read_some(fd, out, &have, size))
            return 0;
    int status = (int)strtol(out + 9, NULL, 10);
    const char *length = strcasestr(out, "\r\nContent-Length: ");
    size_t body = length ? strtoul(length + 18, NULL, 10) : 0;
    size_t end = (size_t)(strstr(out, "\r\n\r\n") - out) + 4 + body;
    while (have < end && have + 1 < size) {
        ssize_t n = recv(fd, out + have, end - have < size - 1 - have ? end - have : size - 1 - have, 0);
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    out[have] = '\0';
    return status;
}

/* Nothing more comes. */
static bool probe_is_closed(int fd, int wait_ms)
{
    char byte;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

static int probe_ask(const struct probe *p, const char *request, char *out, size_t size)
{
    int fd = probe_connect(p);
    probe_text(fd, request);
    int status = probe_read(fd, out, size);
    close(fd);
    return status;
}

/* That many NUL bytes, gzipped. */
static char *probe_gzip(size_t zeros, size_t *n)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    size_t cap = deflateBound(&z, zeros) + 64;
    char *out = fh_xmalloc(cap), *in = fh_xcalloc(1, 1 << 20);
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)cap;
    while (zeros > 0) {
        z.next_in = (Bytef *)in;
        z.avail_in = (uInt)(zeros < 1 << 20 ? zeros : 1 << 20);
        zeros -= z.avail_in;
        assert_int_equal(deflate(&z, Z_NO_FLUSH), Z_OK);
    }
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *n = z.total_out;
    deflateEnd(&z);
    free(in);
    return out;
}

static long probe_resident_kib(void)
{
    long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &total, &resident), 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The server that a test has, with what was answered last. */
static struct probe probe;
static char out[256 * 1024];

static int begin(void **state)
{
    (void)state;
    probe_defaults(&probe);
    probe_start(&probe);
    return 0;
}

static int end(void **state)
{
    (void)state;
    probe_hold(false);
    probe_stop(&probe, 2000);
    return 0;
}

#endif
