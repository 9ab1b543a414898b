/* Bodies of sbom/environment, and licenses: what is accepted makes a document that is JSON, the same one
 * twice, whose licenses are expressions and whose references have no spaces. */
#include "common/ceilings.h"
#include "common/json.h"
#include "common/mem.h"
#include "server/catalog/sbom_environment.h"
#include "server/catalog/spdx_license.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* An expression is its own. */
static void check_license(struct fh_arena *a, const char *text)
{
    const char *expression = catalog_spdx_license(a, text), *again = catalog_spdx_license(a, expression);
    must(!expression || (*expression && strcmp(again, expression) == 0 && !strchr(expression, '[')));
}

static void check_package(struct fh_arena *a, const json_t *package)
{
    const char *license = fh_json_string(package, "licenseDeclared"), *name = fh_json_string(package, "name");
    const json_t *refs = json_object_get(package, "externalRefs");
    must(name && *name && license);
    must(strcmp(license, "NOASSERTION") == 0 || strcmp(catalog_spdx_license(a, license), license) == 0);
    for (size_t i = 0; i < json_array_size(refs); i++) {
        const char *locator = fh_json_string(json_array_get(refs, i), "referenceLocator");
        must(locator && *locator && !strpbrk(locator, " \t\r\n"));
    }
}

static void check_document(struct fh_arena *a, const struct sbom *doc)
{
    struct fh_buf once = FH_BUF_INIT(FH_MAX_CATALOG_ANSWER), twice = FH_BUF_INIT(FH_MAX_CATALOG_ANSWER);
    json_t *json;
    must(doc->n <= FH_MAX_SBOM_PACKAGES && doc->created >= 0 && doc->environment);
    must(sbom_put(&once, a, "https://hub.example.org", doc, NULL) == FH_OK);
    must(sbom_put(&twice, a, "https://hub.example.org", doc, NULL) == FH_OK);
    must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    must(fh_json_parse(once.data, once.len, "document", &json, NULL) == FH_OK);
    const json_t *packages = json_object_get(json, "packages");
    must(json_array_size(packages) == doc->n + 1);
    must(json_array_size(json_object_get(json, "relationships")) == 1 + 2 * doc->n);
    must(strlen(fh_json_string(json_object_get(json, "creationInfo"), "created")) == 20);
    for (size_t i = 0; i < json_array_size(packages); i++)
        check_package(a, json_array_get(packages, i));
    json_decref(json);
    fh_buf_free(&once);
    fh_buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e = {0};
    struct sbom doc;
    fh_err rc = sbom_environment(a, (const char *)data, size, &doc, &e);
    must(rc == FH_OK || (rc == FH_MISMATCH && strlen(e.msg) > 10));
    if (rc == FH_OK)
        check_document(a, &doc);
    check_license(a, fh_strndup(a, (const char *)data, size));
    fh_arena_free(a);
    return 0;
}
