/* Putting rows into a catalog: streamed in, staged, and shown all at once.
 *
 *     store_import_begin
 *     store_import_add      for each row; what an attribute is described by (derivations) is stored on the
 * way, where nobody sees it; which attribute is what on which page is only noted store_import_finish   one
 * transaction: checked against what is there, put in its place, shown store_import_end
 *
 * Memory is bounded whatever the number of rows. A process that dies leaves nothing that is seen; doing it
 * again finds the derivations there. Two imports may run at once: their last steps come one after the other.
 *
 * The connection is the import's from beginning to end, outside a transaction. What is borrowed by a call is
 * borrowed for the call.
 */
#ifndef STORE_CATALOG_IMPORT_H
#define STORE_CATALOG_IMPORT_H

#include "common/ceilings.h"
#include "common/system.h"
#include "server/db/db.h"

/* enum of the column derivation.flags: a fact, and that it is not known whether it is one. */
enum store_flags {
    STORE_BROKEN = 1,
    STORE_INSECURE = 2,
    STORE_UNFREE = 4,
    STORE_MISSING_BUILDS = 8,
    STORE_FLAGS_KNOWN = 4, /* a flag shifted so far: it is not known */
};

/* For scraped_at: of a column that is new, now; of one that is there, when it was looked at first. */
enum { STORE_SCRAPED_NOW = -1 };

struct store_import_row {
    const char *attr_path, *drv_path, *name, *version;
    const char *outputs;                           /* [{"name":…,"store_path":…}] */
    const char *outputs_to_install;                /* JSON list, sorted, unique; NULL: not known */
    const char *description, *license, *cache_uri; /* may be NULL */
    enum fh_system system;
    unsigned flags;
    int64_t scraped_at; /* microseconds since 1970; 0: not known */
    /* The page it is on, or the source it was built from. */
    const char *rev;
    int64_t rev_count, rev_date; /* microseconds */
    bool tags_given;             /* then they replace the page's, with those of its other rows */
    size_t ntags;
    const char *tags[FH_MAX_PAGE_TAGS];
    bool deprecation_given;
    const char *deprecation; /* JSON object, NULL: none */
    /* Of a build of an owner's. */
    const char *locked_url;
    int64_t base_rev_count; /* 0: not known */
    const char *base_rev;   /* NULL: not known */
};

struct store_import_config {
    int64_t owner_id; /* whose catalog; 0: the base catalog */
    int visibility;   /* enum store_visibility of a catalog that it makes */
    bool strict;      /* one row that cannot be taken: none is */
    bool more;        /* a page that it makes is not shown yet: more of it follows */
    /* A row that was added and cannot be taken after all; line as it was added. */
    void (*refused)(void *arg, int64_t line, const char *why);
    void (*stage)(void *arg, int64_t done,
                  int64_t total); /* of store_import_finish, in columns; may be NULL */
    void *arg;
};

struct store_import_result {
    int64_t added, changed, unchanged, refused;
    int64_t pages; /* that had rows */
    bool waited;   /* for another import */
};

struct store_import;
fh_err store_import_begin(struct db_conn *c, const struct store_import_config *config,
                          struct store_import **out, struct fh_error *e) FH_MUSTCHECK;
/* FH_MISMATCH: the row cannot be taken, for the reason given; the import goes on. Whatever else: it ends. */
fh_err store_import_add(struct store_import *s, const struct store_import_row *row, int64_t line,
                        struct fh_error *e) FH_MUSTCHECK;
fh_err store_import_finish(struct store_import *s, struct store_import_result *out,
                           struct fh_error *e) FH_MUSTCHECK;
void store_import_end(struct store_import *s);                   /* NULL is fine */
struct db_conn *store_import_conn(const struct store_import *s); /* the one it was begun with */

#endif
