/* Which page a group of packages is taken from, and what is said where there is none (catalog-read-api 6 and
 * 7).
 *
 * Pure: the request, the pages and the candidates go in, the answer comes out. The same input gives the same
 * answer, in whatever order rows came. docs/internals/catalog.md has the algorithm and its costs.
 *
 *     request -> resolve_keys -> (store) candidates -> catalog_resolve -> answer: choices -> (store) rows ->
 * JSON
 *
 * Everything lives in the caller's arena and borrows from what went in.
 */
#ifndef CATALOG_RESOLVE_H
#define CATALOG_RESOLVE_H

#include "server/catalog/calendar.h"
#include "server/catalog/resolve_request.h"

struct resolve_package;
/* What is known of the packages of a request, by key. */
struct resolve_candidates {
    const struct resolve_package *packages; /* one for each key */
    size_t n;
};
struct resolve_package {
    bool of_owner;
    struct {
        const struct store_run *runs; /* by first */
        size_t nruns;
        const struct store_build *builds; /* the newest first */
        size_t nbuilds;
    } systems[FH_SYSTEM_END];
};
/* One for each key, from what was found of them; borrows from that. */
struct resolve_package *resolve_packages_of(struct fh_arena *a, const struct store_resolve_key *keys,
                                            size_t nkeys, const struct store_candidates *found);

enum resolve_level { RESOLVE_TRACE, RESOLVE_WARNING, RESOLVE_ERROR };
enum { RESOLVE_MAX_CONTEXT = 3 };
struct resolve_message {
    enum resolve_level level;
    const char *type, *text;
    struct {
        const char *key, *value;
    } context[RESOLVE_MAX_CONTEXT];
    size_t ncontext;
};
struct resolve_messages {
    struct resolve_message *items;
    size_t n, room;
};

struct resolve_row {
    const struct resolve_descriptor *descriptor;
    enum fh_system system;
    const struct store_run *run; /* of the base catalog, or NULL: */
    const struct store_build *build;
};

struct resolve_group_answer {
    const struct resolve_group *group;
    bool is_found;
    long page;      /* its number in the calendar; CALENDAR_NO_PAGE when the builds have none here */
    int64_t number; /* rev_count, as the answer says it */
    bool pins_kept, builds_relaxed; /* in the attempt that succeeded */
    struct resolve_row *rows;       /* by descriptor, then by system as requested */
    size_t nrows;
    long *further; /* candidate pages, the newest first */
    size_t nfurther;
    struct resolve_messages messages, page_messages;
};
struct resolve_answer {
    struct resolve_group_answer *groups; /* as requested */
    size_t n;
};

struct resolve_answer *catalog_resolve(struct fh_arena *a, const struct calendar *calendar,
                                       const struct resolve_candidates *candidates,
                                       const struct resolve_request *request);

#endif
