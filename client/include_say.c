/* What is told about overrides (manifest-lockfile-client §6). See include.h. */
#include "client/include.h"

#include "client/say.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 200 }; /* that are listed of one environment */

struct field {
    const char *text; /* install.hello */
    const char *winner;
};

static int by_field(const void *x, const void *y)
{
    return strcmp(((const struct field *)x)->text, ((const struct field *)y)->text);
}

static const char *path_text(struct fh_arena *a, const struct fh_override *o)
{
    const char *text = o->path.items[0];
    for (size_t i = 1; i < o->path.count; i++)
        text = fh_sprintf(a, "%s.%s", text, o->path.items[i]);
    return text;
}

/* Each field once, with the last that set it, sorted. */
static struct field *final_fields(struct fh_arena *a, const struct fh_lock *lock, size_t *n)
{
    json_t *winners = fh_json_own(a, json_object()), *value;
    struct field *fields = fh_alloc(a, (lock->noverrides + 1) * sizeof *fields);
    const char *key;
    for (size_t i = 0; i < lock->noverrides; i++)
        fh_json_set(winners, path_text(a, &lock->overrides[i]), fh_json_text(lock->overrides[i].winner));
    *n = 0;
    json_object_foreach(winners, key, value) fields[(*n)++] =
        (struct field){.text = key, .winner = json_string_value(value)};
    qsort(fields, *n, sizeof *fields, by_field);
    return fields;
}

static const char *set_by(struct fh_arena *a, const struct field *fields, size_t n, const char *winner)
{
    const char *text = "";
    size_t shown = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(fields[i].winner, winner) != 0)
            continue;
        if (shown++ == MOST_FIELDS)
            return fh_sprintf(a, "%s\n  - …", text);
        text = fh_sprintf(a, "%s\n  - %s", text, say_safe(a, fields[i].text));
    }
    return text;
}

void include_say_overrides(struct client *c, const struct fh_lock *lock)
{
    struct fh_arena *a = c->arena;
    const char *text = "";
    size_t n;
    const struct field *fields = final_fields(a, lock, &n);
    for (size_t i = 0; i < lock->nincludes && n > 0; i++) {
        const char *set = set_by(a, fields, n, lock->includes[i].name);
        if (*set != '\0')
            text = fh_sprintf(a, "%s\n- Environment '%s' set:%s", text, say_safe(a, lock->includes[i].name),
                              set);
    }
    const char *own = set_by(a, fields, n, FH_COMPOSER_NAME);
    if (*own != '\0')
        text = fh_sprintf(a, "%s\n- This environment set:%s", text, own);
    if (*text != '\0')
        say_info("The following manifest fields were overridden during merging:%s", text);
}
