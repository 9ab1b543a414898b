/* Activation, step by step (manifest-lockfile-client §9): what an environment adds, its hooks, the shell that
 * it ends up in, and the way back. docs/internals/activate.md draws the whole. */
#ifndef ACTIVATE_H
#define ACTIVATE_H

#include "client/activate_layer.h"
#include "client/client.h"
#include "client/envset.h"
#include "client/floxdir.h"

struct activation {
    struct client *client;
    const struct floxdir *dir;
    const struct fh_lock *lock;
    const struct fh_manifest *manifest; /* as locked */
    const struct floxdir_files *files;
    int64_t generation;   /* of -g; 0: what is in the checkout */
    const char *mode;     /* "dev" or "run" */
    const char *flox_env; /* FLOX_ENV: the link in .flox/run */
    const char *scripts;  /* the folder with floe's own activate.d of this lock */
    bool already_active, add_sbin;
    struct envset before; /* the environment floe was started with */
    struct envset now;    /* with everything of the environment */
};

/* What an activation is of: -r, -D, -d or the folder's own environment, and with -g its generation N. The
 * checkout's lock is taken. */
fh_err activate_open(struct activation *act, struct fh_cli *cli, struct floxdir *d,
                     struct floxdir_files *files, struct fh_error *e) FH_MUSTCHECK;
/* The folder behind FLOX_ENV with the environment's scripts (and later its packages), rendered when the one
 * that is there is not of this lock; sets flox_env and scripts. */
fh_err activate_render(struct activation *act, struct fh_error *e) FH_MUSTCHECK;
/* Steps 1 to 4: FLOX_* and search paths, [vars], hook.on-activate. */
fh_err activate_enter(struct activation *act, struct fh_error *e) FH_MUSTCHECK;
/* vars and hook, run by bash with act->now, which becomes what they left. Nothing runs without either. */
fh_err activate_run_hook(struct activation *act, struct fh_error *e) FH_MUSTCHECK;
/* A folder of floe's own below the user's cache; not made. */
const char *activate_folder(struct client *c, const char *name);
/* Records the way back in act->now. pid is the subshell's, 0 in place. */
void activate_add_layer(struct activation *act, int64_t pid);

/* A shell floe can end up in. To add one: a row in activate_shell.c. The functions add code to a buffer:
 * every statement ends with ';', and what they write works under set -u and on one line. */
struct activate_shell {
    const char *name;
    const char *pid;        /* the variable with the shell's own process id */
    const char *leave_line; /* what a person types to leave in place */
    /* Starts the program at that path for good (returns only on failure): with a command, or interactively
     * when that is NULL. */
    fh_err (*start)(struct activation *act, const char *program, const char *command, struct fh_error *e);
    /* Code for completions that the environment brings; NULL where the shell finds them itself. */
    fh_err (*completions)(struct activation *act, struct fh_buf *out, struct fh_error *e);
    const char *(*quote)(struct fh_arena *a, const char *s);
    /* value is NULL to unset name. */
    fh_err (*set)(struct fh_arena *a, const char *name, const char *value, struct fh_buf *out,
                  struct fh_error *e);
    fh_err (*source)(const char *const *quoted_files, size_t n, const char *guard, struct fh_buf *out,
                     struct fh_error *e);
    fh_err (*forget)(const char *guard, struct fh_buf *out, struct fh_error *e);
    /* The names in the prompt; NULL: the prompt as it was. old: names that the prompt may have inherited. */
    fh_err (*prompt)(struct fh_arena *a, const struct envset *set, const char *names, const char *old,
                     struct fh_buf *out, struct fh_error *e);
    fh_err (*exit_if)(int64_t pid, struct fh_buf *out, struct fh_error *e);
    const char *unhash, *rehash; /* finding programs anew each time, and as it was */
    /* In an interactive shell: "floe deactivate" without eval, by a function around floe; and without it. */
    const char *wrap, *unwrap;
    bool breaks_need_file; /* a value with a line break cannot be in the text of an eval */
};
/* Subshells: FLOX_SHELL, SHELL, the parent process; in place: FLOX_SHELL, the parent process, SHELL. program
 * gets the path to start. */
const struct activate_shell *activate_choose_shell(struct fh_arena *a, bool in_place, const char **program,
                                                   struct fh_error *e);
/* Runs a program without any shell; returns the exit status when it cannot be started. */
int activate_exec(struct activation *act, char *const *argv);

/* FH_DENIED unless somebody else's environment is trusted; asks on a terminal. */
fh_err activate_check_trust(struct client *c, const char *owner, const char *name,
                            struct fh_error *e) FH_MUSTCHECK;

/* hook.on-deactivate. A process of its own (the watcher) waits until the shell or program with that id ends
 * or is said to have left; the last one of an environment to go runs the hook. env is what the hook gets. */
struct activate_watch {
    const char *dot_flox, *scripts, *project;
    pid_t pid;
    const struct envset *env;
};
fh_err activate_watch(struct client *c, const struct activate_watch *w, struct fh_error *e) FH_MUSTCHECK;
/* The shell left the environment and goes on. Nothing when nobody watches it. */
void activate_left(struct client *c, const char *dot_flox, pid_t pid);
bool activate_has_hook(struct fh_arena *a, const char *scripts);

extern const struct activate_shell activate_bash, activate_zsh, activate_fish, activate_tcsh;

#endif
