/* Explanations as JSON; schema/openapi.yaml has the shape. */
#ifndef CATALOG_EXPLAIN_JSON_H
#define CATALOG_EXPLAIN_JSON_H

#include "common/buf.h"
#include "server/catalog/explain.h"
#include "server/catalog/resolve_load.h"

fh_err explain_put(struct fh_buf *b, const struct resolve_question *q, const struct explain_group *groups,
                   struct fh_error *e) FH_MUSTCHECK;

#endif
