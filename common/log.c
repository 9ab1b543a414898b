/* One JSON line per event on standard error. See log.h. */
#include "common/log.h"

#include "common/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic int min_level = FH_LOG_INFO;

void fh_log_set_level(enum fh_log_level level)
{
    atomic_store(&min_level, (int)level);
}

/* Room is kept for the closing `"}\n`, so that a long line is cut, never broken. */
enum { TAIL = 4 };

static void put(struct fh_log_line *l, const char *s, size_t n)
{
    if (l->len + n + TAIL > sizeof l->text)
        n = l->len + TAIL < sizeof l->text ? sizeof l->text - TAIL - l->len : 0;
    memcpy(l->text + l->len, s, n);
    l->len += (unsigned)n;
}

static void put_char(struct fh_log_line *l, char c)
{
    put(l, &c, 1);
}

/* The length of the UTF-8 sequence at p, or 0 if it is not one. */
static size_t utf8_length(const unsigned char *p)
{
    size_t n = p[0] < 0x80                   ? 1
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
               : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* What a terminal or a reader of lines might act on: controls, also those behind ASCII (U+009B begins escape
 * sequences, U+0085 ends lines), and the separators of lines and paragraphs. 0: none of these. */
static unsigned active(const unsigned char *p, size_t n)
{
    if (n == 1)
        return *p < 0x20 || *p == 0x7f ? *p : 0;
    if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
        return p[1];
    if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
        return 0x2000u + p[2] - 0x80u;
    return 0;
}

static void put_string(struct fh_log_line *l, const char *s)
{
    put_char(l, '"');
    for (const unsigned char *p = (const unsigned char *)s; *p;) {
        size_t n = utf8_length(p);
        if (l->len + 16 > sizeof l->text)
            break;
        if (n == 0) {
            put(l, "\\ufffd", 6);
            n = 1;
        } else if (*p == '"' || *p == '\\') {
            put_char(l, '\\');
            put_char(l, (char)*p);
        } else if (active(p, n)) {
            char code[16];
            snprintf(code, sizeof code, "\\u%04x", active(p, n));
            put(l, code, 6);
        } else {
            put(l, (const char *)p, n);
        }
        p += n;
    }
    put_char(l, '"');
}

void fh_log_begin(struct fh_log_line *l, enum fh_log_level level, const char *msg)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    int64_t ms = fh_now_ms();
    char time[FH_RFC3339_SIZE], head[96];
    fh_time_format(ms / 1000, time);
    time[19] = '\0';
    l->len = 0;
    int n = snprintf(head, sizeof head, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\"", time, (int)(ms % 1000),
                     names[level]);
    put(l, head, (size_t)n);
    fh_log_add(l, "msg", msg);
}

void fh_log_add(struct fh_log_line *l, const char *key, const char *value)
{
    if (l->len + strlen(key) + 24 > sizeof l->text)
        return;
    put(l, ",\"", 2);
    put(l, key, strlen(key));
    put(l, "\":", 2);
    if (value)
        put_string(l, value);
    else
        put(l, "null", 4);
}

void fh_log_add_int(struct fh_log_line *l, const char *key, int64_t value)
{
    char text[96];
    int n = snprintf(text, sizeof text, ",\"%s\":%lld", key, (long long)value);
    if (n > 0 && (size_t)n < sizeof text && l->len + (size_t)n + TAIL < sizeof l->text)
        put(l, text, (size_t)n);
}

void fh_log_end(struct fh_log_line *l)
{
    memcpy(l->text + l->len, "}\n", 2);
    l->len += 2;
    ssize_t written = write(STDERR_FILENO, l->text, l->len);
    (void)written; /* a log that cannot be written has nobody to tell */
}

void fh_log(enum fh_log_level level, const char *fmt, ...)
{
    if ((int)level < atomic_load(&min_level))
        return;
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    struct fh_log_line l;
    fh_log_begin(&l, level, msg);
    fh_log_end(&l);
}
