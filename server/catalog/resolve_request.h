/* The body of a resolve, or of a question why: groups of descriptors (catalog-read-api 3.4). Pure.
 *
 * Members that are not known are ignored, as the protocol wants it; null is the same as absent. What is of
 * another type, misses or is over a ceiling is FH_MISMATCH (422), and so is a version that begins like a
 * range and is none.
 */
#ifndef CATALOG_RESOLVE_REQUEST_H
#define CATALOG_RESOLVE_REQUEST_H

#include "common/arena.h"
#include "common/err.h"
#include "common/system.h"
#include "common/version_range.h"

#include <stdbool.h>
#include <stdint.h>

enum resolve_missing {
    RESOLVE_MISSING_LAST, /* rows whose builds are missing are taken when nothing else fits */
    RESOLVE_MISSING_FINE,
    RESOLVE_MISSING_NEVER,
};

struct resolve_descriptor {
    const char *install_id, *attr_path; /* as asked */
    const enum fh_system *systems;
    size_t nsystems;
    const char *version; /* NULL: any */
    const struct fh_version_range *range;
    const char *derivation; /* a pin; NULL: none */
    bool pre_releases, unfree, broken, insecure;
    enum resolve_missing missing;
    const char *const *licenses; /* NULL: any; may be empty */
    size_t nlicenses;
    size_t key; /* of the package, among the candidates; filled in by resolve_keys */
};

struct resolve_group {
    const char *name, *stability; /* stability NULL: any */
    struct resolve_descriptor *descriptors;
    size_t n;
};

struct resolve_request {
    struct resolve_group *groups;
    size_t n;
    size_t ndescriptors, nrows; /* of all groups; a row is a system of a descriptor */
    size_t candidate_pages;
};

fh_err resolve_request_parse(struct fh_arena *a, const char *body, size_t n, struct resolve_request **out,
                             struct fh_error *e) FH_MUSTCHECK;
/* The query's candidate_pages; NULL: 0. */
fh_err resolve_request_pages(const char *text, size_t *out, struct fh_error *e) FH_MUSTCHECK;

#endif
