/* Routes of tokens: one's own, and those by which machines act as an organisation. */
#ifndef REST_TOKEN_HTTP_H
#define REST_TOKEN_HTTP_H

#include "server/rest/rest.h"

web_handler rest_token_list;   /* GET /api/v1/tokens */
web_handler rest_token_create; /* POST /api/v1/tokens */
web_handler rest_token_delete; /* DELETE /api/v1/tokens/{id} */

#endif
