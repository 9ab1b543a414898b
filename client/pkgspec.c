/* Packages on a command line. See pkgspec.h. */
#include "client/pkgspec.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define STORE "/nix/store"

static fh_err refuse(const char *word, const char *why, struct fh_error *e)
{
    return FH_FAIL(e, FH_INVALID, "couldn't parse descriptor '%.200s': %s", word, why);
}

/* "scheme:…" */
static bool is_url(const char *word)
{
    const char *at = word;
    if (!isalpha((unsigned char)*at))
        return false;
    while (isalnum((unsigned char)*at) || (*at && strchr("+-.", *at)))
        at++;
    return *at == ':';
}

/* The last component behind '.' or '/', of which those in quotes are none. */
static fh_err last_component(struct fh_arena *a, const char *path, const char *word, const char **out,
                             struct fh_error *e)
{
    const char *begin = path, *last = NULL;
    size_t len = 0;
    bool quoted = false;
    for (const char *at = path; *at; at++) {
        if (*at == '"')
            quoted = !quoted;
        if (quoted || (*at != '.' && *at != '/'))
            continue;
        last = begin;
        len = (size_t)(at - begin);
        begin = at + 1;
    }
    if (quoted)
        return refuse(word, "unclosed quote", e);
    if (*begin) {
        last = begin;
        len = strlen(begin);
    }
    if (!last || len == 0)
        return refuse(word, "attribute path is empty", e);
    *out = fh_strndup(a, last, len);
    return FH_OK;
}

/* "out, man" */
static void take_outputs(struct fh_arena *a, const char *text, struct pkgspec *out)
{
    const char **names = fh_alloc(a, (strlen(text) + 2) * sizeof *names);
    size_t n = 0;
    if (strcmp(text, "..") == 0) {
        out->outputs = FH_OUTPUTS_ALL;
        return;
    }
    for (const char *at = text;; at++) {
        const char *comma = at + strcspn(at, ","), *end = comma;
        at += strspn(at, " ");
        while (end > at && end[-1] == ' ')
            end--;
        names[n++] = end > at ? fh_strndup(a, at, (size_t)(end - at)) : "";
        at = comma;
        if (!*comma)
            break;
    }
    out->outputs = FH_OUTPUTS_LIST;
    out->output_names = (struct fh_strings){.count = n, .items = names};
}

/* Where the version begins: at the first '@' that neither begins the word nor stands behind a dot. */
static const char *find_version(const char *word)
{
    for (const char *at = strchr(word, '@'); at; at = strchr(at + 1, '@'))
        if (at != word && at[-1] != '.')
            return at;
    return NULL;
}

static fh_err parse_catalog(struct fh_arena *a, const char *word, struct pkgspec *out, struct fh_error *e)
{
    bool versioned = strchr(word, '@') != NULL;
    const char *at = versioned ? find_version(word) : strchr(word, '^');
    out->path = at ? fh_strndup(a, word, (size_t)(at - word)) : fh_strdup(a, word);
    if (at && versioned && !at[1])
        return refuse(word, "Expected version requirement after '@'.\nTry adding quotes around the argument.",
                      e);
    if (at && !versioned && !at[1])
        return refuse(word, "expected output specification after '^'", e);
    if (at && versioned)
        out->version = fh_strdup(a, at + 1);
    else if (at)
        take_outputs(a, at + 1, out);
    return last_component(a, out->path, word, &out->id, e);
}

/* <hash>-<name>[-<version>]: the name ends before the first part that begins with a digit. */
static const char *store_name(struct fh_arena *a, const char *entry)
{
    const char *begin = strchr(entry, '-');
    if (!begin)
        return "";
    const char *end = ++begin;
    for (const char *part = begin; *part && !isdigit((unsigned char)*part);) {
        part += strcspn(part, "-");
        end = part;
        part += *part == '-';
    }
    return fh_strndup(a, begin, (size_t)(end - begin));
}

static fh_err parse_store_path(struct fh_arena *a, const char *word, struct pkgspec *out, struct fh_error *e)
{
    char real[PATH_MAX];
    const char *path = word;
    /* Inside the store links are kept: they may lead to another path. */
    if (strncmp(word, STORE "/", strlen(STORE "/")) != 0) {
        if (!realpath(word, real))
            return refuse(word, "cannot resolve path: there is no such file", e);
        path = real;
    }
    if (strncmp(path, STORE "/", strlen(STORE "/")) != 0)
        return refuse(word, "store path must be in the '/nix/store' directory", e);
    const char *entry = path + strlen(STORE "/");
    entry = fh_strndup(a, entry, strcspn(entry, "/"));
    out->kind = FH_PACKAGE_STORE_PATH;
    out->path = fh_sprintf(a, STORE "/%s", entry);
    out->id = store_name(a, entry);
    return *out->id ? FH_OK : refuse(word, "store path must contain a package name", e);
}

fh_err pkgspec_parse(struct fh_arena *a, const char *word, struct pkgspec *out, struct fh_error *e)
{
    struct pkgspec spec = {.kind = FH_PACKAGE_CATALOG};
    fh_err rc = FH_OK;
    if (word[0] == '/' || strncmp(word, "./", 2) == 0 || strncmp(word, "../", 3) == 0) {
        rc = parse_store_path(a, word, &spec, e);
    } else if (is_url(word)) {
        spec.kind = FH_PACKAGE_FLAKE;
        spec.path = spec.id = fh_strdup(a, word);
    } else {
        rc = parse_catalog(a, word, &spec, e);
    }
    if (rc == FH_OK)
        *out = spec;
    return rc;
}

const char *pkgspec_text(struct fh_arena *a, const struct pkgspec *spec)
{
    return spec->version ? fh_sprintf(a, "%s (%s@%s)", spec->id, spec->path, spec->version)
                         : fh_sprintf(a, "%s (%s)", spec->id, spec->path);
}
