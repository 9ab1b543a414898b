/* The search index: the packages of every catalog in memory, kept by a thread of its own.
 *
 *     a change is heard -> the thread reads the list of catalogs, then the packages of those whose number
 * changed
 *                       -> a new index, which shares the other parts with the old one
 *     a search          -> awaited changes: waits for, or makes, an index that has them; else takes the one
 * there is
 *
 * So after an import was acknowledged every search shows it, and during one searches go on as before. */
#ifndef CATALOG_SEARCH_INDEX_H
#define CATALOG_SEARCH_INDEX_H

#include "server/catalog/catalog_memory.h"
#include "server/catalog/search_part.h"

struct catalog_indexer;
struct catalog_indexer *catalog_indexer_new(struct catalog *c);
fh_err catalog_indexer_start(struct catalog_indexer *x, struct fh_error *e) FH_MUSTCHECK;
void catalog_indexer_stop(struct catalog_indexer *x); /* ends the thread; the index stays */
void catalog_indexer_free(struct catalog_indexer *x);
/* soon: a search may be waiting for it; otherwise changes are gathered for a while. */
/* No part of what there is goes into another index. */
void catalog_indexer_forget(struct catalog_indexer *x);
void catalog_indexer_wake(struct catalog_indexer *x, bool soon);
fh_err catalog_indexer_metrics(struct catalog_indexer *x, struct fh_buf *out,
                               struct fh_error *e) FH_MUSTCHECK;

struct catalog_index; /* immutable, counted */
/* The index to answer from for a caller whose scope was made from list; borrows list. inline_only: FH_AGAIN
 * instead of making one. */
fh_err catalog_index_hold(struct catalog *c, struct catalog_list *list, bool inline_only,
                          struct catalog_index **out, struct fh_error *e) FH_MUSTCHECK;
void catalog_index_drop(struct catalog_index *i); /* NULL is fine */
/* A catalog's packages; NULL: it was not there when the index was made. */
const struct catalog_part *catalog_index_part(const struct catalog_index *i, int64_t catalog_id);

#endif
