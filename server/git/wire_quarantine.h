/* A pushed pack before it is accepted: scanned and indexed where nobody else sees it. A small one stays in
 * memory (files without a name) and is written to its place when the push was committed; a large one is in a
 * private folder, <data>/tmp/push-XXXXXX, out of which it is moved then, and which is removed in any case. */
#ifndef WIRE_QUARANTINE_H
#define WIRE_QUARANTINE_H

#include "server/git/wire_materialise.h"

#include <sys/types.h>

struct wire_quarantine {
    char folder[WIRE_PATH_SIZE]; /* "": none was made */
    char path[WIRE_PATH_SIZE];   /* in it, without ending; "" */
    uint8_t checksum[20];
    int64_t objects, pack_bytes, idx_bytes;
    int pack_fd, idx_fd; /* -1 when the push brings no objects */
    bool is_placed;
};

/* What was sent behind the commands: size bytes of fd from offset, or of data when fd is -1; size 0: nothing.
 * FH_INVALID or FH_TOO_LARGE with a sentence for the pusher. Leave it in every case. */
fh_err wire_quarantine_enter(struct wire_quarantine *q, const char *data_folder, const char *data, int fd,
                             off_t offset, size_t size, struct fh_error *e) FH_MUSTCHECK;
/* Puts a small pack where owner's packs are, and makes room for new refs there, before it is known whether it
 * will be committed. What fails is done again by release. */
void wire_quarantine_place(struct wire_quarantine *q, const char *data_folder, const char *owner);
/* Puts the pack there unless that was done. That it fails costs only a later read from the database. */
fh_err wire_quarantine_release(struct wire_quarantine *q, const char *data_folder, const char *owner,
                               struct fh_error *e) FH_MUSTCHECK;
void wire_quarantine_leave(struct wire_quarantine *q);

/* Makes a private folder under <data>/tmp, and removes one with the files in it. */
fh_err wire_private_folder(const char *data_folder, const char *kind, char out[WIRE_PATH_SIZE],
                           struct fh_error *e) FH_MUSTCHECK;
void wire_private_remove(const char *folder);
/* Removes the private folders that a process left behind when it died. */
void wire_private_sweep(const char *data_folder);

#endif
