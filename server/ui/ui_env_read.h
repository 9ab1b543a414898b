/* Reads an environment that was opened for a caller (wire_stored_open) for its page. Memory is the arena's of
 * that opening, and borrowed from it. */
#ifndef UI_ENV_READ_H
#define UI_ENV_READ_H

#include "server/git/wire_stored.h"
#include "server/ui/ui_env.h"

/* What the row says: names, visibility, tip, times. Reads nothing more. */
void ui_env_name(const struct wire_stored *s, struct ui_env *env);
/* The rest. Broken documents become notes; an error is the hub's own trouble. */
fh_err ui_env_read(const struct wire_stored *s, struct ui_env *env, struct fh_error *e) FH_MUSTCHECK;

#endif
