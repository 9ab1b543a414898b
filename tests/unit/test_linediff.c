/* The difference of two texts: git applies it and gets the other text; bounds; the form. */
#include "gitbox.h"

#include "common/linediff.h"

static int set_up(void **state)
{
    (void)state;
    box_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    box_close();
    return 0;
}

static void add(struct fh_buf *b, const char *text)
{
    assert_ok(fh_buf_add_str(b, text, &e));
}

static struct fh_buf diff_of(const struct fh_buf *from, const struct fh_buf *to, bool *complete)
{
    struct fh_buf out = FH_BUF_INIT((size_t)1 << 20);
    assert_ok(fh_linediff(from->data ? from->data : "", from->len, to->data ? to->data : "", to->len, &out,
                          complete, &e));
    return out;
}

static void assert_diff(const char *from, const char *to, const char *expected)
{
    struct fh_buf a = FH_BUF_INIT(1 << 10), b = a;
    bool complete;
    add(&a, from);
    add(&b, to);
    struct fh_buf out = diff_of(&a, &b, &complete);
    assert_true(complete);
    assert_string_equal(out.data ? out.data : "", expected);
    fh_buf_free(&a);
    fh_buf_free(&b);
    fh_buf_free(&out);
}

static void it_reads_as_people_know_it(void **state)
{
    (void)state;
    assert_diff("", "", "");
    assert_diff("a\n", "a\n", "");
    assert_diff("", "a\n", "@@ -0,0 +1,1 @@\n+a\n");
    assert_diff("a\n", "", "@@ -1,1 +0,0 @@\n-a\n");
    assert_diff("a\nb\nc\n", "a\nx\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
    assert_diff("a", "a\n", "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
    assert_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
                "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
}

/* Lines of a small alphabet, so that many are the same; the last one may lack its end. */
static struct fh_buf random_text(uint64_t *seed)
{
    struct fh_buf b = FH_BUF_INIT(1 << 16);
    size_t n = box_next(seed) % 60;
    for (size_t i = 0; i < n; i++) {
        const char line[3] = {(char)('a' + box_next(seed) % 5), '\n', '\0'};
        add(&b, line);
    }
    if (box_next(seed) % 4 == 0)
        add(&b, "last");
    if (!b.data)
        add(&b, "");
    return b;
}

static struct fh_buf changed(const struct fh_buf *from, uint64_t *seed)
{
    struct fh_buf b = FH_BUF_INIT(1 << 16);
    uint64_t keep = 2 + box_next(seed) % 20;
    for (const char *p = from->data; p < from->data + from->len;) {
        const char *end = strchr(p, '\n');
        size_t n = end ? (size_t)(end + 1 - p) : strlen(p);
        uint64_t what = box_next(seed) % keep;
        if (what == 0)
            add(&b, "new\n");
        if (what != 1)
            assert_ok(fh_buf_add(&b, p, n, &e));
        p += n;
    }
    if (!b.data)
        add(&b, "");
    return b;
}

static void git_applies_it_and_gets_the_other_text(void **state)
{
    (void)state;
    uint64_t seed = 5;
    enum { ROUNDS = 150 };
    for (int i = 0; i < ROUNDS; i++) {
        bool complete;
        struct fh_buf from = random_text(&seed);
        struct fh_buf to = i % 3 ? changed(&from, &seed) : random_text(&seed);
        struct fh_buf diff = diff_of(&from, &to, &complete), patch = FH_BUF_INIT(1 << 20);
        assert_true(complete);
        bool equal = from.len == to.len && memcmp(from.data, to.data, to.len) == 0;
        assert_int_equal(diff.len == 0, equal);
        if (!equal && from.len && to.len) { /* git wants other headers for files that come and go */
            add(&patch, "--- a/text\n+++ b/text\n");
            assert_ok(fh_buf_add(&patch, diff.data, diff.len, &e));
            box_save("text", &from);
            box_save("patch", &patch);
            box_save("wanted", &to);
            box_run("git apply --whitespace=nowarn patch && cmp text wanted");
        }
        fh_buf_free(&from);
        fh_buf_free(&to);
        fh_buf_free(&diff);
        fh_buf_free(&patch);
    }
}

static void what_would_take_too_long_is_not_begun(void **state)
{
    (void)state;
    struct fh_buf few = FH_BUF_INIT((size_t)1 << 20), many = few, other = few;
    bool complete;
    for (int i = 0; i < 900; i++)
        assert_ok(fh_buf_addf(&few, &e, "a%d\n", i));
    for (int i = 0; i < 900; i++)
        assert_ok(fh_buf_addf(&other, &e, "b%d\n", i));
    for (int i = 0; i < 20001; i++)
        add(&many, "x\n");
    struct fh_buf out = diff_of(&few, &other, &complete);
    assert_false(complete);
    assert_int_equal(out.len, 0);
    fh_buf_free(&out);
    out = diff_of(&few, &many, &complete);
    assert_false(complete);
    fh_buf_free(&out);
    out = FH_BUF_INIT(10);
    assert_ok(fh_linediff("a\n", 2, "b\n", 2, &out, &complete, &e));
    assert_false(complete);
    assert_int_equal(out.len, 0);
    fh_buf_free(&out);
    fh_buf_free(&few);
    fh_buf_free(&many);
    fh_buf_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_as_people_know_it),
        cmocka_unit_test(git_applies_it_and_gets_the_other_text),
        cmocka_unit_test(what_would_take_too_long_is_not_begun),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
