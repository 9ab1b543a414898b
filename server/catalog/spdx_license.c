/* Licenses as SPDX documents state them. See spdx_license.h.
 *
 *     expression   operand { ("AND" | "OR") operand }
 *     operand      "(" expression ")" | license [ "WITH" exception ]
 *
 * A reading by these rules says nothing of which operator binds stronger, which no one asks here. Left out on
 * purpose: "+" behind a license that does not have it in the list, and LicenseRef-…, whose text a document
 * would have to hold. */
#include "server/catalog/spdx_license.h"

#include "server/catalog/spdx_ids.h"

#include <string.h>

enum { MOST_PARENTHESES = 16 };

struct reading {
    const char *at;
    char *out; /* where the next byte goes: what is written is hardly longer than what was read */
    int depth;
};

/* What comes: a parenthesis, or what stands up to one or to a space; len 0 at the end. */
static struct fh_span peek(struct reading *r)
{
    r->at += strspn(r->at, " ");
    size_t n = *r->at == '(' || *r->at == ')' ? 1 : strcspn(r->at, " ()");
    return (struct fh_span){r->at, n};
}

static bool is(struct fh_span word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.text, text, word.len) == 0;
}

static void put(struct reading *r, struct fh_span words)
{
    memcpy(r->out, words.text, words.len);
    r->out += words.len;
}

static bool take(struct reading *r, const char *text, const char *written)
{
    struct fh_span word = peek(r);
    if (!is(word, text))
        return false;
    r->at += word.len;
    put(r, (struct fh_span){written, strlen(written)});
    return true;
}

static bool read_id(struct reading *r, struct fh_span (*find)(struct fh_span text))
{
    struct fh_span word = peek(r), id = find(word);
    if (id.len == 0)
        return false;
    r->at += word.len;
    put(r, id);
    return true;
}

static bool read_expression(struct reading *r);

static bool read_operand(struct reading *r)
{
    if (take(r, "(", "(")) {
        bool good = ++r->depth <= MOST_PARENTHESES && read_expression(r) && take(r, ")", ")");
        r->depth--;
        return good;
    }
    if (!read_id(r, catalog_spdx_license_id))
        return false;
    return !take(r, "WITH", " WITH ") || read_id(r, catalog_spdx_exception_id);
}

static bool read_expression(struct reading *r)
{
    do {
        if (!read_operand(r))
            return false;
    } while (take(r, "AND", " AND ") || take(r, "OR", " OR "));
    return true;
}

/* "[ MIT ]", as lists of nixpkgs' are written, without its brackets. */
static const char *without_brackets(struct fh_arena *a, const char *text)
{
    size_t n = strlen(text);
    bool is_list = n >= 2 && text[0] == '[' && text[n - 1] == ']';
    return is_list && !strpbrk(text + 1, "[,") ? fh_strndup(a, text + 1, n - 2) : text;
}

const char *catalog_spdx_license(struct fh_arena *a, const char *text)
{
    if (!text)
        return NULL;
    struct reading r = {.at = without_brackets(a, text)};
    char *out = r.out = fh_alloc(a, 2 * strlen(r.at) + 1); /* "A)OR(B" gets two spaces */
    if (!read_expression(&r) || peek(&r).len > 0)
        return NULL;
    return out;
}
