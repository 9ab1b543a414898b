/* git smart HTTP: the three routes of an owner's floxmeta repository. Finds the visible refs and the version
 * of the protocol, and hands over to wire_adv, wire_fetch and wire_push. */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include "common/hex.h"
#include "server/http/web.h"

web_handler wire_http_info_refs; /* GET …/info/refs?service=git-upload-pack|git-receive-pack */
web_handler wire_http_upload;    /* POST …/git-upload-pack */
web_handler wire_http_receive;   /* POST …/git-receive-pack */

/* After any change of a branch: leaves for after the answer what makes the next clones cheaper. */
void wire_http_changed(struct web_request *req, const char *owner, const struct fh_oid *tip);

#endif
