/* Quoting for shells. */
#include "client/shell_quote.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Means itself to every shell. */
static bool is_plain(const char *s)
{
    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p >= 128 || (!isalnum((unsigned char)*p) && strchr("_-./:,+@", *p) == NULL))
            return false;
    return *s != '\0';
}

const char *shell_quote(struct fh_arena *a, const char *s)
{
    bool control = false;
    for (const char *p = s; *p != '\0'; p++)
        control = control || (unsigned char)*p < ' ' || *p == 127;
    if (is_plain(s))
        return fh_strdup(a, s);
    char *out = fh_alloc(a, 4 * strlen(s) + 4), *at = out;
    if (control)
        *at++ = '$';
    *at++ = '\'';
    for (const char *p = s; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (control && (c < ' ' || c == 127))
            at += snprintf(at, 5, "\\%03o", c);
        else if (control && (c == '\'' || c == '\\'))
            at += snprintf(at, 3, "\\%c", c);
        else if (c == '\'')
            at += snprintf(at, 5, "'\\''");
        else
            *at++ = *p;
    }
    *at++ = '\'';
    *at = '\0';
    return out;
}

/* Quoted runs with what cannot be in quotes between them, as a backslash and the character or its code. */
static const char *quote_runs(struct fh_arena *a, const char *s, const char *outside, bool escape_controls)
{
    if (is_plain(s))
        return fh_strdup(a, s);
    char *out = fh_alloc(a, 6 * strlen(s) + 3), *at = out;
    bool inside = false;
    for (const char *p = s; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        bool code = escape_controls && (c < ' ' || c == 127);
        bool quoted = !code && strchr(outside, *p) == NULL;
        if (quoted != inside) {
            *at++ = '\'';
            inside = quoted;
        }
        if (code) {
            at += snprintf(at, 5, "\\x%02x", c);
        } else {
            if (!quoted)
                *at++ = '\\';
            *at++ = *p;
        }
    }
    if (inside)
        *at++ = '\'';
    if (at == out)
        at += snprintf(at, 3, "''");
    *at = '\0';
    return out;
}

const char *shell_quote_fish(struct fh_arena *a, const char *s)
{
    return quote_runs(a, s, "\\'", true);
}

const char *shell_quote_tcsh(struct fh_arena *a, const char *s)
{
    const char *runs = quote_runs(a, s, "\\'!", false);
    if (strchr(runs, '\n') == NULL)
        return runs;
    char *out = fh_alloc(a, 2 * strlen(runs) + 1), *at = out;
    for (const char *p = runs; *p != '\0'; p++) {
        if (*p == '\n')
            *at++ = '\\';
        *at++ = *p;
    }
    *at = '\0';
    return out;
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

fh_err shell_find(struct fh_arena *a, const char *path, const char *name, const char **out,
                  struct fh_error *e)
{
    if (strchr(name, '/') != NULL) {
        *out = name;
        return is_program(name) ? FH_OK : FH_FAIL(e, FH_NOT_FOUND, "%s: command not found", name);
    }
    for (const char *at = path != NULL ? path : "/usr/local/bin:/usr/bin:/bin"; *at != '\0';) {
        size_t n = strcspn(at, ":");
        const char *file = n > 0 ? fh_sprintf(a, "%.*s/%s", (int)n, at, name) : fh_sprintf(a, "./%s", name);
        if (is_program(file)) {
            *out = file;
            return FH_OK;
        }
        at += n + (at[n] == ':' ? 1 : 0);
    }
    return FH_FAIL(e, FH_NOT_FOUND, "%s: command not found", name);
}

bool shell_is_name(const char *s)
{
    if (!isalpha((unsigned char)*s) && *s != '_')
        return false;
    return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(s);
}
