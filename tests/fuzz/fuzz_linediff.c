/* Line diffs: the first byte 0xff parts the two texts. What comes out is the second text when it is applied
 * to the first. */
#include "common/linediff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct cursor {
    const char *at, *end;
};

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

static size_t line(const struct cursor *c)
{
    const char *stop = memchr(c->at, '\n', (size_t)(c->end - c->at));
    return (size_t)((stop ? stop + 1 : c->end) - c->at);
}

/* Takes n bytes of the diff, which are a line of text as it stands there: one without a line end is followed
 * by one and by a remark. */
static void take(struct cursor *text, struct cursor *diff)
{
    static const char remark[] = "\n\\ No newline at end of file\n";
    size_t n = line(text);
    must((size_t)(diff->end - diff->at) >= n && memcmp(text->at, diff->at, n) == 0);
    diff->at += n;
    if (n == 0 || text->at[n - 1] != '\n') {
        must((size_t)(diff->end - diff->at) >= sizeof remark - 1 &&
             memcmp(diff->at, remark, sizeof remark - 1) == 0);
        diff->at += sizeof remark - 1;
    }
    text->at += n;
}

/* What stands between hunks is the same in both. */
static void pass_common(struct cursor *from, struct cursor *to, const char *until)
{
    size_t n = (size_t)(until - from->at);
    must((size_t)(to->end - to->at) >= n && memcmp(from->at, to->at, n) == 0);
    from->at += n;
    to->at += n;
}

static const char *line_of(struct cursor text, int number)
{
    for (int i = 1; i < number; i++)
        text.at += line(&text);
    return text.at;
}

static void follow(const struct fh_buf *diff, struct cursor from, struct cursor to)
{
    const struct cursor whole = from;
    struct cursor d = {diff->data, diff->data + diff->len};
    while (d.at < d.end) {
        int first, count, other, others, used = 0;
        if (*d.at == '@') {
            must(sscanf(d.at, "@@ -%d,%d +%d,%d @@\n%n", &first, &count, &other, &others, &used) == 4 &&
                 used > 0);
            d.at = memchr(d.at, '\n', (size_t)(d.end - d.at));
            d.at++;
            pass_common(&from, &to, line_of(whole, count ? first : first + 1));
            continue;
        }
        char mark = *d.at++;
        struct cursor rest = d;
        if (mark == '-' || mark == ' ')
            take(&from, &d);
        if (mark == '+' || mark == ' ')
            take(&to, mark == ' ' ? &rest : &d);
        must(mark == ' ' || mark == '+' || mark == '-');
    }
    pass_common(&from, &to, from.end);
    must(to.at == to.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *border = size ? memchr(text, 0xff, size) : NULL;
    size_t n = border ? (size_t)(border - text) : size;
    const char *other = border ? border + 1 : text + size;
    struct cursor from = {text, text + n}, to = {other, text + size};
    struct fh_buf out = FH_BUF_INIT(1 << 18);
    struct fh_error e;
    bool complete;
    must(fh_linediff(from.at, n, to.at, (size_t)(to.end - to.at), &out, &complete, &e) == FH_OK);
    if (!complete)
        must(out.len == 0);
    else if (out.len)
        follow(&out, from, to);
    fh_buf_free(&out);
    return 0;
}
