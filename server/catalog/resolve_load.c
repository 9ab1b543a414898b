/* A question of resolve asked of the database. See resolve_load.h. */
#include "server/catalog/resolve_load.h"

#include "common/ceilings.h"
#include "server/catalog/package_json.h"

#include <stdlib.h>
#include <string.h>

/* --- the keys */

static int by_path(const void *left, const void *right)
{
    const struct resolve_descriptor *const *x = left, *const *y = right;
    return strcmp((*x)->attr_path, (*y)->attr_path);
}

void resolve_keys(struct resolve_question *q, const struct catalog_scope *scope)
{
    struct resolve_request *r = q->request;
    struct resolve_descriptor **all =
        fh_alloc(q->arena, (r->ndescriptors + 1) * sizeof(struct resolve_descriptor *));
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->groups[i].n; k++)
            all[n++] = &r->groups[i].descriptors[k];
    qsort(all, n, sizeof *all, by_path);
    q->keys = fh_alloc(q->arena, (n + 1) * sizeof *q->keys);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(all[i]->attr_path, all[i - 1]->attr_path) != 0) {
            struct store_resolve_key *key = &q->keys[q->nkeys++];
            const char *owner;
            catalog_path_split(q->arena, all[i]->attr_path, &owner, &key->attr_path);
            const struct store_catalog_entry *catalog =
                owner ? catalog_scope_find(scope, owner) : catalog_scope_base(scope);
            key->catalog_id = catalog ? catalog->id : 0;
            key->owner = owner;
        }
        all[i]->key = q->nkeys - 1;
    }
}

/* --- the pages */

static fh_err read_calendar(struct db_conn *c, struct fh_arena *a, const struct calendar **out,
                            struct fh_error *e)
{
    struct store_catalog_layout layout;
    FH_TRY(store_catalog_layout(c, a, &layout, e));
    *out = catalog_calendar(a, &layout);
    return FH_OK;
}

static fh_err open_generation(struct db_conn *c, struct resolve_question *q, struct resolve_generation **out,
                              struct fh_error *e)
{
    int64_t version;
    FH_TRY(store_catalog_version(c, &version, e));
    *out = resolve_generation_find(q->memory, q->arena, version);
    if (!*out) {
        struct fh_arena *pages = fh_arena_new();
        const struct calendar *calendar;
        fh_err rc = read_calendar(c, pages, &calendar, e);
        if (rc != FH_OK) {
            fh_arena_free(pages);
            return rc;
        }
        *out = resolve_generation_new(q->memory, q->arena, pages, calendar);
    }
    q->calendar = resolve_generation_calendar(*out);
    return FH_OK;
}

/* --- the packages */

static fh_err load_packages(struct db_conn *c, struct resolve_question *q, struct resolve_generation *g,
                            struct fh_error *e)
{
    struct resolve_package *packages = fh_alloc(q->arena, (q->nkeys + 1) * sizeof *packages);
    struct store_resolve_key *missing = fh_alloc(q->arena, (q->nkeys + 1) * sizeof *missing);
    size_t *which = fh_alloc(q->arena, (q->nkeys + 1) * sizeof *which), n = 0;
    for (size_t i = 0; i < q->nkeys; i++) {
        packages[i].of_owner = q->keys[i].owner != NULL;
        if (q->keys[i].catalog_id != 0 && !resolve_recall_package(g, &q->keys[i], &packages[i])) {
            missing[n] = q->keys[i];
            which[n++] = i;
        }
    }
    if (n > 0) {
        struct store_candidates found;
        FH_TRY(store_resolve_candidates(c, q->arena, missing, n, &found, e));
        struct resolve_package *fresh = resolve_packages_of(q->arena, missing, n, &found);
        for (size_t i = 0; i < n; i++) {
            resolve_keep_package(g, &missing[i], &fresh[i]);
            packages[which[i]] = fresh[i];
        }
    }
    struct resolve_candidates *candidates = fh_alloc(q->arena, sizeof *candidates);
    *candidates = (struct resolve_candidates){packages, q->nkeys};
    q->candidates = candidates;
    return FH_OK;
}

/* --- the rows */

/* Rows that are not in memory. */
struct wanted {
    struct store_choice choice;
    const struct resolve_row *row;
    const struct resolve_group_answer *group;
    struct resolve_shown *shown;
};

