/* Version constraints. See version_range.h. */
#include "common/version_range.h"

#include "common/ceilings.h"
#include "common/version.h"

#include <string.h>

enum operator{ EQUAL, NOT, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL, CARET, TILDE, COMPATIBLE };

/* Longer ones first. */
static const struct {
    char text[3];
    enum operator op;
} operators[] = {
    {"<=", LESS_OR_EQUAL}, {">=", GREATER_OR_EQUAL}, {"==", EQUAL}, {"!=", NOT},  {"~=", COMPATIBLE},
    {"<", LESS},           {">", GREATER},           {"=", EQUAL},  {"^", CARET}, {"~", TILDE},
};

/* What is left of a clause when its shorthand is spelt out. */
enum test {
    IS,       /* target, but for its build */
    IS_BUILD, /* target with its build, be that none */
    IS_NOT,
    IS_NOT_BUILD,
    BELOW, /* target; its own pre-releases are not, unless it is one itself or pre is set */
    UP_TO, /* target */
    ABOVE,
    FROM,    /* target, and below high where there is one */
    OUTSIDE, /* below target, or from high */
};

struct test_of_version {
    enum test test;
    bool pre; /* see BELOW, IS_NOT */
    bool high_is_set;
    struct fh_version target, high;
};

struct fh_version_range {
    const char *literal; /* NULL: no constraint */
    struct test_of_version *tests;
    size_t ntests; /* 0: nothing but the literal */
};

/* A clause as written. */
struct clause {
    enum operator op;
    int numbers; /* how many stand before the first that is missing or a wildcard */
    bool has_pre, has_build;
    struct fh_version target; /* with zeros for what does not count */
};

static struct fh_span trimmed(const char *text, size_t n)
{
    while (n > 0 && *text == ' ')
        text++, n--;
    while (n > 0 && text[n - 1] == ' ')
        n--;
    return (struct fh_span){text, n};
}

/* How long the operator at the beginning is; 0: there is none. */
static size_t operator_at(struct fh_span s, enum operator* op)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        size_t n = strlen(operators[i].text);
        if (s.len >= n && memcmp(s.text, operators[i].text, n) == 0) {
            *op = operators[i].op;
            return n;
        }
    }
    *op = EQUAL;
    return 0;
}

/* A number or a wildcard at *at; its span is empty for a wildcard. */
static bool take_part(const char **at, const char *end, struct fh_span *out)
{
    const char *start = *at;
    *out = (struct fh_span){start, 0};
    if (start < end && strchr("*xX", *start) && *start) {
        ++*at;
        return true;
    }
    while (*at < end && **at >= '0' && **at <= '9')
        ++*at;
    out->len = (size_t)(*at - start);
    return out->len == 1 || (out->len > 1 && *start != '0');
}

static struct fh_span take_tail(const char **at, const char *end)
{
    const char *start = ++*at;
    for (; *at < end; ++*at)
        if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-", **at) || **at == '\0')
            break;
    return (struct fh_span){start, (size_t)(*at - start)};
}

/* The shape alone: what the class's regular expression takes. */
static bool read_clause(struct fh_span s, struct clause *out)
{
    static const struct fh_span zero = {"0", 1};
    *out = (struct clause){.target.number = {zero, zero, zero}};
    size_t used = operator_at(s, &out->op);
    s = trimmed(s.text + used, s.len - used);
    const char *at = s.text, *end = s.text + s.len;
    bool counts = true;
    for (int i = 0; i < FH_VERSION_NUMBERS; i++) {
        struct fh_span part;
        if (i > 0 && (at == end || *at != '.'))
            break;
        at += i > 0;
        if (!take_part(&at, end, &part))
            return false;
        counts = counts && part.len > 0;
        if (counts)
            out->target.number[out->numbers++] = part;
    }
    if (at < end && *at == '-') {
        out->has_pre = true;
        out->target.pre = take_tail(&at, end);
    }
    if (at < end && *at == '+') {
        out->has_build = true;
        out->target.build = take_tail(&at, end);
    }
    return at == end;
}

