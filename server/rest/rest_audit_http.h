/* The trail of an owner. */
#ifndef REST_AUDIT_HTTP_H
#define REST_AUDIT_HTTP_H

#include "server/rest/rest.h"

web_handler rest_audit_list; /* GET /api/v1/owners/{owner}/audit */

#endif
