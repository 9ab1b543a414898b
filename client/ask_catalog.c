/* Questions to the catalog. See ask_catalog.h. */
#include "client/ask_catalog.h"

#include "client/ask.h"
#include "client/hub.h"
#include "client/reminder.h"
#include "client/say.h"
#include "common/ceilings.h"

#include <string.h>

enum {
    PAGE_SIZE = 1000,
    MAX_RESULTS = 400 * 1000,      /* of a search, all pages together */
    MAX_VERSIONS = 20 * 1000,      /* and systems of one package */
    MAX_BYTES = 128 * 1024 * 1024, /* of all pages together */
};

/* Characters, not bytes. */
static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static fh_err refuse_list(struct client *c, struct fh_error *e)
{
    return FH_FAIL(e, FH_UNAVAILABLE, "The catalog at %s sent a list that is none.",
                   hub_origin(hub_api_base(c->settings.catalog, c->arena), c->arena));
}

static fh_err get(struct client *c, const char *path, struct ask_answer *out, struct fh_error *e)
{
    const struct ask_request request = {.method = "GET", .path = path, .of_catalog = true};
    FH_TRY(ask_send(c, &request, out, e));
    return json_is_object(out->json) ? FH_OK : refuse_list(c, e);
}

/* All pages up to max rows; path has everything but the paging. The first page tells how many there are; a
 * page that is not full is the last. */
static fh_err read_pages(struct client *c, const char *path, size_t max, size_t ceiling, struct ask_rows *out,
                         struct fh_error *e)
{
    json_t *rows = fh_json_own(c->arena, json_array());
    size_t step = max > 0 && max < PAGE_SIZE ? max : PAGE_SIZE, got = step, bytes = 0;
    for (size_t page = 0; got == step && (max == 0 || json_array_size(rows) < max); page++) {
        struct ask_answer answer;
        FH_TRY(get(c, fh_sprintf(c->arena, "%spage=%zu&pageSize=%zu", path, page, step), &answer, e));
        json_t *items = json_object_get(answer.json, "items");
        const json_t *total = json_object_get(answer.json, "total_count");
        if (!json_is_array(items) || !json_is_integer(total))
            return refuse_list(c, e);
        if (page == 0)
            out->total = json_integer_value(total);
        got = json_array_size(items);
        json_array_extend(rows, items);
        bytes += answer.bytes;
        if (json_array_size(rows) > ceiling || bytes > MAX_BYTES)
            return FH_FAIL(e, FH_UNAVAILABLE, "The catalog's list does not end.");
        if (json_integer_value(total) == (json_int_t)((page + 1) * step))
            break;
    }
    while (max > 0 && json_array_size(rows) > max)
        json_array_remove(rows, json_array_size(rows) - 1);
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (!json_is_object(json_array_get(rows, i)))
            return refuse_list(c, e);
    out->items = rows;
    return FH_OK;
}

fh_err ask_search(struct client *c, const char *term, size_t max, struct ask_rows *out, struct fh_error *e)
{
    size_t n = characters(term);
    if (n < FH_MIN_SEARCH_TERM || n > FH_MAX_SEARCH_TERM)
        return FH_FAIL(e, FH_INVALID, "A search term has %d to %d characters.", FH_MIN_SEARCH_TERM,
                       FH_MAX_SEARCH_TERM);
    return read_pages(
        c, ASK_PATH(c, "/catalog/search?search_term={}&system={}&", term, settings_system(c->arena)), max,
        MAX_RESULTS, out, e);
}

fh_err ask_versions(struct client *c, const char *pkg_path, struct ask_rows *out, struct fh_error *e)
{
    fh_err rc = read_pages(c, ASK_PATH(c, "/catalog/packages/{}?", pkg_path), 0, MAX_VERSIONS, out, e);
    if (rc == FH_NOT_FOUND || (rc == FH_OK && json_array_size(out->items) == 0))
        return FH_FAIL(e, FH_NOT_FOUND, "no packages matched this pkg-path: '%s'",
                       say_safe(c->arena, pkg_path));
    return rc;
}

bool ask_is_empty(struct client *c)
{
    struct ask_answer answer;
    struct fh_error ignored;
    if (get(c, "/catalog/info/base-catalog", &answer, &ignored) != FH_OK)
        return false;
    const json_t *pages = json_object_get(answer.json, "scraped_pages");
    return json_is_array(pages) && json_array_size(pages) == 0;
}

fh_err ask_resolve(struct client *c, const json_t *question, const json_t **answer, struct fh_error *e)
{
    struct ask_answer got;
    const struct ask_request request = {.method = "POST",
                                        .path = "/catalog/resolve",
                                        .body = question,
                                        .only_asks = true,
                                        .of_catalog = true};
    if (c->settings.token == NULL && c->settings.catalog_is_ours)
        reminder_say(c);
    FH_TRY(ask_send(c, &request, &got, e));
    if (!json_is_object(got.json))
        return refuse_list(c, e);
    *answer = got.json;
    return FH_OK;
}

const char *ask_line(struct client *c, const json_t *item, const char *key)
{
    const char *text = fh_json_string(item, key);
    return text != NULL ? say_safe(c->arena, text) : NULL;
}
