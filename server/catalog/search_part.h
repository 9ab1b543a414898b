/* What search knows of one catalog: its packages in memory, in the order of answers, with the text that terms
 * are looked for in. Immutable once made, and counted: an index that is made anew shares the parts that did
 * not change. Pure.
 *
 *     row        0          1            2            …      by length of the attribute path, then bytewise
 *     shown      hello\0hello-2.12.3\0A friendly…\0          what an answer shows, as it is
 *     last       hello\0hello-go\0nwg-hello\0                last components, folded    } scanned from end to
 * end; paths      hello\0hello-go\0nwg-hello\0                whole paths, folded        } no term has a NUL
 * in it about      a friendly…\0 …                             descriptions, folded       }
 */
#ifndef CATALOG_SEARCH_PART_H
#define CATALOG_SEARCH_PART_H

#include "server/catalog/search_grams.h"

struct catalog_row {
    const char *attr_path, *pname, *name;
    const char *version;     /* may be "" */
    const char *description; /* NULL: none */
    const char *deprecation; /* JSON; NULL: none */
};

struct catalog_blob {
    char *text;
    uint32_t *starts; /* per row, and one more: the end; CATALOG_SCAN_MOST bytes of nothing follow */
    struct catalog_grams grams;
};
struct catalog_part {
    int64_t catalog_id, changed; /* the number that the catalog had when it was read */
    size_t n;
    char *shown;
    struct catalog_shown *rows;
    struct catalog_blob last, paths, about;
    size_t bytes; /* that it takes in memory */
};

/* No row's path is longer, an owner's name and the slash behind that counted. */
enum { CATALOG_LONGEST = UINT16_MAX + 256 };

struct catalog_maker; /* one thread's */
struct catalog_maker *catalog_maker_new(int64_t catalog_id, int64_t changed);
void catalog_maker_add(struct catalog_maker *m,
                       const struct catalog_row *row); /* copies; pname is not looked at */
struct catalog_part *catalog_maker_finish(struct catalog_maker *take_maker); /* held once */
void catalog_maker_free(struct catalog_maker *m);

struct catalog_part *catalog_part_hold(struct catalog_part *p);
void catalog_part_drop(struct catalog_part *p); /* NULL is fine */
/* Row i as it is shown; borrows. */
void catalog_part_row(const struct catalog_part *p, size_t i, struct catalog_row *out);
size_t catalog_part_length(const struct catalog_part *p, size_t i); /* of its attribute path, in bytes */
/* Where the last component of an attribute path begins: behind its last dot outside quotes. */
const char *catalog_last_component(const char *attr_path);

#endif
