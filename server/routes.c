/* The route table: every path the hub answers, who may call it, what it may send, what it costs, who answers.
 * The router (http/router.c) checks the columns before the handler is called. */
#include "server/routes.h"

#include "common/ceilings.h"
#include "server/auth/auth_http.h"
#include "server/catalog/catalog_http.h"
#include "server/catalog/resolve_http.h"
#include "server/git/wire_http.h"
#include "server/health_http.h"
#include "server/rest/rest_account_http.h"
#include "server/rest/rest_audit_http.h"
#include "server/rest/rest_env_http.h"
#include "server/rest/rest_generation_http.h"
#include "server/rest/rest_make_http.h"
#include "server/rest/rest_openapi_http.h"
#include "server/rest/rest_org_http.h"
#include "server/rest/rest_token_http.h"
#include "server/ui/ui_http.h"

/* clang-format off */
const struct web_route routes[] = {
    /* methods   pattern                                     action          face           body              limit               cost            handler             name */
    {WEB_GET,  "/healthz",                                   AUTH_OPEN,      WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_INLINE,     health_live,        "health.live"},
    {WEB_GET,  "/readyz",                                    AUTH_OPEN,      WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_WORKER,     health_ready,       "health.ready"},
    {WEB_GET,  "/",                                          AUTH_OPEN,      WEB_FACE_PAGE, WEB_NO_BODY,      0,                  WEB_INLINE,     ui_http_home,       "ui.home"},
    {WEB_GET,  "/static/floe.css",                           AUTH_OPEN,      WEB_FACE_PAGE, WEB_NO_BODY,      0,                  WEB_INLINE,     ui_http_style,      "ui.style"},
    {WEB_GET,  "/static/floe.svg",                           AUTH_OPEN,      WEB_FACE_PAGE, WEB_NO_BODY,      0,                  WEB_INLINE,     ui_http_icon,       "ui.icon"},
    {WEB_GET,  "/favicon.ico",                               AUTH_OPEN,      WEB_FACE_PAGE, WEB_NO_BODY,      0,                  WEB_INLINE,     ui_http_icon,       "ui.icon"},
    /* No path whose first part another row names comes to these (http/router.c), and no handle is such a word. */
    {WEB_GET,  "/{owner}/{name}",                            AUTH_ENV_READ,  WEB_FACE_PAGE, WEB_NO_BODY,      0,                  WEB_WORKER,     ui_http_env,        "ui.env"},
    {WEB_GET,  "/{owner}/{name}/settings",                   AUTH_ENV_READ,  WEB_FACE_PAGE, WEB_NO_BODY,      0,                  WEB_WORKER,     ui_http_settings,   "ui.settings"},
    {WEB_GET,  "/accounts/api/v1/accounts/me",               AUTH_WHOAMI,    WEB_FACE_JSON, WEB_NO_BODY,      0,                  WEB_TRY_INLINE, auth_http_me,       "accounts.me"},
    {WEB_GET,  "/git/{owner}/floxmeta/info/refs",            AUTH_GIT_READ,  WEB_FACE_GIT,  WEB_NO_BODY,      0,                  WEB_TRY_INLINE, wire_http_info_refs, "git.info_refs"},
    {WEB_POST, "/git/{owner}/floxmeta/git-upload-pack",      AUTH_GIT_READ,  WEB_FACE_GIT,  WEB_SPOOLED_BODY, FH_MAX_BODY_FETCH,  WEB_TRY_INLINE, wire_http_upload,   "git.upload_pack"},
    {WEB_POST, "/git/{owner}/floxmeta/git-receive-pack",     AUTH_GIT_WRITE, WEB_FACE_GIT,  WEB_SPOOLED_BODY, FH_MAX_BODY_PUSH,   WEB_WORKER,     wire_http_receive,  "git.receive_pack"},
    {WEB_GET,  "/git/{owner}/floxmeta.git/info/refs",        AUTH_GIT_READ,  WEB_FACE_GIT,  WEB_NO_BODY,      0,                  WEB_TRY_INLINE, wire_http_info_refs, "git.info_refs"},
    {WEB_POST, "/git/{owner}/floxmeta.git/git-upload-pack",  AUTH_GIT_READ,  WEB_FACE_GIT,  WEB_SPOOLED_BODY, FH_MAX_BODY_FETCH,  WEB_TRY_INLINE, wire_http_upload,   "git.upload_pack"},
    {WEB_POST, "/git/{owner}/floxmeta.git/git-receive-pack", AUTH_GIT_WRITE, WEB_FACE_GIT,  WEB_SPOOLED_BODY, FH_MAX_BODY_PUSH,   WEB_WORKER,     wire_http_receive,  "git.receive_pack"},
    /* REST */
    {WEB_GET,   "/openapi.json",                              AUTH_OPEN,         WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_INLINE,     rest_openapi_get,      "openapi.json"},
    {WEB_GET,   "/openapi",                                   AUTH_OPEN,         WEB_FACE_PAGE, WEB_NO_BODY,    0,                 WEB_INLINE,     rest_openapi_page_get, "openapi.page"},
    {WEB_GET,   "/api/v1/me",                                 AUTH_WHOAMI,       WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     rest_me,             "rest.me"},
    {WEB_GET,   "/api/v1/owners/{owner}",                     AUTH_OWNER_SEE,    WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     rest_owner_get,      "rest.owner"},
    {WEB_PATCH, "/api/v1/owners/{owner}",                     AUTH_OWNER_ADMIN,  WEB_FACE_JSON, WEB_SMALL_BODY, FH_MAX_BODY_SMALL, WEB_WORKER,     rest_owner_patch,    "rest.owner_patch"},
    {WEB_GET,   "/api/v1/owners/{owner}/audit",               AUTH_AUDIT_READ,   WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     rest_audit_list,     "rest.audit"},
    {WEB_GET,   "/api/v1/orgs",                               AUTH_WHOAMI,       WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     rest_org_list,       "rest.orgs"},
    {WEB_POST,  "/api/v1/orgs",                               AUTH_ORG_CREATE,   WEB_FACE_JSON, WEB_SMALL_BODY, FH_MAX_BODY_SMALL, WEB_WORKER,     rest_org_create,     "rest.org_create"},
    {WEB_GET,   "/api/v1/orgs/{org}/members",                 AUTH_OWNER_READ,   WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     rest_member_list,    "rest.members"},
    {WEB_PUT,   "/api/v1/orgs/{org}/members/{user}",          AUTH_OWNER_ADMIN,  WEB_FACE_JSON, WEB_SMALL_BODY, FH_MAX_BODY_SMALL, WEB_WORKER,     rest_member_put,     "rest.member_put"},
    {WEB_DELETE,"/api/v1/orgs/{org}/members/{user}",          AUTH_OWNER_ADMIN,  WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     rest_member_delete,  "rest.member_delete"},
    {WEB_GET,   "/api/v1/tokens",                             AUTH_WHOAMI,       WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     rest_token_list,     "rest.tokens"},
    {WEB_POST,  "/api/v1/tokens",                             AUTH_TOKEN_CREATE, WEB_FACE_JSON, WEB_SMALL_BODY, FH_MAX_BODY_SMALL, WEB_WORKER,     rest_token_create,   "rest.token_create"},
    {WEB_DELETE,"/api/v1/tokens/{id}",                        AUTH_WHOAMI,       WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     rest_token_delete,   "rest.token_delete"},
    {WEB_GET,    "/api/v1/environments",                                                AUTH_ENV_LIST,   WEB_FACE_JSON, WEB_NO_BODY,      0,                 WEB_WORKER,     rest_env_list,            "rest.envs"},
    {WEB_POST,   "/api/v1/environments",                                                AUTH_ENV_CREATE, WEB_FACE_JSON, WEB_SPOOLED_BODY, FH_MAX_BODY_FILES, WEB_WORKER,     rest_env_create,          "rest.env_create"},
    {WEB_GET,    "/api/v1/environments/{owner}/{name}",                                 AUTH_ENV_READ,   WEB_FACE_JSON, WEB_NO_BODY,      0,                 WEB_WORKER,     rest_env_get,             "rest.env"},
    {WEB_PATCH,  "/api/v1/environments/{owner}/{name}",                                 AUTH_ENV_ADMIN,  WEB_FACE_JSON, WEB_SMALL_BODY,   FH_MAX_BODY_SMALL, WEB_WORKER,     rest_env_patch,           "rest.env_patch"},
    {WEB_DELETE, "/api/v1/environments/{owner}/{name}",                                 AUTH_ENV_ADMIN,  WEB_FACE_JSON, WEB_NO_BODY,      0,                 WEB_WORKER,     rest_env_delete,          "rest.env_delete"},
    {WEB_POST,   "/api/v1/environments/{owner}/{name}/restore",                         AUTH_ENV_ADMIN,  WEB_FACE_JSON, WEB_SMALL_BODY,   FH_MAX_BODY_SMALL, WEB_WORKER,     rest_env_restore,         "rest.env_restore"},
    {WEB_GET,    "/api/v1/environments/{owner}/{name}/generations",                     AUTH_ENV_READ,   WEB_FACE_JSON, WEB_NO_BODY,      0,                 WEB_WORKER,     rest_generation_list,     "rest.generations"},
    {WEB_POST,   "/api/v1/environments/{owner}/{name}/generations",                     AUTH_ENV_WRITE,  WEB_FACE_JSON, WEB_SPOOLED_BODY, FH_MAX_BODY_FILES, WEB_WORKER,     rest_generation_create,   "rest.generation_create"},
    {WEB_GET,    "/api/v1/environments/{owner}/{name}/generations/{n}",                 AUTH_ENV_READ,   WEB_FACE_JSON, WEB_NO_BODY,      0,                 WEB_WORKER,     rest_generation_get,      "rest.generation"},
    {WEB_GET,    "/api/v1/environments/{owner}/{name}/generations/{n}/manifest",        AUTH_ENV_READ,   WEB_FACE_JSON, WEB_NO_BODY,      0,                 WEB_WORKER,     rest_generation_manifest, "rest.manifest"},
    {WEB_GET,    "/api/v1/environments/{owner}/{name}/generations/{n}/lock",            AUTH_ENV_READ,   WEB_FACE_JSON, WEB_NO_BODY,      0,                 WEB_WORKER,     rest_generation_lock,     "rest.lock"},
    {WEB_GET,    "/api/v1/environments/{owner}/{name}/history",                         AUTH_ENV_READ,   WEB_FACE_JSON, WEB_NO_BODY,      0,                 WEB_WORKER,     rest_env_history,         "rest.history"},
    {WEB_GET,    "/api/v1/environments/{owner}/{name}/diff",                            AUTH_ENV_READ,   WEB_FACE_JSON, WEB_NO_BODY,      0,                 WEB_WORKER,     rest_env_diff,            "rest.diff"},
    {WEB_POST,   "/api/v1/environments/{owner}/{name}/rollback",                        AUTH_ENV_WRITE,  WEB_FACE_JSON, WEB_SMALL_BODY,   FH_MAX_BODY_SMALL, WEB_WORKER,     rest_env_rollback,        "rest.rollback"},
    {WEB_POST,   "/api/v1/environments/{owner}/{name}/switch",                          AUTH_ENV_WRITE,  WEB_FACE_JSON, WEB_SMALL_BODY,   FH_MAX_BODY_SMALL, WEB_WORKER,     rest_env_switch,          "rest.switch"},
    /* the catalog, as the official client knows it */
    {WEB_GET,  "/api/v1/catalog/search",                      AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_TRY_INLINE, catalog_http_search,   "catalog.search"},
    {WEB_POST, "/api/v1/catalog/build-inputs/lookup",         AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_SPOOLED_BODY, FH_MAX_BODY_LOOKUP, WEB_WORKER,   catalog_http_lookup,   "catalog.lookup"},
    {WEB_GET,  "/api/v1/catalog/by-command",                  AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_INLINE,     catalog_http_command,  "catalog.by_command"},
    {WEB_GET,  "/api/v1/catalog/catalogs/{name}/locked-sources", AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY, 0,                 WEB_WORKER,     catalog_http_sources,  "catalog.locked_sources"},
    {WEB_GET,  "/api/v1/catalog/info/base-catalog",           AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     catalog_http_base,     "catalog.base"},
    {WEB_GET,  "/api/v1/catalog/info/pkg-paths",              AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     catalog_http_paths,    "catalog.pkg_paths"},
    {WEB_GET,  "/api/v1/catalog/info/published-catalogs",     AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     catalog_http_published, "catalog.published"},
    {WEB_GET,  "/api/v1/catalog/info/nar/{nar_file}",         AUTH_HUB_ADMIN,    WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_INLINE,     catalog_http_nar,      "catalog.nar"},
    {WEB_GET,  "/api/v1/catalog/info/dependencies/{storepath}/raw",  AUTH_HUB_ADMIN, WEB_FACE_JSON, WEB_NO_BODY, 0,                WEB_WORKER,     catalog_http_dependencies, "catalog.dependencies"},
    {WEB_GET,  "/api/v1/catalog/info/dependencies/{storepath}/spdx", AUTH_HUB_ADMIN, WEB_FACE_JSON, WEB_NO_BODY, 0,                WEB_WORKER,     catalog_http_dependencies_spdx, "catalog.dependencies_spdx"},
    {WEB_POST, "/api/v1/catalog/sbom/package/{derivation}",   AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_SMALL_BODY, FH_MAX_BODY_SMALL, WEB_WORKER,     catalog_http_sbom_package, "catalog.sbom_package"},
    {WEB_POST, "/api/v1/catalog/sbom/environment",            AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_SPOOLED_BODY, FH_MAX_BODY_SBOM, WEB_WORKER,    catalog_http_sbom_environment, "catalog.sbom_environment"},
    {WEB_GET,  "/api/v1/catalog/status/healthcheck",          AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     catalog_http_health,   "catalog.health"},
    {WEB_GET,  "/api/v1/catalog/status/catalog",              AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     catalog_http_state,    "catalog.state"},
    {WEB_GET,  "/api/v1/catalog/status/service",              AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_INLINE,     catalog_http_service,  "catalog.service"},
    {WEB_GET,  "/api/v1/catalog/packages/{attr_path*}",       AUTH_CATALOG_READ, WEB_FACE_JSON, WEB_NO_BODY,    0,                 WEB_WORKER,     catalog_http_packages, "catalog.packages"},
    {WEB_POST, "/api/v1/catalog/resolve",                     AUTH_CATALOG_RESOLVE, WEB_FACE_JSON, WEB_SPOOLED_BODY, FH_MAX_BODY_RESOLVE, WEB_WORKER,  resolve_http_resolve,  "catalog.resolve"},
    {WEB_POST, "/api/v1/explain",                             AUTH_CATALOG_RESOLVE, WEB_FACE_JSON, WEB_SPOOLED_BODY, FH_MAX_BODY_RESOLVE, WEB_WORKER,  resolve_http_explain,  "catalog.explain"},
};
/* clang-format on */
const size_t route_count = sizeof routes / sizeof *routes;
