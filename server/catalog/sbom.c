/* SPDX 2.3 documents. See sbom.h. Sections of the specification: 6 document, 7 package, 11 relationships. */
#include "server/catalog/sbom.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/hex.h"
#include "server/catalog/catalog_http.h"
#include "server/catalog/spdx_license.h"
#include "server/catalog/upstream_http.h"

#include <string.h>

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

/* "pkg:nix/nixpkgs/python3Packages.flask@2.3.3?commit=…" */
const char *sbom_purl(struct fh_arena *a, const char *attr_path, const char *version, const char *rev)
{
    const char *purl = fh_sprintf(a, "pkg:nix/nixpkgs/%s", catalog_http_encode(a, attr_path));
    if (or_null(version))
        purl = fh_sprintf(a, "%s@%s", purl, catalog_http_encode(a, version));
    if (or_null(rev))
        purl = fh_sprintf(a, "%s?commit=%s", purl, catalog_http_encode(a, rev));
    return purl;
}

void sbom_set_source(struct fh_arena *a, struct sbom_package *p, const char *attr_path,
                     const char *locked_url, const char *rev)
{
    static const char base[] = CATALOG_BASE_URL "?rev=";
    p->source = fh_sprintf(a, "%s of %s", attr_path, locked_url);
    if (strncmp(locked_url, base, sizeof base - 1) == 0)
        p->purl = sbom_purl(a, attr_path, p->version, rev);
}

/* A locator has no spaces (7.21). */
static bool is_locator(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c <= ' ' || *c == 0x7f)
            return false;
    return *text;
}

static fh_err put_reference(struct fh_buf *b, const char *category, const char *type, const char *locator,
                            const char *comment, struct fh_error *e)
{
    if (!locator || !is_locator(locator))
        return FH_OK;
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "referenceCategory", category, e));
    FH_TRY(catalog_put_text(b, "referenceType", type, e));
    FH_TRY(catalog_put_text(b, "referenceLocator", locator, e));
    if (comment)
        FH_TRY(catalog_put_text(b, "comment", comment, e));
    return catalog_put(b, "}", e);
}

static fh_err put_references(struct fh_buf *b, struct fh_arena *a, const struct sbom_package *p,
                             struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, "externalRefs", "[", e));
    FH_TRY(put_reference(b, "PACKAGE-MANAGER", "purl", p->purl, NULL, e));
    FH_TRY(put_reference(b, "OTHER", "nix-derivation", p->derivation, NULL, e));
    for (size_t i = 0; i < p->noutputs; i++)
        FH_TRY(put_reference(b, "OTHER", "nix-store-path", p->outputs[i].path,
                             p->outputs[i].name ? fh_sprintf(a, "output %s", p->outputs[i].name) : NULL, e));
    return catalog_put(b, "]", e);
}

static fh_err put_optional(struct fh_buf *b, const char *key, const char *text, struct fh_error *e)
{
    return or_null(text) ? catalog_put_text(b, key, text, e) : FH_OK;
}

/* What every package says, whatever it is; nothing of it is known here but the license. */
static fh_err put_facts(struct fh_buf *b, struct fh_arena *a, const char *license, struct fh_error *e)
{
    const char *expression = catalog_spdx_license(a, license);
    FH_TRY(catalog_put_text(b, "supplier", "NOASSERTION", e));
    FH_TRY(catalog_put_text(b, "downloadLocation", "NOASSERTION", e));
    FH_TRY(catalog_put_json(b, "filesAnalyzed", "false", e));
    FH_TRY(catalog_put_text(b, "licenseConcluded", "NOASSERTION", e));
    FH_TRY(catalog_put_text(b, "licenseDeclared", expression ? expression : "NOASSERTION", e));
    if (!expression && or_null(license))
        FH_TRY(catalog_put_text(b, "licenseComments", fh_sprintf(a, "As given: %s", license), e));
    return catalog_put_text(b, "copyrightText", "NOASSERTION", e);
}

