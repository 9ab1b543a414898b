/* Which page stands for each version of a package of the base catalog (catalog-read-api 5). Pure. */
#ifndef CATALOG_PACKAGE_VERSIONS_H
#define CATALOG_PACKAGE_VERSIONS_H

#include "server/store/catalog_read.h"

/* One row for each version and system, of the newest page that has it and that a tag shows; by rev_count,
 * newest first, then by system. In the arena; borrows from what it is given. */
void catalog_package_versions(struct fh_arena *a, const struct store_catalog_layout *layout,
                              const struct store_package_run *runs, size_t nruns,
                              const struct store_scrape *scrapes, size_t nscrapes,
                              struct store_package_row **out, size_t *n);

/* The newest complete page of a system's places from first on until before past; tagged: that a tag shows.
 * NULL: there is none. */
const struct store_column *catalog_run_newest(const struct store_catalog_layout *l, enum fh_system system,
                                              int first, int past, bool tagged);
/* When a package was looked at in a column; scrapes: what store_package_scrapes says of it. */
int64_t catalog_scraped_at(const struct store_column *column, enum fh_system system,
                           const struct store_scrape *scrapes, size_t n);

#endif
