/* The reminder to log in. See reminder.h. */
#include "client/reminder.h"

#include "client/disk.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/clock.h"

#include <string.h>

enum { REST_SECONDS = 8 * 60 * 60 };

static const char key[] = "last_warning";

/* flox writes years with a sign and six digits: "+002026-…". */
static const char *four_digits(const char *text)
{
    return strncmp(text, "+00", 3) == 0 ? text + 3 : text;
}

/* A moment that does not read, or that is still to come, counts as none. */
static bool was_just_told(struct client *c, const char *path)
{
    char *text;
    size_t n;
    int64_t then;
    json_t *stamp = NULL;
    struct fh_error ignored;
    if (disk_read(path, FH_MAX_BODY_SMALL, c->arena, &text, &n, &ignored) != FH_OK ||
        fh_json_parse(text, n, "stamp", &stamp, NULL) != FH_OK)
        return false;
    fh_json_own(c->arena, stamp);
    const char *moment = fh_json_string(stamp, key);
    if (moment == NULL || !fh_time_parse_us(four_digits(moment), &then))
        return false;
    int64_t age = fh_now() - then / 1000000;
    return age >= 0 && age < REST_SECONDS;
}

/* Where it cannot be kept, the next one is told, too. */
static void keep_moment(struct client *c, const char *path)
{
    char now[FH_RFC3339_SIZE];
    struct fh_error ignored;
    fh_time_format(fh_now(), now);
    const char *text = fh_sprintf(c->arena, "{\"%s\":\"%s\"}", key, now);
    if (disk_make_dirs(c->settings.cache_dir, 0700, &ignored) == FH_OK)
        (void)!disk_write(path, text, strlen(text), 0600, &ignored);
}

void reminder_say(struct client *c)
{
    const char *path = fh_sprintf(c->arena, "%s/resolve-auth-warning-timestamp.json", c->settings.cache_dir);
    if (say_is_quiet() || was_just_told(c, path))
        return;
    say_warn("Packages are resolved without a login. A hub may want one for that one day.\n"
             "Run 'floe auth login' to log in.");
    keep_moment(c, path);
}
