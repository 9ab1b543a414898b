/* Imports: files of rows, or of what Nix says of a nixpkgs, into a catalog. What is read here goes to the
 * store row by row (catalog_import.h); the command line's side is server/admin_catalog_import.c.
 */
#ifndef CATALOG_IMPORT_FILES_H
#define CATALOG_IMPORT_FILES_H

#include "server/catalog/import_row.h"

struct catalog_import {
    struct store_import *store;
    bool strict;
    /* One input that cannot be taken, and why: a line of a file, an attribute. */
    void (*bad)(void *arg, const char *file, int64_t line, const char *why);
    /* Now and then: how far it is. total 0: not known. */
    void (*progress)(void *arg, int64_t done, int64_t total, int64_t rows);
    void *arg;
    int64_t rows, refused, failed; /* added to the store; bad; not evaluated */
};

/* JSON lines as catalog_row_parse reads them. owner NULL: of the base catalog. index: of the file among
 * several, for catalog_import_place. FH_MISMATCH when the import is strict and a line is bad. */
fh_err catalog_import_rows(struct catalog_import *i, const char *path, int index, const char *owner,
                           struct fh_error *e) FH_MUSTCHECK;

/* The page, system and tags that a nixpkgs was evaluated for; its rows' other fields are Nix's. */
struct catalog_nixpkgs {
    const char *rev;
    int64_t rev_count, rev_date; /* microseconds */
    int64_t scraped_at;          /* or STORE_SCRAPED_NOW */
    enum fh_system system;
    const char *tags[FH_MAX_PAGE_TAGS];
    size_t ntags;
    bool tags_given;
};
/* What "nix-env -qaP --json --meta --out-path --drv-path" prints, or "nix-eval-jobs --meta": told apart by
 * the first byte behind the first brace's key. Attributes that did not evaluate are bad inputs. */
fh_err catalog_import_nixpkgs(struct catalog_import *i, const char *path, int index,
                              const struct catalog_nixpkgs *page, struct fh_error *e) FH_MUSTCHECK;

/* The store names a row by one number: the line, and which file it is in. */
enum { CATALOG_FILE_SHIFT = 40 };
int64_t catalog_import_place(int index, int64_t line);

#endif
