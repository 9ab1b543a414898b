/* Inside of wire_write.h: how each object of a list is going to be sent. */
#ifndef WIRE_PLAN_H
#define WIRE_PLAN_H

#include "server/git/wire_deltas.h"

enum { WIRE_PLAN_WHOLE = UINT32_MAX };

struct wire_planned {
    uint32_t base;  /* position in the list, or WIRE_PLAN_WHOLE */
    uint32_t below; /* the longest chain of deltas that ends here */
    enum wire_type type;
    uint64_t size;        /* inflated, of the entry */
    const uint8_t *bytes; /* deflated; in a mapped pack, or in own */
    size_t nbytes;
    uint8_t *own;
};
struct wire_plan {
    struct wire_planned *items; /* one for each of the list */
    size_t n;
};
fh_err wire_plan_make(struct wire_reader *r, const struct wire_list *list, struct wire_deltas *deltas,
                      struct wire_plan *out, struct fh_error *e) FH_MUSTCHECK;
void wire_plan_free(struct wire_plan *p);

#endif
