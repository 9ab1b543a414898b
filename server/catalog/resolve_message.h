/* What an answer says besides its rows (catalog-read-api 7): texts exactly as clients know them. For the
 * files of resolve. Pure. */
#ifndef CATALOG_RESOLVE_MESSAGE_H
#define CATALOG_RESOLVE_MESSAGE_H

#include "server/catalog/resolve_slot.h"

extern const char resolve_empty_catalog[];
/* Has any system of it a row on a page that answers? */
bool resolve_is_in_catalog(const struct resolve_field *f, const struct resolve_descriptor *d);
/* A warning for each row that was taken though nobody built it. */
void resolve_warn(const struct resolve_field *f, const struct resolve_attempt *attempt,
                  struct resolve_group_answer *answer);
/* Why no page was found: at least one error, then the traces. */
void resolve_say_why(const struct resolve_field *f, struct resolve_group_answer *answer);

#endif
