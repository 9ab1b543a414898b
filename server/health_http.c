/* /healthz and /readyz. See health_http.h. */
#include "server/health_http.h"

#include "common/mem.h"
#include "server/app.h"
#include "server/config.h"

#include <errno.h>
#include <pthread.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 3 };

struct health {
    struct app *app;
    pthread_t thread;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t changed;
    uint64_t wanted, done; /* questions asked; up to which one the answer holds */
    bool stops;
    fh_err result;
    struct fh_error error;
};

static void *ask_database(void *arg)
{
    struct health *h = arg;
    pthread_mutex_lock(&h->lock);
    while (!h->stops) {
        if (h->wanted == h->done) {
            pthread_cond_wait(&h->changed, &h->lock);
            continue;
        }
        uint64_t question = h->wanted;
        pthread_mutex_unlock(&h->lock);
        struct fh_error e = {0};
        int version;
        fh_err rc = db_schema_applied(h->app->pool, &version, &e);
        pthread_mutex_lock(&h->lock);
        h->result = rc;
        h->error = e;
        h->done = question;
        pthread_cond_broadcast(&h->changed);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

fh_err health_start(struct app *app, struct health **out, struct fh_error *e)
{
    struct health *h = fh_xcalloc(1, sizeof *h);
    h->app = app;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    if (pthread_create(&h->thread, NULL, ask_database, h) != 0) {
        free(h);
        return FH_FAIL(e, FH_UNAVAILABLE, "A thread could not be started.");
    }
    *out = h;
    return FH_OK;
}

void health_stop(struct health *h)
{
    if (!h)
        return;
    pthread_mutex_lock(&h->lock);
    h->stops = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static fh_err check_database(struct health *h, struct fh_error *e)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_SECONDS;
    pthread_mutex_lock(&h->lock);
    uint64_t mine = ++h->wanted;
    pthread_cond_broadcast(&h->changed);
    while (h->done < mine && !h->stops)
        if (pthread_cond_timedwait(&h->changed, &h->lock, &until) == ETIMEDOUT)
            break;
    fh_err rc = h->done < mine ? FH_FAIL(e, FH_UNAVAILABLE, "The database does not answer.") : h->result;
    if (h->done >= mine && rc != FH_OK)
        *e = h->error;
    pthread_mutex_unlock(&h->lock);
    return rc;
}

static fh_err check_data(const struct app *app, struct fh_error *e)
{
    struct statvfs fs;
    if (access(app->config->data, R_OK | W_OK | X_OK) != 0 || statvfs(app->config->data, &fs) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The data folder cannot be used");
    if (fs.f_bavail == 0)
        return FH_FAIL(e, FH_UNAVAILABLE, "The data folder's disk is full.");
    return FH_OK;
}

static const char ok[] = "{\"status\":\"ok\"}";

fh_err health_live(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)req, (void)e;
    web_reply(res, 200, "application/json", ok, sizeof ok - 1);
    web_add_header(res, "Cache-Control", "no-store");
    return FH_OK;
}

fh_err health_ready(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    fh_err rc = check_data(req->app, e);
    if (rc == FH_OK)
        rc = check_database(req->app->health, e);
    if (rc != FH_OK) /* whatever it is, it may pass */
        return FH_FAIL(e, FH_UNAVAILABLE, "%s", fh_strdup(req->arena, e->msg));
    return health_live(req, res, e);
}
