/* Changes to TOML text: a key that was set can be removed again, which restores every byte where its table
 * had a header; no text makes the search leave its bytes. */
#include "common/ceilings.h"
#include "common/manifest_edit.h"

#include <stdbool.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY   "zz.new"
#define VALUE "['v']"

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

static void try_table(const char *text, size_t n, const char *table)
{
    struct fh_buf set = FH_BUF_INIT(FH_MAX_MANIFEST), back = FH_BUF_INIT(FH_MAX_MANIFEST);
    struct fh_error e;
    if (fh_manifest_edit_set(text, n, table, KEY, VALUE, &set, &e) == FH_OK) {
        must(fh_manifest_edit_remove(set.data, set.len, table, KEY, &back, &e) == FH_OK);
        size_t line = strlen(KEY " = " VALUE "\r\n");
        if (set.len > n + line) /* the table came with the key, and its header stays */
            must(back.len > n && (n == 0 || memcmp(back.data, text, n) == 0));
        else
            must(back.len == n && (n == 0 || memcmp(back.data, text, n) == 0));
    }
    fh_buf_free(&set);
    fh_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FH_MAX_MANIFEST / 2 || memmem(data, size, "zz", 2)) /* the key must be new */
        return 0;
    try_table((const char *)data, size, "");
    try_table((const char *)data, size, "install");
    return 0;
}
