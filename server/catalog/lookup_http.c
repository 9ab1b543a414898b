/* POST /api/v1/catalog/build-inputs/lookup (catalog-read-api 3.5 and 10). */
#include "server/catalog/upstream_http.h"

#include "common/ceilings.h"
#include "common/log.h"
#include "server/app.h"
#include "server/catalog/lookup.h"
#include "server/catalog/lookup_held.h"
#include "server/catalog/lookup_upstream.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A lookup, and where it stands. */
struct lookup_work {
    const struct catalog_scope *scope;
    const struct catalog_lookup *lookup;
    struct catalog_holds *holds;
    bool nothing; /* the point in time is that of a build that is not to be seen: nothing was there then */
    size_t more;  /* matches of the groups that are done, but for each reference's first */
};

/* What a reference means; held NULL: nothing. */
struct match {
    const char *reference;
    const struct catalog_held *held;
    size_t item;
};

struct group_work {
    struct fh_arena *arena;
    struct lookup_work *of;
    const struct catalog_lookup_group *group;
    const struct catalog_beyond *beyond; /* what upstream is asked for; NULL: nothing */
    const json_t *theirs;                /* its answer */
    struct match *matches;
    size_t n, found, more;
    struct catalog_answer *answer;
};

static bool is_visible(void *arg, const char *catalog)
{
    const struct group_work *w = arg;
    return catalog_scope_find(w->of->scope, catalog) != NULL;
}

/* Sets from and to to what is meant; without matches only counts. */
static fh_err find_reference(struct db_conn *c, struct group_work *w, const char *text, struct fh_error *e)
{
    struct catalog_reference r;
    const struct catalog_held *held;
    size_t from = 0, to = 0;
    if (!w->of->nothing && catalog_reference_parse(w->arena, text, &r)) {
        FH_TRY(catalog_holds_get(w->of->holds, c, r.owner, &held, e));
        catalog_held_find(held, &r, &from, &to);
    }
    w->found += to - from;
    w->more += to > from ? to - from - 1 : 0;
    if (w->of->more + w->more > FH_MAX_LOOKUP_MATCHES)
        return FH_FAIL(e, FH_MISMATCH,
                       "The stars of a lookup mean at most %d packages; ask for fewer at a time.",
                       FH_MAX_LOOKUP_MATCHES);
    for (size_t i = from; w->matches && i < to; i++)
        w->matches[w->n++] = (struct match){text, held, i};
    if (w->matches && from == to)
        w->matches[w->n++] = (struct match){.reference = text};
    return FH_OK;
}

static fh_err find_references(struct db_conn *c, struct group_work *w, struct fh_error *e)
{
    w->n = w->found = w->more = 0;
    for (size_t k = 0; k < w->group->n; k++)
        if (!w->beyond || !w->beyond->asked[k])
            FH_TRY(find_reference(c, w, w->group->references[k], e));
    return FH_OK;
}

