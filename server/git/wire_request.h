/* What a git client asks, parsed from pkt-lines: upload-pack in protocol v2 and v0, receive-pack's commands.
 *
 * Pure and fuzzed: no snapshot, no caller, no answer. Results point into the bytes given and into the arena.
 * A failure is FH_INVALID or FH_TOO_LARGE with a sentence for the client; what a client sent is quoted in it
 * only in printable form.
 */
#ifndef WIRE_REQUEST_H
#define WIRE_REQUEST_H

#include "common/arena.h"
#include "common/err.h"
#include "common/hex.h"

#include <stdbool.h>

/* The protocol asked for by a Git-Protocol header ("version=2", "a:version=2"; NULL: none): 2 or 0. Version 1
 * is version 0 with a greeting that a server may leave out. */
int wire_request_version(const char *git_protocol);

struct wire_ls_refs {
    bool peel, symrefs, unborn;
    char **prefixes;
    size_t nprefixes;
    bool too_many; /* over FH_MAX_REF_PREFIXES came: those kept name what is unlisted, all else is listed */
};

struct wire_fetch {
    struct fh_oid *wants; /* each once, in the order sent */
    size_t nwants;
    struct fh_oid
        *haves; /* in the order sent; those over FH_MAX_HAVES are left out, which only costs bytes */
    size_t nhaves;
    bool done;
    bool ofs_delta;
    /* version 0 alone */
    bool side_band_64k, multi_ack_detailed, no_done;
};

enum wire_command { WIRE_NO_COMMAND /* a lone flush */, WIRE_LS_REFS, WIRE_FETCH };
struct wire_v2 {
    enum wire_command command;
    struct wire_ls_refs ls_refs;
    struct wire_fetch fetch;
};
fh_err wire_request_v2(struct fh_arena *a, const char *bytes, size_t n, struct wire_v2 *out,
                       struct fh_error *e) FH_MUSTCHECK;

/* nwants 0: a lone flush, nothing is asked. */
fh_err wire_request_v0(struct fh_arena *a, const char *bytes, size_t n, struct wire_fetch *out,
                       struct fh_error *e) FH_MUSTCHECK;

struct wire_update {
    struct fh_oid old_tip, new_tip;
    char *ref;
};
struct wire_push {
    struct wire_update *updates;
    size_t nupdates; /* 0: the probe of a large push, a lone flush */
    bool report_status, side_band_64k;
    size_t pack_offset; /* in bytes: what follows the commands' flush */
};
/* bytes: the beginning of the body, with at least the commands in it. */
fh_err wire_request_push(struct fh_arena *a, const char *bytes, size_t n, struct wire_push *out,
                         struct fh_error *e) FH_MUSTCHECK;

#endif
