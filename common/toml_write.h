/* A manifest as TOML text, from its JSON: for people to read. The sections are headers, what is in them
 * dotted keys; strings of several lines keep them. What is empty is left out. Reads back as the same
 * manifest, empty tables aside. */
#ifndef FH_TOML_WRITE_H
#define FH_TOML_WRITE_H

#include "common/buf.h"
#include "common/json.h"

fh_err fh_toml_write_manifest(const json_t *manifest, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

#endif
