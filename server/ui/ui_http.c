/* The routes of pages. See ui_http.h. */
#include "server/ui/ui_http.h"

#include "common/digest.h"
#include "server/app.h"
#include "server/config.h"
#include "server/ui/ui_env_read.h"
#include "server/ui/ui_files.h"

#include <string.h>

/* Part of every ETag: to be raised with what a page of the same data looks like. */
enum { EDITION = 1 };

static struct ui_site site_of(const struct web_request *req)
{
    const char *base = req->app->config->base_url;
    const char *path = strchr(strstr(base, "://") + 3, '/');
    return (struct ui_site){.base_url = base, .prefix = path ? path : ""};
}

static void add_safety(struct web_response *res)
{
    web_add_header(
        res, "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'");
    web_add_header(res, "X-Content-Type-Options", "nosniff");
    web_add_header(res, "X-Frame-Options", "DENY");
    web_add_header(res, "Referrer-Policy", "same-origin");
    web_add_header(res, "Cross-Origin-Resource-Policy", "same-origin");
}

static fh_err reply_page(struct web_request *req, struct ui_html *h, struct web_response *res, int status,
                         struct fh_error *e)
{
    const char *text;
    size_t n;
    FH_TRY(ui_html_end(h, &text, &n, e));
    FH_TRY(web_reply_copy(req, res, status, "text/html; charset=utf-8", text, n, e));
    add_safety(res);
    return FH_OK;
}

/* -- conditional requests */

static const char *etag_of(struct web_request *req, const char *const *parts, size_t n)
{
    uint8_t sum[FH_SHA256_SIZE];
    char hex[2 * 16 + 1];
    struct fh_digest *d = fh_digest_new(FH_SHA256);
    for (size_t i = 0; i < n; i++)
        fh_digest_add(d, parts[i], strlen(parts[i]) + 1);
    fh_digest_finish(d, sum);
    fh_digest_free(d);
    fh_hex_encode(sum, 16, hex);
    return fh_sprintf(req->arena, "\"%s\"", hex);
}

static bool has_it(const struct web_request *req, const char *etag)
{
    const char *known = web_header(req, "If-None-Match");
    return known && web_etag_listed(known, etag, true);
}

static void not_modified(struct web_response *res, const char *etag, const char *caching)
{
    web_reply(res, 304, NULL, "", 0);
    web_add_header(res, "ETag", etag);
    web_add_header(res, "Cache-Control", caching);
}

/* -- an environment */

/* "no-cache": a browser asks each time, so that a page that was hidden is hidden; "private": it may be one
 * person's alone. */
static const char env_caching[] = "private, no-cache";

static const char *env_etag(struct web_request *req, const struct ui_env *env, const struct ui_site *site)
{
    const char *const parts[] = {
        FLOE_VERSION,
        fh_sprintf(req->arena, "%d %lld %lld", EDITION, (long long)env->created_at,
                   (long long)env->updated_at),
        ui_files[UI_STYLE].digest,
        ui_files[UI_ICON].digest,
        site->base_url,
        req->route->name,
        env->owner,
        env->name,
        env->tip,
        env->visibility,
    };
    return etag_of(req, parts, sizeof parts / sizeof *parts);
}

typedef void write_page(struct ui_html *h, const struct ui_site *site, const struct ui_env *env);

static fh_err show_env(struct web_request *req, struct web_response *res, const struct ui_env *env,
                       write_page *write, struct fh_arena *a, struct fh_error *e)
{
    const struct ui_site site = site_of(req);
    struct ui_html h;
    ui_html_begin(&h, a);
    write(&h, &site, env);
    return reply_page(req, &h, res, 200, e);
}

/* read: whether the page needs more than what the row says. What is read and built is in an arena of its own,
 * given up before the client has the page. */
static fh_err answer_env(struct web_request *req, struct web_response *res, write_page *write, bool read,
                         struct fh_arena *a, struct fh_error *e)
{
    const struct wire_caller caller = {&req->app->policy, req->actor};
    const struct ui_site site = site_of(req);
    struct wire_stored *stored;
    struct ui_env env;
    struct wire_large turn = {0};
    FH_TRY(wire_stored_open(req->app->repos, a, &caller, req->params[0], req->params[1], AUTH_ENV_READ,
                            req->inline_only, &stored, e));
    ui_env_name(stored, &env);
    const char *etag = env_etag(req, &env, &site);
    web_add_header(res, "Vary", "Authorization");
    if (has_it(req, etag)) {
        not_modified(res, etag, env_caching);
        return FH_OK;
    }
    fh_err rc = read ? ui_env_read(stored, &turn, &env, e) : FH_OK;
    if (rc == FH_OK)
        rc = show_env(req, res, &env, write, a, e);
    wire_large_leave(&turn);
    FH_TRY(rc);
    web_add_header(res, "ETag", etag);
    web_add_header(res, "Cache-Control", env_caching);
    return FH_OK;
}

fh_err ui_http_env(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    fh_err rc = answer_env(req, res, ui_env_write, true, a, e);
    fh_arena_free(a);
    return rc;
}

fh_err ui_http_settings(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    fh_err rc = answer_env(req, res, ui_settings_write, false, a, e);
    fh_arena_free(a);
    return rc;
}

/* -- pages and files that are the same for everybody */

fh_err ui_http_home(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct ui_site site = site_of(req);
    const char *const parts[] = {FLOE_VERSION, ui_files[UI_STYLE].digest, site.base_url, "home"};
    const char *etag = etag_of(req, parts, sizeof parts / sizeof *parts);
    struct ui_html h;
    if (has_it(req, etag)) {
        not_modified(res, etag, "no-cache");
        return FH_OK;
    }
    ui_html_begin(&h, req->arena);
    ui_home_write(&h, &site);
    FH_TRY(reply_page(req, &h, res, 200, e));
    web_add_header(res, "ETag", etag);
    web_add_header(res, "Cache-Control", "no-cache");
    return FH_OK;
}

static fh_err reply_file(struct web_request *req, struct web_response *res, enum ui_file_id id)
{
    const struct ui_file *f = &ui_files[id];
    const char *etag = fh_sprintf(req->arena, "\"%s\"", f->digest);
    /* Pages name it with its digest: a new one has a new address. */
    const char *version = web_query(req, "v");
    const char *caching = version && strcmp(version, f->digest) == 0 ? "public, max-age=31536000, immutable"
                                                                     : "public, max-age=300";
    if (has_it(req, etag)) {
        not_modified(res, etag, caching);
        return FH_OK;
    }
    web_reply(res, 200, f->type, f->bytes, f->size);
    add_safety(res);
    web_add_header(res, "ETag", etag);
    web_add_header(res, "Cache-Control", caching);
    return FH_OK;
}

fh_err ui_http_style(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)e;
    return reply_file(req, res, UI_STYLE);
}

fh_err ui_http_icon(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)e;
    return reply_file(req, res, UI_ICON);
}

void ui_http_refuse(struct web_request *req, struct web_response *res, int status, const char *title,
                    const char *detail)
{
    const struct ui_site site = site_of(req);
    struct fh_error e;
    struct ui_html h;
    ui_html_begin(&h, req->arena);
    ui_refusal_write(&h, &site, status, title, detail);
    if (reply_page(req, &h, res, status, &e) != FH_OK) {
        web_reply(res, status, "text/plain; charset=utf-8", title, strlen(title));
        add_safety(res);
    }
    web_add_header(res, "Vary", "Authorization");
}
