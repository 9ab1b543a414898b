/* Verbs and options of a program as tables, from which come parsing (getopt_long), --help, man pages and
 * completion.
 *
 * A program is a list of verbs ("user create", "push"); each has options and a function. Exit status: 0, 1
 * (it failed: one sentence on standard error), 2 (usage: what was wrong and where the help is).
 */
#ifndef FH_CLI_H
#define FH_CLI_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fh_opt_kind {
    FH_OPT_FLAG,
    FH_OPT_VALUE,
    FH_OPT_MANY,  /* may be repeated */
    FH_OPT_PAIRS, /* may be repeated, and takes two words: its values are the first, the second, the first …
                   */
};

struct fh_opt {
    const char *name; /* long name without dashes; NULL ends a table */
    char letter;      /* 0: none */
    enum fh_opt_kind kind;
    const char *value; /* what the value is called in help: "DIR"; NULL for flags */
    const char *help;
    const char *alias;    /* a second long name, or NULL */
    const char *complete; /* "file", "dir", "env", a list "a b c", or NULL */
};

struct fh_cli;
typedef int fh_verb_fn(struct fh_cli *cli); /* the exit status */

struct fh_verb {
    const char *path;       /* "token create"; NULL ends a table */
    const char *args;       /* synopsis of the words behind the options: "HANDLE|ORG", "[-- CMD [ARG…]]" */
    int min_args, max_args; /* -1: any number */
    const char *summary;    /* one line */
    const char *text;       /* paragraphs for the manual; may be NULL */
    const struct fh_opt *opts; /* may be NULL */
    fh_verb_fn *run;
    bool hidden;
    bool stop_at_dashes; /* everything behind "--" is a command of its own: min_args and max_args count the
                            words before it */
    const char *aliases; /* other names of the path's last word, space-separated ("i"), or NULL */
};

struct fh_env_doc {
    const char *name, *help;
};

struct fh_program {
    const char *name, *version, *summary, *text;
    const struct fh_verb *verbs;
    const struct fh_opt *globals;         /* every verb takes them */
    const struct fh_env_doc *environment; /* ended by a NULL name */
    const char *files;                    /* of the manual; may be NULL */
    fh_verb_fn *check;     /* may be NULL; before a verb runs: not 0 (fh_cli_usage) where it must not */
    const char *list_envs; /* what completion runs for the environments known here ("envs --references"), a
                              line each; NULL: it offers none */
    int section;           /* the manual's, 0 means 1 */
};

struct fh_cli {
    const struct fh_program *program;
    const struct fh_verb *verb;
    int nargs;
    char **args;
    bool dashes;       /* "--" was given */
    int before_dashes; /* how many of args stood before it; nargs without one */
    void *state;       /* the library's */
    void *context;     /* the program's */
};

/* Parses, runs the verb (or help, --version, completion, man) and returns the exit status. */
int fh_cli_main(const struct fh_program *program, int argc, char **argv, void *context);

bool fh_cli_flag(const struct fh_cli *cli, const char *name);
const char *fh_cli_value(const struct fh_cli *cli, const char *name); /* the last one; NULL when not given */
const char *const *fh_cli_values(const struct fh_cli *cli, const char *name,
                                 size_t *n); /* of FH_OPT_MANY and FH_OPT_PAIRS */
/* Every option that was given, in order, as name, value pairs ended by NULL (flags: "true"). */
const char *const *fh_cli_given(const struct fh_cli *cli);

/* "floe: <sentence>" on standard error (red on a colour terminal); returns 1. */
int fh_cli_fail(const struct fh_cli *cli, const struct fh_error *e);
/* A usage error: the sentence and where the help is; returns 2. */
int fh_cli_usage(const struct fh_cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The manual as roff and the completion scripts, also reached as "PROGRAM man" and "PROGRAM completion
 * SHELL". */
fh_err fh_cli_man(const struct fh_program *program, char **out, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_cli_completion(const struct fh_program *program, const char *shell, char **out,
                         struct fh_error *e) FH_MUSTCHECK;

/* A terminal's manners: colour only on a terminal and without NO_COLOR; a table aligned to it. */
bool fh_term_colour(int fd);
int fh_term_width(int fd); /* columns, 80 when unknown */
struct fh_table; /* rows of text cells, printed aligned; cells are made harmless (no control characters) */
struct fh_table *fh_table_new(const char *const *titles, size_t columns);
void fh_table_row(struct fh_table *t, const char *const *cells);
void fh_table_print(struct fh_table *t, int fd); /* and frees it */
/* s without C0, C1 and escape sequences, to be freed: for text that came from somebody else. */
char *fh_term_safe(const char *s);

/* Progress on standard error for what takes over a second: nothing in a pipe. */
struct fh_progress;
struct fh_progress *fh_progress_start(const char *what);
/* The same for one step of something that began at fh_ticks_ms() == began. */
struct fh_progress *fh_progress_since(const char *what, int64_t began);
void fh_progress_set(struct fh_progress *p, int64_t done, int64_t total /* 0: unknown */);
/* Also says how many of what have been done, how many a second, and, by done and total, how long it will
 * take. */
void fh_progress_count(struct fh_progress *p, int64_t count, const char *of);
void fh_progress_end(struct fh_progress *p);

#endif
