/* Inside the metadata module. */
#ifndef FH_METADATA_PARTS_H
#define FH_METADATA_PARTS_H

#include "common/metadata.h"

/* The kinds of changes, by enum fh_change_kind (git-environments §3.2). */
struct fh_change_shape {
    const char *name;
    bool has_targets;
    const char *text_key; /* of the kind's own text; NULL: none */
    const char *verb;     /* with targets: "installed" */
    const char *object;   /* with targets: "package" */
    const char *all;      /* the text for no targets; NULL: as for any number */
    const char *fixed;    /* the text of kinds without fields */
};
extern const struct fh_change_shape fh_change_shapes[FH_CHANGE_UNKNOWN];

/* A generation's id as JSON has it: a number in a string. */
bool fh_generation_parse(const json_t *value, int64_t *out);
json_t *fh_generation_json(int64_t generation); /* null for 0 */

/* json is version 2 and lives as long as the arena. */
fh_err fh_metadata_from_json(struct fh_arena *a, const json_t *json, int version,
                             const struct fh_metadata **out, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_metadata_from_v1(struct fh_arena *a, const json_t *json, const struct fh_metadata **out,
                           struct fh_error *e) FH_MUSTCHECK;
/* The history entry of a change, keys in the format's order. The caller owns it. */
json_t *fh_change_json(const struct fh_change *c);

#endif
