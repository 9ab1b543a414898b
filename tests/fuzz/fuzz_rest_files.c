/* The files of a request: the first byte 0xff parts manifest and lock (without one, a lock is made), a second
 * one parts off a change. What is taken is whole: the lock that goes in fits, and is compared with itself
 * without a difference. */
#include "common/ceilings.h"
#include "common/lock.h"
#include "server/rest/rest_change.h"
#include "server/rest/rest_diff.h"
#include "server/rest/rest_files.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

/* The text up to the next 0xff, or NULL when there is none left; no NUL is in what JSON gives. */
static const char *part(struct fh_arena *a, const uint8_t **at, const uint8_t *end)
{
    if (*at > end)
        return NULL;
    const uint8_t *stop = memchr(*at, 0xff, (size_t)(end - *at));
    size_t n = (size_t)((stop ? stop : end) - *at);
    const char *text = fh_strndup(a, (const char *)*at, n);
    *at += n + 1;
    return text;
}

static void compare(struct fh_arena *a, const struct wire_files *files)
{
    struct fh_error e;
    json_t *diff = NULL;
    must(rest_diff_json(a, files, files, &diff, &e) == FH_OK);
    const json_t *packages = json_object_get(diff, "packages");
    must(json_array_size(json_object_get(packages, "added")) == 0);
    must(json_array_size(json_object_get(packages, "changed")) == 0);
    json_decref(diff);
}

static void follow_change(struct fh_arena *a, const char *text)
{
    json_t *json = NULL;
    struct fh_change c = {0};
    struct fh_error e;
    if (fh_json_parse(text, strlen(text), "change", &json, &e) != FH_OK)
        return;
    fh_json_own(a, json);
    if (!json_is_object(json) || rest_change_read(a, json, &c, &e) != FH_OK)
        return;
    for (const char *p = fh_change_text(a, &c); *p; p++)
        must((unsigned char)*p >= 0x20 && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    const uint8_t *end = data + size;
    const char *manifest = part(a, &data, end), *lock = part(a, &data, end), *change = part(a, &data, end);
    struct wire_files files;
    struct fh_error e = {0};
    const struct fh_manifest *m;
    const struct fh_lock *read;
    fh_err rc = rest_files_check(a, manifest ? manifest : "", lock, NULL, &files, &e);
    must(rc == FH_OK || (rc == FH_MISMATCH && e.msg[0]));
    if (rc == FH_OK) {
        must(fh_manifest_parse(a, files.manifest.bytes, files.manifest.n, "m", &m, &e) == FH_OK);
        must(fh_lock_parse(a, files.lock.bytes, files.lock.n, "l", &read, &e) == FH_OK);
        must(fh_lock_fits(read, m));
        compare(a, &files);
    }
    if (change)
        follow_change(a, change);
    fh_arena_free(a);
    return 0;
}
