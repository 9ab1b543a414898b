/* A page of anything: whatever the names, the manifest, the lock and the history are, the page is one that
 * our templates can have made. */
#include "server/ui/ui_env.h"
#include "tests/unit/ui_check.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_ours(struct ui_html *h)
{
    const char *page;
    size_t n;
    struct fh_error e;
    fh_err rc = ui_html_end(h, &page, &n, &e);
    if (rc == FH_TOO_LARGE)
        return;
    const char *wrong = rc == FH_OK ? ui_check(page, n) : e.msg;
    if (wrong) {
        fprintf(stderr, "%s\n", wrong);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ui_site site = {"https://hub.example.org", ""};
    struct fh_arena *a = fh_arena_new();
    const char *bytes = (const char *)data;
    const char *text = fh_strndup(a, bytes, size);
    const struct fh_metadata *history;
    struct fh_error e;
    struct ui_env env = {
        .owner = text,
        .name = text,
        .visibility = text,
        .tip = text,
        .updated_at = (int64_t)size,
        .history_note = text,
        .manifest = bytes,
        .manifest_size = size,
    };
    ui_env_set_lock(a, &env, bytes, size);
    if (fh_metadata_parse(a, bytes, size, &history, &e) == FH_OK) {
        env.history_note = NULL;
        ui_env_set_history(a, &env, history);
    }
    struct ui_html h;
    ui_html_begin(&h, a);
    ui_env_write(&h, &site, &env);
    must_be_ours(&h);
    ui_html_begin(&h, a);
    ui_settings_write(&h, &site, &env);
    must_be_ours(&h);
    ui_html_begin(&h, a);
    ui_refusal_write(&h, &site, 404, text, text);
    must_be_ours(&h);
    fh_arena_free(a);
    return 0;
}
