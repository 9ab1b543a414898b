/* What is offered: capabilities, and the refs that a caller may see (gitprotocol-v2, gitprotocol-pack). */
#ifndef WIRE_ADV_H
#define WIRE_ADV_H

#include "common/buf.h"
#include "server/git/wire_request.h"
#include "server/git/wire_view.h"

enum { WIRE_MAX_ADVERTISEMENT = 64 * 1024 * 1024 };

/* Version 2's capabilities: the same for everybody and every owner. */
fh_err wire_adv_v2(struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* Version 0 of upload-pack: listed refs. */
fh_err wire_adv_upload(const struct wire_view *v, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* receive-pack: every ref of the owner that the caller, who may push, may read; so that git finds conflicts
 * before it sends anything. */
fh_err wire_adv_receive(const struct wire_view *v, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* The answer to version 2's ls-refs. */
fh_err wire_adv_ls_refs(const struct wire_view *v, const struct wire_ls_refs *request, struct fh_buf *out,
                        struct fh_error *e) FH_MUSTCHECK;

#endif
