/* Where the statements of a TOML document stand. See toml_lines.h. */
#include "common/toml_lines.h"

#include <string.h>

struct scanner {
    struct fh_arena *arena;
    const char *text;
    size_t n;
    size_t at;
    struct fh_toml_path header;
    struct fh_toml_statement *statements;
    size_t count;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The index behind the string that begins at `at`. */
static size_t after_string(const char *text, size_t n, size_t at)
{
    char quote = text[at];
    bool many = n - at >= 3 && text[at + 1] == quote && text[at + 2] == quote;
    for (at += many ? 3 : 1; at < n; at++) {
        if (text[at] == '\\' && quote == '"') {
            at++;
        } else if (!many && text[at] == quote) {
            return at + 1;
        } else if (many && n - at >= 3 && text[at] == quote && text[at + 1] == quote &&
                   text[at + 2] == quote) {
            at += 3;
            for (int extra = 0; extra < 2 && at < n && text[at] == quote; extra++)
                at++;
            return at;
        }
    }
    return n;
}

static size_t line_end(const char *text, size_t n, size_t at)
{
    const char *newline = memchr(text + at, '\n', n - at);
    return newline ? (size_t)(newline - text) + 1 : n;
}

struct fh_toml_path fh_toml_key_path(struct fh_arena *a, const char *key, size_t n)
{
    const char **parts = fh_alloc(a, (n + 1) * sizeof *parts);
    size_t count = 0, at = 0;
    while (at < n) {
        if (is_space(key[at]) || key[at] == '.') {
            at++;
            continue;
        }
        size_t begin = at;
        if (key[at] == '"' || key[at] == '\'') {
            at = after_string(key, n, at);
            parts[count++] = fh_strndup(a, key + begin + 1, at - begin >= 2 ? at - begin - 2 : 0);
            continue;
        }
        while (at < n && !is_space(key[at]) && key[at] != '.')
            at++;
        parts[count++] = fh_strndup(a, key + begin, at - begin);
    }
    return (struct fh_toml_path){.count = count, .parts = parts};
}

static struct fh_toml_path joined(struct fh_arena *a, struct fh_toml_path x, struct fh_toml_path y)
{
    const char **parts = fh_alloc(a, (x.count + y.count + 1) * sizeof *parts);
    for (size_t i = 0; i < x.count; i++)
        parts[i] = x.parts[i];
    for (size_t i = 0; i < y.count; i++)
        parts[x.count + i] = y.parts[i];
    return (struct fh_toml_path){.count = x.count + y.count, .parts = parts};
}

/* From just behind an opening mark to the mark that ends a key: ']' or '='. */
static size_t key_end(const struct scanner *s, size_t at, char mark)
{
    while (at < s->n && s->text[at] != mark)
        at = s->text[at] == '"' || s->text[at] == '\'' ? after_string(s->text, s->n, at) : at + 1;
    return at;
}

static void scan_header(struct scanner *s, size_t at, struct fh_toml_statement *out)
{
    out->kind = FH_TOML_HEADER;
    out->is_array = at + 1 < s->n && s->text[at + 1] == '[';
    size_t begin = at + (out->is_array ? 2 : 1);
    size_t end = key_end(s, begin, ']');
    out->path = fh_toml_key_path(s->arena, s->text + begin, end - begin);
    out->end = line_end(s->text, s->n, end);
    s->header = out->path;
}

/* The value goes on over line breaks while a bracket is open. */
static void scan_pair(struct scanner *s, size_t at, struct fh_toml_statement *out)
{
    size_t equals = key_end(s, at, '=');
    out->kind = FH_TOML_PAIR;
    out->path = joined(s->arena, s->header, fh_toml_key_path(s->arena, s->text + at, equals - at));
    size_t p = equals + 1, depth = 0;
    while (p < s->n && is_space(s->text[p]))
        p++;
    out->value_begin = out->value_end = p;
    while (p < s->n && (s->text[p] != '\n' || depth > 0)) {
        char c = s->text[p];
        if (c == '#') {
            size_t end = line_end(s->text, s->n, p);
            p = end > p && s->text[end - 1] == '\n' ? end - 1 : end;
            continue;
        }
        if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        p = c == '"' || c == '\'' ? after_string(s->text, s->n, p) : p + 1;
        if (!is_space(c) && c != '\n')
            out->value_end = p;
    }
    out->end = p < s->n ? p + 1 : s->n;
}

static void add_statement(struct scanner *s, const struct fh_toml_statement *statement, size_t *room)
{
    if (s->count == *room) {
        struct fh_toml_statement *more = fh_alloc(s->arena, 2 * *room * sizeof *more);
        memcpy(more, s->statements, s->count * sizeof *more);
        s->statements = more;
        *room *= 2;
    }
    s->statements[s->count++] = *statement;
}

const struct fh_toml_statement *fh_toml_statements(struct fh_arena *a, const char *text, size_t n,
                                                   size_t *count)
{
    size_t room = 64;
    struct scanner s = {
        .arena = a, .text = text, .n = n, .statements = fh_alloc(a, room * sizeof *s.statements)};
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        s.at = 3;
    while (s.at < n) {
        struct fh_toml_statement statement = {.begin = s.at};
        size_t p = s.at;
        while (p < n && is_space(text[p]))
            p++;
        if (p == n || text[p] == '\n' || text[p] == '#')
            statement.end = line_end(text, n, p);
        else if (text[p] == '[')
            scan_header(&s, p, &statement);
        else
            scan_pair(&s, p, &statement);
        add_statement(&s, &statement, &room);
        s.at = statement.end;
    }
    *count = s.count;
    return s.statements;
}
