/* Guards toml++ from texts it stumbles over. See toml_guard.h.
 *
 * One pass that knows where strings, comments, values and table headers begin and end, and no more of the
 * grammar. Of an invalid text it may misjudge what stands behind the first mistake, where the parser stops
 * anyway. */
#include "common/toml_guard.h"

#include "common/ceilings.h"

#include <stdbool.h>
#include <string.h>

struct guard {
    const char *text;
    size_t n, at;
    const char *name;
    unsigned dots;     /* of the key that is being read */
    unsigned brackets; /* open in the value */
    bool in_value;
    bool at_start; /* of a statement: nothing but white space so far */
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

fh_err fh_toml_guard(const char *text, size_t n, const char *name, struct fh_error *e)
{
    struct guard g = {.text = text, .n = n, .name = name, .at_start = true, .e = e};
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        g.at = 3;
    for (; g.at < n; g.at++)
        FH_TRY(step(&g));
    return FH_OK;
}
