/* Upgrades that are known of. See upgrade_check.h. */
#include "client/upgrade_check.h"

#include "client/disk.h"
#include "common/clock.h"
#include "common/json.h"

#include <string.h>
#include <sys/stat.h>

/* Two locks, small enough that an activation does not wait for them. */
enum { MAX_CHECK = 8 * 1024 * 1024 };

static const char *path_of(struct fh_arena *a, const char *dot_flox)
{
    return fh_sprintf(a, "%s/cache/upgrade-checks.json", dot_flox);
}

static bool is_of(const json_t *result, const struct fh_lock *now)
{
    return json_equal(json_object_get(result, "old_lockfile"), now->json) != 0;
}

static fh_err parse_new(struct client *c, const json_t *result, const struct fh_lock **out,
                        struct fh_error *e)
{
    const json_t *lock = json_object_get(result, "new_lockfile");
    struct fh_buf text = FH_BUF_INIT(MAX_CHECK);
    if (!json_is_object(lock))
        return FH_FAIL(e, FH_INVALID, "There is no new lock.");
    fh_err rc = fh_json_write_compact(lock, &text, e);
    if (rc == FH_OK)
        rc = fh_lock_parse(c->arena, text.data, text.len, "new_lockfile", out, e);
    fh_buf_free(&text);
    return rc;
}

/* A file that does not read tells nothing: it may be of a newer flox. */
void upgrade_check_read(struct client *c, const char *dot_flox, const struct fh_lock *now,
                        struct upgrades *out)
{
    char *text;
    size_t n;
    json_t *check = NULL;
    const struct fh_lock *after = now;
    struct fh_error ignored;
    upgrades_find(c->arena, NULL, now, NULL, out);
    if (disk_read(path_of(c->arena, dot_flox), MAX_CHECK, c->arena, &text, &n, &ignored) != FH_OK ||
        fh_json_parse(text, n, "upgrade-checks.json", &check, NULL) != FH_OK)
        return;
    fh_json_own(c->arena, check);
    const json_t *result = json_object_get(check, "upgrade_result");
    if (is_of(result, now) && parse_new(c, result, &after, &ignored) == FH_OK)
        upgrades_find(c->arena, now, after, settings_system(c->arena), out);
}

void upgrade_check_keep(struct client *c, const char *dot_flox, const struct fh_lock *before,
                        const struct fh_lock *after)
{
    char now[FH_RFC3339_SIZE];
    struct stat st;
    struct fh_error ignored;
    const char *folder = fh_sprintf(c->arena, "%s/cache", dot_flox);
    /* A link would make us write elsewhere. */
    if (disk_make_dirs(folder, 0777, &ignored) != FH_OK || lstat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
        return;
    fh_time_format(fh_now(), now);
    json_t *check = fh_json_own(c->arena, json_pack("{s:s, s:{s:O, s:O, s:n}}", "last_checked", now,
                                                    "upgrade_result", "old_lockfile", before->json,
                                                    "new_lockfile", after->json, "store_path"));
    struct fh_buf text = FH_BUF_INIT(MAX_CHECK);
    if (check != NULL && fh_json_write_compact(check, &text, &ignored) == FH_OK)
        (void)!disk_write(path_of(c->arena, dot_flox), text.data, text.len, 0644, &ignored);
    fh_buf_free(&text);
}
