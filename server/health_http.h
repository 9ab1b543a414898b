/* /healthz: the process answers. /readyz: the database and the data folder do too. */
#ifndef SERVER_HEALTH_HTTP_H
#define SERVER_HEALTH_HTTP_H

#include "server/http/web.h"

web_handler health_live;
web_handler health_ready;

#endif
