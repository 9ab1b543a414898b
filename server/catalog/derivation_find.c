/* The one derivation that a path means to a caller. See derivation_find.h. */
#include "server/catalog/derivation_find.h"

#include "server/catalog/package_versions.h"

#include <string.h>

struct finding {
    struct fh_arena *arena;
    const struct catalog_scope *scope;
    const char *path;
    bool is_output;
    struct store_derivation_scope visible; /* owners' catalogs */
    struct store_derivation *of;           /* all descriptions of it, or all that have the output */
    size_t n;
    struct catalog_found_derivation *out;
    bool found;
};

static const struct store_catalog_entry *entry_of(const struct catalog_scope *scope, int64_t catalog_id)
{
    const struct store_catalog_entry *c = NULL;
    do {
        c = catalog_scope_next(scope, c);
    } while (c && c->id != catalog_id);
    return c;
}

static const struct store_derivation *described(const struct finding *f, int64_t id)
{
    size_t i = 0;
    while (i + 1 < f->n && f->of[i].id != id)
        i++;
    return &f->of[i];
}

/* Of two that are as new: the shorter path, then bytewise, as a search has them. */
static bool comes_before(const struct catalog_found_derivation *x, const struct catalog_found_derivation *y)
{
    size_t n = strlen(x->attr_path), m = strlen(y->attr_path);
    if (x->row.rev_count != y->row.rev_count)
        return x->row.rev_count > y->row.rev_count;
    if (n != m)
        return n < m;
    int order = strcmp(x->attr_path, y->attr_path);
    if (order == 0 && x->owner)
        order = strcmp(x->owner, y->owner);
    return order ? order < 0 : x->row.system < y->row.system;
}

static bool offer(struct finding *f, const struct catalog_found_derivation *candidate)
{
    if (f->found && !comes_before(candidate, f->out))
        return false;
    *f->out = *candidate;
    f->found = true;
    return true;
}

static fh_err take_runs(struct db_conn *c, struct finding *f, const struct store_derivation_use *uses,
                        size_t n, struct fh_error *e)
{
    const struct store_catalog_layout *layout = catalog_list_layout(catalog_scope_list(f->scope));
    const struct store_column *column, *chosen = NULL;
    int64_t package_id = 0;
    for (size_t i = 0; i < n; i++) {
        const struct store_derivation_use *use = &uses[i];
        column = catalog_run_newest(layout, use->system, use->first, use->past, false);
        if (!column || !entry_of(f->scope, use->catalog_id))
            continue;
        struct catalog_found_derivation candidate = {described(f, use->derivation_id)->row, NULL,
                                                     use->attr_path};
        candidate.row.rev = column->page->rev;
        candidate.row.rev_count = column->page->rev_count;
        candidate.row.rev_date = column->page->rev_date;
        if (offer(f, &candidate)) {
            chosen = column;
            package_id = use->package_id;
        }
    }
    if (!chosen)
        return FH_OK;
    struct store_scrape *scrapes;
    size_t nscrapes;
    FH_TRY(store_package_scrapes(c, f->arena, package_id, &scrapes, &nscrapes, e));
    f->out->row.scraped_at = catalog_scraped_at(chosen, f->out->row.system, scrapes, nscrapes);
    return FH_OK;
}

static void take_builds(struct finding *f, const struct store_derivation_use *uses, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct store_derivation_use *use = &uses[i];
        const struct store_catalog_entry *entry = entry_of(f->scope, use->catalog_id);
        if (!entry)
            continue;
        struct catalog_found_derivation candidate = {described(f, use->derivation_id)->row, entry->owner,
                                                     use->attr_path};
        candidate.row.locked_url = use->locked_url;
        candidate.row.rev = use->rev;
        candidate.row.rev_count = use->rev_count;
        candidate.row.rev_date = use->rev_date;
        candidate.row.scraped_at = use->scraped_at;
        (void)offer(f, &candidate);
    }
}

/* Those that must be on a page if they are anywhere; how many. */
static size_t drop_builds(struct store_derivation *of, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!of[i].is_build)
            of[kept++] = of[i];
    return kept;
}

/* Starts from nothing each time. Of what is not there the same is asked as of a build: the time tells no more
 * than the answer. */
static fh_err find(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct finding *f = arg;
    struct store_derivation_use *uses;
    size_t n;
    f->found = false;
    if (f->is_output)
        FH_TRY(store_derivations_with(c, f->arena, &f->visible, f->path, &f->of, &f->n, e));
    else
        FH_TRY(store_derivations_of(c, f->arena, &f->visible, f->path, &f->of, &f->n, e));
    FH_TRY(store_derivation_runs(c, f->arena, f->of, f->n, &uses, &n, e));
    FH_TRY(take_runs(c, f, uses, n, e));
    if (f->found)
        return FH_OK;
    FH_TRY(store_derivation_builds(c, f->arena, f->of, f->n, &uses, &n, e));
    take_builds(f, uses, n);
    f->n = drop_builds(f->of, f->n);
    if (f->found || f->n == 0 || !catalog_scope_base(f->scope))
        return FH_OK;
    FH_TRY(store_derivation_all_runs(c, f->arena, f->of, f->n, &uses, &n, e));
    return take_runs(c, f, uses, n, e);
}

static struct store_derivation_scope visible_of(struct fh_arena *a, const struct catalog_scope *scope)
{
    size_t n, kept = 0;
    (void)catalog_list_entries(catalog_scope_list(scope), &n);
    int64_t *ids = fh_alloc(a, (n + 1) * sizeof *ids);
    for (const struct store_catalog_entry *c = NULL; (c = catalog_scope_next(scope, c));)
        if (c->owner)
            ids[kept++] = c->id;
    return (struct store_derivation_scope){ids, kept};
}

fh_err catalog_derivation_find(struct db_pool *pool, struct fh_arena *a, const struct catalog_scope *scope,
                               const char *path, bool is_output, struct catalog_found_derivation *out,
                               struct fh_error *e)
{
    struct finding f = {.arena = a, .scope = scope, .path = path, .is_output = is_output, .out = out};
    f.visible = visible_of(a, scope);
    FH_TRY(db_read(pool, find, &f, e));
    return f.found ? FH_OK : FH_NOT_FOUND;
}
