/* Routes of organisations and their members. */
#ifndef REST_ORG_HTTP_H
#define REST_ORG_HTTP_H

#include "server/rest/rest.h"

web_handler rest_org_list;      /* GET /api/v1/orgs */
web_handler rest_org_create;    /* POST /api/v1/orgs */
web_handler rest_member_list;   /* GET /api/v1/orgs/{org}/members */
web_handler rest_member_put;    /* PUT /api/v1/orgs/{org}/members/{user} */
web_handler rest_member_delete; /* DELETE /api/v1/orgs/{org}/members/{user} */

#endif
