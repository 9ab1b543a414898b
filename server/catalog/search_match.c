/* A search over catalogs in memory. See search_match.h.
 *
 * The text of all rows is scanned from end to end: a place where the term is found says by its position which
 * row it is in, and the scan goes on with the next row. Rows lie in the order of answers, so what is found in
 * a catalog is in order, and several catalogs are only put together. */
#include "server/catalog/search_match.h"

#include "common/mem.h"
#include "server/catalog/search_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a catalog, in order: those whose path matches, and those of whose description alone it is true. */
struct found {
    const struct catalog_searched *in;
    uint32_t *rows; /* the former, then the latter */
    size_t by_path, n;
    size_t at; /* how far those of a kind have been gone through */
};

/* The row whose text holds position, which is behind that of row from: the step doubles, then is halved. */
static size_t row_at(const uint32_t *starts, size_t n, size_t from, uint32_t position)
{
    size_t low = from, step = 1;
    while (low + step < n && starts[low + step] <= position) {
        low += step;
        step *= 2;
    }
    size_t high = low + step < n ? low + step : n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (starts[middle] <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Looks at the marked rows and takes the mark from those that do not have the term. The text of those that
 * come is fetched ahead: rows lie far apart, and waiting for memory is most of what this costs. */
static void verify(const struct catalog_blob *blob, const char *term, size_t size, uint64_t *marks,
                   size_t words)
{
    enum { AHEAD = 16 };
    uint32_t rows[64 + AHEAD];
    size_t n = 0;
    for (size_t w = 0; w <= words; w++) {
        for (uint64_t left = w < words ? marks[w] : 0; left; left &= left - 1) {
            rows[n] = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(left));
            const char *text = blob->text + blob->starts[rows[n++]];
            __builtin_prefetch(text);
            __builtin_prefetch(text + 64);
        }
        size_t keep = w < words && n > AHEAD ? AHEAD : w < words ? n : 0;
        for (size_t i = 0; i < n - keep; i++) {
            const char *text = blob->text + blob->starts[rows[i]];
            if (!catalog_scan(text, blob->text + blob->starts[rows[i] + 1] - 1, term, size))
                marks[rows[i] / 64] &= ~(UINT64_C(1) << rows[i] % 64);
        }
        memmove(rows, rows + n - keep, keep * sizeof *rows);
        n = keep;
    }
}

/* The same by way of the rows that have the rarest pairs of the term; marks is empty. */
static void scan_few(const struct catalog_blob *blob, size_t n, const char *term, size_t size,
                     uint64_t *marks)
{
    size_t words = n / 64 + 1;
    struct catalog_walk walk;
    uint32_t row;
    uint64_t *more = NULL;
    for (unsigned which = 0; catalog_grams_walk(&blob->grams, term, size, which, &walk); which++) {
        bool is_short = (size_t)(walk.end - walk.next) < n / 64;
        uint64_t *into = which == 0 ? marks : more ? more : (more = fh_xcalloc(words, sizeof *more));
        while (catalog_walk_next(&walk, &row))
            into[row / 64] |= UINT64_C(1) << row % 64;
        for (size_t w = 0; which > 0 && w < words; w++) {
            marks[w] &= more[w];
            more[w] = 0;
        }
        if (is_short)
            break; /* to look at so few costs less than another list */
    }
    free(more);
    if (size > 2)
        verify(blob, term, size, marks, words);
}

/* Marks the rows in whose text the term is. */
static void scan(const struct catalog_blob *blob, size_t n, const char *term, size_t size, uint64_t *marks)
{
    const char *p = blob->text, *end = blob->text + blob->starts[n];
    if (blob->grams.at && size >= 2) {
        scan_few(blob, n, term, size, marks);
        return;
    }
    for (size_t row = 0; row < n && (p = catalog_scan(p, end, term, size));
         p = blob->text + blob->starts[row]) {
        row = row_at(blob->starts, n, row, (uint32_t)(p - blob->text));
        marks[row / 64] |= UINT64_C(1) << row % 64;
        row++;
    }
}

/* A term with a slash may lie across the one between owner and path: "ice/hel". */
static void scan_across(const struct catalog_searched *in, const char *term, uint64_t *marks)
{
    const struct catalog_part *p = in->part;
    const char *slash = strchr(term, '/');
    if (!in->owner || !slash)
        return;
    size_t n = strlen(in->owner), left = (size_t)(slash - term), right = strlen(slash + 1);
    char owner[256];
    if (n > sizeof owner / 2 || left > n)
        return;
    n = catalog_fold(in->owner, n, owner);
    if (left > n || memcmp(owner + n - left, term, left) != 0)
        return;
    for (size_t i = 0; i < p->n; i++)
        if (strncmp(p->paths.text + p->paths.starts[i], slash + 1, right) == 0)
            marks[i / 64] |= UINT64_C(1) << i % 64;
}

static size_t count_marks(const uint64_t *marks, size_t words)
{
    size_t n = 0;
    for (size_t w = 0; w < words; w++)
        n += (size_t)__builtin_popcountll(marks[w]);
    return n;
}

static size_t take_marks(const uint64_t *marks, size_t words, uint32_t *rows)
{
    size_t n = 0;
    for (size_t w = 0; w < words; w++)
        for (uint64_t left = marks[w]; left; left &= left - 1)
            rows[n++] = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(left));
    return n;
}

