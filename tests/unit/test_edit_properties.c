/* Any change of a manifest keeps every other byte: documents of every way of writing, drafted at random, and
 * real ones; each change is tried on each key in them and judged by other means than the module's own. */
#include "common/manifest.h"
#include "common/manifest_edit.h"
#include "common/toml_json.h"
#include "envfiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct draft {
    unsigned seed;
    struct fh_buf text;
    const char *nl;
    int keys, comments;
};

static unsigned pick(struct draft *d, unsigned n)
{
    return (unsigned)rand_r(&d->seed) % n;
}

__attribute__((format(printf, 2, 3))) static void put(struct draft *d, const char *fmt, ...)
{
    va_list args;
    char text[256];
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (const char *p = text; *p; p++) { /* line breaks are the document's, also those in values */
        if (*p == '\n')
            assert_int_equal(fh_buf_add_str(&d->text, d->nl, NULL), FH_OK);
        else
            assert_int_equal(fh_buf_add_char(&d->text, *p, NULL), FH_OK);
    }
}

static void put_value(struct draft *d, bool one_line)
{
    static const char *const short_values[] = {"1",           "-0.5",           "true",    "\"a # b\"",
                                               "'c = \"d\"'", "[ 1, [ '}' ] ]", "'''x'''", "{}"};
    static const char *const long_values[] = {"'''\n[install]\nx = 1\n'''", "\"\"\"a\\\n  = \"\"b\"\"\"\"\"",
                                              "[ # [\n  \"]\", # c\n  '}',\n]",
                                              "{ x = [ 1,\n 2 ], y.z = '}' }"};
    if (one_line || pick(d, 3) > 0)
        put(d, "%s", short_values[pick(d, sizeof short_values / sizeof *short_values)]);
    else
        put(d, "%s", long_values[pick(d, sizeof long_values / sizeof *long_values)]);
}

static void put_key(struct draft *d)
{
    static const char *const styles[][2] = {
        {"k", ""}, {"\"k ", "\""}, {"'k.", "'"}, {"\"k\\u00e9", "\""}, {"K-", ""}};
    unsigned i = pick(d, 5);
    put(d, "%s%d%s", styles[i][0], d->keys++, styles[i][1]);
}

static void put_noise(struct draft *d)
{
    if (pick(d, 4) == 0)
        put(d, "\n");
    if (pick(d, 3) == 0)
        put(d, "%s# c%d [x] = '\n", pick(d, 2) ? "  " : "", d->comments++);
}

/* One entry of a table: prefix is "" or "table." */
static void put_entry(struct draft *d, const char *prefix)
{
    const char *indent = pick(d, 4) == 0 ? "  " : "", *equals = pick(d, 4) == 0 ? "=" : " = ";
    put_noise(d);
    put(d, "%s%s", indent, prefix);
    if (pick(d, 3) == 0) { /* two dotted keys of one table */
        int shared = d->keys++;
        put(d, "g%d . a%s", shared, equals);
        put_value(d, false);
        put(d, "\n");
        put_noise(d);
        put(d, "%sg%d.\"b\"%s", prefix, shared, equals);
    } else {
        put_key(d);
        put(d, "%s", equals);
    }
    put_value(d, false);
    put(d, pick(d, 4) == 0 ? "  # t\n" : "\n");
}

static void put_inline(struct draft *d, const char *name)
{
    put(d, "%s = {", name);
    for (unsigned i = pick(d, 4); i > 0; i--) {
        put(d, " ");
        put_key(d);
        put(d, " = ");
        if (pick(d, 3) == 0) {
            put(d, "{ ");
            put_key(d);
            put(d, "=1 , h.i = 2, h.j = 3 }");
        } else {
            put_value(d, true);
        }
        put(d, i > 1 ? "," : " ");
    }
    put(d, "}  # i\n");
}

static void put_section(struct draft *d, const char *name)
{
    put_noise(d);
    put(d, pick(d, 3) == 0 ? "[ %s ] # h\n" : "[%s]\n", name);
    for (unsigned i = pick(d, 4); i > 0; i--)
        put_entry(d, "");
}

static void draft_document(struct draft *d)
{
    static const char *const names[] = {"install", "vars", "options", "services", "include"};
    int style[5];
    d->nl = pick(d, 4) == 0 ? "\r\n" : "\n";
    if (pick(d, 5) == 0)
        put(d, "\xef\xbb\xbf");
    put_noise(d);
    put(d, "schema-version = \"1.15.0\"\n");
    for (int i = 0; i < 5; i++) {
        style[i] = (int)pick(d, 5);
        char prefix[20];
        snprintf(prefix, sizeof prefix, "%s.", names[i]);
        if (style[i] == 0)
            put_inline(d, names[i]);
        for (int k = 0; style[i] == 1 && k < 2; k++)
            put_entry(d, prefix);
    }
    for (int i = 0; i < 5; i++) {
        char name[40];
        if (style[i] == 2 || style[i] == 3)
            put_section(d, names[i]);
        for (int k = 0; style[i] >= 3 && k < 2; k++) {
            snprintf(name, sizeof name, "%s.s%d", names[i], d->keys++);
            put_section(d, name);
        }
    }
    if (pick(d, 4) == 0 && d->text.len > 0) { /* no line break at the end */
        d->text.len--;
        d->text.len -= d->nl[0] == '\r';
        d->text.data[d->text.len] = '\0';
    }
}

