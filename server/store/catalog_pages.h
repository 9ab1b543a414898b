/* The catalog as its operator sees it: pages one by one, what it holds, taking pages away. The changes are
 * for a transaction and tell of themselves (store_catalog_changed). */
#ifndef STORE_CATALOG_PAGES_H
#define STORE_CATALOG_PAGES_H

#include "common/system.h"
#include "server/store/catalog.h"

struct store_page_info {
    struct store_catalog_page page;
    int64_t complete_at, created_at;
    bool systems[FH_SYSTEM_END];
    int64_t rows[FH_SYSTEM_END]; /* of store_page_find alone */
};

/* Also those that are not complete; newest first. */
fh_err store_page_list(struct db_conn *c, struct fh_arena *a, struct store_page_info **out, size_t *n,
                       struct fh_error *e) FH_MUSTCHECK;
/* By number, or by a revision or what it begins with (seven digits at least). FH_NOT_FOUND; FH_CONFLICT when
 * several begin so. */
fh_err store_page_find(struct db_conn *c, struct fh_arena *a, const char *name, struct store_page_info *out,
                       struct fh_error *e) FH_MUSTCHECK;
/* As migration 0007 wants a tag. */
bool store_page_tag_is_valid(const char *tag);
/* Exactly these. */
fh_err store_page_set_tags(struct db_conn *c, struct fh_arena *a, int64_t page_id, const char *const *tags,
                           size_t n, struct fh_error *e) FH_MUSTCHECK;
/* With what only it had, but for what an import that runs at the moment may be using: *swept false, and the
 * next removal takes that, too. */
fh_err store_page_remove(struct db_conn *c, const int64_t *page_ids, size_t n, bool *swept,
                         struct fh_error *e) FH_MUSTCHECK;

struct store_catalog_size {
    int64_t pages, incomplete, newest_rev_count; /* 0: there is none */
    int64_t packages, derivations, runs, bytes;  /* of the base catalog; derivations and bytes of all */
    int64_t catalogs, builds;                    /* of owners */
};
fh_err store_catalog_measure(struct db_conn *c, struct store_catalog_size *out,
                             struct fh_error *e) FH_MUSTCHECK;
/* Has the base catalog a page that answers? Cheap. */
fh_err store_catalog_is_empty(struct db_conn *c, bool *empty, struct fh_error *e) FH_MUSTCHECK;

#endif
