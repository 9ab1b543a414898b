/* Counters of requests, and /metrics on its own listener, in Prometheus' text format. Labels are route names,
 * never paths, owners or tokens. */
#include "server/http/inside.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#include <string.h>
#include <unistd.h>

enum { CLASSES = 6, BUCKETS = 11, MAX_TEXT = 4 * 1024 * 1024 };
static const int64_t bucket_us[BUCKETS] = {500,    1000,   2500,    5000,     10000,   25000,
                                           100000, 500000, 2500000, 10000000, 60000000};

struct row {
    _Atomic uint64_t by_class[CLASSES]; /* [0]: broken off before an answer */
    _Atomic uint64_t buckets[BUCKETS + 1];
    _Atomic uint64_t us, in, out;
};

struct web_metrics {
    int64_t started;
    size_t n; /* routes; one row more for what found none */
    _Atomic uint64_t rejected;
    struct row rows[];
};

struct web_metrics *web_metrics_new(size_t routes)
{
    struct web_metrics *m = fh_xcalloc(1, sizeof *m + (routes + 1) * sizeof *m->rows);
    m->n = routes;
    m->started = fh_now();
    return m;
}

void web_metrics_free(struct web_metrics *m)
{
    free(m);
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void web_metrics_count(struct web_metrics *m, const struct web_exchange *x, int status, int64_t us)
{
    struct row *row = &m->rows[x->route_index < m->n ? x->route_index : m->n];
    int bucket = 0;
    while (bucket < BUCKETS && us > bucket_us[bucket])
        bucket++;
    add(&row->by_class[status >= 100 && status < 600 ? status / 100 : 0], 1);
    add(&row->buckets[bucket], 1);
    add(&row->us, us > 0 ? (uint64_t)us : 0);
    add(&row->in, x->intake.received + x->drained);
    add(&row->out, x->sent);
}

void web_metrics_rejected(struct web_metrics *m)
{
    add(&m->rejected, 1);
}

/* The text is bounded by the route table; were it not, it would be cut at a line's end. */
__attribute__((format(printf, 2, 3))) static void line(struct fh_buf *b, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < sizeof text && fh_buf_add(b, text, (size_t)n, NULL) != FH_OK)
        fh_log(FH_LOG_WARN, "The metrics are longer than %d bytes and were cut.", MAX_TEXT);
}

static void title(struct fh_buf *b, const char *name, const char *type, const char *help)
{
    line(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct fh_buf *b, const char *name, const char *help, double value)
{
    title(b, name, "gauge", help);
    line(b, "%s %.17g\n", name, value);
}

static const char *label(const struct web_server *s, size_t i)
{
    return i < s->config->nroutes ? s->config->routes[i].name : "none";
}

/* Rows of the same name (a path with and without ".git") are one. */
static uint64_t sum(const struct web_server *s, size_t i, size_t offset)
{
    uint64_t total = 0;
    for (size_t j = 0; j <= s->metrics->n; j++)
        if (strcmp(label(s, i), label(s, j)) == 0) {
            const char *row = (const char *)&s->metrics->rows[j];
            total += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(row + offset),
                                          memory_order_relaxed);
        }
    return total;
}

static bool is_first(const struct web_server *s, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(label(s, i), label(s, j)) == 0)
            return false;
    return true;
}

static void render_duration(const struct web_server *s, struct fh_buf *b)
{
    title(b, "floe_http_request_duration_seconds", "histogram",
          "From the request line to the end of the answer.");
    for (size_t i = 0; i <= s->metrics->n; i++) {
        if (!is_first(s, i))
            continue;
        uint64_t total = 0;
        for (size_t k = 0; k <= BUCKETS; k++) {
            char le[32] = "+Inf";
            if (k < BUCKETS)
                snprintf(le, sizeof le, "%g", (double)bucket_us[k] / 1e6);
            total += sum(s, i, offsetof(struct row, buckets) + k * sizeof(_Atomic uint64_t));
            line(b, "floe_http_request_duration_seconds_bucket{route=\"%s\",le=\"%s\"} %llu\n", label(s, i),
                 le, (unsigned long long)total);
        }
        line(b, "floe_http_request_duration_seconds_sum{route=\"%s\"} %.6f\n", label(s, i),
             (double)sum(s, i, offsetof(struct row, us)) / 1e6);
        line(b, "floe_http_request_duration_seconds_count{route=\"%s\"} %llu\n", label(s, i),
             (unsigned long long)total);
    }
}

