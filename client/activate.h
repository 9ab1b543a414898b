/* Activation, step by step (manifest-lockfile-client §9): what an environment adds, its hook, and the shell
 * that it ends up in. docs/internals/activate.md draws the whole. */
#ifndef ACTIVATE_H
#define ACTIVATE_H

#include "client/client.h"
#include "client/envset.h"
#include "client/floxdir.h"

struct activation {
    struct client *client;
    const struct floxdir *dir;
    const struct fh_manifest *manifest; /* as locked */
    const struct floxdir_files *files;
    const char *mode;     /* "dev" or "run" */
    const char *flox_env; /* FLOX_ENV: the link in .flox/run */
    const char *scripts;  /* the folder with floe's own activate.d of this lock */
    bool already_active;
    struct envset before; /* the environment floe was started with */
    struct envset now;    /* with everything of the environment */
};

/* The folder behind FLOX_ENV with the environment's scripts (and later its packages), rendered when the one
 * that is there is not of this lock; sets flox_env and scripts. */
fh_err activate_render(struct activation *act, struct fh_error *e) FH_MUSTCHECK;
/* Steps 1 to 4: FLOX_* and search paths, [vars], hook.on-activate. */
fh_err activate_enter(struct activation *act, struct fh_error *e) FH_MUSTCHECK;
/* vars and hook, run by bash with act->now, which becomes what they left. Nothing runs without either. */
fh_err activate_run_hook(struct activation *act, struct fh_error *e) FH_MUSTCHECK;

/* A shell floe can end up in. To add one: a row in activate_shell.c. */
struct activate_shell {
    const char *name;
    /* Starts it for good (returns only on failure): with a command, or interactively when that is NULL. */
    fh_err (*start)(struct activation *act, const char *program, const char *command, struct fh_error *e);
    /* Code for eval that makes the shell's environment act->now, and sources the profile scripts. */
    fh_err (*script)(struct activation *act, struct fh_buf *out, struct fh_error *e);
};
/* Subshells: FLOX_SHELL, SHELL; in place: FLOX_SHELL, the parent process, SHELL. program gets the path to
 * start. */
const struct activate_shell *activate_choose_shell(struct activation *act, bool in_place,
                                                   const char **program, struct fh_error *e);
/* Runs a program without any shell; returns the exit status when it cannot be started. */
int activate_exec(struct activation *act, char *const *argv);

/* FH_DENIED unless somebody else's environment is trusted; asks on a terminal. */
fh_err activate_check_trust(struct client *c, const char *owner, const char *name,
                            struct fh_error *e) FH_MUSTCHECK;

extern const struct activate_shell activate_bash;

#endif
