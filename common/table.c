/* Rows of text cells, printed in aligned columns; on a terminal the widest column gives way. See cli.h. */
#include "common/term.h"

#include "common/mem.h"

#include <errno.h>
#include <unistd.h>

enum { GAP = 2, LEAST = 8 };

struct fh_table {
    size_t columns, rows; /* row 0 has the titles */
    char **cells;         /* rows * columns */
};

static void add_row(struct fh_table *t, const char *const *cells)
{
    t->cells = fh_xrealloc(t->cells, (t->rows + 1) * t->columns * sizeof *t->cells);
    for (size_t i = 0; i < t->columns; i++)
        t->cells[t->rows * t->columns + i] = fh_term_safe(cells[i] ? cells[i] : "");
    t->rows++;
}

struct fh_table *fh_table_new(const char *const *titles, size_t columns)
{
    struct fh_table *t = fh_xcalloc(1, sizeof *t);
    t->columns = columns;
    add_row(t, titles);
    return t;
}

void fh_table_row(struct fh_table *t, const char *const *cells)
{
    add_row(t, cells);
}

static void measure(const struct fh_table *t, size_t *widths, size_t room)
{
    size_t sum = t->columns ? (t->columns - 1) * GAP : 0;
    for (size_t c = 0; c < t->columns; c++) {
        for (size_t r = 0; r < t->rows; r++) {
            const char *cell = t->cells[r * t->columns + c];
            size_t w = fh_term_columns(cell, strlen(cell));
            if (w > widths[c])
                widths[c] = w;
        }
        sum += widths[c];
    }
    while (room && sum > room) {
        size_t widest = 0;
        for (size_t c = 1; c < t->columns; c++)
            if (widths[c] > widths[widest])
                widest = c;
        if (widths[widest] <= LEAST)
            break;
        widths[widest]--;
        sum--;
    }
}

static void print_cell(FILE *out, const char *cell, size_t width, bool last)
{
    size_t n = strlen(cell), taken = fh_term_columns(cell, n);
    bool cut = taken > width;
    if (cut) {
        n = fh_term_fit(cell, width - 1);
        taken = fh_term_columns(cell, n) + 1;
    }
    fwrite(cell, 1, n, out);
    if (cut)
        fputs("…", out);
    if (!last)
        fprintf(out, "%*s", (int)(width - taken + GAP), "");
}

void fh_table_print(struct fh_table *t, int fd)
{
    size_t *widths = fh_xcalloc(t->columns + 1, sizeof *widths);
    measure(t, widths, isatty(fd) ? (size_t)fh_term_width(fd) : 0);
    bool colour = fh_term_colour(fd);
    fflush(stdout);
    int copy = dup(fd);
    FILE *out = copy >= 0 ? fdopen(copy, "w") : NULL;
    for (size_t r = 0; out && r < t->rows; r++) {
        if (r == 0 && colour)
            fputs("\033[1m", out);
        for (size_t c = 0; c < t->columns; c++)
            print_cell(out, t->cells[r * t->columns + c], widths[c], c + 1 == t->columns);
        fputs(r == 0 && colour ? "\033[0m\n" : "\n", out);
    }
    if (out)
        fclose(out);
    else if (copy >= 0)
        close(copy);
    for (size_t i = 0; i < t->rows * t->columns; i++)
        free(t->cells[i]);
    free(t->cells);
    free(widths);
    free(t);
}
