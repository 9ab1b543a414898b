/* A terminal's manners: colour, width, and text made harmless. See cli.h. */
#include "common/term.h"

#include "common/mem.h"

#include <sys/ioctl.h>
#include <unistd.h>

bool fh_term_colour(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

int fh_term_width(int fd)
{
    struct winsize w;
    if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        return w.ws_col;
    return 80;
}

/* Decodes one UTF-8 character of at most n bytes; its length, or 0 for bytes that are none. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80             ? 1
                 : (p[0] & 0xe0) == 0xc0 ? 2
                 : (p[0] & 0xf0) == 0xe0 ? 3
                 : (p[0] & 0xf8) == 0xf0 ? 4
                                         : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *out = c;
    return len;
}

static size_t columns_of(uint32_t c)
{
    if ((c >= 0x300 && c < 0x370) || (c >= 0x200b && c < 0x2010) || (c >= 0xfe00 && c < 0xfe10) ||
        (c >= 0x20d0 && c < 0x2100))
        return 0; /* combining marks, joiners, selectors */
    if ((c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7a4) ||
        (c >= 0xf900 && c < 0xfb00) || (c >= 0xfe30 && c < 0xfe70) || (c >= 0xff00 && c < 0xff61) ||
        (c >= 0x1f300 && c < 0x1f650) || (c >= 0x1f900 && c < 0x1fa00) || (c >= 0x20000 && c < 0x3fffe))
        return 2; /* East Asian wide, emoji */
    return 1;
}

size_t fh_term_columns(const char *s, size_t n)
{
    size_t columns = 0;
    for (size_t i = 0; i < n && s[i];) {
        uint32_t c = 0;
        size_t len = decode((const unsigned char *)s + i, n - i, &c);
        columns += len ? columns_of(c) : 1;
        i += len ? len : 1;
    }
    return columns;
}

size_t fh_term_fit(const char *s, size_t columns)
{
    size_t n = strlen(s), at = 0;
    while (at < n) {
        uint32_t c = 0;
        size_t len = decode((const unsigned char *)s + at, n - at, &c);
        size_t wide = len ? columns_of(c) : 1;
        if (wide > columns)
            break;
        columns -= wide;
        at += len ? len : 1;
    }
    return at;
}

/* The length of the escape sequence whose first byte behind ESC is at p: CSI up to its final byte, a string
 * (OSC, DCS, APC, PM, SOS) up to BEL or ST, else one character. */
static size_t escape_length(const char *p)
{
    size_t n = 0;
    if (p[0] == '[') {
        for (n = 1; p[n] && !(p[n] >= 0x40 && p[n] <= 0x7e); n++)
            ;
        return p[n] ? n + 1 : n;
    }
    if (p[0] && strchr("]PX^_", p[0])) {
        for (n = 1; p[n] && p[n] != '\a' && !(p[n] == '\033' && p[n + 1] == '\\'); n++)
            ;
        return p[n] == '\a' ? n + 1 : p[n] ? n + 2 : n;
    }
    return p[0] ? 1 : 0;
}

/* Characters that turn the direction of what follows: they make a name look like another. */
static bool is_direction(uint32_t c)
{
    return c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

char *fh_term_safe(const char *s)
{
    size_t n = strlen(s), at = 0;
    char *out = fh_xmalloc(3 * n + 1); /* a stray byte becomes U+FFFD, three bytes */
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t len = decode((const unsigned char *)s + i, n - i, &c);
        if (len == 0) {
            memcpy(out + at, "\xef\xbf\xbd", 3);
            at += 3;
            i++;
        } else if (c == '\033') {
            i += 1 + escape_length(s + i + 1);
        } else if (c == '\n' || c == '\t') {
            out[at++] = ' ';
            i++;
        } else {
            bool keep = c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && !is_direction(c);
            if (keep) {
                memcpy(out + at, s + i, len);
                at += len;
            }
            i += len;
        }
    }
    out[at] = '\0';
    return out;
}