static fh_err put_package(struct fh_buf *b, struct fh_arena *a, size_t i, const struct sbom_package *p,
                          struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "SPDXID", fh_sprintf(a, "SPDXRef-Package-%zu", i + 1), e));
    FH_TRY(catalog_put_text(b, "name", p->name, e));
    FH_TRY(put_optional(b, "versionInfo", p->version, e));
    FH_TRY(put_facts(b, a, p->license, e));
    FH_TRY(put_optional(b, "sourceInfo", p->source, e));
    FH_TRY(put_optional(b, "summary", p->summary, e));
    FH_TRY(put_optional(b, "comment", p->comment, e));
    FH_TRY(put_references(b, a, p, e));
    return catalog_put(b, "}", e);
}

static fh_err put_environment(struct fh_buf *b, struct fh_arena *a, const struct sbom *doc,
                              struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "SPDXID", "SPDXRef-Environment", e));
    FH_TRY(catalog_put_text(b, "name", doc->environment, e));
    FH_TRY(put_optional(b, "versionInfo", doc->generation, e));
    FH_TRY(put_facts(b, a, NULL, e));
    return catalog_put(b, "}", e);
}

static fh_err put_relationship(struct fh_buf *b, const char *from, const char *type, const char *to,
                               struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "spdxElementId", from, e));
    FH_TRY(catalog_put_text(b, "relationshipType", type, e));
    FH_TRY(catalog_put_text(b, "relatedSpdxElement", to, e));
    return catalog_put(b, "}", e);
}

static fh_err put_relationships(struct fh_buf *b, struct fh_arena *a, const struct sbom *doc,
                                struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, "relationships", "[", e));
    if (doc->environment)
        FH_TRY(put_relationship(b, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Environment", e));
    for (size_t i = 0; i < doc->n; i++) {
        const char *id = fh_sprintf(a, "SPDXRef-Package-%zu", i + 1);
        if (doc->environment)
            FH_TRY(put_relationship(b, "SPDXRef-Environment", "CONTAINS", id, e));
        else
            FH_TRY(put_relationship(b, "SPDXRef-DOCUMENT", "DESCRIBES", id, e));
        FH_TRY(put_relationship(b, id, "DEPENDS_ON", "NOASSERTION", e));
    }
    return catalog_put(b, "]", e);
}

static fh_err put_creation(struct fh_buf *b, const struct sbom *doc, struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, "creationInfo", "{", e));
    FH_TRY(catalog_put_date(b, "created", doc->created, e));
    FH_TRY(catalog_put_json(b, "creators", "[", e));
    FH_TRY(catalog_put_text(b, NULL, "Tool: floe-server-" FLOE_VERSION, e));
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(put_optional(b, "comment", doc->comment, e));
    return catalog_put(b, "}", e);
}

/* The namespace comes last: it is made of all that stands before it, so that another document has another. */
static fh_err put_namespace(struct fh_buf *b, struct fh_arena *a, const char *base_url, struct fh_error *e)
{
    enum { ENOUGH = 16 };
    uint8_t sum[FH_SHA256_SIZE];
    char hex[2 * ENOUGH + 1];
    fh_sha256(b->data, b->len, sum);
    fh_hex_encode(sum, ENOUGH, hex);
    return catalog_put_text(b, "documentNamespace", fh_sprintf(a, "%s/api/v1/catalog/sbom/%s", base_url, hex),
                            e);
}

fh_err sbom_put(struct fh_buf *b, struct fh_arena *a, const char *base_url, const struct sbom *doc,
                struct fh_error *e)
{
    FH_TRY(catalog_put(b,
                       "{\"spdxVersion\":\"SPDX-2.3\",\"dataLicense\":\"CC0-1.0\","
                       "\"SPDXID\":\"SPDXRef-DOCUMENT\"",
                       e));
    FH_TRY(catalog_put_text(b, "name", doc->name, e));
    FH_TRY(put_creation(b, doc, e));
    FH_TRY(catalog_put_json(b, "packages", "[", e));
    if (doc->environment)
        FH_TRY(put_environment(b, a, doc, e));
    for (size_t i = 0; i < doc->n; i++)
        FH_TRY(put_package(b, a, i, &doc->packages[i], e));
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(put_relationships(b, a, doc, e));
    FH_TRY(put_namespace(b, a, base_url, e));
    return catalog_put(b, "}", e);
}
