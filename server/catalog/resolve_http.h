/* The routes of resolve and explain. Always on a worker: both ask the database. */
#ifndef CATALOG_RESOLVE_HTTP_H
#define CATALOG_RESOLVE_HTTP_H

#include "server/http/web.h"

web_handler resolve_http_resolve; /* POST /api/v1/catalog/resolve */
web_handler resolve_http_explain; /* POST /api/v1/explain */

#endif