/* What the class refuses of that shape: a tail behind a partial version, an operator that makes no sense with
 * "*" or with a build, identifiers that are none. */
static bool makes_sense(const struct clause *c)
{
    const struct fh_version *t = &c->target;
    bool whole = c->numbers == FH_VERSION_NUMBERS;
    if (c->numbers == 0 && c->op != EQUAL && c->op != GREATER_OR_EQUAL)
        return false;
    if (!whole && (t->pre.len > 0 || t->build.len > 0))
        return false;
    if (c->has_build && c->op != EQUAL && c->op != NOT)
        return false;
    return fh_version_identifiers(t->pre, true) && fh_version_identifiers(t->build, false);
}

/* The class's next_major and so on: of a pre-release of X.0.0 it is X.0.0. */
static struct fh_version next_of(struct fh_arena *a, const struct fh_version *t, int number)
{
    bool zeros = true;
    for (int i = number + 1; i < FH_VERSION_NUMBERS; i++)
        zeros = zeros && t->number[i].text[0] == '0';
    if (t->pre.len == 0 || !zeros)
        return fh_version_next(a, t, number);
    return (struct fh_version){.number = {t->number[0], t->number[1], t->number[2]}};
}

static struct test_of_version between(const struct clause *c, struct fh_version high)
{
    return (struct test_of_version){FROM, .target = c->target, .high = high, .high_is_set = true};
}

static struct test_of_version spelt_out(struct fh_arena *a, const struct clause *c)
{
    const struct fh_version *t = &c->target;
    bool whole = c->numbers == FH_VERSION_NUMBERS;
    int last = c->numbers > 0 ? c->numbers - 1 : 0;
    bool strict = c->has_build; /* an empty build behind "+" means that there must be none */
    struct test_of_version out = {.target = *t};
    switch (c->op) {
    case EQUAL:
        if (c->numbers == 0)
            out.test = FROM;
        else if (!whole)
            return between(c, next_of(a, t, last));
        else
            out.test = strict ? IS_BUILD : IS;
        return out;
    case NOT:
        out.test = !whole                                                            ? OUTSIDE
                   : strict && !(c->has_pre && t->pre.len == 0 && t->build.len == 0) ? IS_NOT_BUILD
                                                                                     : IS_NOT;
        out.pre = whole && c->has_pre && t->pre.len == 0;
        if (!whole)
            out.high = next_of(a, t, last);
        return out;
    case LESS:
        out.test = BELOW;
        out.pre = c->has_pre && t->pre.len == 0;
        return out;
    case LESS_OR_EQUAL:
        out.test = whole ? UP_TO : BELOW;
        if (!whole)
            out.target = next_of(a, t, last);
        return out;
    case GREATER:
        out.test = whole ? ABOVE : FROM;
        if (!whole)
            out.target = next_of(a, t, last);
        return out;
    case GREATER_OR_EQUAL:
        out.test = FROM;
        return out;
    case CARET:
        /* The first number that is not zero stays; of 0.0.0 and of what is short of it, the last. */
        for (int i = 0; i < FH_PATCH; i++)
            if (t->number[i].text[0] != '0')
                return between(c, next_of(a, t, i));
        return between(c, next_of(a, t, FH_PATCH));
    case TILDE:
        return between(c, next_of(a, t, c->numbers > 1 ? FH_MINOR : FH_MAJOR));
    case COMPATIBLE:
        return between(c, next_of(a, t, whole ? FH_MINOR : FH_MAJOR));
    }
    return out;
}

static fh_err refuse(struct fh_span block, const char *what, struct fh_error *e)
{
    char shown[128];
    size_t n = block.len < sizeof shown - 1 ? block.len : sizeof shown - 1;
    for (size_t i = 0; i < n; i++)
        shown[i] = (unsigned char)block.text[i] < ' ' || block.text[i] == 0x7f ? '?' : block.text[i];
    while (n > 0 && n < block.len && ((unsigned char)block.text[n] & 0xc0) == 0x80)
        n--; /* not in the middle of a character */
    return FH_FAIL(e, FH_INVALID, "Invalid simple %s '%.*s'", what, (int)n, shown);
}

