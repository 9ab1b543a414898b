/* What the routes of the catalog share: reading their parameters, writing their answers.
 *
 * The official client is the contract (catalog-read-api 2): parameters that are not known are ignored, what
 * is wrong with those that are is 422, and every answer but 200 is {"detail": "<one sentence>"}. */
#ifndef CATALOG_HTTP_H
#define CATALOG_HTTP_H

#include "common/buf.h"
#include "server/catalog/catalog_scope.h"
#include "server/http/web.h"

/* Where revisions of the base catalog are. The official client knows this prefix by heart and builds what is
 * in no cache from below it (catalog-read-api 6.1); its base catalog has no other. */
#define CATALOG_BASE_URL "https://github.com/flox/nixpkgs"

/* What the request's caller may see. FH_AGAIN where req->inline_only and it must be read. */
fh_err catalog_http_scope(struct web_request *req, const struct catalog_scope **out,
                          struct fh_error *e) FH_MUSTCHECK;

/* The body, which must say that it is JSON. */
fh_err catalog_http_body(struct web_request *req, const char **out, size_t *n,
                         struct fh_error *e) FH_MUSTCHECK;

struct catalog_page {
    size_t first, most; /* rows to leave out; rows of the page */
};
/* page and pageSize; size: what pageSize is when it is not said. */
fh_err catalog_http_page(const struct web_request *req, size_t size, struct catalog_page *out,
                         struct fh_error *e) FH_MUSTCHECK;
/* A parameter that must be one of the systems' names, or "invalid", which the client's schema knows too. */
fh_err catalog_http_system(const struct web_request *req, const char **out, struct fh_error *e) FH_MUSTCHECK;
/* A parameter of FH_MIN_SEARCH_TERM to FH_MAX_SEARCH_TERM characters. */
fh_err catalog_http_term(const char *text, const char *name, struct fh_error *e) FH_MUSTCHECK;

/* JSON by hand: what is written here is large and of one shape. */
struct fh_buf *catalog_http_buf(struct web_request *req); /* freed with the request */
fh_err catalog_put(struct fh_buf *b, const char *json, struct fh_error *e) FH_MUSTCHECK; /* as it is */
fh_err catalog_put_text(struct fh_buf *b, const char *key, const char *text, struct fh_error *e) FH_MUSTCHECK;
fh_err catalog_put_int(struct fh_buf *b, const char *key, int64_t n, struct fh_error *e) FH_MUSTCHECK;
/* Stored JSON as it is; NULL: null. */
fh_err catalog_put_json(struct fh_buf *b, const char *key, const char *json, struct fh_error *e) FH_MUSTCHECK;
/* 200. Where b is large it goes to a file, on a worker. */
fh_err catalog_http_reply(struct web_request *req, struct web_response *res, struct fh_buf *b,
                          struct fh_error *e) FH_MUSTCHECK;

struct store_catalog_page;
struct store_catalog_pages;
struct catalog_part;
/* The base catalog's pages, and its packages in memory; none where it is not for this caller. */
struct store_catalog_pages catalog_http_pages(const struct catalog_scope *scope);
/* The versions of a package of the base catalog, as show has them. */
struct store_package;
struct store_package_row;
struct store_catalog_layout;
fh_err catalog_package_load(struct db_conn *c, struct fh_arena *a, const struct store_catalog_layout *layout,
                            const struct store_package *package, struct store_package_row **out, size_t *n,
                            struct fh_error *e) FH_MUSTCHECK;
fh_err catalog_http_base_part(struct web_request *req, const struct catalog_part **out,
                              struct fh_error *e) FH_MUSTCHECK;
bool catalog_http_has_tag(const struct store_catalog_page *page, const char *tag);
fh_err catalog_put_date(struct fh_buf *b, const char *key, int64_t at, struct fh_error *e) FH_MUSTCHECK;

web_handler catalog_http_search;            /* GET …/search */
web_handler catalog_http_base;              /* GET …/info/base-catalog */
web_handler catalog_http_paths;             /* GET …/info/pkg-paths */
web_handler catalog_http_published;         /* GET …/info/published-catalogs */
web_handler catalog_http_sources;           /* GET …/catalogs/{name}/locked-sources */
web_handler catalog_http_command;           /* GET …/by-command */
web_handler catalog_http_lookup;            /* POST …/build-inputs/lookup */
web_handler catalog_http_service;           /* GET …/status/service */
web_handler catalog_http_state;             /* GET …/status/catalog */
web_handler catalog_http_health;            /* GET …/status/healthcheck */
web_handler catalog_http_packages;          /* GET …/packages/{attr_path} */
web_handler catalog_http_sbom_package;      /* POST …/sbom/package/{derivation} */
web_handler catalog_http_sbom_environment;  /* POST …/sbom/environment */
web_handler catalog_http_dependencies;      /* GET …/info/dependencies/{storepath}/raw */
web_handler catalog_http_dependencies_spdx; /* GET …/info/dependencies/{storepath}/spdx */
web_handler catalog_http_nar;               /* GET …/info/nar/{nar_file} */

#endif
