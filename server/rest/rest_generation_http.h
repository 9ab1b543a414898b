/* Routes that show generations and history. */
#ifndef REST_GENERATION_HTTP_H
#define REST_GENERATION_HTTP_H

#include "server/rest/rest_env_http.h"

web_handler rest_generation_list;     /* GET /api/v1/environments/{owner}/{name}/generations */
web_handler rest_generation_get;      /* GET …/generations/{n} */
web_handler rest_generation_manifest; /* GET …/generations/{n}/manifest */
web_handler rest_generation_lock;     /* GET …/generations/{n}/lock */
web_handler rest_env_history;         /* GET …/history */
web_handler rest_env_diff;            /* GET …/diff?from=N&to=M */

#endif
