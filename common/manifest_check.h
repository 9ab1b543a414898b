/* Inside the manifest module: the tables of the format (manifest_schema.c) and the walk that holds a document
 * against them (manifest_check.c). */
#ifndef FH_MANIFEST_CHECK_H
#define FH_MANIFEST_CHECK_H

#include "common/manifest.h"
#include "common/toml.h"

enum fh_shape {
    FH_SHAPE_STRING,
    FH_SHAPE_SEMVER, /* a string with a semantic version */
    FH_SHAPE_WORD,   /* a string of a list */
    FH_SHAPE_BOOLEAN,
    FH_SHAPE_UNSIGNED,
    FH_SHAPE_UNSIGNED_32,
    FH_SHAPE_STRINGS,
    FH_SHAPE_STRING_SET, /* sorted, each once */
    FH_SHAPE_STRING_MAP,
    FH_SHAPE_OUTPUTS,   /* "all" or strings */
    FH_SHAPE_REFERENCE, /* "owner/name" */
    FH_SHAPE_TABLE,
    FH_SHAPE_CHOICE,   /* one of several tables, or a string */
    FH_SHAPE_CHOICES,  /* an array of them */
    FH_SHAPE_FREE_MAP, /* a table with anything in it */
};

enum fh_presence {
    FH_OPTIONAL,
    FH_REQUIRED,
    FH_ALWAYS,     /* written as {} when absent */
    FH_OMIT_EMPTY, /* not written when empty */
};

struct fh_choice {
    const struct fh_table_rule *const *tables; /* ended by NULL; the first key of each tells them apart */
    bool has_text;
    enum fh_shape text; /* of a string, where one may stand instead */
    const char *expecting;
};

struct fh_key_rule {
    const char *key; /* NULL ends a table */
    enum fh_shape shape;
    enum fh_presence presence;
    enum fh_schema since, until;
    const char *alias;
    const struct fh_table_rule *table;
    const struct fh_choice *choice;
    const char *const *words; /* ended by NULL */
};

struct fh_table_rule {
    const struct fh_key_rule *keys;
    const struct fh_table_rule *others; /* what keys that the user names hold; NULL: there are none */
    const struct fh_choice *other_choice;
};

extern const struct fh_table_rule fh_manifest_rule;

/* The manifest's schema version and its JSON, which the caller owns. */
fh_err fh_manifest_check(const struct fh_toml *root, const char *name, enum fh_schema *schema, json_t **out,
                         struct fh_error *e) FH_MUSTCHECK;
/* Fills m from m->json, which was checked. */
void fh_manifest_fill(struct fh_arena *a, struct fh_manifest *m);

/* sentence as "name:line:column: …" when the place is known (line > 0). */
fh_err fh_manifest_fail(const char *name, unsigned line, unsigned column, struct fh_error *e,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
