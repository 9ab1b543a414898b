/* Small readers of checked JSON that manifests and locks share. */
#ifndef FH_JSON_MODEL_H
#define FH_JSON_MODEL_H

#include "common/manifest.h"

/* The strings of an array of strings; none when array is NULL. */
struct fh_strings fh_json_strings(struct fh_arena *a, const json_t *array);
int fh_json_flag(const json_t *object, const char *key); /* 1, 0, or -1 when absent or no boolean */
json_t *fh_json_iterable(const json_t *object);          /* for json_object_foreach */
/* A name out of somebody else's file as a message may have it: harmless to a terminal, cut where it is long.
 */
const char *fh_json_shown(struct fh_arena *a, const char *name);

#endif
