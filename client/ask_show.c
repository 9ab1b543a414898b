/* What came from a hub, shown harmlessly. See ask.h. */
#include "client/ask.h"

#include "client/say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* JSON on a terminal: the characters beyond ASCII that would do something there are written as \uXXXX. They
 * only stand in strings, so that the value stays the same. */
static fh_err harmless(const struct fh_buf *text, struct fh_buf *out, struct fh_error *e)
{
    for (size_t i = 0; i < text->len; i++) {
        const unsigned char *s = (const unsigned char *)text->data + i; /* a NUL follows the bytes */
        unsigned c = 0;
        size_t len = 1;
        if (s[0] == 0x7f)
            c = s[0];
        if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0) {
            c = s[1];
            len = 2;
        }
        if (s[0] == 0xe2 &&
            ((s[1] == 0x80 && s[2] >= 0x8e && s[2] <= 0xae && (s[2] <= 0x8f || s[2] >= 0xa8)) ||
             (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9))) {
            c = 0x2000U + (s[1] & 0x3fU) * 64 + (s[2] & 0x3fU);
            len = 3;
        }
        if (c == 0)
            FH_TRY(fh_buf_add_char(out, (char)s[0], e));
        else
            FH_TRY(fh_buf_addf(out, e, "\\u%04x", c));
        i += len - 1;
    }
    return FH_OK;
}

int ask_print_json(struct client *c, const json_t *value)
{
    struct fh_buf text = FH_BUF_INIT(256 * 1024 * 1024), out = FH_BUF_INIT(512 * 1024 * 1024);
    fh_err rc = fh_json_write_pretty(value, &text, &c->e);
    if (rc == FH_OK)
        rc = harmless(&text, &out, &c->e);
    if (rc == FH_OK && (puts(out.data) == EOF || fflush(stdout) != 0))
        rc = FH_FAIL_ERRNO(&c->e, FH_INTERNAL, "Cannot write the answer out");
    fh_buf_free(&text);
    fh_buf_free(&out);
    return rc == FH_OK ? 0 : say_fail(&c->e);
}

const char *ask_text(struct client *c, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value))
        return say_safe(c->arena, json_string_value(value));
    if (json_is_integer(value))
        return fh_sprintf(c->arena, "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value))
        return json_is_true(value) ? "yes" : "no";
    return "";
}

const char *ask_when(struct client *c, const json_t *object, const char *key, const char *instead)
{
    const char *text = ask_text(c, object, key);
    if (*text == '\0')
        return instead;
    /* "2026-01-02T03:04:05Z" */
    if (strlen(text) < 17 || text[10] != 'T')
        return text;
    return fh_sprintf(c->arena, "%.10s %.5s", text, text + 11);
}

bool ask_confirmed(const char *question)
{
    char line[16];
    fprintf(stderr, "%s (y/N) ", question);
    fflush(stderr);
    return fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}
