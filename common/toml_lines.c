/* Where the statements of a TOML document stand. See toml_lines.h. */
#include "common/toml_lines.h"

#include "common/toml.h"

#include <string.h>

struct scanner {
    struct fh_arena *arena;
    const char *text;
    size_t n;
    size_t at;
    struct fh_toml_path header;
    struct fh_toml_statement *statements;
    size_t count, room;
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

/* The next part of a key at or behind *at; false when there is none. *at goes behind it. */
static bool next_part(const char *key, size_t n, size_t *at, size_t *begin, size_t *end)
{
    while (*at < n && (is_space(key[*at]) || key[*at] == '.'))
        (*at)++;
    if (*at == n)
        return false;
    *begin = *at;
    if (key[*at] == '"' || key[*at] == '\'')
        *at = after_string(key, n, *at);
    else
        while (*at < n && !is_space(key[*at]) && key[*at] != '.')
            (*at)++;
    *end = *at;
    return true;
}

void fh_toml_key_part(const char *key, size_t n, size_t index, size_t *begin, size_t *end)
{
    size_t at = 0;
    *begin = *end = n;
    for (size_t i = 0; i <= index && next_part(key, n, &at, begin, end); i++)
        ;
}

static const char *part_text(struct fh_arena *a, const char *part, size_t n)
{
    const struct fh_toml *root;
    if (n < 2 || (part[0] != '"' && part[0] != '\''))
        return fh_strndup(a, part, n);
    if (part[0] == '"' && memchr(part, '\\', n)) {
        const char *line = fh_sprintf(a, "%.*s=0", (int)n, part);
        if (fh_toml_parse(a, line, strlen(line), "key", &root, NULL) == FH_OK && root->count == 1)
            return root->entries[0].key;
    }
    return fh_strndup(a, part + 1, n - 2);
}

struct fh_toml_path fh_toml_key_path(struct fh_arena *a, const char *key, size_t n)
{
    const char **parts = fh_alloc(a, (n + 1) * sizeof *parts);
    size_t count = 0, at = 0, begin, end;
    while (next_part(key, n, &at, &begin, &end))
        parts[count++] = part_text(a, key + begin, end - begin);
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

static void set_key(struct scanner *s, size_t begin, size_t end, struct fh_toml_statement *out)
{
    while (begin < end && is_space(s->text[begin]))
        begin++;
    while (end > begin && is_space(s->text[end - 1]))
        end--;
    out->key_begin = begin;
    out->key_end = end;
    out->path = fh_toml_key_path(s->arena, s->text + begin, end - begin);
}

static void scan_header(struct scanner *s, size_t at, struct fh_toml_statement *out)
{
    out->kind = FH_TOML_HEADER;
    out->is_array = at + 1 < s->n && s->text[at + 1] == '[';
    size_t begin = at + (out->is_array ? 2 : 1);
    size_t end = key_end(s, begin, ']');
    set_key(s, begin, end, out);
    out->end = line_end(s->text, s->n, end);
    s->header = out->path;
}

/* What stands from p on until one of the marks, a value's own brackets aside; value_end is behind its last
 * character that is neither space nor comment. The value goes on over line breaks while a bracket is open. */
static size_t scan_value(struct scanner *s, size_t p, const char *marks, struct fh_toml_statement *out)
{
    size_t depth = 0;
    while (p < s->n && is_space(s->text[p]))
        p++;
    out->value_begin = out->value_end = p;
    while (p < s->n && (depth > 0 || !strchr(marks, s->text[p]))) {
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
    return p;
}

static void scan_pair(struct scanner *s, size_t at, struct fh_toml_statement *out)
{
    size_t equals = key_end(s, at, '=');
    out->kind = FH_TOML_PAIR;
    set_key(s, at, equals, out);
    out->nheader = s->header.count;
    out->path = joined(s->arena, s->header, out->path);
    size_t p = scan_value(s, equals < s->n ? equals + 1 : s->n, "\n", out);
    out->end = p < s->n ? p + 1 : s->n;
}

static void add_statement(struct scanner *s, const struct fh_toml_statement *statement)
{
    if (s->count == s->room) {
        size_t room = s->room > 0 ? 2 * s->room : 64;
        struct fh_toml_statement *more = fh_alloc(s->arena, room * sizeof *more);
        for (size_t i = 0; i < s->count; i++)
            more[i] = s->statements[i];
        s->statements = more;
        s->room = room;
    }
    s->statements[s->count++] = *statement;
}

const struct fh_toml_statement *fh_toml_statements(struct fh_arena *a, const char *text, size_t n,
                                                   size_t *count)
{
    struct scanner s = {.arena = a, .text = text, .n = n};
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
        add_statement(&s, &statement);
        s.at = statement.end;
    }
    *count = s.count;
    return s.statements;
}

const struct fh_toml_statement *fh_toml_inline_items(struct fh_arena *a, const char *text, size_t n,
                                                     size_t at, size_t *count, size_t *close)
{
    struct scanner s = {.arena = a, .text = text, .n = n, .at = at + 1};
    for (;;) {
        while (s.at < n && (is_space(text[s.at]) || text[s.at] == ',' || text[s.at] == '\n'))
            s.at++;
        if (s.at >= n || text[s.at] == '}')
            break;
        struct fh_toml_statement item = {.kind = FH_TOML_PAIR};
        size_t equals = key_end(&s, s.at, '=');
        set_key(&s, s.at, equals, &item);
        s.at = scan_value(&s, equals < n ? equals + 1 : n, ",}", &item);
        item.begin = item.key_begin;
        item.end = item.value_end;
        add_statement(&s, &item);
    }
    *close = s.at;
    *count = s.count;
    return s.statements;
}
