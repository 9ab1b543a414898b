/* What accounts and environments may be called: git-environments.md §2.3, identity-and-auth.md §8. */
#include "common/ceilings.h"
#include "server/auth/auth.h"

#include <string.h>
#include <strings.h>

/* First path segments of the hub, names with a meaning to clients, and names people would mistake for the
 * hub itself. In any case. */
static const char *const reserved[] = {
    "about",   "accounts", "admin",    "api",     "assets",  "auth",         "base",  "cache", "denied",
    "device",  "docs",     "git",      "healthz", "help",    "in",           "local", "login", "logout",
    "metrics", "new",      "nixpkgs",  "oauth",   "openapi", "openapi.json", "org",   "orgs",  "r",
    "readyz",  "search",   "settings", "static",  "unknown", "user",         "users",
};
/* Every client activates environments of this owner without asking: of any hub. */
static const char trusted[] = "flox";

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Forty hexadecimal digits: git would take the name for an object id. */
static bool looks_like_oid(const char *name)
{
    return strlen(name) == 40 && strspn(name, "0123456789abcdefABCDEF") == 40;
}

static fh_err check_handle(const char *handle, bool allow_trusted, struct fh_error *e)
{
    size_t n = strlen(handle);
    if (n < FH_MIN_HANDLE || n > FH_MAX_HANDLE)
        return FH_FAIL(e, FH_INVALID, "A handle has %d to %d characters.", FH_MIN_HANDLE, FH_MAX_HANDLE);
    for (size_t i = 0; i < n; i++)
        if (!is_letter_or_digit(handle[i]) && (i == 0 || (handle[i] != '-' && handle[i] != '_')))
            return FH_FAIL(
                e, FH_INVALID,
                "A handle is made of the letters A to Z, digits, \"-\" and \"_\", and begins with a "
                "letter or a digit.");
    if (looks_like_oid(handle))
        return FH_FAIL(e, FH_INVALID, "A handle may not look like a git object id.");
    if (strcasestr(handle, "denied"))
        return FH_FAIL(e, FH_INVALID,
                       "A handle may not contain \"denied\": clients read that word as a refusal.");
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcasecmp(handle, reserved[i]) == 0)
            return FH_FAIL(e, FH_INVALID, "The handle \"%s\" is reserved.", reserved[i]);
    if (strcasecmp(handle, trusted) == 0 && !(allow_trusted && strcmp(handle, trusted) == 0))
        return FH_FAIL(e, FH_INVALID,
                       "The handle \"%s\" is reserved: every client trusts the environments of that owner.",
                       trusted);
    return FH_OK;
}

fh_err auth_check_handle(const char *handle, struct fh_error *e)
{
    return check_handle(handle, false, e);
}

fh_err auth_check_handle_trusted(const char *handle, struct fh_error *e)
{
    return check_handle(handle, true, e);
}

fh_err auth_check_env_name(const char *name, struct fh_error *e)
{
    size_t n = strlen(name);
    if (n == 0 || n > FH_MAX_ENV_NAME)
        return FH_FAIL(e, FH_INVALID, "The name of an environment has 1 to %d characters.", FH_MAX_ENV_NAME);
    for (size_t i = 0; i < n; i++)
        if (!is_letter_or_digit(name[i]) && (i == 0 || !strchr("._-", name[i])))
            return FH_FAIL(
                e, FH_INVALID,
                "The name of an environment is made of the letters A to Z, digits, \".\", \"_\" and "
                "\"-\", and begins with a letter or a digit.");
    if (strstr(name, ".."))
        return FH_FAIL(e, FH_INVALID, "The name of an environment may not contain \"..\".");
    if (name[n - 1] == '.' || (n >= 5 && strcmp(name + n - 5, ".lock") == 0))
        return FH_FAIL(e, FH_INVALID, "The name of an environment may not end in \".\" or \".lock\".");
    if (looks_like_oid(name))
        return FH_FAIL(e, FH_INVALID, "The name of an environment may not look like a git object id.");
    if (strcmp(name, "HEAD") == 0)
        return FH_FAIL(e, FH_INVALID, "An environment may not be called \"HEAD\".");
    if (strstr(name, "DENIED"))
        return FH_FAIL(e, FH_INVALID,
                       "The name of an environment may not contain the word in capitals by which clients "
                       "recognise a refusal.");
    return FH_OK;
}
