/* The one writer of HTML. See ui_html.h. */
#include "server/ui/ui_html.h"

#include "common/clock.h"

#include <stdbool.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

void ui_html_begin(struct ui_html *h, struct fh_arena *a)
{
    *h = (struct ui_html){.arena = a, .out = FH_BUF_INIT(UI_MAX_PAGE)};
}

fh_err ui_html_end(struct ui_html *h, const char **out, size_t *n, struct fh_error *e)
{
    fh_err rc = h->failed;
    if (rc == FH_OK) {
        *n = h->out.len;
        *out = fh_strndup(h->arena, h->out.data ? h->out.data : "", h->out.len);
    } else if (e) {
        *e = h->error;
    }
    fh_buf_free(&h->out);
    return rc;
}

static void add(struct ui_html *h, const char *bytes, size_t n)
{
    if (h->failed == FH_OK && n > 0)
        h->failed = fh_buf_add(&h->out, bytes, n, &h->error);
}

/* The length of the character at s, of which n bytes are left; 0 when it is not UTF-8. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t c = len == 1 ? s[0] : s[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3fU);
    }
    if (c < least[len] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
        return 0;
    *out = c;
    return len;
}

/* Controls, what turns the direction of writing (so that code reads as something else), and what is no
 * character at all. */
static bool is_unfit(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0x061c || c == 0x200e ||
           c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
           (c & 0xfffe) == 0xfffe;
}

static const char *entity(uint32_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '`':
        return "&#96;";
    default:
        return NULL;
    }
}

void ui_html_text(struct ui_html *h, const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t plain = 0; /* from here on nothing was written yet: it stays as it is */
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = decode(s + i, n - i, &c);
        const char *instead = len == 0 || is_unfit(c) ? replacement : entity(c);
        if (c == '\r' && i + 1 < n && s[i + 1] == '\n')
            instead = ""; /* a line of a file from Windows */
        size_t next = i + (len ? len : 1);
        if (instead) {
            add(h, text + plain, i - plain);
            add(h, instead, strlen(instead));
            plain = next;
        }
        i = next;
    }
    add(h, text + plain, n - plain);
}

void ui_html_fill(struct ui_html *h, const char *const *parts, size_t n)
{
    const char *at = parts[0];
    size_t used = 1;
    for (const char *hole; (hole = strstr(at, "{}")) != NULL; at = hole + 2) {
        add(h, at, (size_t)(hole - at));
        if (used < n && parts[used])
            ui_html_text(h, parts[used], strlen(parts[used]));
        used++;
    }
    add(h, at, strlen(at));
    if (used != n && h->failed == FH_OK)
        h->failed = FH_FAIL(&h->error, FH_INTERNAL, "A template has %zu holes for %zu texts: %.60s", used - 1,
                            n - 1, parts[0]);
}

const char *ui_short(struct ui_html *h, const char *text)
{
    size_t n = text ? strlen(text) : 0;
    if (n <= UI_SHORT)
        return text;
    for (n = UI_SHORT; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--) /* no half characters */
        ;
    return fh_sprintf(h->arena, "%.*s…", (int)n, text);
}

const char *ui_number(struct ui_html *h, int64_t n)
{
    return fh_sprintf(h->arena, "%lld", (long long)n);
}

const char *ui_rfc3339(struct ui_html *h, int64_t unix_seconds)
{
    char text[FH_RFC3339_SIZE];
    fh_time_format(unix_seconds, text);
    return fh_strdup(h->arena, text);
}

const char *ui_date(struct ui_html *h, int64_t unix_seconds)
{
    const char *text = ui_rfc3339(h, unix_seconds);
    const char *t = strchr(text, 'T');
    return t ? fh_sprintf(h->arena, "%.*s %.5s UTC", (int)(t - text), text, t + 1) : text;
}
