/* What the routes of the catalog share. See catalog_http.h. */
#include "server/catalog/catalog_http.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/system.h"
#include "server/app.h"
#include "server/catalog/search_index.h"
#include "server/catalog/search_text.h"
#include "server/store/catalog.h"

#include <errno.h>
#include <string.h>

fh_err catalog_http_scope(struct web_request *req, const struct catalog_scope **out, struct fh_error *e)
{
    const struct catalog_caller caller = {&req->app->policy, req->actor};
    return catalog_scope_open(req->app->catalog, req->arena, &caller, req->inline_only, out, e);
}

static fh_err read_count(const struct web_request *req, const char *name, int64_t most, int64_t *out,
                         struct fh_error *e)
{
    const char *text = web_query(req, name);
    char *end;
    if (!text || !*text)
        return FH_OK;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || *end || *text < '0' || *text > '9' || n > most)
        return FH_FAIL(e, FH_MISMATCH, "The parameter %s must be a whole number from 0 to %lld.", name,
                       (long long)most);
    *out = n;
    return FH_OK;
}

fh_err catalog_http_page(const struct web_request *req, size_t size, struct catalog_page *out,
                         struct fh_error *e)
{
    int64_t page = 0, most = (int64_t)size;
    FH_TRY(read_count(req, "page", FH_MAX_CATALOG_PAGES, &page, e));
    FH_TRY(read_count(req, "pageSize", FH_MAX_CATALOG_PAGE, &most, e));
    *out = (struct catalog_page){.first = (size_t)page * (size_t)most, .most = (size_t)most};
    return FH_OK;
}

fh_err catalog_http_system(const struct web_request *req, const char **out, struct fh_error *e)
{
    const char *name = web_query(req, "system");
    if (!name)
        return FH_FAIL(e, FH_MISMATCH, "The parameter system is missing.");
    if (!fh_system_find(name) && strcmp(name, "invalid") != 0)
        return FH_FAIL(
            e, FH_MISMATCH,
            "The parameter system must be aarch64-darwin, aarch64-linux, x86_64-darwin or x86_64-linux.");
    *out = name;
    return FH_OK;
}

fh_err catalog_http_term(const char *text, const char *name, struct fh_error *e)
{
    size_t n = text ? catalog_characters(text, strlen(text)) : 0;
    if (n < FH_MIN_SEARCH_TERM || n > FH_MAX_SEARCH_TERM)
        return FH_FAIL(e, FH_MISMATCH, "The parameter %s must have %d to %d characters.", name,
                       FH_MIN_SEARCH_TERM, FH_MAX_SEARCH_TERM);
    return FH_OK;
}

static void free_buf(void *buf)
{
    fh_buf_free(buf);
}

struct fh_buf *catalog_http_buf(struct web_request *req)
{
    struct fh_buf *b = fh_alloc(req->arena, sizeof *b);
    fh_buf_init(b, FH_MAX_CATALOG_ANSWER);
    fh_defer(req->arena, free_buf, b);
    return b;
}

fh_err catalog_put(struct fh_buf *b, const char *json, struct fh_error *e)
{
    return fh_buf_add_str(b, json, e);
}

static fh_err put_key(struct fh_buf *b, const char *key, struct fh_error *e)
{
    char last = b->len ? b->data[b->len - 1] : '{';
    if (last != '{' && last != '[')
        FH_TRY(fh_buf_add_char(b, ',', e));
    if (!key)
        return FH_OK;
    FH_TRY(fh_buf_add_char(b, '"', e));
    FH_TRY(fh_buf_add_str(b, key, e));
    return fh_buf_add(b, "\":", 2, e);
}

fh_err catalog_put_text(struct fh_buf *b, const char *key, const char *text, struct fh_error *e)
{
    FH_TRY(put_key(b, key, e));
    return text ? fh_json_write_string(text, strlen(text), b, e) : fh_buf_add_str(b, "null", e);
}

fh_err catalog_put_int(struct fh_buf *b, const char *key, int64_t n, struct fh_error *e)
{
    FH_TRY(put_key(b, key, e));
    return fh_buf_addf(b, e, "%lld", (long long)n);
}

fh_err catalog_put_json(struct fh_buf *b, const char *key, const char *json, struct fh_error *e)
{
    FH_TRY(put_key(b, key, e));
    return fh_buf_add_str(b, json ? json : "null", e);
}

fh_err catalog_http_reply(struct web_request *req, struct web_response *res, struct fh_buf *b,
                          struct fh_error *e)
{
    if (b->len <= FH_MAX_BODY_SMALL)
        web_reply(res, 200, "application/json", b->data, b->len);
    else if (req->inline_only)
        return FH_FAIL(e, FH_AGAIN, "The answer is large.");
    else
        FH_TRY(web_reply_copy(req, res, 200, "application/json", b->data, b->len, e));
    if (b->len > FH_MAX_BODY_SMALL)
        fh_buf_free(b); /* it waits for its client in a file */
    web_add_header(res, "Cache-Control", "private, no-cache");
    return FH_OK;
}

fh_err catalog_put_date(struct fh_buf *b, const char *key, int64_t at, struct fh_error *e)
{
    char text[FH_RFC3339_SIZE];
    fh_time_format(at, text);
    return catalog_put_text(b, key, text, e);
}

/* --- the base catalog */

struct store_catalog_pages catalog_http_pages(const struct catalog_scope *scope)
{
    return catalog_scope_base(scope) ? catalog_list_layout(catalog_scope_list(scope))->pages
                                     : (struct store_catalog_pages){0};
}

bool catalog_http_has_tag(const struct store_catalog_page *page, const char *tag)
{
    for (size_t i = 0; i < page->ntags; i++)
        if (strcmp(page->tags[i], tag) == 0)
            return true;
    return false;
}

static void drop_index(void *index)
{
    catalog_index_drop(index);
}

fh_err catalog_http_base_part(struct web_request *req, const struct catalog_part **out, struct fh_error *e)
{
    const struct catalog_scope *scope;
    struct catalog_index *index;
    FH_TRY(catalog_http_scope(req, &scope, e));
    FH_TRY(catalog_index_hold(req->app->catalog, catalog_scope_list(scope), req->inline_only, &index, e));
    fh_defer(req->arena, drop_index, index);
    const struct store_catalog_entry *base = catalog_scope_base(scope);
    *out = base ? catalog_index_part(index, base->id) : NULL;
    return FH_OK;
}