static void render_routes(const struct web_server *s, struct fh_buf *b)
{
    static const char *const classes[CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    title(b, "floe_http_requests_total", "counter", "Requests by route and class of status.");
    for (size_t i = 0; i <= s->metrics->n; i++)
        for (size_t k = 0; k < CLASSES && is_first(s, i); k++) {
            uint64_t n = sum(s, i, offsetof(struct row, by_class) + k * sizeof(_Atomic uint64_t));
            if (n > 0 || k == 2)
                line(b, "floe_http_requests_total{route=\"%s\",status=\"%s\"} %llu\n", label(s, i),
                     classes[k], (unsigned long long)n);
        }
    static const struct {
        const char *name, *help;
        size_t offset;
    } bytes[] = {
        {"floe_http_request_bytes_total", "Bytes of request bodies, as sent.", offsetof(struct row, in)},
        {"floe_http_response_bytes_total", "Bytes of response bodies.", offsetof(struct row, out)},
    };
    for (size_t k = 0; k < 2; k++) {
        title(b, bytes[k].name, "counter", bytes[k].help);
        for (size_t i = 0; i <= s->metrics->n; i++)
            if (is_first(s, i))
                line(b, "%s{route=\"%s\"} %llu\n", bytes[k].name, label(s, i),
                     (unsigned long long)sum(s, i, bytes[k].offset));
    }
    render_duration(s, b);
}

static double resident_bytes(void)
{
    long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%ld %ld", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void render(struct web_server *s, struct fh_buf *b)
{
    struct web_workers_state w;
    web_workers_look(s->workers, &w);
    title(b, "floe_build_info", "gauge", "Always 1; the label tells the version.");
    line(b, "floe_build_info{version=\"%s\"} 1\n", FLOE_VERSION);
    gauge(b, "floe_uptime_seconds", "Since the start of the server.",
          (double)(fh_now() - s->metrics->started));
    gauge(b, "process_resident_memory_bytes", "Resident memory.", resident_bytes());
    gauge(b, "floe_http_connections", "Open connections.", (double)web_door_connections(s->door));
    gauge(b, "floe_http_requests_in_flight", "Requests under way.", (double)atomic_load(&s->in_flight));
    gauge(b, "floe_workers", "Worker threads.", (double)w.threads);
    gauge(b, "floe_workers_busy", "Worker threads at work.", (double)w.busy);
    gauge(b, "floe_queue_length", "Requests waiting for a worker.", (double)w.queued);
    title(b, "floe_http_connections_refused_total", "counter", "Connections over the limit per address.");
    line(b, "floe_http_connections_refused_total %llu\n", (unsigned long long)web_door_refused(s->door));
    title(b, "floe_http_requests_rejected_total", "counter", "Requests that found the queue full.");
    line(b, "floe_http_requests_rejected_total %llu\n",
         (unsigned long long)atomic_load(&s->metrics->rejected));
    render_routes(s, b);
    if (s->config->metrics)
        s->config->metrics(s->config->app, b);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **context)
{
    struct web_server *s = arg;
    static char seen;
    (void)version, (void)data;
    if (!*context) { /* answering in the first call would close the connection */
        *context = &seen;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    bool ok = strcmp(url, "/metrics") == 0 && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
    struct fh_buf b = FH_BUF_INIT(MAX_TEXT);
    if (ok)
        render(s, &b);
    else
        line(&b, "{\"detail\": \"Here is only GET /metrics.\"}");
    size_t n;
    char *text = fh_buf_take(&b, &n);
    struct MHD_Response *r = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
    if (!r) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(r, "Content-Type",
                            ok ? "text/plain; version=0.0.4; charset=utf-8" : "application/json");
    enum MHD_Result rc = MHD_queue_response(mhd, ok ? 200 : 404, r);
    MHD_destroy_response(r);
    return rc;
}

fh_err web_metrics_serve(struct web_server *s, struct fh_error *e)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC;
    s->metrics_daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer, s, MHD_OPTION_LISTEN_SOCKET,
                                         s->metrics_fd, MHD_OPTION_CONNECTION_LIMIT, 32u,
                                         MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_END);
    if (!s->metrics_daemon)
        return FH_FAIL(e, FH_UNAVAILABLE, "The listener of /metrics could not be started.");
    s->metrics_fd = -1; /* the daemon's now */
    return FH_OK;
}
