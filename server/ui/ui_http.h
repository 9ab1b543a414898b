/* The pages for people. Only ui_http.c sees web.h from here.
 *
 * Access is auth_can's as everywhere: what the caller may not know of is the page of what does not exist. The
 * pages carry no state and change nothing; they may not be framed, run no script and load from here alone. */
#ifndef UI_HTTP_H
#define UI_HTTP_H

#include "server/http/web.h"

web_handler ui_http_home;     /* GET / */
web_handler ui_http_style;    /* GET /static/floe.css */
web_handler ui_http_icon;     /* GET /static/floe.svg */
web_handler ui_http_env;      /* GET /{owner}/{name} */
web_handler ui_http_settings; /* GET /{owner}/{name}/settings, which flox names where names are changed */
/* web_config.refuse_page */
web_page_refusal ui_http_refuse;

#endif
