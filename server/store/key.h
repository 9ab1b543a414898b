/* Idempotency keys: a caller names a request that creates, and repeats it as often as it likes. See owner.h
 * for what holds for all of the store. */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include "server/db/db.h"

enum { STORE_KEY_SECONDS = 24 * 3600 }; /* for how long an answer is kept */

struct store_key {
    int64_t owner_id;    /* the caller's */
    const char *text;    /* as the caller chose it */
    uint8_t request[32]; /* SHA-256 of the request that it stands for */
};

struct store_kept {
    const char *made;   /* "token 7" */
    const char *path;   /* of what was made, below the base URL */
    const char *etag;   /* may be NULL */
    const char *answer; /* the body; NULL: it held a secret and was not kept */
};

/* First thing of the creating transaction, once it is known that the caller may create. *found: what an
 * earlier request of this key made. Otherwise the key is this transaction's until it ends: FH_CONFLICT for
 * everybody else meanwhile. FH_MISMATCH when the key stands for another request. */
fh_err store_key_claim(struct db_conn *c, struct fh_arena *a, const struct store_key *key,
                       struct store_kept *kept, bool *found, struct fh_error *e) FH_MUSTCHECK;
/* The same look without taking the key, for who has much to do before its transaction. */
fh_err store_key_find(struct db_conn *c, struct fh_arena *a, const struct store_key *key,
                      struct store_kept *kept, bool *found, struct fh_error *e) FH_MUSTCHECK;
/* Last thing of it. */
fh_err store_key_keep(struct db_conn *c, const struct store_key *key, const struct store_kept *kept,
                      struct fh_error *e) FH_MUSTCHECK;
/* Takes out those that are over; they count for nothing even before. */
fh_err store_key_sweep(struct db_conn *c, struct fh_error *e) FH_MUSTCHECK;

#endif
