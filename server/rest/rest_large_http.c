/* Large documents, a few at a time. See rest_large_http.h. */
#include "server/rest/rest_large_http.h"

#include "common/ceilings.h"
#include "server/config.h"
#include "server/rest/rest_etag.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { LARGE = 1024 * 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void rest_turn_take(struct rest_turn *t, uint64_t size)
{
    t->taken = size > LARGE;
    if (t->taken)
        pthread_mutex_lock(&lock);
}

void rest_turn_leave(struct rest_turn *t)
{
    if (t->taken)
        pthread_mutex_unlock(&lock);
    t->taken = false;
}

static fh_err write_all(int fd, const char *bytes, size_t n, struct fh_error *e)
{
    for (size_t at = 0; at < n;) {
        ssize_t put = write(fd, bytes + at, n - at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "An answer cannot be written to the hub's disk");
        at += (size_t)put;
    }
    return FH_OK;
}

static fh_err reply_file(struct web_request *req, struct web_response *res, const char *type,
                         const char *bytes, size_t n, struct fh_error *e)
{
    const char *folder = fh_sprintf(req->arena, "%s/spool", req->app->config->data);
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) { /* not every file system has such */
        char *path = fh_sprintf(req->arena, "%s/answer-XXXXXX", folder);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "An answer cannot be written to the hub's disk");
        (void)unlink(path);
    }
    fh_err rc = write_all(fd, bytes, n, e);
    if (rc == FH_OK)
        web_reply_file(res, 200, type, fd, 0, n);
    else
        close(fd);
    return rc;
}

static void add_headers(struct web_response *res, const char *etag)
{
    web_add_header(res, "Cache-Control", "private, no-cache");
    web_add_header(res, "ETag", etag);
}

bool rest_reply_unchanged(const struct web_request *req, struct web_response *res, const char *etag)
{
    const char *known = web_header(req, "If-None-Match");
    if (!known || !rest_etag_listed(known, etag, true))
        return false;
    web_reply(res, 304, NULL, "", 0);
    add_headers(res, etag);
    return true;
}

fh_err rest_reply_bytes(struct web_request *req, struct web_response *res, const char *type, const char *etag,
                        const char *bytes, size_t n, struct fh_error *e)
{
    if (rest_reply_unchanged(req, res, etag))
        return FH_OK;
    if (n > FH_MAX_BODY_SMALL)
        FH_TRY(reply_file(req, res, type, bytes, n, e));
    else
        web_reply(res, 200, type, fh_memdup(req->arena, bytes, n), n);
    add_headers(res, etag);
    return FH_OK;
}

fh_err rest_reply_large(struct web_request *req, struct web_response *res, json_t *take_body,
                        const char *etag, struct fh_error *e)
{
    char *text = take_body ? json_dumps(take_body, JSON_COMPACT) : NULL;
    json_decref(take_body);
    if (!text)
        return FH_FAIL(e, FH_INTERNAL, "An answer could not be written as JSON.");
    fh_err rc = rest_reply_bytes(req, res, "application/json", etag, text, strlen(text), e);
    free(text);
    return rc;
}
