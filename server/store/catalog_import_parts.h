/* What the files of an import share. See catalog_import.h.
 *
 *   add:   row --> digest --> ids of derivation and package, from caches; where they do not know one, the row
 * waits in a batch, and a batch is asked for at once (import_ask), and what is new put in
 *          --> import_stage (page, system, package, derivation), a temporary table
 *   place: column by column: import_stage --> import_column --> page_run
 */
#ifndef STORE_CATALOG_IMPORT_PARTS_H
#define STORE_CATALOG_IMPORT_PARTS_H

#include "server/store/catalog.h"
#include "server/store/catalog_import.h"

enum {
    IMPORT_KEY = 20,               /* bytes that stand for a derivation or an attribute */
    IMPORT_BATCH = 32 * 1024,      /* rows */
    IMPORT_BATCH_BYTES = 24 << 20, /* of what is new in them */
};

/* Locks that imports hold against each other (pg_advisory_lock), and against what takes derivations away. */
#define IMPORT_LOCK_PLACE "7305001"
#define IMPORT_LOCK_USE   "7305002"

/* Ids by key: a cache of a fixed size, four places for a key. */
struct store_import_ids;
struct store_import_ids *store_import_ids_new(unsigned log2_sets);
void store_import_ids_free(struct store_import_ids *c);
int32_t store_import_ids_get(struct store_import_ids *c, const uint8_t key[IMPORT_KEY]); /* 0: not there */
void store_import_ids_put(struct store_import_ids *c, const uint8_t key[IMPORT_KEY], int32_t id);

/* What a batch does not know the ids of: the i-th is -(i+1) until it is asked for. */
struct store_import_unknown {
    struct store_import_ids *ids;
    struct {
        uint8_t key[IMPORT_KEY];
        size_t at, len; /* of its content */
        int32_t id;
    } * items;
    size_t n;
    struct fh_buf content; /* fields as COPY has them */
};

struct store_import_page {
    int64_t rev_count, rev_date /* seconds */;
    char rev[41];
    int64_t id; /* 0: to be made */
    bool complete;
    char *why; /* no row of it can be taken; NULL: they can */
    bool tags_given;
    size_t ntags;
    char (*tags)[FH_MAX_PAGE_TAG + 1];
    int64_t rows[FH_SYSTEM_END];
    int64_t scraped_at[FH_SYSTEM_END]; /* the column's: its first row's */
};

struct store_import_noted {
    int32_t page, package, derivation;
    int16_t system;
    int64_t scraped_at, line;
    size_t build_at, build_len; /* of its fields among the builds' */
};

struct store_import {
    struct db_conn *c;
    struct store_import_config config;
    struct store_import_result result;
    int64_t catalog_id;
    struct store_import_page *pages;
    size_t npages, last_page;
    size_t *page_slots; /* by rev_count: index + 1 */
    struct store_import_noted *rows;
    size_t nrows;
    struct store_import_unknown derivations, packages;
    uint32_t *which; /* of the unknown */
    struct fh_buf content, copy, deprecations, builds;
    struct fh_digest *digest;
    char last_attr[FH_MAX_ATTR_PATH + 1];
    uint8_t last_attr_key[IMPORT_KEY];
    int64_t base_rev_count; /* of last_base */
    char last_base[41];
    int64_t changes; /* of anything that is shown */
    bool knows;      /* store_import_know was there */
};

/* Asks for what the batch does not know and puts it into the stage; the batch is empty then. */
fh_err store_import_flush(struct store_import *s, struct fh_error *e) FH_MUSTCHECK;
void store_import_key(struct store_import *s, const void *bytes, size_t n, uint8_t key[IMPORT_KEY]);
/* Fills the caches with what the newest columns have, and the batch's unknown with what that tells. */
fh_err store_import_know(struct store_import *s, struct fh_error *e) FH_MUSTCHECK;
/* The page of a row, looked up or noted; FH_MISMATCH with the reason when it contradicts what is known of it.
 */
fh_err store_import_page_of(struct store_import *s, const struct store_import_row *row, size_t *page,
                            struct fh_error *e) FH_MUSTCHECK;
/* Asks the database again, in the last transaction: somebody else may have made the page meanwhile. */
fh_err store_import_page_again(struct store_import *s, struct store_import_page *page,
                               struct fh_error *e) FH_MUSTCHECK;
/* In the last transaction. */
fh_err store_import_place_pages(struct store_import *s, struct fh_error *e) FH_MUSTCHECK;
fh_err store_import_place_builds(struct store_import *s, struct fh_error *e) FH_MUSTCHECK;
/* Tells of the rows that sql finds, which are refused (line, attribute, what it has that cannot be), and ends
 * the import when it is strict. where: " on … of page …". */
fh_err store_import_refuse(struct store_import *s, const char *sql, const struct db_param *params, size_t n,
                           const char *where, struct fh_error *e) FH_MUSTCHECK;

/* Exactly the tags of the list, which has spaces between them. */
fh_err store_import_set_tags(struct db_conn *c, int64_t page_id, const char *list, int64_t *gone,
                             int64_t *put, struct fh_error *e) FH_MUSTCHECK;
/* Cuts "a b c" at its spaces into the page's tags; NULL: none. */
void store_catalog_split_tags(struct fh_arena *a, char *text, struct store_catalog_page *page);

/* package.newest of the base catalog, of all its attributes, by the pages that have a tag; in a transaction.
 */
fh_err store_catalog_renew(struct db_conn *c, int64_t *changed, struct fh_error *e) FH_MUSTCHECK;
/* The same of an owner's catalog, by its builds. */
fh_err store_catalog_renew_builds(struct db_conn *c, int64_t catalog_id, int64_t *changed,
                                  struct fh_error *e) FH_MUSTCHECK;

#endif
