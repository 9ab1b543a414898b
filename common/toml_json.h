/* Between TOML values and JSON: free-form tables go into a lock as JSON, and a lock's manifest is checked by
 * the same tables as the file's. */
#ifndef FH_TOML_JSON_H
#define FH_TOML_JSON_H

#include "common/json.h"
#include "common/toml.h"

/* As the official client's libraries map them: infinite numbers become null, a date-time an object with one
 * private key. The caller owns the result. */
json_t *fh_json_from_toml(const struct fh_toml *value);
/* Without places (line 0). Borrows the strings. */
struct fh_toml fh_toml_from_json(struct fh_arena *a, const json_t *value);

#endif
