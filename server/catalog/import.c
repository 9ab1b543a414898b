/* Imports of rows. See import.h. */
#include "server/catalog/import.h"

#include "server/catalog/import_source.h"

#include <string.h>

enum { TELL_EVERY = 4096 }; /* rows between two words about how far it is */

int64_t catalog_import_place(int index, int64_t line)
{
    return (int64_t)index << CATALOG_FILE_SHIFT | line;
}

/* A bad input: the import goes on, unless it is strict. */
static fh_err refuse(struct catalog_import *i, const char *file, int64_t line, const char *why,
                     struct fh_error *e)
{
    i->bad(i->arg, file, line, why);
    i->refused++;
    if (i->strict)
        return FH_FAIL(e, FH_MISMATCH, "Not every line can be taken, so none was.");
    return FH_OK;
}

static void tell(struct catalog_import *i, const struct catalog_source *s)
{
    int64_t done, total;
    catalog_source_progress(s, &done, &total);
    i->progress(i->arg, done, total, i->rows);
}

struct rows {
    struct catalog_import *i;
    struct catalog_source *source;
    struct catalog_row_memory *memory;
    const char *owner;
    int index;
};

static fh_err take_line(struct rows *r, int64_t number, const char *line, size_t n, bool is_whole,
                        struct fh_error *e)
{
    struct store_import_row row;
    struct fh_error why = {0};
    const char *file = catalog_source_name(r->source);
    if (!is_whole)
        return refuse(r->i, file, number, "it is longer than any row", e);
    fh_err rc = catalog_row_parse(r->memory, r->owner, line, n, &row, &why);
    if (rc == FH_OK)
        rc = store_import_add(r->i->store, &row, catalog_import_place(r->index, number), &why);
    if (rc == FH_INVALID || rc == FH_MISMATCH)
        return refuse(r->i, file, number, why.msg, e);
    if (rc != FH_OK) {
        *e = why;
        return rc;
    }
    if (++r->i->rows % TELL_EVERY == 0)
        tell(r->i, r->source);
    return FH_OK;
}

static fh_err read_lines(struct rows *r, struct fh_error *e)
{
    const char *line;
    size_t n;
    bool is_whole;
    for (int64_t number = 1;; number++) {
        FH_TRY(catalog_source_line(r->source, &line, &n, &is_whole, e));
        if (!line)
            break;
        if (n > 0 || !is_whole) /* an empty line says nothing */
            FH_TRY(take_line(r, number, line, n, is_whole, e));
    }
    tell(r->i, r->source);
    return FH_OK;
}

fh_err catalog_import_rows(struct catalog_import *i, const char *path, int index, const char *owner,
                           struct fh_error *e)
{
    struct rows r = {.i = i, .owner = owner, .index = index};
    FH_TRY(catalog_source_open(path, &r.source, e));
    r.memory = catalog_row_memory_new();
    fh_err rc = read_lines(&r, e);
    catalog_row_memory_free(r.memory);
    catalog_source_close(r.source);
    return rc;
}
