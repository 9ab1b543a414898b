/* Documents of what software there is, and what refers to what (catalog-read-api 3.8 and 3.9):
 * POST …/sbom/package/{derivation}, POST …/sbom/environment, GET …/info/dependencies/{storepath}/raw and
 * /spdx, GET …/info/nar/{nar_file}. The last three are for the hub's administrators. */
#include "server/catalog/catalog_http.h"

#include "common/ceilings.h"
#include "common/json.h"
#include "server/app.h"
#include "server/catalog/derivation_find.h"
#include "server/catalog/sbom_environment.h"
#include "server/catalog/search_part.h"
#include "server/config.h"
#include "server/store/derivation_name.h"

#include <string.h>

/* --- what the routes share */

static const char *in_store(struct web_request *req)
{
    return fh_sprintf(req->arena, "/nix/store/%s", req->params[0]);
}

static fh_err check_format(const struct web_request *req, struct fh_error *e)
{
    const char *format = web_query(req, "format");
    if (format && strcmp(format, "spdx-2.3-json") != 0)
        return FH_FAIL(e, FH_MISMATCH, "The parameter format must be spdx-2.3-json.");
    return FH_OK;
}

static fh_err reply(struct web_request *req, struct web_response *res, const struct sbom *doc,
                    struct fh_error *e)
{
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(sbom_put(b, req->arena, req->app->config->base_url, doc, e));
    return catalog_http_reply(req, res, b, e);
}

static fh_err find(struct web_request *req, const char *path, bool is_output,
                   struct catalog_found_derivation *out, struct fh_error *e)
{
    const struct catalog_scope *scope;
    FH_TRY(catalog_http_scope(req, &scope, e));
    return catalog_derivation_find(req->app->pool, req->arena, scope, path, is_output, out, e);
}

/* --- a derivation as a document */

static bool is_named(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = list; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
        if (strcspn(at, ",") == n && memcmp(at, name, n) == 0)
            return true;
    return false;
}

static bool is_default(const json_t *defaults, const char *name)
{
    bool is = !json_is_array(defaults);
    for (size_t i = 0; i < json_array_size(defaults); i++) {
        const char *one = json_string_value(json_array_get(defaults, i));
        is = is || (one && strcmp(one, name) == 0);
    }
    return is;
}

static json_t *stored_json(struct fh_arena *a, const char *text)
{
    json_t *value = NULL;
    if (text && fh_json_parse(text, strlen(text), "stored", &value, NULL) == FH_OK)
        fh_json_own(a, value);
    return value;
}

/* Those that wanted names (NULL: that the package installs by itself), or, by path, that one alone. */
static void choose_outputs(struct fh_arena *a, const struct store_package_row *row, const char *wanted,
                           const char *path, struct sbom_package *out)
{
    const json_t *outputs = stored_json(a, row->outputs), *defaults = stored_json(a, row->outputs_to_install);
    struct sbom_output *chosen = fh_alloc(a, (json_array_size(outputs) + 1) * sizeof *chosen);
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const char *name = fh_json_string(json_array_get(outputs, i), "name"),
                   *store_path = fh_json_string(json_array_get(outputs, i), "store_path");
        if (name && store_path &&
            (path     ? strcmp(store_path, path) == 0
             : wanted ? is_named(wanted, name)
                      : is_default(defaults, name)))
            chosen[out->noutputs++] = (struct sbom_output){name, store_path};
    }
    out->outputs = chosen;
}

static void describe(struct fh_arena *a, const struct catalog_found_derivation *found,
                     struct sbom_package *package, struct sbom *doc)
{
    enum { MICROS = 1000000 };
    const struct store_package_row *row = &found->row;
    const char *url =
        row->locked_url ? row->locked_url : fh_sprintf(a, "%s?rev=%s", CATALOG_BASE_URL, row->rev);
    *package = (struct sbom_package){.name = catalog_last_component(found->attr_path),
                                     .version = row->version,
                                     .license = row->license,
                                     .summary = row->description,
                                     .derivation = row->drv_path};
    sbom_set_source(a, package, found->attr_path, url, row->rev);
    *doc = (struct sbom){.created = row->scraped_at ? row->scraped_at / MICROS : row->rev_date,
                         .comment = "Dated by when the catalog's description of the package was made.",
                         .packages = package,
                         .n = 1};
}

/* --- POST …/sbom/package/{derivation} */

