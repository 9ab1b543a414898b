/* Shell code that activation is made of, for any shell (activate.h). Everything is quoted for the shell it is
 * for. One thread. */
#ifndef ACTIVATE_CODE_H
#define ACTIVATE_CODE_H

#include "client/activate.h"
#include "common/buf.h"

enum { ACTIVATE_MAX_CODE = 16 * 1024 * 1024 };

/* Exports and unsets that lead from one environment to the other; PATH and MANPATH only where asked for. */
fh_err code_add_changes(struct activation *act, const struct activate_shell *shell, bool paths,
                        struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* Profile scripts of every active environment that the shell has not had yet, the oldest first; no hashing.
 */
fh_err code_add_profiles(struct activation *act, const struct activate_shell *shell, struct fh_buf *out,
                         struct fh_error *e) FH_MUSTCHECK;
fh_err code_add_prompt(struct activation *act, const struct activate_shell *shell, struct fh_buf *out,
                       struct fh_error *e) FH_MUSTCHECK;
/* All of it, for eval. */
fh_err code_add_in_place(struct activation *act, const struct activate_shell *shell, struct fh_buf *out,
                         struct fh_error *e) FH_MUSTCHECK;
/* Code for eval that leaves a layer; rest are the other layers, now what the shell has. */
fh_err code_add_leave(struct fh_arena *a, const struct activate_shell *shell, const struct layer *l,
                      const char *rest, const struct envset *now, struct fh_buf *out,
                      struct fh_error *e) FH_MUSTCHECK;

/* Folders of the active environments that belong in front of PATH ("/bin") or MANPATH. */
const char *code_path_front(struct fh_arena *a, const struct envset *s, const char *suffix);
/* The words of a prompt, harmless in any shell's prompt: the label, the names, two numbers of colours (or
 * NULL where colours are not wanted). */
struct code_prompt {
    const char *label, *names, *colour1, *colour2;
};
struct code_prompt code_prompt_words(struct fh_arena *a, const struct envset *set, const char *names);

/* Starting shells. Words are the arguments, ended by NULL; environment is act->now. */
fh_err code_exec(struct activation *act, const char *program, const char *const *words, struct fh_error *e);
/* A file in memory that the shell inherits as the same descriptor, to be closed there; and its text. */
fh_err code_memory_file(int *fd, struct fh_error *e) FH_MUSTCHECK;
fh_err code_fill(int fd, const struct fh_buf *text, struct fh_error *e) FH_MUSTCHECK;
/* A file of the user's alone with the text behind a line that removes it, for shells that cannot close a
 * descriptor. */
fh_err code_start_file(struct client *c, const struct activate_shell *shell, const struct fh_buf *text,
                       const char **path, struct fh_error *e);

/* Prints code for eval. */
fh_err code_print(struct client *c, const struct activate_shell *shell, const struct fh_buf *code,
                  struct fh_error *e) FH_MUSTCHECK;

/* What bash and zsh share. */
fh_err bourne_set(struct fh_arena *a, const char *name, const char *value, struct fh_buf *out,
                  struct fh_error *e);
fh_err bourne_source(const char *const *quoted_files, size_t n, const char *guard, struct fh_buf *out,
                     struct fh_error *e);
fh_err bourne_forget(const char *guard, struct fh_buf *out, struct fh_error *e);
extern const char bourne_wrap[], bourne_unwrap[];
fh_err bourne_exit_if(int64_t pid, struct fh_buf *out, struct fh_error *e);
/* prefix and old are unquoted prompt texts (old may be NULL), line_break the shell's word for one. */
fh_err bourne_prompt(struct fh_arena *a, const char *prefix, const char *old, const char *line_break,
                     struct fh_buf *out, struct fh_error *e);

#endif
