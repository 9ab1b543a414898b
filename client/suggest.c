/* Suggestions. See suggest.h. */
#include "client/suggest.h"

#include "client/ask_catalog.h"
#include "client/reason.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/term.h"

#include <string.h>

enum { SUGGESTED = 3, SHOWN = 100, MAX_LINES = 64 * 1024 * 1024 };

struct known {
    const char *asked, *here;
};
static const struct known for_install[] = {
    {"java", "jdk"},     {"node", "nodejs"}, {"npm", "nodejs"},     {"rust", "cargo"},   {"sed", "gnused"},
    {"make", "gnumake"}, {"awk", "gawk"},    {"diff", "diffutils"}, {"grep", "gnugrep"}, {0},
};
static const struct known for_search[] = {
    {"node", "nodejs"},    {"java", "jdk"},     {"npm", "nodejs"},     {"rust", "cargo"},
    {"diff", "diffutils"}, {"make", "gnumake"}, {"k8s", "kubernetes"}, {0},
};

static const char *look_up(const struct known *table, const char *asked)
{
    for (; table->asked != NULL; table++)
        if (strcmp(table->asked, asked) == 0)
            return table->here;
    return NULL;
}

static const char *path_of(struct client *c, const json_t *item)
{
    const char *path = ask_line(c, item, "pkg_path");
    return path != NULL ? path : "?";
}

/* What is written nearly so, from a hub that knows: for a name that no search finds. */
static const char *misspelt(struct client *c, const char *path, const char *text)
{
    size_t n;
    const char *const *names = reason_similar(c, path, SUGGESTED, &n);
    if (n == 0)
        return fh_sprintf(c->arena, "%s\nTry 'floe search' with a broader search term.", text);
    text = fh_sprintf(c->arena, "%s\n\nHere are a few other similar options:", text);
    for (size_t i = 0; i < n; i++)
        text = fh_sprintf(c->arena, "%s\n  $ floe install %s", text, names[i]);
    return text;
}

const char *suggest_for_install(struct client *c, const char *path)
{
    struct fh_arena *a = c->arena;
    const char *here = look_up(for_install, path), *term = here != NULL ? here : path;
    struct ask_rows list = {0};
    struct fh_error ignored;
    bool found = ask_search(c, term, SUGGESTED, &list, &ignored) == FH_OK && json_array_size(list.items) > 0;
    const char *text = fh_sprintf(a, "Could not find package '%.*s'.", SHOWN, say_safe(a, path));
    if (here != NULL)
        text = fh_sprintf(a, "%s\nTry 'floe install %s' instead.", text, here);
    if (!found)
        return here != NULL ? text : misspelt(c, path, text);
    text = fh_sprintf(a, "%s\n\nHere are a few other similar options:", text);
    for (size_t i = 0; i < json_array_size(list.items); i++)
        text = fh_sprintf(a, "%s\n  $ floe install %s", text, path_of(c, json_array_get(list.items, i)));
    return fh_sprintf(a, "%s\n...or see up to %lld options with 'floe search %.*s'", text,
                      (long long)list.total, SHOWN, say_safe(a, term));
}

const char *suggest_for_search(struct client *c, const char *term)
{
    const char *here = look_up(for_search, term);
    struct ask_rows list;
    struct fh_error ignored;
    if (here == NULL || ask_search(c, here, SUGGESTED, &list, &ignored) != FH_OK)
        return NULL;
    return fh_sprintf(c->arena, "Related search results for '%s':\n%s", here, suggest_lines(c, &list, 0));
}

static const char *description_of(struct client *c, const json_t *item)
{
    const char *text = ask_line(c, item, "description");
    return text != NULL && *text != '\0' ? text : "<no description provided>";
}

static fh_err add_line(struct client *c, const json_t *item, size_t column, size_t columns, struct fh_buf *b)
{
    const char *path = path_of(c, item), *text = description_of(c, item);
    size_t wide = fh_term_columns(path, strlen(path)), fit = strlen(text);
    size_t behind = wide > column ? wide : column;
    if (columns > behind + 2)
        fit = fh_term_fit(text, columns - behind - 2);
    return fh_buf_addf(b, &c->e, "%s%s%*s  %.*s", b->len > 0 ? "\n" : "", path, (int)(behind - wide), "",
                       (int)fit, text);
}

const char *suggest_lines(struct client *c, const struct ask_rows *list, size_t columns)
{
    struct fh_buf b = FH_BUF_INIT(MAX_LINES);
    size_t column = 0;
    for (size_t i = 0; i < json_array_size(list->items); i++) {
        const char *path = path_of(c, json_array_get(list->items, i));
        size_t wide = fh_term_columns(path, strlen(path));
        column = wide > column && wide <= SUGGEST_COLUMN ? wide : column;
    }
    for (size_t i = 0; i < json_array_size(list->items); i++)
        if (add_line(c, json_array_get(list->items, i), column, columns, &b) != FH_OK)
            break;
    const char *text = b.len > 0 ? fh_strndup(c->arena, b.data, b.len) : "";
    fh_buf_free(&b);
    return text;
}