/* The page that a build was made on; NULL: it is not here. */
static const struct store_catalog_page *base_of(const struct calendar *c, const struct store_build *build)
{
    size_t low = 0, high = c->pages.n;
    while (low < high) { /* the newest first */
        size_t middle = low + (high - low) / 2;
        if (c->pages.items[middle].rev_count > build->base_rev_count)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->pages.n && c->pages.items[low].rev_count == build->base_rev_count ? &c->pages.items[low]
                                                                                      : NULL;
}

/* What a row is shown with of its page. */
static void complete(const struct resolve_question *q, const struct wanted *w, struct store_package_row *row)
{
    if (w->row->build) {
        const struct store_catalog_page *base = base_of(q->calendar, w->row->build);
        row->tags = base ? q->calendar->tags[base - q->calendar->pages.items] : NULL;
        return;
    }
    const struct store_catalog_page *page = &q->calendar->pages.items[w->group->page];
    row->rev = page->rev;
    row->rev_count = page->rev_count;
    row->rev_date = page->rev_date;
    row->tags = q->calendar->tags[w->group->page];
    if (row->scraped_at == STORE_SCRAPED_WITH_PAGE)
        row->scraped_at = q->calendar->systems[row->system].of_page[w->group->page]->scraped_at;
}

static struct resolve_place place_of(const struct resolve_group_answer *g, const struct resolve_row *row)
{
    return (struct resolve_place){row->run->package_id, row->system, (uint32_t)g->page};
}

static fh_err write_row(struct resolve_question *q, struct resolve_generation *g, const struct wanted *w,
                        const struct store_package_row *row, struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(FH_MAX_CATALOG_ANSWER);
    const struct store_resolve_key *key = &q->keys[w->row->descriptor->key];
    const struct catalog_package what = {.owner = key->owner, .attr_path = key->attr_path};
    fh_err rc = catalog_put_package(&b, q->arena, &what, row, e);
    if (rc == FH_OK) {
        *w->shown = (struct resolve_shown){fh_strndup(q->arena, b.data, b.len), b.len};
        if (w->row->run) {
            struct resolve_place place = place_of(w->group, w->row);
            resolve_keep_row(g, &place, b.data, b.len);
        }
    }
    fh_buf_free(&b);
    return rc;
}

static struct store_choice choice_of(const struct resolve_question *q, const struct resolve_group_answer *g,
                                     const struct resolve_row *row)
{
    if (row->build)
        return (struct store_choice){.build_id = row->build->id};
    return (struct store_choice){.derivation_id = row->run->derivation_id,
                                 .package_id = row->run->package_id,
                                 .page_id = q->calendar->pages.items[g->page].id,
                                 .system = row->system};
}

static size_t count_rows(const struct resolve_answer *answer)
{
    size_t n = 0;
    for (size_t i = 0; i < answer->n; i++)
        n += answer->groups[i].nrows;
    return n;
}

static fh_err load_rows(struct db_conn *c, struct resolve_question *q, struct resolve_generation *g,
                        struct fh_error *e)
{
    size_t all = count_rows(q->answer), n = 0;
    struct wanted *wanted = fh_alloc(q->arena, (all + 1) * sizeof *wanted);
    struct resolve_shown *shown = q->shown = fh_alloc(q->arena, (all + 1) * sizeof *q->shown);
    for (size_t i = 0; i < q->answer->n; i++)
        for (size_t k = 0; k < q->answer->groups[i].nrows; k++, shown++) {
            const struct resolve_group_answer *group = &q->answer->groups[i];
            const struct resolve_row *row = &group->rows[k];
            if (row->run) {
                struct resolve_place place = place_of(group, row);
                shown->text = resolve_recall_row(g, &place, &shown->n);
            }
            if (!shown->text)
                wanted[n++] = (struct wanted){choice_of(q, group, row), row, group, shown};
        }
    struct store_choice *choices = fh_alloc(q->arena, (n + 1) * sizeof *choices);
    struct store_package_row *rows;
    for (size_t i = 0; i < n; i++)
        choices[i] = wanted[i].choice;
    FH_TRY(store_resolve_rows(c, q->arena, choices, n, &rows, e));
    for (size_t i = 0; i < n; i++) {
        complete(q, &wanted[i], &rows[i]);
        FH_TRY(write_row(q, g, &wanted[i], &rows[i], e));
    }
    return FH_OK;
}

static fh_err ask(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct resolve_question *q = arg;
    struct resolve_generation *g;
    FH_TRY(store_resolve_begin(c, e));
    FH_TRY(open_generation(c, q, &g, e));
    FH_TRY(load_packages(c, q, g, e));
    q->answer = catalog_resolve(q->arena, q->calendar, q->candidates, q->request);
    if (q->with_rows)
        FH_TRY(load_rows(c, q, g, e));
    return store_resolve_end(c, e);
}

fh_err resolve_ask(struct resolve_question *q, struct db_pool *pool, struct fh_error *e)
{
    return db_read(pool, ask, q, e);
}
