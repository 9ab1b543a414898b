/* Names of environments and owners, and what is derived from them. See envjson.h. */
#include "common/blake3.h"
#include "common/envjson.h"

fh_err fh_envname_check(const char *name, struct fh_error *e)
{
    if (!name[0])
        return FH_FAIL(e, FH_INVALID, "A name may not be empty.");
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) /* names become parts of paths */
        return FH_FAIL(e, FH_INVALID, "'%s' cannot be a name.", name);
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '/')
            return FH_FAIL(e, FH_INVALID,
                           "Name '%s' is invalid.\n"
                           "Environment names may only contain alphanumeric characters, '.', '_', and '-'.",
                           name);
    return FH_OK;
}

fh_err fh_envref_parse(struct fh_arena *a, const char *ref, const char **owner, const char **name,
                       struct fh_error *e)
{
    const char *slash = strchr(ref, '/');
    if (!slash)
        return FH_FAIL(e, FH_INVALID, "'%s' does not name an environment: write it as owner/name.", ref);
    const char *first = fh_strndup(a, ref, (size_t)(slash - ref));
    const char *second = fh_strdup(a, slash + 1);
    FH_TRY(fh_envname_check(first, e));
    FH_TRY(fh_envname_check(second, e));
    *owner = first;
    *name = second;
    return FH_OK;
}

const char *fh_envname_slug(struct fh_arena *a, const char *base)
{
    char *slug = fh_alloc(a, strlen(base) + 1);
    size_t n = 0;
    for (const char *p = base; *p; p++) {
        char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (kept)
            slug[n++] = c;
        else if (n > 0 && slug[n - 1] != '-')
            slug[n++] = '-';
    }
    while (n > 0 && slug[n - 1] == '-')
        n--;
    slug[n] = '\0';
    return n > 0 ? slug : "environment";
}

const char *fh_project_branch(struct fh_arena *a, const char *name, const char *canonical_dot_flox)
{
    uint8_t digest[FH_BLAKE3_SIZE];
    char hex[9];
    fh_blake3(canonical_dot_flox, strlen(canonical_dot_flox), digest);
    fh_hex_encode(digest, 4, hex);
    return fh_sprintf(a, "%s.%s", name, hex);
}
