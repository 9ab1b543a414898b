/* What an import reads: the first byte says how. 'r' a row, 'b' a build's row, any other: what Nix prints, in
 * pieces of so many bytes. Whatever is taken keeps every rule of rows, and JSON is what another reader thinks
 * it is. */
#include "server/catalog/import_nix.h"
#include "server/catalog/import_split.h"

#include "common/json.h"
#include "common/json_scan.h"
#include "common/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

static void check_row(const struct store_import_row *row, const char *owner)
{
    struct fh_error e;
    must(catalog_row_check(row, owner, &e) == FH_OK);
    json_t *outputs = json_loads(row->outputs, 0, NULL);
    must(json_is_array(outputs));
    json_decref(outputs);
    if (row->outputs_to_install) {
        json_t *list = json_loads(row->outputs_to_install, 0, NULL);
        must(json_is_array(list));
        for (size_t i = 1; i < json_array_size(list); i++)
            must(strcmp(json_string_value(json_array_get(list, i - 1)),
                        json_string_value(json_array_get(list, i))) < 0);
        json_decref(list);
    }
    if (row->deprecation) {
        json_t *deprecation = json_loads(row->deprecation, 0, NULL);
        must(json_object_size(deprecation) == 3 && json_is_string(json_object_get(deprecation, "kind")));
        json_decref(deprecation);
    }
}

/* The scanner against jansson, which is the stricter one about numbers only, and passes over NUL in places.
 */
static void compare(const char *text, size_t n)
{
    char *memory = fh_xmalloc(n + 1);
    struct fh_scan scan;
    json_error_t error;
    fh_scan_begin(&scan, text, n, memory);
    bool taken = fh_scan_skip(&scan) && fh_scan_end(&scan);
    json_t *value = json_loadb(text, n, JSON_DECODE_ANY, &error);
    must(!value || taken || (scan.why && strstr(scan.why, "deeply")) || memchr(text, '\0', n));
    must(!taken || value || json_error_code(&error) == json_error_numeric_overflow);
    json_decref(value);
    free(memory);
}

static fh_err take(void *arg, enum catalog_split_kind kind, int64_t number, const char *text, size_t n,
                   bool is_whole, struct fh_error *e)
{
    struct catalog_nixpkgs page = {
        .rev = "1111111111111111111111111111111111111111", .rev_count = 1, .system = FH_X86_64_LINUX};
    struct store_import_row row;
    struct fh_error why;
    json_t *value;
    (void)e;
    must(number == ++*(int64_t *)arg);
    if (!is_whole || fh_json_parse(text, n, "it", &value, &why) != FH_OK)
        return FH_OK;
    struct fh_arena *a = fh_arena_new();
    fh_json_own(a, value);
    void *first = json_object_iter(value);
    bool members = kind == CATALOG_SPLIT_MEMBERS;
    if (first && catalog_nix_row(a, &page, members ? json_object_iter_key(first) : NULL,
                                 members ? json_object_iter_value(first) : value, &row, &why) == FH_OK)
        check_row(&row, NULL);
    fh_arena_free(a);
    return FH_OK;
}

static void split(const char *text, size_t n, size_t piece)
{
    struct catalog_split s;
    struct fh_error e;
    int64_t count = 0;
    fh_err rc = FH_OK;
    catalog_split_init(&s, take, &count);
    for (size_t at = 0; rc == FH_OK && at < n; at += piece)
        rc = catalog_split_feed(&s, text + at, n - at < piece ? n - at : piece, &e);
    if (rc == FH_OK)
        (void)!catalog_split_end(&s, &e);
    catalog_split_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FH_MAX_IMPORT_LINE)
        return 0;
    const char *text = (const char *)data + 1, *owner = data[0] == 'b' ? "alice" : NULL;
    struct fh_error e;
    if (data[0] != 'r' && data[0] != 'b') {
        split(text, size - 1, data[0] ? data[0] : 1);
        return 0;
    }
    static struct catalog_row_memory *m;
    if (!m)
        m = catalog_row_memory_new();
    struct store_import_row row;
    if (catalog_row_parse(m, owner, text, size - 1, &row, &e) == FH_OK)
        check_row(&row, owner);
    else
        must(e.code == FH_INVALID || e.code == FH_TOO_LARGE);
    compare(text, size - 1);
    return 0;
}
