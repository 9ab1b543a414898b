/* What Nix says of an attribute, as a row. See import_nix.h. */
#include "server/catalog/import_nix.h"

#include "common/json.h"
#include "common/storepath.h"
#include "server/catalog/import_row.h"

#include <stdlib.h>
#include <string.h>

enum { LICENSE_DEPTH = 4, MOST_ERROR = 400 /* of one that is told */ };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind the last "letter, hyphen" that a digit follows; else behind "pname-" when one follows there; else
 * all of it (12.3). */
const char *catalog_nix_version(const char *name, const char *pname)
{
    const char *version = NULL;
    for (const char *c = name; *c && c[1]; c++)
        if (is_letter(c[0]) && c[1] == '-' && is_digit(c[2]))
            version = c + 2;
    if (version)
        return version;
    size_t n = strlen(pname);
    if (strncmp(name, pname, n) == 0 && name[n] == '-' && is_digit(name[n + 1]))
        return name + n + 1;
    return name;
}

static const char *license_at(struct fh_arena *a, const json_t *l, int depth)
{
    const char *text = json_string_value(l);
    if (text || depth > LICENSE_DEPTH)
        return text;
    if (json_is_object(l)) {
        text = fh_json_string(l, "spdxId");
        text = text ? text : fh_json_string(l, "fullName");
        return text ? text : fh_json_string(l, "shortName");
    }
    const char *all = NULL;
    for (size_t i = 0; i < json_array_size(l); i++) {
        const char *one = license_at(a, json_array_get(l, i), depth + 1);
        if (one)
            all = all ? fh_sprintf(a, "%s, %s", all, one) : one;
        if (all && strlen(all) > FH_MAX_LICENSE)
            return all; /* refused for its length */
    }
    return all ? fh_sprintf(a, "[ %s ]", all) : NULL;
}

const char *catalog_nix_license(struct fh_arena *a, const json_t *license)
{
    return license_at(a, license, 0);
}

/* True when some license of meta is not free: what older revisions of nixpkgs have instead of meta.unfree. */
static bool is_unfree_license(const json_t *l)
{
    for (size_t i = 0; i < json_array_size(l); i++)
        if (is_unfree_license(json_array_get(l, i)))
            return true;
    return json_is_false(json_object_get(l, "free"));
}

static unsigned flags_of(const json_t *entry, const json_t *meta)
{
    const json_t *unfree = json_object_get(meta, "unfree"), *insecure = json_object_get(meta, "insecure");
    const json_t *cached = json_object_get(entry, "isCached");
    const char *status = fh_json_string(entry, "cacheStatus");
    unsigned flags = 0;
    if (json_is_true(json_object_get(meta, "broken")))
        flags |= STORE_BROKEN;
    if (json_is_true(insecure) ||
        (!insecure && json_array_size(json_object_get(meta, "knownVulnerabilities")) > 0))
        flags |= STORE_INSECURE;
    if (json_is_true(unfree) || (!unfree && is_unfree_license(json_object_get(meta, "license"))))
        flags |= STORE_UNFREE;
    if (status)
        flags |= strcmp(status, "notBuilt") == 0 ? STORE_MISSING_BUILDS : 0;
    else if (json_is_boolean(cached))
        flags |= json_is_false(cached) ? STORE_MISSING_BUILDS : 0;
    else
        flags |= STORE_MISSING_BUILDS << STORE_FLAGS_KNOWN;
    return flags;
}

/* As the service orders them: the shorter name first, then by byte. */
static int by_name(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t nx = strlen(x), ny = strlen(y);
    return nx != ny ? (nx < ny ? -1 : 1) : strcmp(x, y);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static fh_err finish_text(struct fh_arena *a, struct fh_buf *b, fh_err rc, const char **out)
{
    if (rc == FH_OK)
        *out = fh_strndup(a, b->data, b->len);
    fh_buf_free(b);
    return rc;
}

static fh_err write_outputs(const json_t *outputs, struct fh_buf *b, struct fh_error *e)
{
    const char *names[FH_MAX_OUTPUTS], *key;
    json_t *value;
    size_t n = 0;
    if (json_object_size(outputs) == 0 || json_object_size(outputs) > FH_MAX_OUTPUTS)
        return FH_FAIL(e, FH_INVALID, "it has no outputs, or more than %d", FH_MAX_OUTPUTS);
    json_object_foreach((json_t *)(uintptr_t)outputs, key, value)
    {
        const char *path = json_string_value(value);
        if (!path || !fh_store_path_is_valid(path))
            return FH_FAIL(e, FH_INVALID, "an output is at no store path");
        if (strlen(key) > FH_MAX_OUTPUT_NAME || !catalog_row_is_plain(key))
            return FH_FAIL(e, FH_INVALID,
                           "an output's name is too long, or holds a space or a control character");
        names[n++] = key;
    }
    qsort(names, n, sizeof *names, by_name);
    FH_TRY(fh_buf_add_char(b, '[', e));
    for (size_t i = 0; i < n; i++) {
        const char *path = fh_json_string(outputs, names[i]);
        FH_TRY(fh_buf_add_str(b, i ? ",{\"name\":" : "{\"name\":", e));
        FH_TRY(fh_json_write_string(names[i], strlen(names[i]), b, e));
        FH_TRY(fh_buf_add_str(b, ",\"store_path\":", e));
        FH_TRY(fh_json_write_string(path, strlen(path), b, e));
        FH_TRY(fh_buf_add_char(b, '}', e));
    }
    return fh_buf_add_char(b, ']', e);
}

static fh_err write_to_install(const json_t *list, struct fh_buf *b, struct fh_error *e)
{
    const char *names[FH_MAX_OUTPUTS];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list) && n < FH_MAX_OUTPUTS; i++)
        if ((names[n] = json_string_value(json_array_get(list, i))))
            n++;
    qsort(names, n, sizeof *names, by_text);
    FH_TRY(fh_buf_add_char(b, '[', e));
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
            continue;
        if (i > 0)
            FH_TRY(fh_buf_add_char(b, ',', e));
        FH_TRY(fh_json_write_string(names[i], strlen(names[i]), b, e));
    }
    return fh_buf_add_char(b, ']', e);
}

