/* How many requests a caller may make: a bucket for each, in memory. Pure but for its lock; any thread.
 *
 *     a request costs 1; a minute brings per_minute; a full bucket holds a sixth of that, at least 1
 *
 * The table has room for REST_RATE_SETS * REST_RATE_WAYS callers; a new one takes the place of the fullest of
 * its set, which has least to lose. Which callers share a set is not to be guessed: the hash is salted. So
 * memory is bounded, and a request takes the same time however many callers there are. */
#ifndef REST_RATE_H
#define REST_RATE_H

#include <stdint.h>

enum { REST_RATE_SETS = 1024, REST_RATE_WAYS = 8 };

enum rest_caller_kind { REST_BY_OWNER = 1, REST_BY_ADDRESS };
struct rest_caller {
    enum rest_caller_kind kind;
    uint8_t id[16]; /* the owner's number, or an address */
};

struct rest_rate;
struct rest_rate *rest_rate_new(int64_t per_minute); /* 0: no limit */
void rest_rate_free(struct rest_rate *r);
/* 0: taken. Otherwise the seconds after which there will be one. now_ms: monotonic. */
int rest_rate_take(struct rest_rate *r, const struct rest_caller *caller, int64_t now_ms);
/* Gives one back that was taken for somebody else's account. */
void rest_rate_return(struct rest_rate *r, const struct rest_caller *caller, int64_t now_ms);
uint64_t rest_rate_refused(struct rest_rate *r, enum rest_caller_kind kind); /* for metrics */

#endif
