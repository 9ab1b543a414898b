/* Buckets of requests. See rest_rate.h.
 *
 * A level is counted in units of which a millisecond brings per_minute and a request costs COST, so that all
 * is whole numbers. */
#include "server/rest/rest_rate.h"

#include "common/digest.h"
#include "common/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum { COST = 60 * 1000, BURST = 6, SALT = 16 };

struct bucket {
    uint64_t tag; /* 0: free */
    int64_t level, at_ms;
};

struct rest_rate {
    int64_t per_minute, capacity;
    uint8_t salt[SALT];
    pthread_mutex_t lock; /* guards what is below */
    uint64_t refused[REST_BY_ADDRESS + 1];
    struct bucket sets[REST_RATE_SETS][REST_RATE_WAYS];
};

struct rest_rate *rest_rate_new(int64_t per_minute)
{
    struct rest_rate *r = fh_xcalloc(1, sizeof *r);
    r->per_minute = per_minute;
    r->capacity = per_minute * COST / BURST;
    if (r->capacity < COST)
        r->capacity = COST;
    fh_random(r->salt, sizeof r->salt);
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void rest_rate_free(struct rest_rate *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void refill(const struct rest_rate *r, struct bucket *b, int64_t now_ms)
{
    int64_t ms = now_ms - b->at_ms, full_after = r->capacity / r->per_minute + 1;
    if (ms <= 0)
        return;
    b->level += (ms < full_after ? ms : full_after) * r->per_minute;
    if (b->level > r->capacity)
        b->level = r->capacity;
    b->at_ms = now_ms;
}

/* The caller's bucket, filled up to this moment. Under the lock. */
static struct bucket *find(struct rest_rate *r, const struct rest_caller *caller, int64_t now_ms)
{
    uint8_t text[SALT + 1 + sizeof caller->id], hash[FH_SHA256_SIZE];
    uint64_t tag;
    memcpy(text, r->salt, SALT);
    text[SALT] = (uint8_t)caller->kind;
    memcpy(text + SALT + 1, caller->id, sizeof caller->id);
    fh_sha256(text, sizeof text, hash);
    memcpy(&tag, hash, sizeof tag);
    tag |= tag == 0;
    struct bucket *set = r->sets[((unsigned)hash[8] << 8 | hash[9]) % REST_RATE_SETS], *place = NULL;
    for (int i = 0; i < REST_RATE_WAYS; i++) {
        if (set[i].tag)
            refill(r, &set[i], now_ms);
        if (set[i].tag == tag)
            return &set[i];
    }
    for (int i = 0; i < REST_RATE_WAYS; i++)
        if (!place || (place->tag && (!set[i].tag || set[i].level > place->level)))
            place = &set[i];
    *place = (struct bucket){.tag = tag, .level = r->capacity, .at_ms = now_ms};
    return place;
}

int rest_rate_take(struct rest_rate *r, const struct rest_caller *caller, int64_t now_ms)
{
    int64_t missing = 0;
    if (r->per_minute == 0)
        return 0;
    pthread_mutex_lock(&r->lock);
    struct bucket *b = find(r, caller, now_ms);
    if (b->level >= COST) {
        b->level -= COST;
    } else {
        missing = COST - b->level;
        r->refused[caller->kind]++;
    }
    pthread_mutex_unlock(&r->lock);
    int64_t a_second = 1000 * r->per_minute;
    return (int)((missing + a_second - 1) / a_second);
}

void rest_rate_return(struct rest_rate *r, const struct rest_caller *caller, int64_t now_ms)
{
    if (r->per_minute == 0)
        return;
    pthread_mutex_lock(&r->lock);
    struct bucket *b = find(r, caller, now_ms);
    b->level = b->level + COST < r->capacity ? b->level + COST : r->capacity;
    pthread_mutex_unlock(&r->lock);
}

uint64_t rest_rate_refused(struct rest_rate *r, enum rest_caller_kind kind)
{
    pthread_mutex_lock(&r->lock);
    uint64_t n = r->refused[kind];
    pthread_mutex_unlock(&r->lock);
    return n;
}