/* "attrPath": ["python3Packages", "flask"]; "attr" puts parts in quotes that hold a dot. */
static fh_err attr_of(struct fh_arena *a, const json_t *entry, const char **out, struct fh_error *e)
{
    const json_t *path = json_object_get(entry, "attrPath");
    const char *attr = NULL;
    for (size_t i = 0; i < json_array_size(path); i++) {
        const char *part = json_string_value(json_array_get(path, i));
        if (!part || strchr(part, '.'))
            return FH_FAIL(e, FH_INVALID, "its attribute path has a part with a dot in it");
        attr = attr ? fh_sprintf(a, "%s.%s", attr, part) : part;
        if (strlen(attr) > FH_MAX_ATTR_PATH)
            return FH_FAIL(e, FH_INVALID, "its attribute path is too long");
    }
    *out = attr ? attr : fh_json_string(entry, "attr");
    if (!*out)
        return FH_FAIL(e, FH_INVALID, "it has no attribute path");
    return FH_OK;
}

static fh_err failed_to_evaluate(const char *attr, const char *error, struct fh_error *e)
{
    while (*error == ' ' || *error == '\n')
        error++;
    size_t n = strcspn(error, "\n");
    return FH_FAIL(e, FH_NOT_FOUND, "%s did not evaluate: %.*s", attr, (int)(n < MOST_ERROR ? n : MOST_ERROR),
                   error);
}

static fh_err read_entry(struct fh_arena *a, const struct catalog_nixpkgs *page, const json_t *entry,
                         struct store_import_row *out, struct fh_error *e)
{
    const json_t *meta = json_object_get(entry, "meta");
    const char *system = fh_json_string(entry, "system");
    const char *last = strrchr(out->attr_path, '.');
    struct fh_buf b = FH_BUF_INIT(FH_MAX_IMPORT_LINE), c = FH_BUF_INIT(FH_MAX_IMPORT_LINE);
    out->drv_path = fh_json_string(entry, "drvPath");
    out->name = fh_json_string(entry, "name");
    if (!out->drv_path || !out->name)
        return FH_FAIL(e, FH_INVALID,
                       "\"%s\" is missing; nix-env prints it with --drv-path, but for Nix 2.8 and older ones",
                       out->name ? "drvPath" : "name");
    if (system && strcmp(system, fh_system_name(page->system)) != 0)
        return FH_FAIL(e, FH_INVALID, "it is for another system");
    out->version = catalog_nix_version(out->name, last ? last + 1 : out->attr_path);
    out->description = fh_json_string(meta, "description");
    out->license = catalog_nix_license(a, json_object_get(meta, "license"));
    out->flags = flags_of(entry, meta);
    FH_TRY(finish_text(a, &b, write_outputs(json_object_get(entry, "outputs"), &b, e), &out->outputs));
    if (!json_is_array(json_object_get(meta, "outputsToInstall")))
        return FH_OK;
    return finish_text(a, &c, write_to_install(json_object_get(meta, "outputsToInstall"), &c, e),
                       &out->outputs_to_install);
}

fh_err catalog_nix_row(struct fh_arena *a, const struct catalog_nixpkgs *page, const char *attr,
                       const json_t *entry, struct store_import_row *out, struct fh_error *e)
{
    *out = (struct store_import_row){.attr_path = attr,
                                     .system = page->system,
                                     .scraped_at = page->scraped_at,
                                     .rev = page->rev,
                                     .rev_count = page->rev_count,
                                     .rev_date = page->rev_date,
                                     .tags_given = page->tags_given,
                                     .ntags = page->ntags};
    memcpy(out->tags, page->tags, sizeof out->tags);
    if (!json_is_object(entry))
        return FH_FAIL(e, FH_INVALID, "it is no object");
    if (!attr)
        FH_TRY(attr_of(a, entry, &out->attr_path, e));
    const char *error = fh_json_string(entry, "error");
    if (error)
        return failed_to_evaluate(out->attr_path, error, e);
    FH_TRY(read_entry(a, page, entry, out, e));
    return catalog_row_check(out, NULL, e);
}
