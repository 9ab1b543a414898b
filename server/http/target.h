/* The target of a request line: path and query, decoded once and checked. Pure. */
#ifndef WEB_TARGET_H
#define WEB_TARGET_H

#include "common/arena.h"
#include "common/err.h"

struct web_pair {
    const char *name, *value;
};

struct web_target {
    const char *path;       /* decoded, without doubled slashes, without the prefix */
    const char *slash;      /* in path: where the first slash stands that was sent as %2F; NULL: none */
    const char *shown;      /* the path for the log: decoded or, when it could not be, made harmless */
    struct web_pair *query; /* decoded, in order */
    size_t nquery;
};

/* raw: as sent, "/a/b?c=d" or "http://host/a/b". prefix: "" or "/hub"; a path without it is taken as it is,
 * so that a proxy may or may not strip it. FH_INVALID for what cannot be decoded safely (a bad escape, NUL
 * and other control characters, a backslash, bytes that are not UTF-8), FH_NOT_FOUND for "." and ".."
 * segments, also between encoded slashes. An encoded slash is for the router to refuse, unless a "{rest*}"
 * takes it, FH_TOO_LARGE over FH_MAX_TARGET and FH_MAX_QUERY_PAIRS. out->shown is set in every case. */
fh_err web_target_parse(struct fh_arena *a, const char *raw, const char *prefix, struct web_target *out,
                        struct fh_error *e) FH_MUSTCHECK;

#endif
