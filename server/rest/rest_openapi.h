/* schema/openapi.yaml as the build compiled it in: cmake/openapi.py. */
#ifndef REST_OPENAPI_H
#define REST_OPENAPI_H

#include <stddef.h>

extern const unsigned char rest_openapi_json[], rest_openapi_html[];
extern const size_t rest_openapi_json_size, rest_openapi_html_size;
extern const char rest_openapi_json_etag[], rest_openapi_html_etag[];
extern const char rest_openapi_style[]; /* what the page's policy allows of styles: its own, by its hash */

#endif