static int by_id(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

static int to_source(const void *id, const void *source)
{
    return by_id(id, &((const struct store_source *)source)->build_id);
}

static void put_match(struct group_work *w, const struct match *m, const struct store_source *sources,
                      size_t n)
{
    if (!m->held) {
        catalog_answer_lacks(w->answer, m->reference);
        return;
    }
    const struct store_source *known = &m->held->items[m->item].source;
    if (catalog_answer_has(w->answer, m->reference, m->held->owner, known->attr_path))
        return;
    const struct store_source *source = bsearch(&known->build_id, sources, n, sizeof *sources, to_source);
    if (source)
        catalog_answer_add(w->answer, m->reference, m->held->owner, source, is_visible, w);
    else
        catalog_answer_lacks(w->answer, m->reference); /* it was taken away meanwhile */
}

/* Some at a time: their inputs may be large. */
static fh_err put_matches(struct db_conn *c, struct group_work *w, size_t first, size_t past,
                          struct fh_error *e)
{
    struct fh_arena *scratch = fh_arena_new();
    int64_t *ids = fh_alloc(scratch, (past - first + 1) * sizeof *ids);
    struct store_source *sources = NULL;
    size_t n = 0, found = 0;
    for (size_t i = first; i < past; i++)
        if (w->matches[i].held)
            ids[n++] = w->matches[i].held->items[w->matches[i].item].source.build_id;
    fh_err rc = n ? store_sources_get(c, scratch, ids, n, &sources, &found, e) : FH_OK;
    for (size_t i = first; rc == FH_OK && i < past; i++)
        put_match(w, &w->matches[i], sources, found);
    fh_arena_free(scratch);
    return rc;
}

/* Starts from nothing each time. */
static fh_err answer_group(struct db_conn *c, void *arg, struct fh_error *e)
{
    enum { TOGETHER = 256 };
    struct group_work *w = arg;
    w->answer = catalog_answer_new(w->arena);
    w->matches = NULL;
    FH_TRY(find_references(c, w, e));
    w->matches = fh_alloc(w->arena, (w->group->n + w->found + 1) * sizeof *w->matches);
    FH_TRY(find_references(c, w, e));
    for (size_t i = 0; i < w->n; i += TOGETHER)
        FH_TRY(put_matches(c, w, i, w->n - i < TOGETHER ? w->n : i + TOGETHER, e));
    return FH_OK;
}

/* A group that cannot be answered says so of each of its references and leaves the others alone; only when
 * the database is away, or too much is asked for, there is no answer at all. */
static fh_err put_group(struct web_request *req, struct fh_buf *b, struct group_work *w, struct fh_error *e)
{
    struct fh_error why = {0};
    fh_err rc = db_read(req->app->pool, answer_group, w, &why);
    if (rc == FH_UNAVAILABLE || rc == FH_MISMATCH)
        return FH_FAIL(e, rc, "%s", why.msg);
    if (rc != FH_OK) {
        fh_log(FH_LOG_WARN, "A group of the lookup %s was not answered: %s", req->id, why.msg);
        w->answer = catalog_answer_new(w->arena);
        for (size_t i = 0; i < w->group->n; i++)
            catalog_answer_lacks(w->answer, w->group->references[i]);
    }
    w->of->more += w->more;
    if (w->theirs)
        catalog_lookup_join(w->arena, w->group, w->beyond, w->theirs, w->answer);
    FH_TRY(catalog_put_json(b, NULL, "", e));
    FH_TRY(fh_json_write_string(w->group->key, strlen(w->group->key), b, e));
    FH_TRY(catalog_put(b, ":", e));
    return fh_json_write_compact(catalog_answer_json(w->answer), b, e);
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t n = sizeof json - 1;
    return type && strncasecmp(type, json, n) == 0 && (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

fh_err catalog_http_body(struct web_request *req, const char **out, size_t *n, struct fh_error *e)
{
    FH_TRY(web_body_bytes(req, req->route->body_limit, out, n, e));
    if (!is_json(web_header(req, "Content-Type")))
        return FH_FAIL(e, FH_WRONG_TYPE,
                       "The body of this request must be JSON: send it with Content-Type: application/json.");
    return FH_OK;
}

/* --- what is of no owner here is the upstream's */

struct split_work {
    struct fh_arena *arena;
    const struct catalog_scope *scope;
    const struct catalog_upstream *upstream;
    const struct catalog_lookup *lookup;
    const struct catalog_beyond *beyond;
    json_t *question;
};

static fh_err split(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct split_work *s = arg;
    return catalog_lookup_split(c, s->arena, s->scope, s->upstream, s->lookup, &s->beyond, &s->question, e);
}

/* Its answers by number; NULL: there was nothing to ask. */
static fh_err ask_upstream(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                           struct split_work *s, json_t **out, struct fh_error *e)
{
    json_t *answer;
    struct fh_buf *text = catalog_http_buf(req);
    FH_TRY(db_read(req->app->pool, split, s, e));
    if (!s->question)
        return FH_OK;
    FH_TRY(fh_json_write_compact(s->question, text, e));
    FH_TRY(catalog_http_ask(req, res, u, "/api/v1/catalog/build-inputs/lookup", text->data, &answer, e));
    *out = json_object_get(answer, "groups");
    return catalog_lookup_fits(s->question, *out)
               ? FH_OK
               : FH_FAIL(e, FH_UNAVAILABLE,
                         "The hub that this one asks for packages gave an answer to another question.");
}

/* --- all of it */

struct time_work {
    struct fh_arena *arena;
    const struct catalog_scope *scope;
    const struct catalog_lookup *lookup;
    int64_t before;
    bool nothing;
};

/* Until when builds count: where that is the time of a build, one that is hidden is looked up like one that
 * is absent. */
static fh_err find_time(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct time_work *t = arg;
    const struct catalog_lookup *l = t->lookup;
    const struct store_catalog_entry *entry = catalog_scope_find(t->scope, l->as_of_build.catalog);
    fh_err rc = store_build_time(c, t->arena, entry ? entry->id : -1, l->as_of_build.attr_path,
                                 l->as_of_build.rev, &t->before, e);
    t->nothing = rc == FH_NOT_FOUND;
    return t->nothing ? FH_OK : rc;
}

static fh_err open_lookup(struct web_request *req, struct lookup_work *w, struct fh_error *e)
{
    struct time_work t = {req->arena, w->scope, w->lookup, w->lookup->as_of, false};
    if (w->lookup->as_of_build.catalog)
        FH_TRY(db_read(req->app->pool, find_time, &t, e));
    w->nothing = t.nothing;
    w->holds = catalog_holds_new(req->arena, w->scope, t.before);
    return FH_OK;
}

fh_err catalog_http_lookup(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct catalog_lookup lookup;
    struct lookup_work work = {.lookup = &lookup};
    struct split_work s = {.arena = req->arena, .lookup = &lookup};
    json_t *theirs = NULL;
    const char *text;
    size_t n;
    FH_TRY(catalog_http_body(req, &text, &n, e));
    FH_TRY(catalog_lookup_parse(req->arena, text, n, &lookup, e));
    FH_TRY(catalog_http_scope(req, &work.scope, e));
    struct catalog_upstream *u = catalog_http_upstream(req, work.scope);
    s.scope = work.scope;
    s.upstream = u;
    if (u)
        FH_TRY(ask_upstream(req, res, u, &s, &theirs, e));
    FH_TRY(open_lookup(req, &work, e));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"version\":1,\"groups\":{", e));
    for (size_t i = 0; i < lookup.n; i++) {
        struct group_work w = {.arena = fh_arena_new(), .of = &work, .group = &lookup.groups[i]};
        w.beyond = u ? &s.beyond[i] : NULL;
        w.theirs = json_object_get(theirs, fh_sprintf(req->arena, "%zu", i));
        fh_err rc = put_group(req, b, &w, e);
        fh_arena_free(w.arena);
        FH_TRY(rc);
    }
    FH_TRY(catalog_put(b, "}}", e));
    return catalog_http_reply(req, res, b, e);
}
