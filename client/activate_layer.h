/* Layers: what leads back from an activation.
 *
 * _FLOE_LAYERS in a shell's environment has a layer for each activation that the shell is in, newest first:
 *
 *   layer ':' layer ':' …       layer = field ',' field ',' …, every field percent-encoded
 *   1,<FLOX_ENV>,<scripts>,<.flox>,<pid>,<hook>{,<name>,<before>,<after>}
 *
 * pid is the subshell that belongs to the layer (0: in place), hook is 1 when there is an on-deactivate.
 * before is '-' (was not set) or '=value'; after is the same, or '<' and what was put in front of before, or
 * '>' and what was put behind it. Everything read is the arena's. Pure; fuzzed, for any program may have set
 * the variable. */
#ifndef ACTIVATE_LAYER_H
#define ACTIVATE_LAYER_H

#include "client/envset.h"
#include "common/err.h"

#include <stdint.h>

#define LAYER_VARIABLE "_FLOE_LAYERS"

struct layer_change {
    const char *name, *before, *after; /* NULL: not set */
};
struct layer {
    const char *flox_env, *scripts, *dot_flox;
    int64_t pid;
    bool has_hook;
    size_t n;
    struct layer_change *changes;
};

/* What leads from one environment to the other, but for what belongs to each process (PWD, SHLVL, …). */
void layer_compare(struct layer *l, const struct envset *before, const struct envset *after);
/* The layer's changes carried on to a later environment: entered a second time, it still leads back to where
 * it led. before is what the later one was made from. */
void layer_extend(struct layer *l, const struct envset *before, const struct envset *after);
const char *layer_encode(struct fh_arena *a, const struct layer *l);
/* The first layer of text; *rest is what stands behind it ("" for none). FH_NOT_FOUND: there is none. */
fh_err layer_decode(struct fh_arena *a, const char *text, struct layer *out, const char **rest,
                    struct fh_error *e) FH_MUSTCHECK;

/* What a variable becomes when the layer is left, from what it is now (both NULL: not set): what it was,
 * where nobody changed it since; in a list of folders, what was added goes and the rest keeps its order;
 * another variable that somebody changed since keeps that value, but for the ones that say what is active. */
const char *layer_restored(struct fh_arena *a, const struct layer_change *change, const char *current);

#endif
