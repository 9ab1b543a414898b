/* The route table. */
#ifndef SERVER_ROUTES_H
#define SERVER_ROUTES_H

#include "server/http/web.h"

extern const struct web_route routes[];
extern const size_t route_count;

#endif
