/* The verbs: each returns the exit status and has told on standard error why it failed. */
#ifndef CMD_H
#define CMD_H

#include "client/client.h"
#include "client/floxdir.h"
#include "client/floxmeta.h"

int cmd_auth_login(struct fh_cli *cli);
int cmd_auth_status(struct fh_cli *cli);
int cmd_auth_logout(struct fh_cli *cli);
int cmd_auth_token(struct fh_cli *cli);
int cmd_config(struct fh_cli *cli);
int cmd_delete(struct fh_cli *cli);
int cmd_envs(struct fh_cli *cli);
int cmd_init(struct fh_cli *cli);
int cmd_edit(struct fh_cli *cli);
int cmd_install(struct fh_cli *cli);
int cmd_uninstall(struct fh_cli *cli);
int cmd_upgrade(struct fh_cli *cli);
int cmd_search(struct fh_cli *cli);
int cmd_show(struct fh_cli *cli);
int cmd_list(struct fh_cli *cli);
int cmd_push(struct fh_cli *cli);
int cmd_pull(struct fh_cli *cli);
int cmd_activate(struct fh_cli *cli);
int cmd_include_upgrade(struct fh_cli *cli);
int cmd_deactivate(struct fh_cli *cli);
int cmd_services(struct fh_cli *cli);
int cmd_activate_watch(struct fh_cli *cli);
int cmd_activate_left(struct fh_cli *cli);
int cmd_generations_list(struct fh_cli *cli);
int cmd_generations_history(struct fh_cli *cli);
int cmd_generations_switch(struct fh_cli *cli);
int cmd_generations_rollback(struct fh_cli *cli);

/* What a hub keeps, over REST: for its people, without a shell on the server. */
int cmd_org_list(struct fh_cli *cli);
int cmd_org_create(struct fh_cli *cli);
int cmd_org_show(struct fh_cli *cli);
int cmd_org_visibility(struct fh_cli *cli);
int cmd_org_audit(struct fh_cli *cli);
int cmd_member_list(struct fh_cli *cli);
int cmd_member_set(struct fh_cli *cli);
int cmd_member_remove(struct fh_cli *cli);
int cmd_token_list(struct fh_cli *cli);
int cmd_token_create(struct fh_cli *cli);
int cmd_token_revoke(struct fh_cli *cli);
int cmd_env_list(struct fh_cli *cli);
int cmd_env_show(struct fh_cli *cli);
int cmd_env_visibility(struct fh_cli *cli);
int cmd_env_rename(struct fh_cli *cli);
int cmd_env_delete(struct fh_cli *cli);
int cmd_env_restore(struct fh_cli *cli);
int cmd_env_diff(struct fh_cli *cli);
extern const struct fh_opt cmd_json_opts[], cmd_audit_opts[], cmd_token_list_opts[], cmd_token_create_opts[],
    cmd_env_list_opts[], cmd_env_delete_opts[], cmd_env_restore_opts[];

/* What several verbs do. */

/* The words of the command line, as a message may have them. */
const char *cmd_words(struct client *c, const struct fh_cli *cli);

/* A usage error where several options say which environment is meant; for the table of verbs. */
int cmd_check_place(struct fh_cli *cli);
/* "owner/name" of -r, or of -D, which asks for a login and maybe whose it is; NULL where neither was given.
 */
fh_err cmd_reference(struct client *c, struct fh_cli *cli, const char **ref, struct fh_error *e) FH_MUSTCHECK;
/* Opens a managed checkout's clone and branch, and brings back .flox/env where it is gone. */
fh_err cmd_open_managed(struct client *c, struct floxdir *d, struct floxmeta *m,
                        struct fh_error *e) FH_MUSTCHECK;
/* The checkout of -r owner/name, made on first use from the hub; then as floxdir_find and cmd_open_managed.
 */
fh_err cmd_open_reference(struct client *c, const char *ref, struct floxdir *d, struct floxmeta *m,
                          struct fh_error *e) FH_MUSTCHECK;
/* Makes owner/name on the hub with a first generation of these files, and its checkout for -r
 * (git-environments §7.4). FH_CONFLICT when it exists. */
fh_err cmd_make_remote(struct client *c, const char *owner, const char *name,
                       const struct floxdir_files *files, struct fh_error *e) FH_MUSTCHECK;
/* Edits by hand are in the way, and the ways out (more: further ones, each "\n* …"). Returns 1. */
int cmd_say_unsynced(const char *more);
/* Both sides of a divergence, and the ways out. Returns 1. */
int cmd_say_diverged(struct floxmeta *m, const char *tip);
/* "db, web": the services that an environment has on this system, to be shown; "" for none. */
const char *cmd_service_names(struct client *c, const struct fh_manifest *m);
/* A packages' warning for an environment that was pulled or activated: the packages of this system that are
 * in the lock and not on this machine. Nothing for an environment without any. */
void cmd_warn_packages(struct client *c, const struct floxdir_files *files);

#endif
