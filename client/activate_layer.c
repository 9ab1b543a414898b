/* Layers: what leads back from an activation. */
#include "client/activate_layer.h"

#include "common/ceilings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_BEFORE_CHANGES = 6 };

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_of_a_process(const char *name)
{
    static const char *const names[] = {"_", "SHLVL", "PWD", "OLDPWD", LAYER_VARIABLE};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static const char *name_of(struct fh_arena *a, const char *entry)
{
    return fh_strndup(a, entry, strcspn(entry, "="));
}

static struct layer_change *find(const struct layer *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->changes[i].name, name) == 0)
            return &l->changes[i];
    return NULL;
}

void layer_extend(struct layer *l, const struct envset *before, const struct envset *after)
{
    struct fh_arena *a = after->arena;
    struct layer_change *all = fh_alloc(a, (l->n + before->n + after->n + 1) * sizeof *all);
    if (l->n > 0)
        memcpy(all, l->changes, l->n * sizeof *all);
    l->changes = all;
    const struct envset *const sides[] = {after, before};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < sides[k]->n; i++) {
            const char *name = name_of(a, sides[k]->items[i]);
            const char *old = envset_get(before, name), *new = envset_get(after, name);
            if (is_of_a_process(name) || same(old, new))
                continue;
            struct layer_change *known = find(l, name);
            if (known != NULL)
                known->after = new;
            else
                l->changes[l->n++] = (struct layer_change){name, old, new};
        }
}

void layer_compare(struct layer *l, const struct envset *before, const struct envset *after)
{
    l->n = 0;
    layer_extend(l, before, after);
}

/* Percent-encoded: what is left of it needs no quotes in any shell. */
static const char *encoded(struct fh_arena *a, const char *kind, const char *s)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = fh_alloc(a, strlen(kind) + 3 * strlen(s) + 1), *at = out;
    while (*kind != '\0')
        *at++ = *kind++;
    for (const char *p = s; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 128 && (isalnum(c) || strchr("_-./@+", c) != NULL)) {
            *at++ = *p;
        } else {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        }
    }
    *at = '\0';
    return out;
}

static const char *encoded_value(struct fh_arena *a, const char *value, const char *before)
{
    if (value == NULL)
        return "-";
    size_t n = strlen(value), k = before != NULL ? strlen(before) : 0;
    if (k > 0 && n >= k && strcmp(value + n - k, before) == 0)
        return encoded(a, "<", fh_strndup(a, value, n - k));
    if (k > 0 && n >= k && strncmp(value, before, k) == 0)
        return encoded(a, ">", value + k);
    return encoded(a, "=", value);
}

const char *layer_encode(struct fh_arena *a, const struct layer *l)
{
    size_t size = 0, n = 0;
    const char **fields = fh_alloc(a, (FIELDS_BEFORE_CHANGES + 3 * l->n) * sizeof *fields);
    fields[n++] = "1";
    fields[n++] = encoded(a, "", l->flox_env);
    fields[n++] = encoded(a, "", l->scripts);
    fields[n++] = encoded(a, "", l->dot_flox);
    fields[n++] = fh_sprintf(a, "%lld", (long long)l->pid);
    fields[n++] = l->has_hook ? "1" : "0";
    for (size_t i = 0; i < l->n; i++) {
        fields[n++] = encoded(a, "", l->changes[i].name);
        fields[n++] = encoded_value(a, l->changes[i].before, NULL);
        fields[n++] = encoded_value(a, l->changes[i].after, l->changes[i].before);
    }
    for (size_t i = 0; i < n; i++)
        size += strlen(fields[i]) + 1;
    char *out = fh_alloc(a, size + 1), *at = out;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *at++ = ',';
        for (const char *p = fields[i]; *p != '\0'; p++)
            *at++ = *p;
    }
    *at = '\0';
    return out;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* NULL: not the text of this module. A NUL cannot be in a variable. */
