/* Generations and history, as an environment's branch tells them. See rest_generation_http.h.
 *
 *     look: query -> environment -> 304? -> (a turn, when it is large) -> metadata -> the route's own part
 *
 * What is read lives in an arena that dies before the answer is sent. */
#include "server/rest/rest_generation_http.h"

#include "common/metadata.h"
#include "server/git/wire_large.h"
#include "server/git/wire_stored.h"
#include "server/rest/rest_diff.h"
#include "server/rest/rest_large_http.h"

#include <string.h>

struct looking {
    struct web_request *req;
    struct web_response *res;
    struct fh_arena *arena;
    const struct wire_stored *stored;
    const struct fh_metadata *metadata;
    const struct fh_generation *generations; /* newest number first */
    size_t ngenerations;
    const char *etag;
    bool exists; /* what is asked for is there as soon as the environment is */
};
typedef fh_err show_fn(struct looking *l, struct fh_error *e);

static fh_err absent(const struct looking *l, struct fh_error *e)
{
    return FH_FAIL(e, FH_NOT_FOUND, "%s/%s has no such generation.", l->req->params[0], l->req->params[1]);
}

static fh_err read_metadata(struct looking *l, struct fh_error *e)
{
    struct fh_error why = {0};
    fh_err rc = wire_stored_metadata(l->stored, &l->metadata, &why);
    if (rc == FH_INVALID)
        return FH_FAIL(e, FH_CONFLICT, "The history of %s/%s cannot be read: %s", l->req->params[0],
                       l->req->params[1], why.msg);
    if (rc != FH_OK)
        return FH_FAIL(e, rc, "%s", why.msg);
    l->generations = fh_metadata_generations(l->arena, l->metadata, &l->ngenerations);
    return FH_OK;
}

/* How large what follows is, by the largest of the generations that are asked for. */
static fh_err weigh(const struct looking *l, const int64_t numbers[2], uint64_t *size, struct fh_error *e)
{
    *size = 0;
    for (size_t i = 0; i < 2; i++) {
        uint64_t one;
        FH_TRY(wire_stored_size(l->stored, numbers[i], &one, e));
        *size = one > *size ? one : *size;
    }
    return FH_OK;
}

static fh_err look(struct looking *l, const int64_t numbers[2], show_fn *show, struct fh_error *e)
{
    struct web_request *req = l->req;
    const struct wire_caller caller = rest_caller(req);
    struct wire_stored *stored = NULL;
    struct wire_large turn = {0};
    uint64_t size = 0;
    l->arena = fh_arena_new();
    fh_err rc = wire_stored_open(req->app->repos, l->arena, &caller, req->params[0], req->params[1],
                                 AUTH_ENV_READ, false, &stored, e);
    if (rc == FH_OK) {
        l->stored = stored;
        l->etag = rest_env_etag(req->arena, stored->env);
        if (!l->exists || !rest_reply_unchanged(req, l->res, l->etag)) {
            rc = weigh(l, numbers, &size, e);
            if (rc == FH_OK)
                rc = wire_large_take(&turn, size, e);
            if (rc == FH_OK)
                rc = read_metadata(l, e);
            if (rc == FH_OK)
                rc = show(l, e);
        }
    }
    fh_arena_free(l->arena);
    wire_large_leave(&turn);
    return rc;
}

/* --- lists */

static json_t *number(int64_t n)
{
    return n > 0 ? json_integer(n) : json_null();
}

/* Times of pushed histories are whatever somebody wrote. */
static json_t *when(int64_t at)
{
    static const int64_t last = 253402300799; /* of the year 9999 */
    return at > 0 && at <= last ? rest_time(at) : json_null();
}

static json_t *generation_json(const struct fh_generation *g)
{
    return json_pack("{s:I, s:b, s:o, s:o, s:o, s:o}", "generation", (json_int_t)g->number, "live",
                     g->is_live, "description", rest_text(g->description), "created_at", when(g->created),
                     "last_live_at", when(g->last_live), "parent", number(g->parent));
}

