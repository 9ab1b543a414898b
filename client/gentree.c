/* Drawing the tree of generations:
 *
 *     4  (live) …       a column holds the number of the generation that is expected further down in it
 *     │  created: …
 *     │ 3  …            3 and 4 were both made from 2: the right column ends in the left one
 *     ├─╯  created: …
 *     2  …
 */
#include "client/gentree.h"

#include "client/say.h"

#include <string.h>
#include <time.h>

struct tree {
    int64_t *columns; /* 0: a free one */
    size_t n;
    struct fh_buf *out;
};

const char *gentree_time(struct fh_arena *a, int64_t when)
{
    time_t t = (time_t)when;
    struct tm parts;
    char text[64];
    if (gmtime_r(&t, &parts) == NULL || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        return "unknown";
    return fh_strdup(a, text);
}

/* The column in which a generation is expected; n when there is none. */
static size_t column_of(const struct tree *t, int64_t number)
{
    size_t i = 0;
    while (i < t->n && t->columns[i] != number)
        i++;
    return i;
}

/* One line: what stands in each column, and text. */
static fh_err line(const struct tree *t, size_t special, const char *mark, size_t width, const char *text,
                   struct fh_error *e)
{
    for (size_t i = 0; i < t->n; i++) {
        const char *cell = i == special ? mark : t->columns[i] != 0 ? "│" : " ";
        FH_TRY(fh_buf_add_str(t->out, cell, e));
        for (size_t pad = i == special ? width : 1; pad < 2 && i + 1 < t->n; pad++)
            FH_TRY(fh_buf_add_char(t->out, ' ', e));
    }
    return fh_buf_addf(t->out, e, "  %s\n", text);
}

/* "├─╯": the column at high ends in the one at low. */
static fh_err merge_line(const struct tree *t, size_t low, size_t high, const char *text, struct fh_error *e)
{
    for (size_t i = 0; i < t->n; i++) {
        bool inside = i > low && i < high;
        const char *cell = i == low             ? "├"
                           : i == high          ? "╯"
                           : inside             ? (t->columns[i] != 0 ? "┼" : "─")
                           : t->columns[i] != 0 ? "│"
                                                : " ";
        FH_TRY(fh_buf_add_str(t->out, cell, e));
        if (i + 1 < t->n)
            FH_TRY(fh_buf_add_str(t->out, i >= low && i < high ? "─" : " ", e));
    }
    return fh_buf_addf(t->out, e, "  %s\n", text);
}

static fh_err draw_one(struct fh_arena *a, struct tree *t, const struct fh_generation *g, bool bold,
                       struct fh_error *e)
{
    const char *number = fh_sprintf(a, "%lld", (long long)g->number);
    const char *what = say_safe(a, g->description);
    const char *created = fh_sprintf(a, "created:   %s", gentree_time(a, g->created));
    const char *last = fh_sprintf(a, "last live: %s",
                                  g->is_live         ? "Now"
                                  : g->last_live > 0 ? gentree_time(a, g->last_live)
                                                     : "Never");
    size_t at = column_of(t, g->number);
    if (at == t->n)
        at = column_of(t, 0);
    if (at == t->n)
        t->n++;
    t->columns[at] = g->number;
    FH_TRY(line(t, at, number, strlen(number),
                fh_sprintf(a, "%s%s%s%s", g->is_live ? "(live) " : "", bold ? "\033[1m" : "", what,
                           bold ? "\033[0m" : ""),
                e));
    size_t other = g->parent > 0 ? column_of(t, g->parent) : t->n;
    if (other < t->n) {
        size_t low = at < other ? at : other, high = at < other ? other : at;
        t->columns[at] = g->parent;
        FH_TRY(merge_line(t, low, high, created, e));
        t->columns[high] = 0;
        t->columns[low] = g->parent;
    } else {
        t->columns[at] = g->parent;
        FH_TRY(line(t, at, "│", 1, created, e));
    }
    FH_TRY(line(t, g->parent > 0 ? t->n : at, "~", 1, last, e));
    while (t->n > 0 && t->columns[t->n - 1] == 0)
        t->n--;
    return FH_OK;
}

fh_err gentree_draw(struct fh_arena *a, const struct fh_generation *all, size_t n, bool bold,
                    struct fh_buf *out, struct fh_error *e)
{
    struct tree t = {.columns = fh_alloc(a, (n + 1) * sizeof *t.columns), .out = out};
    for (size_t i = 0; i < n; i++)
        FH_TRY(draw_one(a, &t, &all[i], bold, e));
    return FH_OK;
}