static const char *decoded(struct fh_arena *a, const char *s, size_t n)
{
    char *out = fh_alloc(a, n + 1), *at = out;
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '%') {
            *at++ = s[i];
            continue;
        }
        int high = i + 2 < n ? digit(s[i + 1]) : -1, low = i + 2 < n ? digit(s[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return NULL;
        *at++ = (char)(high << 4 | low);
        i += 2;
    }
    *at = '\0';
    return out;
}

static bool decode_value(struct fh_arena *a, const char *field, const char *before, const char **out)
{
    *out = NULL;
    if (strcmp(field, "-") == 0)
        return true;
    switch (field[0]) {
    case '=':
        *out = field + 1;
        return true;
    case '<':
    case '>':
        if (before == NULL)
            return false;
        *out = field[0] == '<' ? fh_sprintf(a, "%s%s", field + 1, before)
                               : fh_sprintf(a, "%s%s", before, field + 1);
        return true;
    default:
        return false;
    }
}

static bool fill(struct fh_arena *a, const char **fields, size_t n, struct layer *l)
{
    char *end;
    if (n < FIELDS_BEFORE_CHANGES || (n - FIELDS_BEFORE_CHANGES) % 3 != 0 || strcmp(fields[0], "1") != 0)
        return false;
    *l = (struct layer){.flox_env = fields[1], .scripts = fields[2], .dot_flox = fields[3]};
    l->pid = strtoll(fields[4], &end, 10);
    l->has_hook = strcmp(fields[5], "1") == 0;
    if (*end != '\0' || l->pid < 0)
        return false;
    l->changes = fh_alloc(a, (n / 3 + 1) * sizeof *l->changes);
    for (size_t i = FIELDS_BEFORE_CHANGES; i < n; i += 3) {
        struct layer_change *c = &l->changes[l->n++];
        c->name = fields[i];
        if (*c->name == '\0' || strchr(c->name, '=') != NULL ||
            !decode_value(a, fields[i + 1], NULL, &c->before) ||
            !decode_value(a, fields[i + 2], c->before, &c->after))
            return false;
    }
    return true;
}

fh_err layer_decode(struct fh_arena *a, const char *text, struct layer *out, const char **rest,
                    struct fh_error *e)
{
    if (text == NULL || *text == '\0')
        return FH_FAIL(e, FH_NOT_FOUND, "No environment is active.");
    size_t len = strcspn(text, ":"), count = 1, n = 0;
    for (size_t i = 0; i < len; i++)
        count += text[i] == ',';
    const char **fields = fh_alloc(a, count * sizeof *fields);
    bool ok = true;
    for (size_t at = 0; n < count; at++) {
        size_t size = strcspn(text + at, ",:");
        fields[n] = decoded(a, text + at, size);
        ok = ok && fields[n] != NULL;
        n++;
        at += size;
    }
    if (!ok || !fill(a, fields, n, out))
        return FH_FAIL(e, FH_INVALID,
                       "The variable " LAYER_VARIABLE
                       " was changed by something else than floe: leave by closing this shell.");
    *rest = text[len] == ':' ? text + len + 1 : "";
    return FH_OK;
}

/* The variables that say what is active: nobody else's to change. */
static bool is_bookkeeping(const char *name)
{
    return strncmp(name, "_FLOX_", 6) == 0 || strncmp(name, "FLOX_ENV", 8) == 0 ||
           strcmp(name, "FLOX_PROMPT_ENVIRONMENTS") == 0 || strncmp(name, "FLOX_ACTIVATE_", 14) == 0;
}

static bool is_list(const char *name)
{
    size_t n = strlen(name);
    return (n >= 4 && strcmp(name + n - 4, "PATH") == 0) || (n >= 5 && strcmp(name + n - 5, "_DIRS") == 0);
}

const char *layer_restored(struct fh_arena *a, const struct layer_change *change, const char *current)
{
    if (same(current, change->after) || is_bookkeeping(change->name))
        return change->before;
    if (current == NULL || change->after == NULL || !is_list(change->name))
        return current;
    const char *left = envset_list_without(a, current, change->after, change->before);
    return *left == '\0' && change->before == NULL ? NULL : left;
}
