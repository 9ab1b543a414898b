/* For tests: manifests from their text, and their form in a lock as text. */
#ifndef TEST_MANIFESTBOX_H
#define TEST_MANIFESTBOX_H

#include "arenabox.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/manifest.h"

#define NEWEST "schema-version = \"1.15.0\"\n"

static inline const struct fh_manifest *manifest(const char *text)
{
    struct fh_error e;
    const struct fh_manifest *m = NULL;
    if (fh_manifest_parse(arena, text, strlen(text), "manifest.toml", &m, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return m;
}

static inline const char *compact(const json_t *json)
{
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    assert_int_equal(fh_json_write_compact(json, &b, NULL), FH_OK);
    const char *text = fh_strdup(arena, b.data);
    fh_buf_free(&b);
    return text;
}

#endif
