/* What came from a hub, shown harmlessly. See ask.h. */
#include "client/ask.h"

#include "client/say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

fh_err ask_which(const char *first, const char *second, bool *is_second, struct fh_error *e)
{
    char line[16];
    fprintf(stderr, "Which environment?\n  1  %s\n  2  %s\n1 or 2 (1): ", first, second);
    fflush(stderr);
    if (fgets(line, sizeof line, stdin) == NULL)
        return FH_FAIL(e, FH_INVALID, "No environment was chosen.");
    *is_second = strcmp(line, "2\n") == 0;
    return *is_second || strcmp(line, "1\n") == 0 || strcmp(line, "\n") == 0
               ? FH_OK
               : FH_FAIL(e, FH_INVALID, "No environment was chosen.");
}
