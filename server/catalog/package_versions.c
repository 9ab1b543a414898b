/* Which page stands for each version of a package. See package_versions.h. */
#include "server/catalog/package_versions.h"

#include <stdlib.h>
#include <string.h>

const struct store_column *catalog_run_newest(const struct store_catalog_layout *l, enum fh_system system,
                                              int first, int past, bool tagged)
{
    if (system <= 0 || system >= FH_SYSTEM_END)
        return NULL;
    const struct store_column *columns = l->systems[system].items, *best = NULL;
    size_t n = l->systems[system].n, low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (columns[middle].place < first)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < n && columns[i].place < past; i++)
        if ((columns[i].page->ntags || !tagged) &&
            (!best || columns[i].page->rev_count > best->page->rev_count))
            best = &columns[i];
    return best;
}

int64_t catalog_scraped_at(const struct store_column *column, enum fh_system system,
                           const struct store_scrape *scrapes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (scrapes[i].page_id == column->page->id && scrapes[i].system == system)
            return scrapes[i].at;
    return column->scraped_at;
}

/* Of the same version and system the newest comes first. */
static int by_version(const void *a, const void *b)
{
    const struct store_package_row *x = a, *y = b;
    int order = strcmp(x->version, y->version);
    if (order == 0)
        order = (x->system > y->system) - (x->system < y->system);
    return order ? order : (x->rev_count < y->rev_count) - (x->rev_count > y->rev_count);
}

static int by_page(const void *a, const void *b)
{
    const struct store_package_row *x = a, *y = b;
    int order = (x->rev_count < y->rev_count) - (x->rev_count > y->rev_count);
    if (order == 0)
        order = (x->system > y->system) - (x->system < y->system);
    return order ? order : strcmp(x->version, y->version);
}

void catalog_package_versions(struct fh_arena *a, const struct store_catalog_layout *layout,
                              const struct store_package_run *runs, size_t nruns,
                              const struct store_scrape *scrapes, size_t nscrapes,
                              struct store_package_row **out, size_t *n)
{
    struct store_package_row *rows = fh_alloc(a, (nruns + 1) * sizeof *rows);
    size_t found = 0, kept = 0;
    for (size_t i = 0; i < nruns; i++) {
        const struct store_column *column =
            catalog_run_newest(layout, runs[i].row.system, runs[i].first, runs[i].past, true);
        if (!column)
            continue;
        const struct store_catalog_page *page = column->page;
        struct store_package_row *row = &rows[found++];
        *row = runs[i].row;
        row->rev = page->rev;
        row->rev_count = page->rev_count;
        row->rev_date = page->rev_date;
        row->tags = layout->tags[page - layout->pages.items];
        row->scraped_at = catalog_scraped_at(column, row->system, scrapes, nscrapes);
    }
    qsort(rows, found, sizeof *rows, by_version);
    for (size_t i = 0; i < found; i++)
        if (kept == 0 || rows[i].system != rows[kept - 1].system ||
            strcmp(rows[i].version, rows[kept - 1].version) != 0)
            rows[kept++] = rows[i];
    qsort(rows, kept, sizeof *rows, by_page);
    *out = rows;
    *n = kept;
}
