/* Process environments as data. */
#include "client/envset.h"

#include <string.h>

static char **find(const struct envset *s, const char *name, size_t len)
{
    for (size_t i = 0; i < s->n; i++)
        if (strncmp(s->items[i], name, len) == 0 && s->items[i][len] == '=')
            return &s->items[i];
    return NULL;
}

static void add(struct envset *s, char *entry)
{
    if (s->n + 1 >= s->cap) {
        size_t cap = s->cap == 0 ? 64 : s->cap * 2;
        char **items = fh_alloc(s->arena, cap * sizeof *items);
        if (s->n > 0)
            memcpy(items, s->items, s->n * sizeof *items);
        s->items = items;
        s->cap = cap;
    }
    s->items[s->n++] = entry;
    s->items[s->n] = NULL;
}

void envset_init(struct envset *s, struct fh_arena *a, char *const *environment)
{
    *s = (struct envset){.arena = a};
    s->items = fh_alloc(a, sizeof *s->items);
    for (char *const *entry = environment; entry != NULL && *entry != NULL; entry++)
        if (strchr(*entry, '=') != NULL)
            add(s, fh_strdup(a, *entry));
}

void envset_init_zero_separated(struct envset *s, struct fh_arena *a, const char *text, size_t n)
{
    *s = (struct envset){.arena = a};
    s->items = fh_alloc(a, sizeof *s->items);
    for (size_t at = 0; at < n;) {
        size_t len = strnlen(text + at, n - at);
        if (memchr(text + at, '=', len) != NULL)
            add(s, fh_strndup(a, text + at, len));
        at += len + 1;
    }
}

void envset_copy(struct envset *s, const struct envset *from)
{
    envset_init(s, from->arena, from->items);
}

const char *envset_get(const struct envset *s, const char *name)
{
    size_t len = strlen(name);
    char **at = find(s, name, len);
    return at != NULL ? *at + len + 1 : NULL;
}

void envset_set(struct envset *s, const char *name, const char *value)
{
    char *entry = fh_sprintf(s->arena, "%s=%s", name, value);
    char **at = find(s, name, strlen(name));
    if (at != NULL)
        *at = entry;
    else
        add(s, entry);
}

void envset_unset(struct envset *s, const char *name)
{
    char **at = find(s, name, strlen(name));
    if (at == NULL)
        return;
    *at = s->items[--s->n];
    s->items[s->n] = NULL;
}

void envset_take(struct envset *s, const struct envset *from, const char *name)
{
    const char *value = envset_get(from, name);
    if (value != NULL)
        envset_set(s, name, value);
    else
        envset_unset(s, name);
}

static bool list_has(const char *list, const char *item, size_t n)
{
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, ":");
        if (len == n && memcmp(at, item, n) == 0)
            return true;
        at += len;
        if (*at == ':')
            at++;
    }
    return false;
}

bool envset_list_has(const char *list, const char *item)
{
    return list_has(list, item, strlen(item));
}

const char *envset_list_without(struct fh_arena *a, const char *list, const char *added, const char *kept)
{
    char *out = fh_alloc(a, strlen(list) + 1);
    size_t n = 0;
    bool first = true;
    for (const char *at = list;; at++) {
        size_t len = strcspn(at, ":");
        if (len == 0 || !list_has(added, at, len) || list_has(kept, at, len)) {
            if (!first)
                out[n++] = ':';
            first = false;
            memcpy(out + n, at, len);
            n += len;
        }
        at += len;
        if (*at == '\0')
            break;
    }
    out[n] = '\0';
    return out;
}

void envset_prepend(struct envset *s, const char *name, const char *value)
{
    const char *old = envset_get(s, name);
    if (old == NULL || *old == '\0')
        envset_set(s, name, value);
    else if (!envset_list_has(old, value))
        envset_set(s, name, fh_sprintf(s->arena, "%s:%s", value, old));
}

const char *envset_fix_path(struct fh_arena *a, const char *dirs, const char *suffix, const char *old,
                            bool is_manpath)
{
    size_t size = 4 + (old != NULL ? strlen(old) : 0);
    for (const char *p = dirs; *p != '\0'; p++)
        size += 1 + (*p == ':' ? strlen(suffix) : 0);
    size += strlen(suffix);
    char *out = fh_alloc(a, size);
    size_t n = 0;
    for (const char *at = dirs; *at != '\0';) {
        size_t len = strcspn(at, ":");
        const char *item = fh_sprintf(a, "%.*s%s", (int)len, at, suffix);
        if (len > 0 && !envset_list_has(out, item)) {
            if (n > 0)
                out[n++] = ':';
            memcpy(out + n, item, strlen(item));
            n += strlen(item);
        }
        at += len + (at[len] == ':' ? 1 : 0);
    }
    /* Empty elements stay: they mean the current folder in PATH, the system's manuals in MANPATH. */
    bool has_empty = false;
    for (const char *at = old; at != NULL; at = *at == ':' ? at + 1 : NULL) {
        size_t len = strcspn(at, ":");
        bool is_empty = len == 0 && *old != '\0';
        has_empty = has_empty || is_empty;
        if (is_empty || (len > 0 && !list_has(out, at, len))) {
            if (n > 0)
                out[n++] = ':';
            memcpy(out + n, at, len);
            n += len;
        }
        at += len;
        if (*at == '\0')
            break;
    }
    if (is_manpath && !has_empty && n > 0)
        out[n++] = ':';
    out[n] = '\0';
    return out;
}
