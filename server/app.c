/* The composition root: makes the parts of a hub, ties them together, and takes them apart in reverse. */
#include "server/app.h"

#include "common/buf.h"
#include "common/ceilings.h"
#include "common/mem.h"
#include "server/auth/auth_http.h"
#include "server/catalog/catalog_memory.h"
#include "server/catalog/resolve_memory.h"
#include "server/catalog/upstream.h"
#include "server/config.h"
#include "server/db/cluster.h"
#include "server/git/wire_repo.h"
#include "server/health_http.h"
#include "server/rest/rest.h"
#include "server/rest/rest_rate_http.h"
#include "server/routes.h"
#include "server/ui/ui_http.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    DB_WAIT_MS = 5000,
    DB_STATEMENT_MS = 60000,
    CLUSTER_SPARE = 8, /* connections for admin commands and the listener */
    DELTA_CACHE = 8 * 1024 * 1024,
    MALLOC_ARENAS = 2, /* a core; glibc's own limit is eight, and each keeps what it once had */
    LARGE_BLOCK = 1024 * 1024,
    FLUSH_SECONDS = 5,
    MAX_EVENT_THREADS = 8,
};

/* What only this file needs of an app. */
struct hub {
    struct app app; /* first */
    struct web_config web;
    char *spool, *prefix;
    char url[1024]; /* of the embedded database */
    pthread_t timer;
    bool timer_runs, timer_stops;
    pthread_mutex_t lock; /* timer_stops */
    pthread_cond_t stop;
};

static struct hub *hub_of(struct app *app)
{
    return (struct hub *)(void *)app;
}

/* -- what other nodes and admin commands change */

/* "<owner>" or "<owner> <revision>"; nothing: all of them. */
static void hear_owner(struct app *app, const char *payload)
{
    char owner[FH_MAX_HANDLE + 1];
    size_t n = strcspn(payload, " ");
    if (n == 0 || n >= sizeof owner) {
        wire_repos_changed(app->repos, NULL, 0);
        return;
    }
    memcpy(owner, payload, n);
    owner[n] = '\0';
    wire_repos_changed(app->repos, owner, payload[n] ? strtoll(payload + n, NULL, 10) : 0);
}

static void on_message(void *arg, const char *channel, const char *payload)
{
    struct app *app = arg;
    bool accounts = strcmp(channel, "floe_accounts") == 0, catalog = strcmp(channel, "floe_catalog") == 0;
    if (accounts)
        auth_sessions_clear(app->sessions);
    if (accounts || catalog) /* an owner may have been renamed */
        catalog_changed(app->catalog, true);
    else
        hear_owner(app, payload);
}

static void on_reset(void *arg, bool lost)
{
    struct app *app = arg;
    auth_sessions_clear(app->sessions);
    if (lost) {
        catalog_forget(app->catalog);
        resolve_memory_forget(app->resolve);
    }
    catalog_changed(app->catalog, true);
    wire_repos_changed(app->repos, NULL, 0);
}

static bool is_live(void *arg)
{
    return db_listener_is_live(arg);
}

/* -- the timer */

static void *keep_time(void *arg)
{
    struct hub *h = arg;
    pthread_mutex_lock(&h->lock);
    while (!h->timer_stops) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += FLUSH_SECONDS;
        if (pthread_cond_timedwait(&h->stop, &h->lock, &until) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&h->lock);
        auth_sessions_flush(h->app.sessions);
        rest_tick(&h->app);
        malloc_trim(0); /* gives back what a burst of requests took */
        pthread_mutex_lock(&h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

static void stop_timer(struct hub *h)
{
    if (!h->timer_runs)
        return;
    pthread_mutex_lock(&h->lock);
    h->timer_stops = true;
    pthread_cond_signal(&h->stop);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->timer, NULL);
}

/* -- HTTP */

static void render_metrics(struct app *app, void *buf)
{
    fh_err rc = fh_buf_addf(buf, NULL,
                            "# HELP floe_database_live Whether the database's notices are being heard.\n"
                            "# TYPE floe_database_live gauge\nfloe_database_live %d\n",
                            db_listener_is_live(app->listener) ? 1 : 0);
    if (rc == FH_OK)
        rc = rest_http_metrics(app, buf, NULL);
    if (rc == FH_OK)
        rc = catalog_metrics(app->catalog, buf, NULL);
    if (rc == FH_OK)
        rc = catalog_upstream_metrics(app->upstream, buf, NULL);
    (void)rc; /* a scrape without these lines is better than none */
}

static char *path_of(const char *url)
{
    const char *path = strchr(strstr(url, "://") + 3, '/');
    return fh_xstrdup(path ? path : "");
}

static void fill_web_config(struct hub *h)
{
    const struct config *c = h->app.config;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = cores > 0 ? (unsigned)cores : 1;
    h->web = (struct web_config){
        .listen = c->listen,
        .metrics_listen = strcmp(c->metrics_listen, "none") == 0 ? NULL : c->metrics_listen,
        .prefix = h->prefix,
        .tls_cert = c->tls_cert,
        .tls_key = c->tls_key,
        .trusted_proxies = c->trusted_proxies,
        .spool_dir = h->spool,
        .event_threads = n < MAX_EVENT_THREADS ? n : MAX_EVENT_THREADS,
        .workers = c->workers  ? (unsigned)c->workers
                   : 4 * n > 8 ? 4 * n
                               : 8,
        .max_connections = (unsigned)c->max_connections,
        .max_connections_per_address = (unsigned)c->max_connections_per_address,
        .push_limit = (size_t)c->push_limit,
        .routes = routes,
        .nroutes = route_count,
        .app = &h->app,
        .authenticate = rest_http_authenticate,
        .admit = auth_http_admit,
        .actor_id = auth_http_actor_id,
        .refuse_page = ui_http_refuse,
        .metrics = render_metrics,
    };
}

fh_err app_open(const struct config *config, struct app **out, struct fh_error *e)
{
    struct hub *h = fh_xcalloc(1, sizeof *h);
    char spool[4200];
    mallopt(M_ARENA_MAX, MALLOC_ARENAS * (int)sysconf(_SC_NPROCESSORS_ONLN));
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK); /* and never higher: given back as soon as it is freed */
    mallopt(M_TRIM_THRESHOLD, 4 * LARGE_BLOCK);
    snprintf(spool, sizeof spool, "%s/spool", config->data);
    h->app.config = config;
    h->app.policy.require_login = config->require_login;
    h->app.policy.users_create_orgs = config->users_create_orgs;
    h->app.policy.catalog_login = !config->catalog_anonymous;
    h->app.policy.resolve_login = !config->catalog_resolve_anonymous;
    h->app.rest = rest_open(config->rate_limit);
    h->spool = fh_xstrdup(spool);
    h->prefix = path_of(config->base_url);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->stop, NULL);
    fill_web_config(h);
    fh_err rc = web_server_open(&h->web, &h->app.web, e);
    if (rc != FH_OK) {
        app_stop(&h->app, 0);
        return rc;
    }
    *out = &h->app;
    return FH_OK;
}

