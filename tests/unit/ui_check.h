/* Is this page one that our templates can have made? A strict reader of the little HTML we write: elements
 * and attributes of a list, all quoted, all closed in order; addresses that lead into the hub; entities that
 * we write; text that is UTF-8 without controls. What a hostile text could add to a page fails here. */
#ifndef UI_CHECK_H
#define UI_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct ui_checker {
    const char *at;
    char open[64][16]; /* elements that are open */
    size_t depth;
    const char *wrong; /* NULL: nothing so far */
};

static bool ui_is_one_of(const char *word, size_t n, const char *list)
{
    char padded[64];
    if (n == 0 || n > sizeof padded - 3)
        return false;
    snprintf(padded, sizeof padded, " %.*s ", (int)n, word);
    return strstr(list, padded) != NULL;
}

static bool ui_is_address(const char *value, size_t n)
{
    static const char outside[] = "https://flox.dev\"";
    return (n > 0 && value[0] == '/' && value[1] != '/') || strncmp(value, outside, sizeof outside - 1) == 0;
}

static void ui_check_attributes(struct ui_checker *c)
{
    while (!c->wrong && *c->at == ' ') {
        const char *name = ++c->at;
        size_t n = strcspn(name, " =>\"");
        if (strncmp(name + n, "=\"", 2) != 0) {
            if (!ui_is_one_of(name, n, " open "))
                c->wrong = "an attribute without a value";
            c->at = name + n;
            continue;
        }
        const char *value = name + n + 2;
        size_t len = strcspn(value, "\"<>");
        if (value[len] != '"')
            c->wrong = "an attribute's value does not end";
        else if (!ui_is_one_of(
                     name, n,
                     " lang charset name content rel type href src alt width height class id datetime "
                     "scope "))
            c->wrong = "an attribute that no page has";
        else if ((ui_is_one_of(name, n, " href src ")) && !ui_is_address(value, len))
            c->wrong = "an address that leads out of the hub";
        c->at = value + len + 1;
    }
}

static void ui_check_tag(struct ui_checker *c)
{
    static const char allowed[] =
        " html head title body header main footer h1 h2 h3 p ul li section dl dt dd pre code i details "
        "summary div table thead tbody tr th td span time a meta link img ";
    bool closes = c->at[1] == '/';
    const char *name = c->at + 1 + closes;
    size_t n = strcspn(name, " >");
    c->at = name + n;
    if (strncmp(name, "!DOCTYPE html>", 14) == 0) {
        c->at = name + 14;
        return;
    }
    if (n > 15 || !ui_is_one_of(name, n, allowed)) {
        c->wrong = "an element that no page has";
        return;
    }
    if (closes &&
        (c->depth == 0 || strncmp(c->open[c->depth - 1], name, n) != 0 || c->open[c->depth - 1][n])) {
        c->wrong = "an element is closed that is not open";
        return;
    }
    if (closes)
        c->depth--;
    else
        ui_check_attributes(c);
    if (!c->wrong && *c->at++ != '>')
        c->wrong = "a tag does not end";
    if (!closes && !ui_is_one_of(name, n, " meta link img ") && c->depth < 64)
        snprintf(c->open[c->depth++], sizeof c->open[0], "%.*s", (int)n, name);
}

static void ui_check_entity(struct ui_checker *c)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&#96;"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(c->at, known[i], strlen(known[i])) == 0) {
            c->at += strlen(known[i]);
            return;
        }
    c->wrong = "an entity that no page has";
}

/* One character of text: its length, 0 when it may not be there. */
static size_t ui_text_size(const char *at)
{
    const unsigned char *s = (const unsigned char *)at;
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if ((s[0] < ' ' && s[0] != '\n' && s[0] != '\t') || s[0] == 0x7f || (s[0] >= 0x80 && s[0] < 0xc2))
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if (s[0] == 0xc2 && s[1] < 0xa0) /* C1 controls */
        return 0;
    if (strncmp(at, "\xe2\x80\xae", 3) == 0) /* right-to-left override */
        return 0;
    return n;
}

/* NULL when the page is as it must be, else what is not. */
static const char *ui_check(const char *page, size_t n)
{
    struct ui_checker c = {.at = page};
    if (strlen(page) != n)
        return "a NUL";
    while (!c.wrong && *c.at) {
        size_t size = ui_text_size(c.at);
        if (size == 0)
            c.wrong = "a character that may not be in a page";
        else if (*c.at == '<')
            ui_check_tag(&c);
        else if (*c.at == '&')
            ui_check_entity(&c);
        else if (strchr(">'`", *c.at))
            c.wrong = "a character that is not escaped";
        else
            c.at += size;
    }
    if (!c.wrong && c.depth > 0)
        c.wrong = "an element that is not closed";
    return c.wrong;
}

#endif
