/* Why the catalog resolved a question as it did, or could not: POST /api/v1/explain, which a Floe has and
 * other hubs do not. */
#ifndef REASON_H
#define REASON_H

#include "client/client.h"
#include "common/json.h"

/* Tells why, for each group of the question (see fh_locking_question); NULL: that nothing was asked. */
void reason_say(struct client *c, const json_t *question);
/* Names of packages that look like this one, at most max, best first; none where the hub does not tell. */
const char *const *reason_similar(struct client *c, const char *attr_path, size_t max, size_t *n);

#endif