static json_t *change_json(const struct fh_metadata *m, size_t i, struct fh_arena *a)
{
    const struct fh_change *c = &m->changes[i];
    const json_t *entry = json_array_get(json_object_get(m->json, "history"), i);
    json_t *command = json_object_get(entry, "command");
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", fh_json_text(c->kind_text),
                     "summary", rest_text(fh_change_text(a, c)), "author", fh_json_text(c->author),
                     "hostname", fh_json_text(c->hostname), "command",
                     json_is_array(command) ? json_deep_copy(command) : json_null(), "at", when(c->timestamp),
                     "generation", number(c->current), "previous", number(c->previous));
}

static fh_err read_page(struct looking *l, struct rest_page *page, int64_t *after, struct fh_error *e)
{
    static const char *const names[] = {"limit", "cursor", NULL};
    FH_TRY(rest_query(l->req, names, e));
    FH_TRY(rest_page_read(l->req, page, e));
    return rest_page_id(page, after, e);
}

static fh_err reply_page(struct looking *l, json_t *take_items, int64_t next, struct fh_error *e)
{
    const char *key = next ? fh_sprintf(l->req->arena, "%lld", (long long)next) : NULL;
    FH_TRY(rest_reply_list(l->req, l->res, take_items, key, e));
    web_add_header(l->res, "ETag", l->etag);
    return FH_OK;
}

/* The key is the number of the last generation shown. */
static fh_err show_generations(struct looking *l, struct fh_error *e)
{
    struct rest_page page;
    int64_t after, next = 0;
    FH_TRY(read_page(l, &page, &after, e));
    json_t *items = json_array();
    for (size_t i = 0; i < l->ngenerations; i++) {
        const struct fh_generation *g = &l->generations[i];
        if (after && g->number >= after)
            continue;
        if (json_array_size(items) == page.limit) {
            next = g[-1].number;
            break;
        }
        fh_json_push(items, generation_json(g));
    }
    return reply_page(l, items, next, e);
}

/* The key is the place of the last change shown, counted from 1 at the oldest: later ones do not move it. */
static fh_err show_history(struct looking *l, struct fh_error *e)
{
    struct rest_page page;
    int64_t after, next = 0;
    FH_TRY(read_page(l, &page, &after, e));
    json_t *items = json_array();
    size_t n = l->metadata->nchanges, from = after && (uint64_t)after <= n ? (size_t)after - 1 : n;
    for (size_t i = from; i-- > 0;) {
        if (json_array_size(items) == page.limit) {
            next = (int64_t)i + 2;
            break;
        }
        fh_json_push(items, change_json(l->metadata, i, l->arena));
    }
    return reply_page(l, items, next, e);
}

static const int64_t none[2];

fh_err rest_generation_list(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct looking l = {.req = req, .res = res, .exists = true};
    return look(&l, none, show_generations, e);
}

fh_err rest_env_history(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct looking l = {.req = req, .res = res, .exists = true};
    return look(&l, none, show_history, e);
}

/* --- one generation */

static const struct fh_generation *find(const struct looking *l, int64_t n)
{
    for (size_t i = 0; i < l->ngenerations; i++)
        if (l->generations[i].number == n)
            return &l->generations[i];
    return NULL;
}

static fh_err path_number(const struct web_request *req, int64_t *out, struct fh_error *e)
{
    const char *sentence =
        fh_sprintf(req->arena, "%s/%s has no such generation.", req->params[0], req->params[1]);
    return rest_path_number(req->params[2], sentence, out, e);
}

/* The one that the path names, and its files; a history may tell of files that are not there. */
static fh_err path_files(const struct looking *l, const struct fh_generation **g, struct wire_files *files,
                         struct fh_error *e)
{
    int64_t n;
    FH_TRY(path_number(l->req, &n, e));
    *g = find(l, n);
    if (!*g)
        return absent(l, e);
    *files = (struct wire_files){0};
    fh_err rc = wire_stored_files(l->stored, n, files, e);
    return rc == FH_NOT_FOUND ? FH_OK : rc;
}

