/* What receive-pack answers (gitprotocol-pack, "Report Status"). */
#ifndef WIRE_REPORT_H
#define WIRE_REPORT_H

#include "server/git/wire_answer.h"
#include "server/git/wire_request.h"

/* "unpack ok" and for every update "ok", or, with reason, "ng … <reason>": what git shows as a rejected ref,
 * which the official client takes for diverged branches. */
fh_err wire_report_status(struct fh_arena *a, const struct wire_push *push, const char *reason,
                          struct wire_answer *out, struct fh_error *e) FH_MUSTCHECK;
/* The whole push is refused with a sentence that git shows as it is (side-band 3, "remote: …"). A client
 * without side-bands gets it as a failed unpacking. */
fh_err wire_report_refusal(struct fh_arena *a, const struct wire_push *push, const char *sentence,
                           struct wire_answer *out, struct fh_error *e) FH_MUSTCHECK;

#endif
