/* Semantic versions. See version.h. */
#include "common/version.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_identifier(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
}

static bool all_digits(struct fh_span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_digit(s.text[i]))
            return false;
    return s.len > 0;
}

/* A number without leading zeros; moves *at behind it. */
static bool take_number(const char **at, struct fh_span *out)
{
    const char *start = *at;
    while (is_digit(**at))
        ++*at;
    *out = (struct fh_span){start, (size_t)(*at - start)};
    return out->len == 1 || (out->len > 1 && *start != '0');
}

static bool take_identifiers(const char **at, bool pre_release, struct fh_span *out)
{
    const char *start = ++*at;
    while (is_identifier(**at))
        ++*at;
    *out = (struct fh_span){start, (size_t)(*at - start)};
    return out->len > 0 && fh_version_identifiers(*out, pre_release);
}

bool fh_version_parse(const char *text, struct fh_version *out)
{
    static const struct fh_span zero = {"0", 1};
    *out = (struct fh_version){.number = {zero, zero, zero}};
    int numbers = 0;
    for (const char *at = text;; at++) {
        if (!take_number(&at, &out->number[numbers++]))
            return false;
        if (*at == '\0')
            return true;
        if (numbers < FH_VERSION_NUMBERS && *at == '.')
            continue;
        if (numbers < FH_VERSION_NUMBERS || (*at == '-' && !take_identifiers(&at, true, &out->pre)) ||
            (*at == '+' && !take_identifiers(&at, false, &out->build)))
            return false;
        return *at == '\0';
    }
}

/* Cuts the first identifier off. */
static struct fh_span next_identifier(struct fh_span *rest)
{
    const char *dot = memchr(rest->text, '.', rest->len);
    struct fh_span first = {rest->text, dot ? (size_t)(dot - rest->text) : rest->len};
    size_t used = first.len + (dot ? 1 : 0);
    rest->text += used;
    rest->len -= used;
    return first;
}

bool fh_version_identifiers(struct fh_span dotted, bool pre_release)
{
    if (dotted.len == 0)
        return true;
    if (dotted.text[dotted.len - 1] == '.')
        return false;
    while (dotted.len > 0) {
        struct fh_span one = next_identifier(&dotted);
        if (one.len == 0 || (pre_release && one.len > 1 && one.text[0] == '0' && all_digits(one)))
            return false;
    }
    return true;
}

bool fh_span_equal(struct fh_span x, struct fh_span y)
{
    return x.len == y.len && (x.len == 0 || memcmp(x.text, y.text, x.len) == 0);
}

static int compare_text(struct fh_span x, struct fh_span y)
{
    int order = memcmp(x.text, y.text, x.len < y.len ? x.len : y.len);
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* Without leading zeros the longer number is the greater one. */
static int compare_digits(struct fh_span x, struct fh_span y)
{
    return x.len != y.len ? (x.len > y.len) - (x.len < y.len) : memcmp(x.text, y.text, x.len);
}

int fh_version_compare_numbers(const struct fh_version *x, const struct fh_version *y)
{
    for (int i = 0; i < FH_VERSION_NUMBERS; i++) {
        int order = compare_digits(x->number[i], y->number[i]);
        if (order)
            return order;
    }
    return 0;
}

/* Numbers come before words. */
static int compare_identifier(struct fh_span x, struct fh_span y)
{
    bool x_counts = all_digits(x), y_counts = all_digits(y);
    if (x_counts != y_counts)
        return x_counts ? -1 : 1;
    return x_counts ? compare_digits(x, y) : compare_text(x, y);
}

int fh_version_compare(const struct fh_version *x, const struct fh_version *y)
{
    int order = fh_version_compare_numbers(x, y);
    if (order)
        return order;
    struct fh_span left = x->pre, right = y->pre;
    if (left.len == 0 || right.len == 0)
        return (left.len == 0) - (right.len == 0);
    while (left.len > 0 && right.len > 0) {
        order = compare_identifier(next_identifier(&left), next_identifier(&right));
        if (order)
            return order;
    }
    return (left.len > 0) - (right.len > 0);
}

static struct fh_span one_more(struct fh_arena *a, struct fh_span digits)
{
    char *sum = fh_alloc(a, digits.len + 2);
    sum[0] = '0';
    memcpy(sum + 1, digits.text, digits.len);
    size_t i = digits.len;
    for (; sum[i] == '9'; i--)
        sum[i] = '0';
    sum[i]++;
    return sum[0] == '0' ? (struct fh_span){sum + 1, digits.len} : (struct fh_span){sum, digits.len + 1};
}

struct fh_version fh_version_next(struct fh_arena *a, const struct fh_version *v, int number)
{
    static const struct fh_span zero = {"0", 1};
    struct fh_version next = {.number = {zero, zero, zero}};
    for (int i = 0; i < number; i++)
        next.number[i] = v->number[i];
    next.number[number] = one_more(a, v->number[number]);
    return next;
}