/* "out,bin,dev"; NULL: it was not said. */
static fh_err read_outputs(const struct web_request *req, const char **out, struct fh_error *e)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *text = web_query(req, "outputs"), *at = text;
    *out = text;
    if (!text)
        return FH_OK;
    size_t n = strspn(at, letters);
    for (; n > 0 && at[n] == ','; n = strspn(at, letters))
        at += n + 1;
    if (n == 0 || at[n] || strlen(text) > FH_MAX_SBOM_OUTPUTS)
        return FH_FAIL(
            e, FH_MISMATCH,
            "The parameter outputs must be names of outputs with commas between them, of at most %d "
            "letters, digits and underscores.",
            FH_MAX_SBOM_OUTPUTS);
    return FH_OK;
}

/* Nothing is asked for in it yet, and nothing at all need be sent. */
static fh_err read_empty(struct web_request *req, struct fh_error *e)
{
    const char *text;
    json_t *body;
    size_t n;
    if (req->body.size == 0)
        return FH_OK;
    FH_TRY(catalog_http_body(req, &text, &n, e));
    bool good = fh_json_parse(text, n, "body", &body, NULL) == FH_OK;
    if (good) {
        fh_json_own(req->arena, body);
        good = json_is_object(body);
    }
    return good ? FH_OK : FH_FAIL(e, FH_MISMATCH, "The body must be an object.");
}

static fh_err check_outputs(struct web_request *req, const char *wanted, const struct sbom_package *package,
                            struct fh_error *e)
{
    for (const char *at = wanted; at && *at;) {
        size_t n = strcspn(at, ","), i = 0;
        while (i < package->noutputs &&
               (strlen(package->outputs[i].name) != n || memcmp(package->outputs[i].name, at, n) != 0))
            i++;
        if (i == package->noutputs)
            return FH_FAIL(e, FH_MISMATCH, "The derivation '%.200s' has no output '%.*s'.", req->params[0],
                           (int)n, at);
        at += n + (at[n] == ',');
    }
    return FH_OK;
}

fh_err catalog_http_sbom_package(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct catalog_found_derivation found;
    struct sbom_package package;
    struct sbom doc;
    const char *wanted, *name;
    size_t n;
    FH_TRY(check_format(req, e));
    FH_TRY(read_outputs(req, &wanted, e));
    FH_TRY(read_empty(req, e));
    fh_err rc = find(req, in_store(req), false, &found, e);
    if (rc == FH_NOT_FOUND)
        return FH_FAIL(e, rc, "There is no derivation '%.300s', or it is not visible to you.",
                       req->params[0]);
    FH_TRY(rc);
    describe(req->arena, &found, &package, &doc);
    choose_outputs(req->arena, &found.row, wanted, NULL, &package);
    FH_TRY(check_outputs(req, wanted, &package, e));
    store_drv_name(found.row.drv_path, &name, &n);
    doc.name = fh_strndup(req->arena, name, n);
    return reply(req, res, &doc, e);
}

/* --- POST …/sbom/environment */

fh_err catalog_http_sbom_environment(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct sbom doc;
    const char *text;
    size_t n;
    FH_TRY(check_format(req, e));
    FH_TRY(catalog_http_body(req, &text, &n, e));
    FH_TRY(sbom_environment(req->arena, text, n, &doc, e));
    return reply(req, res, &doc, e);
}

/* --- GET …/info/dependencies/{storepath}/raw, …/spdx */

static fh_err find_output(struct web_request *req, struct catalog_found_derivation *out, struct fh_error *e)
{
    fh_err rc = find(req, in_store(req), true, out, e);
    if (rc == FH_NOT_FOUND)
        return FH_FAIL(e, rc, "No package of this hub's catalogs has the store path '%.300s'.",
                       req->params[0]);
    return rc;
}

fh_err catalog_http_dependencies(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct catalog_found_derivation found;
    const char *path = in_store(req);
    FH_TRY(find_output(req, &found, e));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{", e));
    FH_TRY(catalog_put_text(b, "storepath", path, e));
    FH_TRY(catalog_put_json(b, "dependencies", "{", e));
    FH_TRY(fh_json_write_string(path, strlen(path), b, e));
    FH_TRY(catalog_put(b, ":null}}", e)); /* what it refers to is not known here */
    return catalog_http_reply(req, res, b, e);
}

fh_err catalog_http_dependencies_spdx(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct catalog_found_derivation found;
    struct sbom_package package;
    struct sbom doc;
    const char *name, *path = in_store(req);
    size_t n;
    FH_TRY(find_output(req, &found, e));
    describe(req->arena, &found, &package, &doc);
    choose_outputs(req->arena, &found.row, NULL, path, &package);
    store_drv_name(path, &name, &n);
    doc.name = name;
    return reply(req, res, &doc, e);
}

/* --- GET …/info/nar/{nar_file}: which store path is in which file is not known here, and it says so */

fh_err catalog_http_nar(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)res;
    return FH_FAIL(e, FH_NOT_FOUND,
                   "This hub does not know what is in the file '%.300s': it has no narinfos.",
                   req->params[0]);
}