static void find(const struct catalog_searched *in, const char *term, size_t size, struct found *out)
{
    const struct catalog_part *p = in->part;
    size_t words = p->n / 64 + 1;
    *out = (struct found){.in = in};
    if (!term) {
        out->rows = fh_xmalloc((p->n + 1) * sizeof *out->rows);
        for (size_t i = 0; i < p->n; i++)
            out->rows[i] = (uint32_t)i;
        out->by_path = out->n = p->n;
        return;
    }
    uint64_t *by_path = fh_xcalloc(2 * words, sizeof *by_path), *about = by_path + words;
    scan(&p->last, p->n, term, size, by_path);
    if (strpbrk(term, "./")) {
        scan(&p->paths, p->n, term, size, by_path);
        scan_across(in, term, by_path);
    }
    scan(&p->about, p->n, term, size, about);
    for (size_t w = 0; w < words; w++)
        about[w] &= ~by_path[w];
    out->rows = fh_xmalloc((count_marks(by_path, words) + count_marks(about, words) + 1) * sizeof *out->rows);
    out->by_path = take_marks(by_path, words, out->rows);
    out->n = out->by_path + take_marks(about, words, out->rows + out->by_path);
    free(by_path);
}

/* --- putting catalogs together: by length, then the base catalog's, then by owner
 *
 * What is of one length is the first catalog's hits, then the second's; so hits are taken length by length,
 * and a page far behind is found by counting, not by walking to it. */

static int by_owner(const void *x, const void *y)
{
    const char *a = ((const struct found *)x)->in->owner, *b = ((const struct found *)y)->in->owner;
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

/* Of the i-th hit: the bytes of its path, with its owner's name. */
static size_t length_at(const struct found *f, size_t i)
{
    return catalog_part_length(f->in->part, f->rows[i]) + (f->in->owner ? strlen(f->in->owner) + 1 : 0);
}

static size_t start_of(const struct found *f, int kind)
{
    return kind == 0 ? 0 : f->by_path;
}

static size_t end_of(const struct found *f, int kind)
{
    return kind == 0 ? f->by_path : f->n;
}

/* Goes to the first hit that is at least so long; how many are before it. */
static size_t go_to_length(struct found *list, size_t n, int kind, size_t length)
{
    size_t before = 0;
    for (size_t i = 0; i < n; i++) {
        size_t low = start_of(&list[i], kind), high = end_of(&list[i], kind);
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (length_at(&list[i], middle) < length)
                low = middle + 1;
            else
                high = middle;
        }
        list[i].at = low;
        before += low - start_of(&list[i], kind);
    }
    return before;
}

/* Goes to the length that the hit with `left` others before it has; how many of that length are before it. */
static size_t go_to(struct found *list, size_t n, int kind, size_t left)
{
    size_t low = 0, high = CATALOG_LONGEST;
    while (low < high) { /* the greatest length that has no more than `left` hits before it */
        size_t middle = low + (high - low + 1) / 2;
        if (go_to_length(list, n, kind, middle) <= left)
            low = middle;
        else
            high = middle - 1;
    }
    return left - go_to_length(list, n, kind, low);
}

/* The least length that is still to come; SIZE_MAX: none is. */
static size_t next_length(const struct found *list, size_t n, int kind)
{
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < n; i++)
        if (list[i].at < end_of(&list[i], kind) && length_at(&list[i], list[i].at) < least)
            least = length_at(&list[i], list[i].at);
    return least;
}

/* Takes up to most hits, but for the first `left` of what is next. */
static size_t take(struct found *list, size_t n, int kind, size_t left, size_t most, struct catalog_hit *out)
{
    size_t count = 0;
    for (size_t length; count < most && (length = next_length(list, n, kind)) < SIZE_MAX;)
        for (size_t i = 0; i < n; i++) {
            struct found *f = &list[i];
            for (; f->at < end_of(f, kind) && length_at(f, f->at) == length; f->at++) {
                if (left > 0)
                    left--;
                else if (count < most)
                    out[count++] = (struct catalog_hit){f->in, f->rows[f->at]};
            }
        }
    return count;
}

/* Of one catalog they are in order as they are. */
static size_t take_of_one(const struct found *f, int kind, size_t left, size_t most, struct catalog_hit *out)
{
    size_t count = 0;
    for (size_t i = start_of(f, kind) + left; i < end_of(f, kind) && count < most; i++)
        out[count++] = (struct catalog_hit){f->in, f->rows[i]};
    return count;
}

void catalog_search(struct fh_arena *a, const struct catalog_searched *in, size_t n, const char *term,
                    size_t first, size_t most, struct catalog_hit **out, size_t *count, size_t *total)
{
    struct found *list = fh_xcalloc(n + 1, sizeof *list);
    size_t size = term ? strlen(term) : 0, lists = 0;
    *count = *total = 0;
    char *folded = fh_alloc(a, 2 * size + 1);
    if (term)
        size = catalog_fold(term, size, folded);
    for (size_t i = 0; i < n; i++) {
        find(&in[i], term ? folded : NULL, size, &list[lists]);
        *total += list[lists].n;
        if (list[lists].n == 0)
            free(list[lists].rows);
        else
            lists++;
    }
    most = first >= *total ? 0 : most < *total - first ? most : *total - first;
    *out = fh_alloc(a, (most + 1) * sizeof **out);
    qsort(list, lists, sizeof *list, by_owner);
    for (int kind = 0; kind < 2 && *count < most; kind++) {
        size_t of_kind = 0, wanted = most - *count;
        for (size_t i = 0; i < lists; i++)
            of_kind += end_of(&list[i], kind) - start_of(&list[i], kind);
        if (first >= of_kind) {
            first -= of_kind;
            continue;
        }
        *count += lists == 1
                      ? take_of_one(list, kind, first, wanted, *out + *count)
                      : take(list, lists, kind, go_to(list, lists, kind, first), wanted, *out + *count);
        first = 0;
    }
    for (size_t i = 0; i < lists; i++)
        free(list[i].rows);
    free(list);
}
