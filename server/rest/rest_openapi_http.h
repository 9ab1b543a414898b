/* The contract of REST, for programs and for people. */
#ifndef REST_OPENAPI_HTTP_H
#define REST_OPENAPI_HTTP_H

#include "server/http/web.h"

web_handler rest_openapi_get;      /* GET /openapi.json */
web_handler rest_openapi_page_get; /* GET /openapi */

#endif
