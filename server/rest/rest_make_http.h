/* Routes that make generations. */
#ifndef REST_MAKE_HTTP_H
#define REST_MAKE_HTTP_H

#include "server/rest/rest_env_http.h"

web_handler rest_env_create;        /* POST /api/v1/environments */
web_handler rest_generation_create; /* POST /api/v1/environments/{owner}/{name}/generations */
web_handler rest_env_rollback;      /* POST …/rollback */
web_handler rest_env_switch;        /* POST …/switch */

#endif
