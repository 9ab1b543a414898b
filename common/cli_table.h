/* What the files of the command line share: looking things up in a program's tables. Only cli*.c include
 * this. */
#ifndef FH_CLI_TABLE_H
#define FH_CLI_TABLE_H

#include "common/buf.h"
#include "common/cli.h"

enum {
    FH_CLI_TEXT = 1024 * 1024, /* a manual or a completion script */
    FH_CLI_PATH = 128,         /* a verb's path */
    FH_CLI_VERBS = 256,        /* verbs of a program, its own and the library's */
};

/* "help", "completion", "man": every program has them. */
extern const struct fh_verb fh_cli_builtin[];
/* "-h, --help", which every verb takes. */
extern const struct fh_opt fh_cli_help_opts[];

/* The program's verbs and then the library's, but those the program has itself. Returns how many. */
size_t fh_cli_verbs(const struct fh_program *p, const struct fh_verb *out[FH_CLI_VERBS]);
/* Does word name the verb's last word, itself or as an alias? */
bool fh_cli_last_word_is(const struct fh_verb *v, const char *word);
/* The length of the path without its last word, 0 when that is all of it: paths have one to three words. */
size_t fh_cli_group_len(const struct fh_verb *v);
/* Does the path go on behind these words? "": every path does. */
bool fh_cli_in_group(const struct fh_verb *v, const char *group, size_t len);
/* The next option of a verb: its own, then the program's that it does not have itself, then --help. Begin
 * with *i = 0; NULL at the end. */
const struct fh_opt *fh_cli_next_opt(const struct fh_program *p, const struct fh_verb *v, size_t *i);
/* The name nearest to a mistyped one, NULL when none is near. */
struct fh_cli_near {
    const char *wanted, *best;
    size_t distance;
};
void fh_cli_near_try(struct fh_cli_near *n, const char *name);

/* Help. verb NULL: the program; group: the verbs that begin with that word. */
void fh_cli_print_help(const struct fh_program *p, const struct fh_verb *verb, const char *group, FILE *out);

/* Completion. A shell's names cannot hold a hyphen: "_floe_server". */
struct fh_cli_script {
    const struct fh_program *program;
    char id[64];
    const struct fh_verb *verbs[FH_CLI_VERBS]; /* without the hidden ones */
    size_t nverbs;
    struct fh_buf *out;
};
/* The word of verb i's path behind its first len bytes (0, or up to a space), when no verb before it has the
 * same words so far; else false. is_last: it is the path's. */
bool fh_cli_next_word(const struct fh_cli_script *s, size_t i, size_t len, char word[FH_CLI_PATH],
                      bool *is_last);
/* The groups that verb i is the first of: begin with *len = 0, which is the group of all; false at the end.
 */
bool fh_cli_next_group(const struct fh_cli_script *s, size_t i, size_t *len, bool *begun);
size_t fh_cli_words(const char *path, size_t len);
/* "--config|--data": the program's own options that take a value, as a shell's pattern. */
fh_err fh_cli_add_value_pattern(struct fh_cli_script *s, struct fh_error *e) FH_MUSTCHECK;
/* Text for inside single quotes; each of the bytes in `escaped` gets a backslash before it. fish: its way to
 * write a quote. */
fh_err fh_cli_add_quoted(struct fh_cli_script *s, const char *text, const char *escaped, bool fish,
                         struct fh_error *e) FH_MUSTCHECK;
/* The kind of a value's candidates: an option's own, "none" where it says nothing. */
const char *fh_cli_candidates(const struct fh_opt *o);
/* The verb's words are environments ("OWNER/NAME"), or of a list ("bash|zsh|fish"). */
bool fh_cli_takes_env(const struct fh_verb *v);
bool fh_cli_takes_list(const struct fh_verb *v);
fh_err fh_cli_add_bash(struct fh_cli_script *s, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_cli_add_zsh(struct fh_cli_script *s, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_cli_add_fish(struct fh_cli_script *s, struct fh_error *e) FH_MUSTCHECK;

#endif
