/* The names nearest to a misspelt one. See near.h. */
#include "server/catalog/near.h"

#include <stdbool.h>
#include <string.h>

enum { SHORT = 3, LONG = 6 };

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t x, size_t y)
{
    return x < y ? x : y;
}

size_t catalog_edits(const char *x, size_t nx, const char *y, size_t ny, size_t most)
{
    size_t rows[3][CATALOG_NEAR_LONGEST + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    if (nx > CATALOG_NEAR_LONGEST || ny > CATALOG_NEAR_LONGEST || (nx > ny ? nx - ny : ny - nx) > most)
        return most + 1;
    for (size_t k = 0; k <= ny; k++)
        above[k] = k;
    for (size_t i = 1; i <= nx; i++) {
        size_t best = row[0] = i;
        for (size_t k = 1; k <= ny; k++) {
            size_t other = folded(x[i - 1]) != folded(y[k - 1]);
            row[k] = least(above[k - 1] + other, least(above[k], row[k - 1]) + 1);
            if (i > 1 && k > 1 && folded(x[i - 1]) == folded(y[k - 2]) &&
                folded(x[i - 2]) == folded(y[k - 1]))
                row[k] = least(row[k], before[k - 2] + 1);
            best = least(best, row[k]);
        }
        if (best > most)
            return most + 1;
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return least(above[ny], most + 1);
}

static uint64_t letters_of(const char *name, size_t n)
{
    uint64_t letters = 0;
    for (size_t i = 0; i < n; i++)
        letters |= UINT64_C(1) << ((unsigned char)folded(name[i]) & 63);
    return letters;
}

/* One edit takes a letter away and brings another, so that most names are seen to be far without counting. */
static bool may_be_near(const struct catalog_near *near, const char *name, size_t n)
{
    size_t more = n > near->length ? n - near->length : near->length - n;
    return more <= near->apart &&
           (size_t)__builtin_popcountll(letters_of(name, n) ^ near->letters) <= 2 * near->apart;
}

void catalog_near_start(struct catalog_near *near, const char *wanted)
{
    size_t n = strlen(wanted);
    *near = (struct catalog_near){.wanted = wanted, .length = n, .letters = letters_of(wanted, n)};
    if (n >= SHORT && n <= CATALOG_NEAR_LONGEST)
        near->apart = n < LONG ? 1 : n < 2 * LONG ? 2 : CATALOG_NEAR_APART;
}

/* "flask" for "python3Packages.flask": the right name, somewhere else. */
static bool is_last_of(const char *wanted, size_t n, const char *name, size_t length)
{
    return length > n + 1 && name[length - n - 1] == '.' && memcmp(name + length - n, wanted, n) == 0;
}

static bool is_before(const struct catalog_near *near, size_t i, const char *name, size_t length,
                      size_t apart)
{
    size_t other = strlen(near->found[i].name);
    if (apart != near->found[i].apart)
        return apart < near->found[i].apart;
    return length != other ? length < other : strcmp(name, near->found[i].name) < 0;
}

void catalog_near_try(struct catalog_near *near, struct fh_arena *a, const char *name)
{
    size_t length = strlen(name), at = near->n;
    if (near->apart == 0)
        return;
    size_t apart = is_last_of(near->wanted, near->length, name, length) ? near->apart
                   : !may_be_near(near, name, length)
                       ? near->apart + 1
                       : catalog_edits(near->wanted, near->length, name, length, near->apart);
    if (apart > near->apart)
        return;
    while (at > 0 && is_before(near, at - 1, name, length, apart))
        at--;
    if (at == CATALOG_NEAR_MOST)
        return;
    size_t kept = near->n < CATALOG_NEAR_MOST ? near->n : CATALOG_NEAR_MOST - 1;
    for (size_t i = kept; i > at; i--)
        near->found[i] = near->found[i - 1];
    near->found[at].name = fh_strdup(a, name);
    near->found[at].apart = apart;
    near->n = kept + 1;
}
