/* POST /api/v1/catalog/build-inputs/lookup (catalog-read-api 3.5 and 10). */
#include "server/catalog/upstream_http.h"

#include "common/ceilings.h"
#include "common/log.h"
#include "server/app.h"
#include "server/catalog/lookup.h"
#include "server/catalog/lookup_body.h"
#include "server/catalog/lookup_reference.h"

#include <string.h>
#include <strings.h>

/* What one catalog has, read once for a group. */
struct held {
    const char *owner;
    struct store_source *items;
    struct catalog_reference *paths; /* of items; n 0: a path that cannot be taken apart */
    size_t n;
    struct held *next;
};

struct group_work {
    struct fh_arena *arena;
    const struct catalog_scope *scope;
    const struct catalog_lookup *lookup;
    const struct catalog_lookup_group *group;
    const bool *theirs; /* per reference: upstream answers it; NULL: none */
    json_t *answer_of_theirs;
    int64_t before;
    bool nothing; /* the point in time is that of a build that is not to be seen: nothing was there then */
    struct held *held;
    struct catalog_answer *answer;
};

static bool is_visible(void *arg, const char *catalog)
{
    const struct group_work *w = arg;
    return catalog_scope_find(w->scope, catalog) != NULL;
}

/* What is hidden is looked up like what is absent. */
static fh_err hold(struct db_conn *c, struct group_work *w, const char *owner, struct held **out,
                   struct fh_error *e)
{
    const struct store_catalog_entry *entry = catalog_scope_find(w->scope, owner);
    for (struct held *h = w->held; h; h = h->next)
        if (strcmp(h->owner, owner) == 0) {
            *out = h;
            return FH_OK;
        }
    struct held *h = fh_alloc(w->arena, sizeof *h);
    h->owner = owner;
    FH_TRY(store_sources(c, w->arena, entry ? entry->id : -1, w->before, &h->items, &h->n, e));
    h->paths = fh_alloc(w->arena, (h->n + 1) * sizeof *h->paths);
    for (size_t i = 0; i < h->n; i++)
        (void)!catalog_attr_parse(w->arena, h->items[i].attr_path, &h->paths[i]);
    h->next = w->held;
    w->held = h;
    *out = h;
    return FH_OK;
}

static fh_err add(struct db_conn *c, struct group_work *w, const char *reference, const struct held *h,
                  size_t i, struct fh_error *e)
{
    struct store_source source;
    if (catalog_answer_has(w->answer, reference, h->owner, h->items[i].attr_path))
        return FH_OK;
    FH_TRY(store_source_get(c, w->arena, h->items[i].build_id, &source, e));
    catalog_answer_add(w->answer, reference, h->owner, &source, is_visible, w);
    return FH_OK;
}

/* Those of h whose attribute path begins with a text; they are in the order of their bytes. */
static void range(const struct held *h, const char *prefix, size_t *from, size_t *to)
{
    size_t n = strlen(prefix), bounds[2];
    for (int upper = 0; upper < 2; upper++) {
        size_t low = 0, high = h->n;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            int order = strncmp(h->items[middle].attr_path, prefix, n);
            if (order < 0 || (upper && order == 0))
                low = middle + 1;
            else
                high = middle;
        }
        bounds[upper] = low;
    }
    *from = bounds[0];
    *to = bounds[1];
}

/* What of one reference was found so far. */
struct search {
    const struct catalog_reference *reference;
    size_t found, longest; /* SIZE_MAX: none */
};

static fh_err look_among(struct db_conn *c, struct group_work *w, const char *text, const struct held *h,
                         const char *prefix, struct search *s, struct fh_error *e)
{
    const struct catalog_reference *r = s->reference;
    size_t from, to;
    range(h, prefix, &from, &to);
    for (size_t i = from; i < to; i++) {
        if (h->paths[i].n == 0)
            continue;
        if (r->all && catalog_reference_begins(r, &h->paths[i])) {
            FH_TRY(add(c, w, text, h, i, e));
            s->found++;
        } else if (!r->all && catalog_reference_begins(&h->paths[i], r) &&
                   (s->longest == SIZE_MAX || h->paths[i].n > h->paths[s->longest].n)) {
            s->longest = i; /* it may reach past the package, into what that is made of */
        }
    }
    return FH_OK;
}

static fh_err answer_reference(struct db_conn *c, struct group_work *w, const char *text, struct fh_error *e)
{
    struct catalog_reference r;
    struct search s = {.reference = &r, .longest = SIZE_MAX};
    struct held *h;
    if (w->nothing || !catalog_reference_parse(w->arena, text, &r)) {
        catalog_answer_lacks(w->answer, text);
        return FH_OK;
    }
    FH_TRY(hold(c, w, r.owner, &h, e));
    FH_TRY(look_among(c, w, text, h, r.n ? r.parts[0] : "", &s, e));
    if (r.n) /* the first component may be stored in quotes */
        FH_TRY(look_among(c, w, text, h, "\"", &s, e));
    if (s.longest != SIZE_MAX)
        return add(c, w, text, h, s.longest, e);
    if (s.found == 0)
        catalog_answer_lacks(w->answer, text);
    return FH_OK;
}

/* Starts from nothing each time. */
static fh_err answer_group(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct group_work *w = arg;
    const struct catalog_lookup *l = w->lookup;
    w->held = NULL;
    w->before = l->as_of;
    w->answer = catalog_answer_new(w->arena);
    if (l->as_of_build.catalog) {
        const struct store_catalog_entry *entry = catalog_scope_find(w->scope, l->as_of_build.catalog);
        fh_err rc = store_build_time(c, w->arena, entry ? entry->id : -1, l->as_of_build.attr_path,
                                     l->as_of_build.rev, &w->before, e);
        w->nothing = rc == FH_NOT_FOUND;
        if (rc != FH_OK && rc != FH_NOT_FOUND)
            return rc;
    }
    for (size_t i = 0; i < w->group->n; i++)
        if (!w->theirs || !w->theirs[i])
            FH_TRY(answer_reference(c, w, w->group->references[i], e));
    return FH_OK;
}