enum { MAX_PATHS = 400, MAX_PARTS = 8 };

struct place {
    const char *parts[MAX_PARTS];
    size_t count;
    bool is_table;
};

static void list_places(struct fh_arena *a, json_t *tree, struct place here, struct place *out, size_t *n)
{
    const char *key;
    json_t *value;
    json_object_foreach(tree, key, value)
    {
        struct place below = here;
        below.parts[below.count++] = key;
        below.is_table = json_is_object(value);
        assert_true(*n < MAX_PATHS && below.count < MAX_PARTS);
        out[(*n)++] = below;
        if (below.is_table)
            list_places(a, value, below, out, n);
    }
}

/* The first count parts as a dotted key, quoted. */
static const char *dotted(struct fh_arena *a, const struct place *p, size_t from, size_t count)
{
    struct fh_buf b = FH_BUF_INIT(1 << 12);
    for (size_t i = from; i < from + count; i++) {
        if (i > from)
            assert_int_equal(fh_buf_add_char(&b, '.', NULL), FH_OK);
        assert_int_equal(fh_toml_quote(p->parts[i], &b, NULL), FH_OK);
    }
    const char *text = fh_strdup(a, b.data ? b.data : "");
    fh_buf_free(&b);
    return text;
}

static json_t *tree_of(struct fh_arena *a, const struct fh_buf *text)
{
    const struct fh_toml *root;
    struct fh_error e;
    if (fh_toml_parse(a, text->data ? text->data : "", text->len, "m", &root, &e) != FH_OK)
        fail_msg("%s\n%s", e.msg, text->data);
    return fh_json_own(a, fh_json_from_toml(root));
}

static json_t *parent_of(json_t *tree, const struct place *p)
{
    for (size_t i = 0; i + 1 < p->count; i++)
        tree = json_object_get(tree, p->parts[i]);
    return tree;
}

static bool drop_empty(json_t *object) /* tables that are empty count as absent */
{
    const char *key;
    void *next;
    json_t *value;
    json_object_foreach_safe(object, next, key, value) if (json_is_object(value) && drop_empty(value))
        json_object_del(object, key);
    return json_object_size(object) == 0;
}

static size_t next_line(const struct fh_buf *b, size_t at)
{
    const char *newline = memchr(b->data + at, '\n', b->len - at);
    return newline ? (size_t)(newline - b->data) + 1 : b->len;
}

struct line {
    const char *text;
    size_t n; /* without its break */
    size_t end;
};

static struct line line_at(const struct fh_buf *b, size_t at)
{
    struct line line = {.text = b->data + at, .end = at};
    if (at >= b->len)
        return line;
    line.end = next_line(b, at);
    for (line.n = line.end - at; line.n > 0 && strchr("\r\n", line.text[line.n - 1]);)
        line.n--;
    return line;
}

/* The new line is the beginning of the old one at *a and the end of it, or of a later one: *a goes behind it.
 */
static bool is_cut_out(const struct fh_buf *old, size_t *a, struct line new)
{
    struct line first = line_at(old, *a);
    size_t same = 0;
    while (same < new.n && same < first.n &&new.text[same] == first.text[same])
        same++;
    for (size_t at = *a; same > 0 && at < old->len;) {
        struct line last = line_at(old, at);
        size_t rest = new.n - same;
        if (last.n >= rest && memcmp(last.text + last.n - rest, new.text + same, rest) == 0) {
            *a = last.end;
            return true;
        }
        at = last.end;
    }
    return false;
}

/* Line by line: each new line is the next old one, but for lines with the mark of the change in them and one
 * out of which something was cut; the old lines that are left out are no comments of their own. A header may
 * come with a new key. */
