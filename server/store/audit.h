/* The audit trail: who did what to which object, from where, with which token. Kept after the object is gone.
 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "server/store/env.h"

/* action: "env.push", "token.create", …; object: "alice/web", a handle, "token 7"; detail: JSON or NULL.
 * owner_id: whose trail it stands in, 0: the hub's. In the caller's transaction. */
fh_err store_audit(struct db_conn *c, const struct store_actor *by, const char *action, int64_t owner_id,
                   const char *object, const char *detail, struct fh_error *e) FH_MUSTCHECK;

struct store_audit_row {
    int64_t id, at, token_id; /* token_id 0: none */
    char *actor, *remote;     /* may be NULL */
    char *action, *object;
    char *detail; /* JSON; NULL: none */
};
/* One page of an owner's trail, newest first: at most limit before the row `before` (0: from the end). action
 * and object narrow it where they are not NULL. */
fh_err store_audit_page(struct db_conn *c, struct fh_arena *a, int64_t owner_id, const char *action,
                        const char *object, int64_t before, size_t limit, struct store_audit_row **out,
                        size_t *n, struct fh_error *e) FH_MUSTCHECK;

#endif
