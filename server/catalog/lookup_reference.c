/* References of build inputs. See lookup_reference.h. */
#include "server/catalog/lookup_reference.h"

#include <string.h>

/* One component, bare or in quotes, in which a backslash makes the next character stand for itself; NULL:
 * none is there. */
static char *take_part(struct fh_arena *a, const char **text)
{
    const char *p = *text;
    if (*p != '"') {
        size_t n = strcspn(p, ".\"\\");
        *text = p + n;
        return n > 0 && p[n] != '"' && p[n] != '\\' ? fh_strndup(a, p, n) : NULL;
    }
    char *out = fh_alloc(a, strlen(p) + 1);
    size_t n = 0;
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++;
        out[n++] = *p;
    }
    *text = p + (*p == '"');
    return n > 0 && *p == '"' ? out : NULL;
}

static bool parse(struct fh_arena *a, const char *text, bool stars, struct catalog_reference *out)
{
    *out = (struct catalog_reference){0};
    size_t most = 1;
    for (const char *p = text; *p; p++)
        most += *p == '.';
    out->parts = fh_alloc(a, most * sizeof *out->parts);
    for (;;) {
        if (stars && out->n > 0 && strcmp(text, "*") == 0) {
            out->all = true;
            return true;
        }
        const char *part = take_part(a, &text);
        if (!part)
            return false;
        out->parts[out->n++] = part;
        if (*text == '\0')
            return true;
        if (*text++ != '.')
            return false;
    }
}

bool catalog_attr_parse(struct fh_arena *a, const char *text, struct catalog_reference *out)
{
    bool ok = parse(a, text, false, out);
    if (!ok)
        out->n = 0;
    return ok;
}

bool catalog_reference_parse(struct fh_arena *a, const char *text, struct catalog_reference *out)
{
    if (!parse(a, text, true, out) || (out->n < 2 && !out->all))
        return false;
    out->owner = out->parts[0];
    out->parts++;
    out->n--;
    return true;
}

int catalog_reference_compare(const struct catalog_reference *x, const struct catalog_reference *y,
                              size_t most)
{
    for (size_t i = 0; i < most; i++) {
        if (i == x->n || i == y->n)
            return (x->n > i) - (y->n > i);
        int order = strcmp(x->parts[i], y->parts[i]);
        if (order)
            return order;
    }
    return 0;
}
