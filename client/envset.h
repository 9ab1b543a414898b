/* A process environment as data: NAME=VALUE entries that can be changed, compared and handed to exec. Entries
 * live in the arena. Pure. */
#ifndef ENVSET_H
#define ENVSET_H

#include "common/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct envset {
    struct fh_arena *arena;
    size_t n, cap;
    char **items; /* ended by NULL */
};

void envset_init(struct envset *s, struct fh_arena *a, char *const *environment);
/* The entries of "NAME=VALUE\0NAME=VALUE\0…"; what has no '=' is left out. */
void envset_init_zero_separated(struct envset *s, struct fh_arena *a, const char *text, size_t n);
void envset_copy(struct envset *s, const struct envset *from);
const char *envset_get(const struct envset *s, const char *name); /* NULL: not set */
void envset_set(struct envset *s, const char *name, const char *value);
void envset_unset(struct envset *s, const char *name);
/* name in s becomes what it is in from: also not set. */
void envset_take(struct envset *s, const struct envset *from, const char *name);
/* Puts value in front of a colon list unless it is in it. */
void envset_prepend(struct envset *s, const char *name, const char *value);
bool envset_list_has(const char *list, const char *item); /* list may be NULL */
/* list without the elements that are in added and not in kept (NULL: nothing is); the others keep their
 * order. */
const char *envset_list_without(struct fh_arena *a, const char *list, const char *added, const char *kept);

/* PATH or MANPATH as they must be with the environments of FLOX_ENV_DIRS (manifest-lockfile-client §9.3):
 * each of dirs with suffix, newest first, then what old has besides. */
const char *envset_fix_path(struct fh_arena *a, const char *dirs, const char *suffix, const char *old,
                            bool is_manpath);

#endif
