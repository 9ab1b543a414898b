/* Finds the row of the route table for a method and a path. Pure. */
#ifndef WEB_ROUTER_H
#define WEB_ROUTER_H

#include "server/http/web.h"

struct web_router; /* patterns taken apart once; immutable, any thread */

/* A row that begins with a parameter takes no path whose first part another row names, whatever the case.
 * Refuses a pattern that does not begin with a slash, or has too many parts or parameters. */
fh_err web_router_new(const struct web_route *routes, size_t n, struct web_router **out,
                      struct fh_error *e) FH_MUSTCHECK;
void web_router_free(struct web_router *r);

struct web_match {
    const struct web_route *route; /* NULL: no route of this method */
    size_t index;                  /* of the route in the table */
    unsigned allowed;              /* methods of all rows whose pattern fits; 0: nothing at this path */
    const char *params[WEB_MAX_PARAMS];
    const char *rest; /* the last of them, when it is a "{rest*}"; in path */
};
/* params live in the arena, the last of a "{rest*}" pattern in path. */
void web_router_find(const struct web_router *r, struct fh_arena *a, unsigned method, const char *path,
                     struct web_match *out);

#endif
