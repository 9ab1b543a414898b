/* What the catalog keeps in memory between requests: the list of catalogs with who may see them, and the
 * search index. Made once by app.c; safe from any thread.
 *
 *     NOTIFY floe_catalog, floe_accounts -> catalog_changed: what was kept is old, and read again when it is
 * asked for listener not live                  -> nothing is kept: every request reads
 */
#ifndef CATALOG_CATALOG_MEMORY_H
#define CATALOG_CATALOG_MEMORY_H

#include "server/auth/auth.h"

struct catalog;
struct db_pool;

struct catalog *catalog_new(struct db_pool *pool);
/* Starts the thread that keeps the search index; without it whoever asks makes it. */
fh_err catalog_run(struct catalog *c, struct fh_error *e) FH_MUSTCHECK;
/* Ends that thread, which asks whether the listener is live: before the listener is stopped. */
void catalog_stop(struct catalog *c);
void catalog_free(struct catalog *c); /* NULL is fine */
/* Only while that thread does not run and nobody asks. */
void catalog_set_live(struct catalog *c, bool (*live)(void *), void *arg);
/* The database said that something changed, or that it may have. awaited: somebody was or will be told that
 * it is done, so no answer may be from before it; otherwise searches may be answered from the old index until
 * there is a new one. */
void catalog_changed(struct catalog *c, bool awaited);
/* The database may be another one than it was: what was kept goes, whatever its numbers say. catalog_changed
 * is still to be called. */
void catalog_forget(struct catalog *c);
int64_t catalog_started(const struct catalog *c); /* when it was made: Unix seconds */
struct fh_buf;
fh_err catalog_metrics(struct catalog *c, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

/* --- for the files of this module */

struct catalog_list; /* all catalogs at one moment; immutable, counted */
/* The list as it is now. inline_only: FH_AGAIN instead of reading it. */
fh_err catalog_list_hold(struct catalog *c, bool inline_only, struct catalog_list **out,
                         struct fh_error *e) FH_MUSTCHECK;
struct catalog_list *catalog_list_share(struct catalog_list *l); /* held once more */
void catalog_list_drop(struct catalog_list *l);                  /* NULL is fine */
/* Their entries: the base catalog first, then by owner's handle, bytewise. */
const struct store_catalog_entry *catalog_list_entries(const struct catalog_list *l, size_t *n);
/* Counts of the base catalog as of the list's moment or later; kept as long as nothing changes. */
struct store_catalog_counts;
fh_err catalog_counts(struct catalog *c, const struct catalog_list *l, struct store_catalog_counts *out,
                      struct fh_error *e) FH_MUSTCHECK;
uint64_t catalog_list_heard(const struct catalog_list *l); /* how many changes had been heard of then */
bool catalog_is_live(const struct catalog *c);
uint64_t
catalog_awaited(struct catalog *c); /* a list that had heard of fewer changes is too old for any answer */
struct db_pool *catalog_pool(const struct catalog *c);
struct catalog_indexer;
struct catalog_indexer *catalog_indexer(const struct catalog *c);
struct store_catalog_layout;
const struct store_catalog_layout *
catalog_list_layout(const struct catalog_list *l);          /* the base catalog's pages */
int64_t catalog_list_version(const struct catalog_list *l); /* catalog_version, no newer than the entries */

#endif
