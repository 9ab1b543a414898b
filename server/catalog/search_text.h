/* Text as search compares it: without case, and found fast. Pure. */
#ifndef CATALOG_SEARCH_TEXT_H
#define CATALOG_SEARCH_TEXT_H

#include <stddef.h>

/* n bytes of UTF-8 in lower case, at out (room for 2 n: no letter takes more than twice its bytes in the
 * other case), whose length it returns; no NUL is added. Bytes that are not UTF-8 stay as they are. */
size_t catalog_fold(const char *text, size_t n, char *out);
/* How many characters n bytes of UTF-8 are. */
size_t catalog_characters(const char *text, size_t n);

/* Where needle is first found in [text, end); NULL: nowhere. 1 <= n <= CATALOG_SCAN_MOST; as many bytes
 * behind end must be readable, whatever is in them. */
enum { CATALOG_SCAN_MOST = 2048 };
const char *catalog_scan(const char *text, const char *end, const char *needle, size_t n);

#endif
