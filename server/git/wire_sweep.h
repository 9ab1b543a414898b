/* gc on this node's disk: what nothing refers to any more. Only files of ours, and only ones that are old
 * enough for nobody to be at work on them. */
#ifndef WIRE_SWEEP_H
#define WIRE_SWEEP_H

#include "server/store/env.h"

struct wire_swept {
    int64_t files, bytes; /* a folder that goes with all in it counts as one */
};
enum { WIRE_SWEEP_AGE = 24 * 60 * 60 }; /* seconds */

/* Pack files of an owner's folder that are rows no more. dry_run: only counts, here and below. */
void wire_sweep_packs(const char *data, const struct store_repo *repo, bool dry_run, struct wire_swept *out);
/* Folders of owners that do not exist (any more): known says whether a handle is one. */
void wire_sweep_owners(const char *data, bool (*known)(void *arg, const char *handle), void *arg,
                       bool dry_run, struct wire_swept *out);
/* Folders that commands and pushes left behind in <data>/tmp when they died. */
void wire_sweep_tmp(const char *data, bool dry_run, struct wire_swept *out);
/* Built packs beyond max_bytes, least lately used first. */
void wire_sweep_cache(const char *data, int64_t max_bytes, bool dry_run, struct wire_swept *out);

#endif
