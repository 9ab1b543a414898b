/* The answers of resolve and explain as JSON, written by hand. */
#ifndef CATALOG_RESOLVE_JSON_H
#define CATALOG_RESOLVE_JSON_H

#include "common/buf.h"
#include "server/catalog/resolve_load.h"

/* Of a question with rows. */
fh_err resolve_put_answer(struct fh_buf *b, const struct resolve_question *q,
                          struct fh_error *e) FH_MUSTCHECK;
fh_err resolve_put_messages(struct fh_buf *b, const char *key, const struct resolve_messages *messages,
                            struct fh_error *e) FH_MUSTCHECK;

#endif
