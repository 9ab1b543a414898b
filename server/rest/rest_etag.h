/* Entity tags in If-Match and If-None-Match (RFC 9110 §13.1). Pure. */
#ifndef REST_ETAG_H
#define REST_ETAG_H

#include <stdbool.h>

/* Is etag, with its quotes, among those that a header lists, or is the list "*"? weak: W/"x" counts as "x",
 * as If-None-Match wants it; If-Match wants the very same bytes, so there a weak one never matches. What is
 * no list of entity tags has none. */
bool rest_etag_listed(const char *header, const char *etag, bool weak);

#endif