/* -- the database, and what stands on it */

static fh_err open_database(struct hub *h, struct db_config *db, struct fh_error *e)
{
    const struct config *c = h->app.config;
    *db = (struct db_config){
        .url = c->database_url,
        .size = (int)c->db_connections,
        .wait_ms = DB_WAIT_MS,
        .statement_ms = DB_STATEMENT_MS,
        .application_name = "floe-server",
    };
    if (!c->database_url) {
        struct db_cluster_config cluster = {c->data, c->postgres_bin, (int)c->db_connections + CLUSTER_SPARE};
        FH_TRY(db_cluster_start(&cluster, &h->app.cluster, e));
        FH_TRY(db_cluster_url(c->data, h->url, sizeof h->url, e));
        db->url = h->url;
    }
    FH_TRY(db_pool_open(db, &h->app.pool, e));
    return db_migrate(h->app.pool, NULL, e);
}

/* Half of the workers may wait for it: git does not stop because another hub is slow. */
static struct catalog_upstream *open_upstream(struct app *app)
{
    const struct catalog_upstream_config config = {
        .url = app->config->catalog_upstream,
        .token = app->config->catalog_upstream_token,
        .fresh = app->config->catalog_upstream_age,
        .most = (int)(hub_of(app)->web.workers / 2),
    };
    return catalog_upstream_new(&config);
}

static fh_err open_caches(struct app *app, const struct db_config *db, struct fh_error *e)
{
    static const char *const channels[] = {"floe_accounts", "floe_owner", "floe_catalog"};
    struct wire_repos_config repos = {
        .data = app->config->data,
        .pool = app->pool,
        .pack_cache_bytes = (size_t)app->config->cache_size,
        .delta_cache_bytes = DELTA_CACHE,
        .ref_log_days = (int)app->config->ref_log_days,
    };
    app->sessions = auth_sessions_new(app->pool);
    app->catalog = catalog_new(app->pool);
    app->resolve = resolve_memory_new(FH_MAX_RESOLVE_MEMORY);
    if (app->config->catalog_upstream)
        app->upstream = open_upstream(app);
    FH_TRY(wire_repos_open(&repos, &app->repos, e));
    FH_TRY(db_listener_start(db, channels, sizeof channels / sizeof *channels, on_message, on_reset, app,
                             &app->listener, e));
    auth_sessions_set_live(app->sessions, is_live, app->listener);
    catalog_set_live(app->catalog, is_live, app->listener);
    wire_repos_set_live(app->repos, is_live, app->listener);
    return FH_OK;
}

fh_err app_run(struct app *app, struct fh_error *e)
{
    struct hub *h = hub_of(app);
    struct db_config db;
    if (mkdir(h->spool, 0700) != 0 && errno != EEXIST)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s cannot be made", h->spool);
    FH_TRY(open_database(h, &db, e));
    FH_TRY(open_caches(app, &db, e));
    FH_TRY(catalog_run(app->catalog, e));
    FH_TRY(health_start(app, &app->health, e));
    if (pthread_create(&h->timer, NULL, keep_time, h) != 0)
        return FH_FAIL(e, FH_UNAVAILABLE, "A thread could not be started.");
    h->timer_runs = true;
    return web_server_run(app->web, e);
}

void app_stop(struct app *app, int drain_ms)
{
    if (!app)
        return;
    struct hub *h = hub_of(app);
    web_server_stop(app->web, drain_ms);
    stop_timer(h);
    health_stop(app->health);
    /* The caches ask the listener whether it lives, so they go first. */
    if (app->listener) {
        auth_sessions_set_live(app->sessions, NULL, NULL);
        catalog_stop(app->catalog);
        catalog_set_live(app->catalog, NULL, NULL);
        wire_repos_set_live(app->repos, NULL, NULL);
        db_listener_stop(app->listener);
    }
    if (app->sessions) {
        auth_sessions_flush(app->sessions);
        auth_sessions_free(app->sessions);
    }
    catalog_upstream_free(app->upstream);
    catalog_free(app->catalog);
    resolve_memory_free(app->resolve);
    if (app->repos)
        wire_repos_close(app->repos);
    rest_close(app->rest);
    if (app->pool)
        db_pool_close(app->pool);
    if (app->cluster)
        db_cluster_stop(app->cluster);
    pthread_cond_destroy(&h->stop);
    pthread_mutex_destroy(&h->lock);
    free(h->spool);
    free(h->prefix);
    free(h);
}
