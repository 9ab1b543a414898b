/* What the catalog keeps in memory between requests: the list of catalogs with who may see them, and the
 * search index. Made once by app.c; safe from any thread.
 *
 *     NOTIFY floe_catalog, floe_accounts -> catalog_changed: what was kept is old, and read again when it is
 * asked for listener not live                  -> nothing is kept: every request reads
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "server/auth/auth.h"

struct catalog;
struct db_pool;

struct catalog *catalog_new(struct db_pool *pool);
void catalog_free(struct catalog *c); /* NULL is fine */
void catalog_set_live(struct catalog *c, bool (*live)(void *), void *arg);
/* The database said that something changed, or that it may have. */
void catalog_changed(struct catalog *c);

/* --- for the files of this module */

struct catalog_list; /* all catalogs at one moment; immutable, counted */
/* The list as it is now. inline_only: FH_AGAIN instead of reading it. */
fh_err catalog_list_hold(struct catalog *c, bool inline_only, struct catalog_list **out,
                         struct fh_error *e) FH_MUSTCHECK;
void catalog_list_drop(struct catalog_list *l); /* NULL is fine */
/* Their entries: the base catalog first, then by owner's handle, bytewise. */
const struct store_catalog_entry *catalog_list_entries(const struct catalog_list *l, size_t *n);
int64_t catalog_list_version(const struct catalog_list *l); /* catalog_version, no newer than the entries */

#endif
