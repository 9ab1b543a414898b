/* manifest.toml as a model: what the tables of the manifest format allow, checked, as plain C data.
 *
 * A manifest is read from TOML (fh_manifest_parse) or from a lock's JSON (fh_manifest_from_json); both check
 * every key and type against the tables of its own schema version (manifest_schema.c). `json` is the manifest
 * as a lock has it: keys in declaration order, maps sorted, empty tables by the format's rules; two manifests
 * mean the same when their `json` are equal. All memory is the arena's; a manifest never changes after it was
 * read.
 */
#ifndef FH_MANIFEST_H
#define FH_MANIFEST_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/json.h"

#include <stdbool.h>

enum fh_schema {
    FH_SCHEMA_V1, /* version = 1 */
    FH_SCHEMA_1_10,
    FH_SCHEMA_1_11,
    FH_SCHEMA_1_12,
    FH_SCHEMA_1_13,
    FH_SCHEMA_1_14,
    FH_SCHEMA_1_15,
    FH_SCHEMA_NEWEST = FH_SCHEMA_1_15,
};
const char *fh_schema_text(enum fh_schema schema); /* "1", "1.10.0", … */

struct fh_strings {
    size_t count;
    const char *const *items;
};

bool fh_strings_have(const struct fh_strings *list, const char *word);

struct fh_manifest_var {
    const char *name, *value;
};
struct fh_manifest_vars {
    size_t count;
    const struct fh_manifest_var *items; /* sorted by name */
};
struct fh_manifest_scripts {
    const char *common, *bash, *zsh, *fish, *tcsh; /* NULL: absent */
};

enum fh_package_kind { FH_PACKAGE_CATALOG, FH_PACKAGE_FLAKE, FH_PACKAGE_STORE_PATH };
enum fh_outputs { FH_OUTPUTS_DEFAULT, FH_OUTPUTS_ALL, FH_OUTPUTS_LIST };
enum { FH_DEFAULT_PRIORITY = 5 };

struct fh_manifest_package {
    const char *id;
    enum fh_package_kind kind;
    const char *path;    /* pkg-path, flake reference or store path */
    const char *group;   /* pkg-group, "toplevel" when absent; NULL for other kinds */
    const char *version; /* NULL: any */
    int64_t priority;    /* 5 when absent */
    bool has_systems;
    struct fh_strings systems;
    enum fh_outputs outputs;
    struct fh_strings output_names;
    bool is_custom; /* pkg-path names a published catalog: "owner/pkg" */
};

struct fh_manifest_include {
    const char *dir, *remote, *name; /* dir or remote is set; name may be NULL */
    int64_t generation;              /* 0: none given */
};

struct fh_manifest_service {
    const char *name, *command, *shutdown; /* shutdown may be NULL */
    bool is_daemon;
    bool has_systems;
    struct fh_strings systems;
    struct fh_manifest_vars vars;
};

struct fh_manifest_build {
    const char *name, *command, *description;             /* description may be NULL */
    const char *version, *version_file, *version_command; /* at most one is set */
    const char *sandbox;                                  /* NULL: off */
};

struct fh_manifest {
    enum fh_schema schema;
    const char *minimum_cli, *minimum_cli_reason; /* NULL: absent */
    size_t npackages;
    const struct fh_manifest_package *packages; /* sorted by id */
    struct fh_manifest_vars vars;
    const char *on_activate, *on_deactivate; /* NULL: absent */
    struct fh_manifest_scripts profile, deactivate;
    bool has_systems;
    struct fh_strings systems;
    const char *activate_mode;                                          /* "dev", "run" or NULL */
    int allow_unfree, allow_broken, allow_pre_releases, cuda_detection; /* -1: absent */
    bool has_licenses;
    struct fh_strings licenses;
    size_t nservices;
    const struct fh_manifest_service *services;
    int auto_start; /* -1: absent */
    size_t nbuilds;
    const struct fh_manifest_build *builds;
    size_t nincludes;
    const struct fh_manifest_include *includes;
    const json_t *json;
};

/* name is what messages call the file ("manifest.toml"). A mistake is FH_INVALID: file, line, column, the
 * key's path and what was expected. */
fh_err fh_manifest_parse(struct fh_arena *a, const char *text, size_t n, const char *name,
                         const struct fh_manifest **out, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_manifest_from_json(struct fh_arena *a, const json_t *object, const char *name,
                             const struct fh_manifest **out, struct fh_error *e) FH_MUSTCHECK;
/* "owner/pkg": a published package; a dot before the slash makes it an attribute path. */
bool fh_is_custom_path(const char *pkg_path);
bool fh_manifest_equal(const struct fh_manifest *a, const struct fh_manifest *b); /* at value level */
/* options.systems, else the three default systems and host; sorted, without duplicates. */
struct fh_strings fh_manifest_systems(struct fh_arena *a, const struct fh_manifest *m, const char *host);

/* The vars in an order in which each stands behind those it refers to, alphabetically where that leaves a
 * choice. FH_INVALID with the path of a cycle. Pure. */
fh_err fh_vars_order(struct fh_arena *a, const struct fh_manifest_vars *vars, struct fh_manifest_vars *out,
                     struct fh_error *e) FH_MUSTCHECK;

enum fh_template { FH_TEMPLATE_DOCUMENTED, FH_TEMPLATE_BARE };
/* The manifest.toml of a new environment; run_mode (for $HOME) sets options.activate.mode = "run". */
fh_err fh_manifest_template(enum fh_template kind, bool run_mode, struct fh_buf *out,
                            struct fh_error *e) FH_MUSTCHECK;

#endif
