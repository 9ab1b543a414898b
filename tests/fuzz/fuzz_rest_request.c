/* What REST reads besides paths: a body against its table (first byte 'b'), a cursor ('c'), entity tags in
 * If-Match and If-None-Match ('e'). Any bytes, and what must hold of every answer. */
#include "common/mem.h"
#include "server/http/web.h"
#include "server/rest/rest_body.h"
#include "server/rest/rest_cursor.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE = 8, TEXT = 16 };
static const char *const values[] = {"read", "write", NULL};
static const struct rest_member members[] = {
    {.name = "line", .type = REST_LINE, .required = true, .max = LINE},
    {.name = "text", .type = REST_TEXT, .max = TEXT},
    {.name = "enum", .type = REST_ENUM, .values = values},
    {.name = "int", .type = REST_INT},
    {.name = "bool", .type = REST_BOOL},
    {.name = "object", .type = REST_OBJECT},
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void try_body(struct fh_arena *a, const char *bytes, size_t n)
{
    const struct rest_body *b;
    struct fh_error e = {0};
    if (rest_body_parse(a, bytes, n, members, sizeof members / sizeof *members, &b, &e) != FH_OK) {
        size_t len = strlen(e.msg);
        must(len > 0);
        for (size_t i = 0; i < len; i++)
            must((unsigned char)e.msg[i] >= ' ');
        return;
    }
    const char *line = rest_body_text(b, "line"), *text = rest_body_text(b, "text"),
               *choice = rest_body_text(b, "enum");
    must(line && *line && strlen(line) <= LINE && !strpbrk(line, "\r\n\t\x1b"));
    must(!text || strlen(text) <= TEXT);
    must(!choice || strcmp(choice, "read") == 0 || strcmp(choice, "write") == 0);
    must(rest_body_has(b, "int") == (rest_body_int(b, "int") > 0));
    must(!rest_body_is_true(b, "bool") || rest_body_has(b, "bool"));
    must(rest_body_has(b, "object") == (rest_body_object(b, "object") != NULL));
    must(!rest_body_has(b, "nothing") && !rest_body_text(b, "nothing"));
}

static void try_cursor(struct fh_arena *a, const char *cursor)
{
    const char *key;
    int64_t id;
    if (rest_cursor_parse(a, cursor, &key, NULL) != FH_OK)
        return;
    must(strlen(key) <= REST_MAX_KEY);
    must(strcmp(rest_cursor_make(a, key), cursor) == 0); /* a key has one cursor */
    if (rest_cursor_id(key, &id, NULL) == FH_OK)
        must(id > 0);
}

static void try_etag(const char *header)
{
    static const char etag[] = "\"abc-public\"";
    bool strong = web_etag_listed(header, etag, false), weak = web_etag_listed(header, etag, true);
    must(!strong || weak);
    must(!weak || strstr(header, etag) || strchr(header, '*'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct fh_arena *a = fh_arena_new();
    char *text = fh_xstrndup((const char *)data + 1, size - 1);
    if (*data == 'b')
        try_body(a, (const char *)data + 1, size - 1);
    else if (*data == 'c')
        try_cursor(a, text);
    else
        try_etag(text);
    free(text);
    fh_arena_free(a);
    return 0;
}
