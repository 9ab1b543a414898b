/* What a history says about its generations, and whether it keeps the rules. See metadata.h;
 * git-environments §3.3. */
#include "common/metadata.h"

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The numbers of the generations that were created, ascending, each once. */
static int64_t *created_numbers(struct fh_arena *a, const struct fh_metadata *m, size_t *count)
{
    int64_t *numbers = fh_alloc(a, (m->nchanges + 1) * sizeof *numbers);
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < m->nchanges; i++)
        if (fh_change_creates(&m->changes[i]))
            numbers[n++] = m->changes[i].current;
    qsort(numbers, n, sizeof *numbers, ascending);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || numbers[kept - 1] != numbers[i])
            numbers[kept++] = numbers[i];
    *count = kept;
    return numbers;
}

/* all is sorted by descending number. */
static struct fh_generation *find_generation(struct fh_generation *all, size_t n, int64_t number)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (all[middle].number == number)
            return &all[middle];
        if (all[middle].number < number)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct fh_generation *fh_metadata_generations(struct fh_arena *a, const struct fh_metadata *m,
                                                    size_t *count)
{
    size_t n;
    const int64_t *numbers = created_numbers(a, m, &n);
    struct fh_generation *all = fh_alloc(a, (n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i].number = numbers[n - 1 - i];
    for (size_t i = 0; i < m->nchanges; i++) {
        const struct fh_change *c = &m->changes[i];
        struct fh_generation *previous = find_generation(all, n, c->previous);
        struct fh_generation *current = find_generation(all, n, c->current);
        if (previous)
            previous->last_live = c->timestamp;
        if (!current) /* a switch to what never was: the history breaks the rules */
            continue;
        current->last_live = 0;
        if (fh_change_creates(c)) {
            current->created = c->timestamp;
            current->parent = c->previous;
            current->change = c;
            current->description = fh_change_text(a, c);
        }
    }
    struct fh_generation *live = find_generation(all, n, m->live);
    if (live)
        live->is_live = true;
    *count = n;
    return all;
}

fh_err fh_metadata_rollback(struct fh_arena *a, const struct fh_metadata *m, int64_t *generation,
                            struct fh_error *e)
{
    size_t n;
    const struct fh_generation *all = fh_metadata_generations(a, m, &n);
    const struct fh_generation *best = NULL;
    for (size_t i = 0; i < n; i++) /* from the highest number down, which wins among equal times */
        if (!all[i].is_live && (!best || all[i].last_live > best->last_live))
            best = &all[i];
    if (!best)
        return FH_FAIL(e, FH_NOT_FOUND, "No previous generation to rollback to.");
    *generation = best->number;
    return FH_OK;
}

static fh_err check_switch(const struct fh_change *c, size_t index, const bool *created, int64_t total,
                           struct fh_error *e)
{
    if (c->previous == 0)
        return FH_FAIL(e, FH_INVALID,
                       "metadata.json: history entry %zu switches and has no previous generation.", index);
    if (c->current < 1 || c->current > total || !created[c->current])
        return FH_FAIL(e, FH_INVALID,
                       "metadata.json: history entry %zu switches to generation %lld, which was not created "
                       "before.",
                       index, (long long)c->current);
    return FH_OK;
}

static fh_err check_creation(const struct fh_change *c, size_t index, bool *created, int64_t total,
                             struct fh_error *e)
{
    if (c->current < 1 || c->current > total)
        return FH_FAIL(e, FH_INVALID,
                       "metadata.json: history entry %zu creates generation %lld of %lld in total.", index,
                       (long long)c->current, (long long)total);
    if (created[c->current])
        return FH_FAIL(e, FH_INVALID, "metadata.json: generation %lld is created twice.",
                       (long long)c->current);
    created[c->current] = true;
    return FH_OK;
}

fh_err fh_metadata_check(const struct fh_metadata *m, struct fh_error *e)
{
    if (m->total > (int64_t)m->nchanges)
        return FH_FAIL(e, FH_INVALID,
                       "metadata.json: %lld generations are counted, and %zu changes recorded.",
                       (long long)m->total, m->nchanges);
    bool *created = calloc((size_t)m->total + 1, sizeof *created);
    if (!created)
        abort();
    fh_err rc = FH_OK;
    int64_t before = 0, count = 0;
    for (size_t i = 0; rc == FH_OK && i < m->nchanges; i++) {
        const struct fh_change *c = &m->changes[i];
        if (c->previous != before)
            rc =
                FH_FAIL(e, FH_INVALID,
                        "metadata.json: history entry %zu follows generation %lld and says it followed %lld.",
                        i, (long long)before, (long long)c->previous);
        else if (fh_change_creates(c))
            rc = check_creation(c, i, created, m->total, e);
        else
            rc = check_switch(c, i, created, m->total, e);
        count += fh_change_creates(c);
        before = c->current;
    }
    if (rc == FH_OK && count != m->total)
        rc = FH_FAIL(e, FH_INVALID, "metadata.json: %lld generations are counted, and %lld were created.",
                     (long long)m->total, (long long)count);
    free(created);
    return rc;
}
