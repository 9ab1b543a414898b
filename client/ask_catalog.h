/* Questions to the catalog of the hub (catalog-read-api §3). Nobody has to be logged in; what a token may see
 * of private catalogs is in the answers. Everything lives in the client's arena. */
#ifndef ASK_CATALOG_H
#define ASK_CATALOG_H

#include "client/client.h"
#include "common/json.h"

struct ask_rows {
    const json_t *items; /* an array of objects */
    int64_t total;       /* how many there are, also of those that were not asked for */
};

/* Packages whose name or description has the term; max 0: all of them. FH_INVALID for a term that is too
 * short or too long. */
fh_err ask_search(struct client *c, const char *term, size_t max, struct ask_rows *out,
                  struct fh_error *e) FH_MUSTCHECK;
/* A row for each version and system of a package, newest first. FH_NOT_FOUND when there is none. */
fh_err ask_versions(struct client *c, const char *pkg_path, struct ask_rows *out,
                    struct fh_error *e) FH_MUSTCHECK;
/* The hub says that it has no page of the base catalog; false also when it cannot be asked. */
bool ask_is_empty(struct client *c);
/* See fh_locking_question. */
fh_err ask_resolve(struct client *c, const json_t *question, const json_t **answer,
                   struct fh_error *e) FH_MUSTCHECK;

/* A member as harmless text on one line; NULL when it is no string. */
const char *ask_line(struct client *c, const json_t *item, const char *key);

#endif
