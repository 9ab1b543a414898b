/* The audit trail: who did what to which object, from where, with which token. Kept after the object is gone.
 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "server/store/env.h"

/* action: "env.push", "token.create", …; object: "alice/web", a handle, "token 7"; detail: JSON or NULL.
 * owner_id: whose trail it stands in, 0: the hub's. In the caller's transaction. */
fh_err store_audit(struct db_conn *c, const struct store_actor *by, const char *action, int64_t owner_id,
                   const char *object, const char *detail, struct fh_error *e) FH_MUSTCHECK;

#endif