static bool lines_are_kept(const struct fh_buf *old, const struct fh_buf *new)
{
    bool cut = false;
    size_t mark = memcmp(old->data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */
    if (new->len < mark || memcmp(new->data, old->data, mark) != 0)
        return new->len == 0 && mark == 0;
    for (size_t a = mark, b = mark; b < new->len;) {
        struct line o = line_at(old, a), w = line_at(new, b);
        bool has_old = a < old->len;
        if (has_old && o.n == w.n && memcmp(o.text, w.text, w.n) == 0) {
            if (o.end - a != w.end - b && o.end < old->len && w.end < new->len)
                return false;
            a = o.end;
            b = w.end;
        } else if (memmem(w.text, w.n, "NEW", 3) || (!has_old && (w.n == 0 || w.text[0] == '['))) {
            b = w.end;
        } else if (has_old && o.text[strspn(o.text, " ")] != '#') {
            size_t from = a;
            if (!cut && memchr(w.text, '}', w.n) && is_cut_out(old, &from, w)) {
                cut = true;
                b = w.end;
                a = from;
            } else {
                a = o.end;
            }
        } else {
            return false;
        }
    }
    return true;
}

static fh_err change(const struct fh_buf *old, int what, const char *table, const char *key,
                     struct fh_buf *out, struct fh_error *e)
{
    if (what == 0)
        return fh_manifest_edit_remove(old->data, old->len, table, key, out, e);
    if (what == 1)
        return fh_manifest_edit_rename(old->data, old->len, table, key, "NEW", out, e);
    return fh_manifest_edit_set(old->data, old->len, table, key, "'NEW'", out, e);
}

/* 0 removes the place, 1 renames it, 2 sets its value, 3 sets a new key below it */
static void expect(json_t *tree, const struct place *p, int what)
{
    json_t *parent = parent_of(tree, p);
    const char *last = p->parts[p->count - 1];
    if (what == 0)
        json_object_del(parent, last);
    else if (what == 1)
        fh_json_set(parent, "NEW", json_incref(json_object_get(parent, last)));
    if (what == 1)
        json_object_del(parent, last);
    if (what == 2)
        fh_json_set(parent, last, json_string("NEW"));
    if (what == 3)
        fh_json_set(json_object_get(parent, last), "NEW key", json_string("NEW"));
}

static void try_change(struct fh_arena *a, unsigned round, const struct fh_buf *old, const struct place *p,
                       int what)
{
    struct fh_buf new = FH_BUF_INIT(1 << 16);
    struct fh_error e = {.msg = ""};
    size_t above = what == 3 ? p->count : p->count - 1;
    const char *table = dotted(a, p, 0, above);
    const char *key = what == 3 ? "\"NEW key\"" : dotted(a, p, above, 1);
    fh_err rc = change(old, what, table, key, &new, &e);
    if (rc == FH_CONFLICT && what == 2 &&
        memmem(old->data, old->len, "\n[[", 3)) /* an array of tables as one value */
        return;
    if (rc != FH_OK)
        fail_msg("round %u, change %d of %s . %s: %s\n%s", round, what, table, key, e.msg, old->data);
    json_t *expected = tree_of(a, old), *got = tree_of(a, &new);
    expect(expected, p, what);
    drop_empty(expected);
    drop_empty(got);
    if (!json_equal(expected, got) || !lines_are_kept(old, &new))
        fail_msg("round %u, change %d of %s . %s:\n%s\n----\n%s", round, what, table, key, old->data,
                 new.data ? new.data : "");
    bool was_ended = old->data[old->len - 1] == '\n';
    if (new.len > 3 && was_ended &&new.data[new.len - 1] != '\n')
        fail_msg("round %u: the end of the file changed\n%s\n----\n%s", round, old->data, new.data);
    fh_buf_free(&new);
}

static int try_all_of(const struct fh_buf *text)
{
    struct fh_arena *a = fh_arena_new();
    struct place places[MAX_PATHS];
    size_t n = 0;
    list_places(a, tree_of(a, text), (struct place){.count = 0}, places, &n);
    for (size_t i = 0; i < n; i++)
        for (int what = 0; what < 4; what++)
            if (places[i].is_table ? what != 2 : what != 3)
                try_change(a, 0, text, &places[i], what);
    fh_arena_free(a);
    return (int)n;
}

static void any_change_keeps_every_other_byte_of_any_document(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        struct draft d = {.seed = round, .text = FH_BUF_INIT(1 << 16)};
        draft_document(&d);
        assert_true(try_all_of(&d.text) > 0);
        fh_buf_free(&d.text);
    }
}

static void any_change_keeps_every_other_byte_of_the_template(void **state)
{
    (void)state;
    for (enum fh_template kind = FH_TEMPLATE_DOCUMENTED; kind <= FH_TEMPLATE_BARE; kind++) {
        struct fh_buf text = FH_BUF_INIT(1 << 16);
        assert_int_equal(fh_manifest_template(kind, true, &text, NULL), FH_OK);
        assert_true(try_all_of(&text) > 0);
        fh_buf_free(&text);
    }
}

/* Manifests that people and the official client wrote. Skipped, saying so, where the recordings are absent.
 */
static void any_change_keeps_every_other_byte_of_recorded_manifests(void **state)
{
    (void)state;
    char tar[1024];
    struct fh_buf list, text;
    source_path(tar, "../shared/data/observed/dot-flox-folders.tar");
    if (access(tar, R_OK) != 0) {
        print_message("skipped: %s is not here\n", tar);
        skip();
    }
    int found = 0;
    assert_true(run_command(&list, (const char *const[]){"tar", "-tf", tar, NULL}));
    for (char *save, *name = strtok_r(list.data, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
        size_t n = strlen(name);
        if (n < 14 || strcmp(name + n - 14, "/manifest.toml") != 0)
            continue;
        assert_true(run_command(&text, (const char *const[]){"tar", "-xOf", tar, name, NULL}));
        assert_true(try_all_of(&text) > 0);
        fh_buf_free(&text);
        found++;
    }
    fh_buf_free(&list);
    assert_true(found > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_change_keeps_every_other_byte_of_any_document),
        cmocka_unit_test(any_change_keeps_every_other_byte_of_the_template),
        cmocka_unit_test(any_change_keeps_every_other_byte_of_recorded_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
