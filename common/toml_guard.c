/* Guards toml++ from texts it stumbles over. See toml_guard.h.
 *
 * One pass that knows where strings, comments, values and table headers begin and end, and no more of the
 * grammar. Of an invalid text it may misjudge what stands behind the first mistake, where the parser stops
 * anyway. */
#include "common/toml_guard.h"

#include "common/buf.h"
#include "common/ceilings.h"
#include "common/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct guard {
    const char *text;
    size_t n, at;
    const char *name;
    unsigned dots;     /* of the key that is being read */
    unsigned brackets; /* open in the value */
    bool in_value;
    bool at_start;   /* of a statement: nothing but white space so far */
    size_t *escapes; /* where a letter must be written as an escape */
    size_t nescapes, room;
    struct fh_error *e;
};

static fh_err refuse(const struct guard *g, const char *what)
{
    unsigned line = 1, column = 1;
    for (size_t i = 0; i < g->at; i++) {
        bool continues = ((unsigned char)g->text[i] & 0xc0) == 0x80;
        column = g->text[i] == '\n' ? 1 : column + !continues;
        line += g->text[i] == '\n';
    }
    return FH_FAIL(g->e, FH_INVALID, "%s:%u:%u: %s.", g->name, line, column, what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void note_escape(struct guard *g, size_t at)
{
    if (g->nescapes == g->room) {
        g->room = g->room ? 2 * g->room : 16;
        g->escapes = fh_xrealloc(g->escapes, g->room * sizeof *g->escapes);
    }
    g->escapes[g->nescapes++] = at;
}

/* At a backslash in a string of several lines: one at the end of its line takes all white space behind it
 * away. */
static void skip_line_ending(struct guard *g)
{
    size_t p = g->at + 1;
    while (p < g->n && is_blank(g->text[p]))
        p++;
    if (p == g->n || g->text[p] != '\n') {
        g->at++;
        return;
    }
    while (p < g->n && (is_blank(g->text[p]) || g->text[p] == '\n'))
        p++;
    if (p < g->n && (unsigned char)g->text[p] >= 0x80)
        note_escape(g, p);
    g->at = p - 1;
}

static bool is_triple(const struct guard *g, char quote)
{
    return g->n - g->at >= 3 && g->text[g->at] == quote && g->text[g->at + 1] == quote &&
           g->text[g->at + 2] == quote;
}

/* From a quote to the last one of its string, or to the line break that cuts a string of one line. */
static void skip_string(struct guard *g)
{
    char quote = g->text[g->at];
    bool many = is_triple(g, quote);
    for (g->at += many ? 3 : 1; g->at < g->n; g->at++) {
        char c = g->text[g->at];
        if (c == '\\' && quote == '"') {
            if (many)
                skip_line_ending(g);
            else
                g->at++;
        } else if (!many && c == quote) {
            return;
        } else if (!many && c == '\n') {
            g->at--;
            return;
        } else if (many && is_triple(g, quote)) {
            g->at += 2;
            for (int extra = 0; extra < 2 && g->at + 1 < g->n && g->text[g->at + 1] == quote; extra++)
                g->at++; /* up to two quotes may stand in front of the closing three */
            return;
        }
    }
}

static fh_err check_header(struct guard *g)
{
    size_t before = g->at++;
    if (g->at < g->n && g->text[g->at] == '[')
        g->at++;
    while (g->at < g->n && is_blank(g->text[g->at]))
        g->at++;
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_\"']";
    if (g->at < g->n && (g->text[g->at] == '\0' || !strchr(allowed, g->text[g->at])))
        return refuse(g, "a table's name cannot begin with this character");
    g->at = before;
    return FH_OK;
}

static void follow_statement(struct guard *g, char c)
{
    if (c == '\n' && g->brackets == 0) {
        g->in_value = false;
        g->at_start = true;
    } else if (c == '=') {
        g->in_value = true;
    } else if (g->in_value && (c == '[' || c == '{')) {
        g->brackets++;
    } else if (g->brackets > 0 && (c == ']' || c == '}')) {
        g->brackets--;
    }
    if (strchr("\n=,{}[]", c))
        g->dots = 0;
    if (c == '.')
        g->dots++;
}

_Static_assert(FH_MAX_TOML_DEPTH == 32, "a sentence below names the ceiling");

/* One character outside of strings and comments, or one of them whole. */
static fh_err step(struct guard *g)
{
    char c = g->text[g->at];
    if (c == '#') {
        while (g->at + 1 < g->n && g->text[g->at + 1] != '\n')
            g->at++;
        return FH_OK;
    }
    if ((unsigned char)c >= 0x7f || ((unsigned char)c < 0x20 && c != '\t' && c != '\r' && c != '\n'))
        return refuse(g, "this character cannot stand outside of strings and comments");
    if (g->at_start && c == '[')
        FH_TRY(check_header(g));
    if (!is_blank(c))
        g->at_start = false;
    if (c == '"' || c == '\'')
        skip_string(g);
    else
        follow_statement(g, c);
    if (g->dots > FH_MAX_TOML_DEPTH)
        return refuse(g, "nested deeper than 32 levels");
    return FH_OK;
}

/* Writes the UTF-8 letter at s as \uXXXX or \UXXXXXXXX; returns its length, 0 when it is none. */
static size_t write_escape(const char *s, size_t n, struct fh_buf *out, struct fh_error *e, fh_err *rc)
{
    unsigned char first = (unsigned char)s[0];
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    if (length == 0 || length > n)
        return 0;
    uint32_t code = first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | ((unsigned char)s[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *rc = fh_buf_addf(out, e, code > 0xffff ? "\\U%08X" : "\\u%04X", (unsigned)code);
    return length;
}

static fh_err write_safe(const struct guard *g, struct fh_buf *out)
{
    size_t from = 0;
    for (size_t i = 0; i < g->nescapes; i++) {
        fh_err rc = FH_OK;
        size_t at = g->escapes[i];
        FH_TRY(fh_buf_add(out, g->text + from, at - from, g->e));
        size_t length = write_escape(g->text + at, g->n - at, out, g->e, &rc);
        FH_TRY(rc);
        struct guard here = *g;
        here.at = at;
        if (length == 0)
            return refuse(&here, "not UTF-8");
        from = at + length;
    }
    return fh_buf_add(out, g->text + from, g->n - from, g->e);
}

fh_err fh_toml_guard(struct fh_arena *a, const char *text, size_t n, const char *name, const char **safe,
                     size_t *safe_n, struct fh_error *e)
{
    struct guard g = {.text = text, .n = n, .name = name, .at_start = true, .e = e};
    struct fh_buf out = FH_BUF_INIT(12 * (size_t)FH_MAX_MANIFEST);
    fh_err rc = FH_OK;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        g.at = 3;
    for (; rc == FH_OK && g.at < n; g.at++)
        rc = step(&g);
    *safe = text;
    *safe_n = n;
    if (rc == FH_OK && g.nescapes > 0) {
        rc = write_safe(&g, &out);
        *safe = out.data ? fh_memdup(a, out.data, out.len) : text;
        *safe_n = out.len;
    }
    free(g.escapes);
    fh_buf_free(&out);
    return rc;
}