static fh_err parse_clauses(struct fh_arena *a, const char *text, struct fh_version_range *out,
                            struct fh_error *e)
{
    size_t count = 1, n = 0;
    for (const char *p = text; *p; p++)
        count += *p == ',';
    if (count > FH_MAX_VERSION_CLAUSES)
        return FH_FAIL(e, FH_INVALID, "A version has at most %d clauses", FH_MAX_VERSION_CLAUSES);
    struct test_of_version *tests = fh_alloc(a, count * sizeof *tests);
    for (const char *at = text;; at++) {
        struct clause clause;
        size_t len = strcspn(at, ",");
        struct fh_span block = trimmed(at, len);
        if (!read_clause(block, &clause))
            return refuse(block, "block", e);
        if (!makes_sense(&clause))
            return refuse(block, "spec:", e);
        tests[n++] = spelt_out(a, &clause);
        at += len;
        if (*at == '\0')
            break;
    }
    out->tests = tests;
    out->ntests = n;
    return FH_OK;
}

fh_err fh_version_range_parse(struct fh_arena *a, const char *text, struct fh_version_range **out,
                              struct fh_error *e)
{
    struct fh_version_range *range = fh_alloc(a, sizeof *range);
    if (text && *text) {
        struct fh_error why;
        enum operator op;
        range->literal = text;
        if (parse_clauses(a, text, range, &why) != FH_OK && operator_at(trimmed(text, strlen(text)), &op) > 0)
            return FH_FAIL(e, FH_INVALID, "%s", why.msg);
    }
    *out = range;
    return FH_OK;
}

static bool is_below(const struct fh_version *v, const struct fh_version *target, bool pre)
{
    if (v->pre.len > 0 && !pre && target->pre.len == 0 && fh_version_compare_numbers(v, target) == 0)
        return false;
    return fh_version_compare(v, target) < 0;
}

/* The very same numbers and pre-release. */
static bool is_same(const struct fh_version *v, const struct fh_version *target)
{
    return fh_version_compare_numbers(v, target) == 0 && fh_span_equal(v->pre, target->pre);
}

static bool holds(const struct test_of_version *t, const struct fh_version *v)
{
    switch (t->test) {
    case IS:
        return is_same(v, &t->target);
    case IS_BUILD:
        return is_same(v, &t->target) && fh_span_equal(v->build, t->target.build);
    case IS_NOT:
        if (v->pre.len > 0 && !t->pre && t->target.pre.len == 0 &&
            fh_version_compare_numbers(v, &t->target) == 0)
            return false;
        return !is_same(v, &t->target);
    case IS_NOT_BUILD:
        return !(is_same(v, &t->target) && fh_span_equal(v->build, t->target.build));
    case BELOW:
        return is_below(v, &t->target, t->pre);
    case UP_TO:
        return fh_version_compare(v, &t->target) <= 0;
    case ABOVE:
        return fh_version_compare(v, &t->target) > 0;
    case FROM:
        return fh_version_compare(v, &t->target) >= 0 && (!t->high_is_set || is_below(v, &t->high, false));
    case OUTSIDE:
        return is_below(v, &t->target, false) || fh_version_compare(v, &t->high) >= 0;
    }
    return false;
}

bool fh_version_range_fits(const struct fh_version_range *range, const char *version, bool pre_releases)
{
    struct fh_version v;
    if (!range->literal || strcmp(range->literal, version) == 0)
        return true;
    if (range->ntests == 0 || !fh_version_parse(version, &v) || (v.pre.len > 0 && !pre_releases))
        return false;
    for (size_t i = 0; i < range->ntests; i++)
        if (!holds(&range->tests[i], &v))
            return false;
    return true;
}

bool fh_version_range_is_literal(const struct fh_version_range *range)
{
    return range->literal && range->ntests == 0;
}
