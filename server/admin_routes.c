/* floe-server config routes: the route table for tests, which make of it what every route must be held
 * against (schema/openapi.yaml, the isolation matrix). Not shown to operators, to whom it says nothing. */
#include "server/admin.h"

#include "server/auth/auth.h"
#include "server/routes.h"

#include <jansson.h>

static json_t *methods_of(const struct web_route *r)
{
    static const struct {
        enum web_method bit;
        const char *name;
    } all[] = {
        {WEB_GET, "GET"}, {WEB_POST, "POST"}, {WEB_PUT, "PUT"}, {WEB_PATCH, "PATCH"}, {WEB_DELETE, "DELETE"}};
    json_t *out = json_array();
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (r->methods & all[i].bit)
            json_array_append_new(out, json_string(all[i].name));
    return out;
}

static fh_err print_routes(struct admin *a, struct fh_error *e)
{
    static const char *const faces[] = {
        [WEB_FACE_JSON] = "json", [WEB_FACE_GIT] = "git", [WEB_FACE_PAGE] = "page"};
    json_t *all = json_array();
    (void)a;
    for (size_t i = 0; i < route_count; i++) {
        const struct web_route *r = &routes[i];
        json_array_append_new(all, json_pack("{s:s, s:s, s:o, s:s, s:s, s:b, s:I}", "name", r->name,
                                             "pattern", r->pattern, "methods", methods_of(r), "action",
                                             auth_action_name((enum auth_action)r->action), "face",
                                             faces[r->face], "body", r->body != WEB_NO_BODY, "body_limit",
                                             (json_int_t)r->body_limit));
    }
    return admin_print_json(all, e);
}

static int run_routes(struct fh_cli *cli)
{
    return admin_run(cli, ADMIN_SETTINGS, print_routes, NULL);
}

static const struct fh_opt routes_opts[] = {ADMIN_JSON_OPT, {0}};

const struct fh_verb admin_routes_verbs[] = {{.path = "config routes",
                                              .summary = "Print the route table as JSON.",
                                              .opts = routes_opts,
                                              .hidden = true,
                                              .run = run_routes},
                                             {0}};
