/* What one caller may see of an owner's repository: the one place where git asks auth_can about reading.
 *
 * An owner that does not exist, one without environments and one whose environments are all hidden give the
 * same empty view. Lives in the request's arena; borrows the snapshot. */
#ifndef WIRE_VIEW_H
#define WIRE_VIEW_H

#include "server/git/wire_repo.h"

/* Who asks, by which policy. */
struct wire_caller {
    const struct auth_policy *policy;
    const struct auth_actor *actor;
};

struct wire_view {
    const struct wire_snapshot *snapshot; /* NULL: no such owner */
    bool *listed;                         /* per environment of the snapshot: it appears in advertisements */
    bool *readable;                       /* its objects may be had; an unlisted one when it is named */
    struct fh_oid *tips;                  /* of readable environments, then those they had until just now */
    size_t ntips;
};
struct wire_view *wire_view_make(struct fh_arena *a, const struct wire_caller *caller,
                                 const struct wire_snapshot *s) __attribute__((returns_nonnull));

/* The object that auth_can is asked about: env NULL is the owner as such, s NULL one that does not exist. */
struct auth_object wire_view_object(const struct wire_snapshot *s, const struct store_env *env);
/* What HEAD stands for, among what is listed for the caller: "default", else the first; NULL: nothing is. */
const struct store_env *wire_view_head(const struct wire_view *v);
bool wire_view_is_blank(const struct wire_view *v); /* nothing is listed for the caller */
const struct store_env *wire_view_find(const struct wire_snapshot *s, const char *name); /* NULL: none */

#endif
