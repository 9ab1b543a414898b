/* What the header lines say about where the request ends, read strictly.
 *
 * Two servers that disagree about where a request ends can be made to answer a stranger's bytes as somebody's
 * request (RFC 9112 §11.2). libmicrohttpd 0.9.75 lets Content-Length stand beside Transfer-Encoding and
 * twice, takes bare LF for a line's end, joins folded lines (and, doing so, appends the second line to the
 * header's name), and leaves white space before the colon in the name. All of that is refused here. */
#include "server/http/inside.h"

#include "common/ceilings.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct scan {
    unsigned lengths, encodings, hosts;
    const char *length, *transfer, *expect, *content_encoding;
    const char *why;
    bool raw_layout; /* the library's buffer looks as in 0.9.75 */
    const char *end; /* of the last line's text, in that buffer */
};

static bool is_token(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("!#$%&'*+-.^_`|~", *s))
            return false;
    return true;
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
            return true;
    return false;
}

/* A header line stands in the library's buffer as it came, its separators overwritten with NUL:
 *
 *     H o s t NUL SP h u b NUL NUL         "Host: hub" CR LF
 *
 * A folded line's name was moved away from its value; behind a bare LF there is only one NUL. */
static bool stands_as_sent(const char *name, const char *value)
{
    uintptr_t end = (uintptr_t)name + strlen(name), begin = (uintptr_t)value;
    if (begin <= end || begin - end > FH_MAX_HEADERS)
        return false;
    for (const char *p = (const char *)(end + 1); (uintptr_t)p < begin; p++)
        if (*p != ' ' && *p != '\t')
            return false;
    return value[strlen(value) + 1] == '\0';
}

static enum MHD_Result look_at(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct scan *s = arg;
    (void)kind;
    if (!value)
        value = "";
    if (!is_token(name) || has_control(value))
        s->why = "A header line has a character in it that is not allowed there.";
    else if (s->raw_layout && !stands_as_sent(name, value))
        s->why = "A header line is folded or does not end with CR LF.";
    if (value + strlen(value) > s->end)
        s->end = value + strlen(value);
    if (strcasecmp(name, "Content-Length") == 0)
        s->lengths++, s->length = value;
    else if (strcasecmp(name, "Transfer-Encoding") == 0)
        s->encodings++, s->transfer = value;
    else if (strcasecmp(name, "Host") == 0)
        s->hosts++;
    else if (strcasecmp(name, "Expect") == 0)
        s->expect = value;
    else if (strcasecmp(name, "Content-Encoding") == 0 && !s->content_encoding)
        s->content_encoding = value;
    else if (strcasecmp(name, "Content-Encoding") == 0)
        s->content_encoding = "more than one";
    return s->why ? MHD_NO : MHD_YES;
}

static bool parse_length(const char *text, uint64_t *out)
{
    *out = 0;
    if (!*text || strlen(text) > 18)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        *out = *out * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

static int check_body(const struct scan *s, const char *version, struct web_framing *out, const char **why)
{
    if (s->lengths + s->encodings > 1) {
        *why = "The request has more than one Content-Length or Transfer-Encoding.";
        return 400;
    }
    if (s->transfer && (strcasecmp(s->transfer, "chunked") != 0 || strcmp(version, "HTTP/1.1") != 0)) {
        *why = "The only Transfer-Encoding understood here is chunked, in HTTP/1.1.";
        return strcmp(version, "HTTP/1.1") == 0 ? 501 : 400;
    }
    if (s->length && !parse_length(s->length, &out->length)) {
        *why = "Content-Length is not a number.";
        return 400;
    }
    out->chunked = s->transfer != NULL;
    out->has_body = out->chunked || out->length > 0;
    if (s->content_encoding && out->has_body && strcasecmp(s->content_encoding, "identity") != 0) {
        out->gzip =
            strcasecmp(s->content_encoding, "gzip") == 0 || strcasecmp(s->content_encoding, "x-gzip") == 0;
        if (!out->gzip) {
            *why = "The only Content-Encoding understood here is gzip.";
            return 415;
        }
    }
    return 0;
}

/* The library ends the headers at a line that begins with a colon, and at a bare LF. Then more than CR LF CR
 * LF, or less, lies between the last line it kept and where it says that they end. */
static bool ends_where_it_should(struct MHD_Connection *mhd, const struct scan *s, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info && s->end + strlen("\r\n\r\n") == method + info->header_size;
}

int web_framing_read(struct MHD_Connection *mhd, const char *method, const char *version,
                     struct web_framing *out, const char **why)
{
    struct scan s = {.raw_layout = strncmp(MHD_get_version(), "0.9.75", 6) == 0,
                     .end = version + strlen(version)};
    *out = (struct web_framing){0};
    MHD_get_connection_values(mhd, MHD_HEADER_KIND, look_at, &s);
    if (!s.why && s.raw_layout && version[strlen(version) + 1] != '\0')
        s.why = "The request line does not end with CR LF.";
    if (!s.why && s.raw_layout && !ends_where_it_should(mhd, &s, method))
        s.why = "The header lines do not end as they should.";
    if (!s.why && s.hosts > 1)
        s.why = "The request has more than one Host.";
    if (s.why) {
        *why = s.why;
        return 400;
    }
    int status = check_body(&s, version, out, why);
    if (status == 0 && s.expect) {
        out->expects_continue = strcasecmp(s.expect, "100-continue") == 0;
        if (!out->expects_continue) {
            *why = "The only Expect understood here is 100-continue.";
            return 417;
        }
    }
    return status;
}
