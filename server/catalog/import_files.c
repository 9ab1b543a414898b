/* Imports of rows. See import_files.h. */
#include "server/catalog/import_files.h"

#include "common/json.h"
#include "server/catalog/import_nix.h"
#include "server/catalog/import_source.h"
#include "server/catalog/import_split.h"

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

/* A row, or why there is none, of input number of a source. */
static fh_err take_row(struct catalog_import *i, const struct catalog_source *source, int index,
                       int64_t number, const struct store_import_row *row, fh_err rc, struct fh_error *why,
                       struct fh_error *e)
{
    if (rc == FH_OK)
        rc = store_import_add(i->store, row, catalog_import_place(index, number), why);
    if (rc == FH_INVALID || rc == FH_MISMATCH)
        return refuse(i, catalog_source_name(source), number, why->msg, e);
    if (rc != FH_OK) {
        *e = *why;
        return rc;
    }
    if (++i->rows % TELL_EVERY == 0)
        tell(i, source);
    return FH_OK;
}

static fh_err take_line(struct rows *r, int64_t number, const char *line, size_t n, bool is_whole,
                        struct fh_error *e)
{
    struct store_import_row row;
    struct fh_error why = {0};
    if (!is_whole)
        return refuse(r->i, catalog_source_name(r->source), number, "it is longer than any row", e);
    fh_err rc = catalog_row_parse(r->memory, r->owner, line, n, &row, &why);
    return take_row(r->i, r->source, r->index, number, &row, rc, &why, e);
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

struct nix {
    struct catalog_import *i;
    struct catalog_source *source;
    const struct catalog_nixpkgs *page;
    int index;
};

static fh_err take_entry(struct nix *n, int64_t number, const char *attr, const json_t *entry,
                         struct fh_arena *a, struct fh_error *e)
{
    struct store_import_row row;
    struct fh_error why = {0};
    fh_err rc = catalog_nix_row(a, n->page, attr, entry, &row, &why);
    if (rc == FH_NOT_FOUND) {
        n->i->failed++;
        return FH_OK;
    }
    if (rc == FH_INVALID && row.attr_path) {
        struct fh_error plain = why;
        fh_error_set(&why, rc, plain.file, plain.line, "%s: %s", row.attr_path, plain.msg);
    }
    return take_row(n->i, n->source, n->index, number, &row, rc, &why, e);
}

static fh_err take_piece(void *arg, enum catalog_split_kind kind, int64_t number, const char *text,
                         size_t size, bool is_whole, struct fh_error *e)
{
    struct nix *n = arg;
    struct fh_error why = {0};
    json_t *value;
    const char *file = catalog_source_name(n->source);
    if (!is_whole)
        return refuse(n->i, file, number, "it is longer than any attribute", e);
    if (fh_json_parse(text, size, "it", &value, &why) != FH_OK)
        return refuse(n->i, file, number, why.msg, e);
    struct fh_arena *a = fh_arena_new();
    fh_json_own(a, value);
    void *first = json_object_iter(value);
    fh_err rc = kind == CATALOG_SPLIT_MEMBERS
                    ? take_entry(n, number, json_object_iter_key(first), json_object_iter_value(first), a, e)
                    : take_entry(n, number, NULL, value, a, e);
    fh_arena_free(a);
    return rc;
}

static fh_err read_pieces(struct nix *n, struct catalog_split *split, struct fh_error *e)
{
    for (;;) {
        const char *bytes;
        size_t size;
        FH_TRY(catalog_source_bytes(n->source, &bytes, &size, e));
        if (size == 0)
            break;
        FH_TRY(catalog_split_feed(split, bytes, size, e));
    }
    tell(n->i, n->source);
    return catalog_split_end(split, e);
}

fh_err catalog_import_nixpkgs(struct catalog_import *i, const char *path, int index,
                              const struct catalog_nixpkgs *page, struct fh_error *e)
{
    struct nix n = {.i = i, .page = page, .index = index};
    struct catalog_split split;
    struct fh_error why;
    FH_TRY(catalog_source_open(path, &n.source, e));
    catalog_split_init(&split, take_piece, &n);
    fh_err rc = read_pieces(&n, &split, &why);
    if (rc == FH_INVALID) /* of the file as a whole */
        fh_error_set(e, rc, why.file, why.line, "%s: %s", path, why.msg);
    else if (rc != FH_OK && e)
        *e = why;
    catalog_split_free(&split);
    catalog_source_close(n.source);
    return rc;
}