/* A group that cannot be answered says so of each of its references and leaves the others alone; only when
 * the database is away there is no answer at all. */
static fh_err put_group(struct web_request *req, struct fh_buf *b, struct group_work *w, struct fh_error *e)
{
    struct fh_error why = {0};
    fh_err rc = db_read(req->app->pool, answer_group, w, &why);
    if (rc == FH_UNAVAILABLE)
        return FH_FAIL(e, rc, "%s", why.msg);
    if (rc != FH_OK) {
        fh_log(FH_LOG_WARN, "A group of the lookup %s was not answered: %s", req->id, why.msg);
        w->answer = catalog_answer_new(w->arena);
        for (size_t i = 0; i < w->group->n; i++)
            catalog_answer_lacks(w->answer, w->group->references[i]);
    }
    if (w->answer_of_theirs)
        catalog_answer_join(w->answer, w->answer_of_theirs);
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

struct split {
    struct fh_arena *arena;
    const struct catalog_lookup *lookup;
    bool **theirs;   /* per group, per reference */
    json_t *groups;  /* what is asked of it: under numbers, not under their keys */
    bool build_here; /* the point in time is that of a build of an owner here, of which it is told nothing */
};

static fh_err split(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct split *s = arg;
    s->groups = fh_json_own(s->arena, json_array());
    if (s->lookup->as_of_build.catalog)
        FH_TRY(store_owner_known(c, s->arena, s->lookup->as_of_build.catalog, &s->build_here, e));
    for (size_t i = 0; i < s->lookup->n; i++) {
        const struct catalog_lookup_group *g = &s->lookup->groups[i];
        json_t *references = json_array(), *group;
        s->theirs[i] = fh_alloc(s->arena, (g->n + 1) * sizeof *s->theirs[i]);
        for (size_t k = 0; k < g->n; k++) {
            struct catalog_reference r;
            bool known = true;
            if (!s->build_here && catalog_reference_parse(s->arena, g->references[k], &r))
                FH_TRY(store_owner_known(c, s->arena, r.owner, &known, e));
            s->theirs[i][k] = !known;
            if (!known)
                fh_json_push(references, fh_json_text(g->references[k]));
        }
        if (json_array_size(references) == 0) {
            json_decref(references);
            continue;
        }
        group = json_object();
        fh_json_set(group, "key", json_string(fh_sprintf(s->arena, "%zu", i)));
        fh_json_set(group, "references", references);
        fh_json_push(s->groups, group);
    }
    return FH_OK;
}

/* Its answers by number; NULL: there was nothing to ask. */
static fh_err ask_upstream(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                           const json_t *body, struct split *s, json_t **out, struct fh_error *e)
{
    json_t *answer, *question;
    struct fh_buf *text = catalog_http_buf(req);
    FH_TRY(db_read(req->app->pool, split, s, e));
    if (json_array_size(s->groups) == 0)
        return FH_OK;
    question = fh_json_own(req->arena, json_object());
    fh_json_set(question, "stability", json_incref(json_object_get(body, "stability")));
    if (json_object_get(body, "reference_point"))
        fh_json_set(question, "reference_point", json_incref(json_object_get(body, "reference_point")));
    fh_json_set(question, "groups", json_incref(s->groups));
    FH_TRY(fh_json_write_compact(question, text, e));
    FH_TRY(catalog_http_ask(req, res, u, "/api/v1/catalog/build-inputs/lookup", text->data, &answer, e));
    *out = json_object_get(answer, "groups");
    for (size_t i = 0; i < json_array_size(s->groups); i++)
        if (!json_is_object(json_object_get(*out, fh_json_string(json_array_get(s->groups, i), "key"))))
            return FH_FAIL(e, FH_UNAVAILABLE,
                           "The hub that this one asks for packages gave an answer to another question.");
    return FH_OK;
}

fh_err catalog_http_lookup(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct catalog_scope *scope;
    struct catalog_lookup lookup;
    struct split s = {.arena = req->arena, .lookup = &lookup};
    json_t *theirs = NULL, *body;
    const char *text;
    size_t n;
    FH_TRY(catalog_http_body(req, &text, &n, e));
    FH_TRY(catalog_lookup_parse(req->arena, text, n, &lookup, e));
    FH_TRY(catalog_http_scope(req, &scope, e));
    struct catalog_upstream *u = catalog_http_upstream(req, scope);
    if (u) {
        s.theirs = fh_alloc(req->arena, (lookup.n + 1) * sizeof *s.theirs);
        FH_TRY(fh_json_parse(text, n, "body", &body, e));
        FH_TRY(ask_upstream(req, res, u, fh_json_own(req->arena, body), &s, &theirs, e));
    }
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"version\":1,\"groups\":{", e));
    for (size_t i = 0; i < lookup.n; i++) {
        struct group_work w = {
            .arena = fh_arena_new(), .scope = scope, .lookup = &lookup, .group = &lookup.groups[i]};
        w.theirs = u ? s.theirs[i] : NULL;
        w.answer_of_theirs = json_object_get(theirs, fh_sprintf(req->arena, "%zu", i));
        fh_err rc = put_group(req, b, &w, e);
        fh_arena_free(w.arena);
        FH_TRY(rc);
    }
    FH_TRY(catalog_put(b, "}}", e));
    return catalog_http_reply(req, res, b, e);
}
