/* Reads an environment that was opened for a caller (wire_stored_open) for its page. Memory is the arena's of
 * that opening, and borrowed from it. */
#ifndef UI_ENV_READ_H
#define UI_ENV_READ_H

#include "server/git/wire_large.h"
#include "server/git/wire_stored.h"
#include "server/ui/ui_env.h"

/* What the row says: names, visibility, tip, times. Reads nothing more. */
void ui_env_name(const struct wire_stored *s, struct ui_env *env);
/* The rest. Broken documents become notes; an error is the hub's own trouble. Takes the turn when it needs
 * it, FH_UNAVAILABLE when another has it; to be left in any case, when what was read is not needed any more.
 */
fh_err ui_env_read(const struct wire_stored *s, struct wire_large *turn, struct ui_env *env,
                   struct fh_error *e) FH_MUSTCHECK;
void ui_turn_leave(struct wire_large *turn); /* on the thread that took it */

#endif
