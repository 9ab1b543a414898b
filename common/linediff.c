/* A unified diff: the greedy algorithm of E. Myers (An O(ND) Difference Algorithm), on what is between the
 * common beginning and the common end. See linediff.h. */
#include "common/linediff.h"

#include "common/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINES = 20000, MAX_EDITS = 800, CONTEXT = 3 };

struct line {
    const char *at;
    size_t n; /* with its line end */
    uint64_t hash;
};
struct text {
    struct line *lines;
    int n;
};

struct differ {
    struct text from, to;
    int head;    /* lines that both begin with */
    int nf, nt;  /* lines between head and the common end */
    int *trace;  /* for each d, how far each diagonal -d…d had come before it */
    char *edits; /* ' ', '-', '+' for each line of the result */
    int nedits;
};

static size_t count_lines(const char *bytes, size_t n)
{
    size_t lines = 0;
    for (const char *at = bytes, *end = bytes + n; at && at < end && lines <= MAX_LINES; lines++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    return lines;
}

static bool split(const char *bytes, size_t n, struct text *out)
{
    const char *end = bytes + n;
    size_t lines = count_lines(bytes, n);
    *out = (struct text){0};
    if (lines > MAX_LINES)
        return false;
    out->lines = fh_xcalloc(lines + 1, sizeof *out->lines);
    while (bytes < end) {
        const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
        stop = stop ? stop + 1 : end;
        struct line *l = &out->lines[out->n++];
        *l = (struct line){bytes, (size_t)(stop - bytes), 14695981039346656037u};
        for (const char *p = bytes; p < stop; p++)
            l->hash = (l->hash ^ (unsigned char)*p) * 1099511628211u;
        bytes = stop;
    }
    return true;
}

static bool same(const struct differ *d, int f, int t)
{
    const struct line *a = &d->from.lines[f], *b = &d->to.lines[t];
    return a->hash == b->hash && a->n == b->n && memcmp(a->at, b->at, a->n) == 0;
}

static void trim(struct differ *d)
{
    int tail = 0, most = d->from.n < d->to.n ? d->from.n : d->to.n;
    while (d->head < most && same(d, d->head, d->head))
        d->head++;
    while (tail < most - d->head && same(d, d->from.n - 1 - tail, d->to.n - 1 - tail))
        tail++;
    d->nf = d->from.n - d->head - tail;
    d->nt = d->to.n - d->head - tail;
}

/* Where the diagonals -d…d of step d begin in the trace: 1 + 3 + 5 + … before it. */
static int *step_of(const struct differ *d, int step)
{
    return d->trace + (size_t)step * (size_t)step + (size_t)step; /* points at diagonal 0 */
}

/* How far diagonal k comes with one edit more than what is in last (that of step - 1). */
static int advance(const struct differ *d, const int *last, int step, int k)
{
    int x = step == 0                                                ? 0
            : k == -step || (k != step && last[k - 1] < last[k + 1]) ? last[k + 1]
                                                                     : last[k - 1] + 1;
    while (x < d->nf && x - k < d->nt && same(d, d->head + x, d->head + x - k))
        x++;
    return x;
}

/* The number of edits, or -1 when there would be too many. */
static int search(struct differ *d)
{
    int most = d->nf + d->nt < MAX_EDITS ? d->nf + d->nt : MAX_EDITS;
    d->trace = fh_xcalloc(((size_t)most + 1) * ((size_t)most + 1), sizeof *d->trace);
    for (int step = 0; step <= most; step++) {
        const int *last = step > 0 ? step_of(d, step - 1) : NULL;
        int *now = step_of(d, step);
        for (int k = -step; k <= step; k += 2) {
            /* Beyond either text there is nothing; the values keep the comparison of neighbours right. */
            now[k] = advance(d, last, step, k);
            if (now[k] >= d->nf && now[k] - k >= d->nt)
                return step;
        }
    }
    return -1;
}

/* From the end back to the beginning; edits is filled from its end. */
static void go_back(struct differ *d, int edits)
{
    int x = d->nf, y = d->nt, at = d->nf + d->nt;
    d->edits = fh_xcalloc((size_t)at + 1, 1);
    for (int step = edits; step > 0; step--) {
        const int *last = step_of(d, step - 1);
        int k = x - y;
        bool adds = k == -step || (k != step && last[k - 1] < last[k + 1]);
        int from_x = adds ? last[k + 1] : last[k - 1], from_y = from_x - (adds ? k + 1 : k - 1);
        while (x > from_x + !adds && y > from_y + adds) {
            d->edits[--at] = ' ';
            x--, y--;
        }
        d->edits[--at] = adds ? '+' : '-';
        x = from_x;
        y = from_y;
    }
    for (; x > 0; x--)
        d->edits[--at] = ' ';
    d->nedits = d->nf + d->nt - at;
    memmove(d->edits, d->edits + at, (size_t)d->nedits);
}

/* --- writing --- */

static fh_err put_line(struct fh_buf *out, char mark, const struct line *l, struct fh_error *e)
{
    FH_TRY(fh_buf_add_char(out, mark, e));
    FH_TRY(fh_buf_add(out, l->at, l->n, e));
    return l->n && l->at[l->n - 1] == '\n' ? FH_OK
                                           : fh_buf_add_str(out, "\n\\ No newline at end of file\n", e);
}

/* The edit at index i of the whole texts, which begin and end with what is common. */
static char edit_at(const struct differ *d, int i)
{
    return i < d->head || i >= d->head + d->nedits ? ' ' : d->edits[i - d->head];
}

/* Edits first…end, the first of which is line f of from and line t of to. */
static fh_err put_hunk(const struct differ *d, int first, int end, int f, int t, struct fh_buf *out,
                       struct fh_error *e)
{
    int nf = 0, nt = 0;
    for (int i = first; i < end; i++) {
        nf += edit_at(d, i) != '+';
        nt += edit_at(d, i) != '-';
    }
    FH_TRY(fh_buf_addf(out, e, "@@ -%d,%d +%d,%d @@\n", nf ? f + 1 : f, nf, nt ? t + 1 : t, nt));
    for (int i = first; i < end; i++) {
        char edit = edit_at(d, i);
        FH_TRY(put_line(out, edit, edit == '+' ? &d->to.lines[t] : &d->from.lines[f], e));
        f += edit != '+';
        t += edit != '-';
    }
    return FH_OK;
}

static fh_err put_all(const struct differ *d, struct fh_buf *out, struct fh_error *e)
{
    int total = d->head + d->nedits + (d->from.n - d->head - d->nf);
    int f = 0, t = 0, at = 0; /* at: edits that were written or passed over; f, t: their lines */
    for (int i = d->head; i < total;) {
        if (edit_at(d, i) == ' ') {
            i++;
            continue;
        }
        int first = i - CONTEXT > at ? i - CONTEXT : at, last = i;
        for (int k = i; k < total && k - last <= 2 * CONTEXT + 1; k++)
            if (edit_at(d, k) != ' ')
                last = k;
        int end = last + 1 + CONTEXT < total ? last + 1 + CONTEXT : total;
        for (; at < first; at++, f++, t++)
            ; /* what is passed over is common */
        FH_TRY(put_hunk(d, first, end, f, t, out, e));
        for (; at < end; at++) {
            f += edit_at(d, at) != '+';
            t += edit_at(d, at) != '-';
        }
        i = end;
    }
    return FH_OK;
}

fh_err fh_linediff(const char *from, size_t nfrom, const char *to, size_t nto, struct fh_buf *out,
                   bool *complete, struct fh_error *e)
{
    struct differ d = {0};
    fh_err rc = FH_OK;
    *complete = false;
    fh_buf_clear(out);
    if (split(from, nfrom, &d.from) && split(to, nto, &d.to)) {
        trim(&d);
        int edits = search(&d);
        if (edits >= 0) {
            go_back(&d, edits);
            rc = put_all(&d, out, e);
            *complete = rc == FH_OK;
        }
    }
    if (rc == FH_TOO_LARGE) {
        fh_buf_clear(out);
        rc = FH_OK;
    }
    free(d.from.lines);
    free(d.to.lines);
    free(d.trace);
    free(d.edits);
    return rc;
}