static fh_err show_generation(struct looking *l, struct fh_error *e)
{
    const struct fh_generation *g;
    struct wire_files files;
    FH_TRY(path_files(l, &g, &files, e));
    json_t *body = generation_json(g);
    fh_json_set(body, "manifest", rest_bytes(files.manifest.bytes, files.manifest.n));
    fh_json_set(body, "lock", rest_bytes(files.lock.bytes, files.lock.n));
    return rest_reply_large(l->req, l->res, body, l->etag, e);
}

static fh_err show_file(struct looking *l, const struct wire_file *file, const char *type, const char *name,
                        struct fh_error *e)
{
    if (!file->bytes)
        return FH_FAIL(e, FH_NOT_FOUND, "That generation has no %s.", name);
    FH_TRY(rest_reply_bytes(l->req, l->res, type, l->etag, file->bytes, file->n, e));
    /* It is somebody's text: no browser is to take it for a page of this hub. */
    web_add_header(l->res, "X-Content-Type-Options", "nosniff");
    web_add_header(l->res, "Content-Disposition",
                   fh_sprintf(l->req->arena, "attachment; filename=\"%s\"", name));
    return FH_OK;
}

static fh_err show_manifest(struct looking *l, struct fh_error *e)
{
    const struct fh_generation *g;
    struct wire_files files;
    FH_TRY(path_files(l, &g, &files, e));
    return show_file(l, &files.manifest, "application/toml", "manifest.toml", e);
}

static fh_err show_lock(struct looking *l, struct fh_error *e)
{
    const struct fh_generation *g;
    struct wire_files files;
    FH_TRY(path_files(l, &g, &files, e));
    return show_file(l, &files.lock, "application/json", "manifest.lock", e);
}

static fh_err look_at_one(struct web_request *req, struct web_response *res, show_fn *show,
                          struct fh_error *e)
{
    static const char *const no_query[] = {NULL};
    struct looking l = {.req = req, .res = res};
    struct fh_error ignored;
    int64_t numbers[2] = {0};
    FH_TRY(rest_query(req, no_query, e));
    if (path_number(req, &numbers[0], &ignored) != FH_OK)
        numbers[0] = 0; /* told once it is known that there is such an environment */
    return look(&l, numbers, show, e);
}

fh_err rest_generation_get(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    return look_at_one(req, res, show_generation, e);
}

fh_err rest_generation_manifest(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    return look_at_one(req, res, show_manifest, e);
}

fh_err rest_generation_lock(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    return look_at_one(req, res, show_lock, e);
}

/* --- the difference of two */

static fh_err read_sides(struct web_request *req, int64_t numbers[2], struct fh_error *e)
{
    static const char *const names[] = {"from", "to", NULL};
    FH_TRY(rest_query(req, names, e));
    for (size_t i = 0; i < 2; i++) {
        const char *text = web_query(req, names[i]);
        if (!text)
            return FH_FAIL(e, FH_INVALID, "Name the two generations, as in diff?from=1&to=2.");
        FH_TRY(rest_number(text, names[i], &numbers[i], e));
    }
    return FH_OK;
}

static fh_err show_diff(struct looking *l, struct fh_error *e)
{
    struct wire_files files[2];
    int64_t numbers[2];
    json_t *body = NULL;
    FH_TRY(read_sides(l->req, numbers, e));
    for (size_t i = 0; i < 2; i++) {
        if (!find(l, numbers[i]))
            return absent(l, e);
        fh_err rc = wire_stored_files(l->stored, numbers[i], &files[i], e);
        if (rc == FH_NOT_FOUND)
            return absent(l, e);
        FH_TRY(rc);
    }
    FH_TRY(rest_diff_json(l->arena, &files[0], &files[1], &body, e));
    fh_json_set(body, "from", json_integer(numbers[0]));
    fh_json_set(body, "to", json_integer(numbers[1]));
    return rest_reply_large(l->req, l->res, body, l->etag, e);
}

fh_err rest_env_diff(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct looking l = {.req = req, .res = res};
    int64_t numbers[2];
    FH_TRY(read_sides(req, numbers, e));
    return look(&l, numbers, show_diff, e);
}
