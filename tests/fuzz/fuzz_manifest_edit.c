/* Changes to TOML text: a key that was set can be renamed and back, and removed again, which restores every
 * byte where no table came with it; a key that is there can be set, renamed and removed, or is refused; no
 * text makes the search leave its bytes. */
#include "common/arena.h"
#include "common/ceilings.h"
#include "common/manifest_edit.h"
#include "common/toml_json.h"

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

static bool same(const struct fh_buf *b, const char *text, size_t n)
{
    return b->len == n && (n == 0 || memcmp(b->data, text, n) == 0);
}

static void rename_and_back(const struct fh_buf *set, const char *table)
{
    struct fh_buf renamed = FH_BUF_INIT(FH_MAX_MANIFEST), back = FH_BUF_INIT(FH_MAX_MANIFEST);
    struct fh_error e;
    must(fh_manifest_edit_rename(set->data, set->len, table, KEY, "other", &renamed, &e) == FH_OK);
    must(fh_manifest_edit_rename(renamed.data, renamed.len, table, "zz.other", "new", &back, &e) == FH_OK);
    must(same(&back, set->data, set->len));
    fh_buf_free(&renamed);
    fh_buf_free(&back);
}

static void try_table(const char *text, size_t n, const char *table)
{
    struct fh_buf set = FH_BUF_INIT(FH_MAX_MANIFEST), back = FH_BUF_INIT(FH_MAX_MANIFEST);
    struct fh_error e;
    if (fh_manifest_edit_set(text, n, table, KEY, VALUE, &set, &e) == FH_OK) {
        must(fh_manifest_edit_remove(set.data, set.len, table, KEY, &back, &e) == FH_OK);
        bool in_braces = n > 0 && memchr(text, '{', n) != NULL; /* spaces in empty braces do not come back */
        size_t line = strlen(KEY " = " VALUE "\r\n");
        if (set.len >
            n + line) /* the table came with the key, and its header stays; or the key is told with it */
            must(back.len >= n && (n == 0 || memcmp(back.data, text, n) == 0));
        else
            must(in_braces || same(&back, text, n));
        rename_and_back(&set, table);
    }
    fh_buf_free(&set);
    fh_buf_free(&back);
}

/* The path to some value, as a quoted key; choice says which. False for a document without any. */
static bool some_key(const struct fh_toml *table, size_t choice, struct fh_buf *out)
{
    struct fh_error e;
    while (table->kind == FH_TOML_TABLE && table->count > 0) {
        const struct fh_toml_entry *entry = &table->entries[choice % table->count];
        if (out->len > 0)
            must(fh_buf_add_char(out, '.', &e) == FH_OK);
        must(fh_toml_quote(entry->key, out, &e) == FH_OK);
        choice /= 3;
        table = &entry->value;
        if (choice % 4 == 3)
            break;
    }
    return out->len > 0;
}

static void try_existing(const char *text, size_t n, size_t choice)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_buf key = FH_BUF_INIT(8 * FH_MAX_MANIFEST), out = FH_BUF_INIT(FH_MAX_MANIFEST);
    const struct fh_toml *root;
    struct fh_error e;
    if (fh_toml_parse(a, text, n, "m", &root, &e) == FH_OK && some_key(root, choice, &key)) {
        fh_err rc = fh_manifest_edit_set(text, n, "", key.data, VALUE, &out, &e);
        must(rc == FH_OK || rc == FH_CONFLICT || rc == FH_TOO_LARGE);
        fh_buf_clear(&out);
        rc = fh_manifest_edit_remove(text, n, "", key.data, &out, &e);
        must(rc == FH_OK ? out.len < n : rc == FH_CONFLICT || rc == FH_NOT_FOUND);
        fh_buf_clear(&out);
        rc = fh_manifest_edit_rename(text, n, "", key.data, "zz", &out, &e);
        must(rc == FH_OK || rc == FH_CONFLICT || rc == FH_NOT_FOUND || rc == FH_TOO_LARGE);
    }
    fh_buf_free(&key);
    fh_buf_free(&out);
    fh_arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FH_MAX_MANIFEST / 2 || memmem(data, size, "zz", 2)) /* the key must be new */
        return 0;
    try_table((const char *)data, size, "");
    try_table((const char *)data, size, "install");
    try_existing((const char *)data, size, size);
    try_existing((const char *)data, size, 0);
    return 0;
}
