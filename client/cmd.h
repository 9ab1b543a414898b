/* The verbs: each returns the exit status and has told on standard error why it failed. */
#ifndef CMD_H
#define CMD_H

#include "client/client.h"
#include "client/floxdir.h"
#include "client/floxmeta.h"

int cmd_auth_login(struct fh_cli *cli);
int cmd_auth_status(struct fh_cli *cli);
int cmd_auth_logout(struct fh_cli *cli);
int cmd_init(struct fh_cli *cli);
int cmd_edit(struct fh_cli *cli);
int cmd_list(struct fh_cli *cli);
int cmd_push(struct fh_cli *cli);
int cmd_pull(struct fh_cli *cli);
int cmd_activate(struct fh_cli *cli);
int cmd_deactivate(struct fh_cli *cli);
int cmd_activate_watch(struct fh_cli *cli);
int cmd_activate_left(struct fh_cli *cli);
int cmd_generations_list(struct fh_cli *cli);
int cmd_generations_history(struct fh_cli *cli);
int cmd_generations_switch(struct fh_cli *cli);
int cmd_generations_rollback(struct fh_cli *cli);

/* What several verbs do. */

/* Opens a managed checkout's clone and branch, and brings back .flox/env where it is gone. */
fh_err cmd_open_managed(struct client *c, struct floxdir *d, struct floxmeta *m,
                        struct fh_error *e) FH_MUSTCHECK;
/* The checkout of -r owner/name, made on first use from the hub; then as floxdir_find and cmd_open_managed.
 */
fh_err cmd_open_reference(struct client *c, const char *ref, struct floxdir *d, struct floxmeta *m,
                          struct fh_error *e) FH_MUSTCHECK;
/* Both sides of a divergence, and the ways out. Returns 1. */
int cmd_say_diverged(struct floxmeta *m, const char *tip);
/* A packages' warning for an environment that was pulled or activated: the packages of this system that are
 * in the lock and not on this machine. Nothing for an environment without any. */
void cmd_warn_packages(struct client *c, const struct floxdir_files *files);

#endif
