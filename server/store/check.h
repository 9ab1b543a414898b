/* What fsck asks of the rows: statements that find what no program of ours would write. Read-only. */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "server/db/db.h"

struct store_fault {
    const char *kind;   /* "ref-log": for scripts; static */
    const char *object; /* "alice/web", a handle, "token 7" */
    const char *text; /* a sentence without its subject: "its newest ref log entry is not its tip"; static */
};
struct store_faults {
    struct store_fault *items;
    size_t n;
};

/* Of an owner's environments, logs and generations. */
fh_err store_check_owner(struct db_conn *c, struct fh_arena *a, int64_t owner_id, struct store_faults *out,
                         struct fh_error *e) FH_MUSTCHECK;
/* Of accounts, and rows that belong to nothing. */
fh_err store_check_hub(struct db_conn *c, struct fh_arena *a, struct store_faults *out,
                       struct fh_error *e) FH_MUSTCHECK;

#endif
