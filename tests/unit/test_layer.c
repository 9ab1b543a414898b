/* Layers: what leads back from an activation; and quoting that needs no shell to be seen. */
#include "arenabox.h"
#include "client/activate_layer.h"
#include "client/shell_quote.h"

/* Entries separated by '|'. */
static struct envset of(const char *entries)
{
    struct envset s;
    char *text = fh_strdup(arena, entries);
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (text[i] == '|')
            text[i] = '\0';
    envset_init_zero_separated(&s, arena, text, n);
    return s;
}

static struct layer between(struct envset *before, struct envset *after)
{
    struct layer l = {.flox_env = "/p q/.flox/run/x",
                      .scripts = "/s",
                      .dot_flox = "/p q/.flox",
                      .pid = 42,
                      .has_hook = true};
    layer_compare(&l, before, after);
    return l;
}

static const struct layer_change *change(const struct layer *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->changes[i].name, name) == 0)
            return &l->changes[i];
    return NULL;
}

static void a_layer_reads_as_it_was_written(void **state)
{
    (void)state;
    struct envset before = of("PATH=/usr/bin:/bin|A=1\n,:%|GONE=x|SHLVL=1|SAME=s");
    struct envset after = of("PATH=/e/bin:/usr/bin:/bin|A=1\n,:%+|NEW=|SHLVL=2|SAME=s");
    struct layer l = between(&before, &after), got;
    assert_int_equal(l.n, 4);
    const char *text = fh_sprintf(arena, "%s:%s", layer_encode(arena, &l), "1,rest"), *rest;
    assert_int_equal(
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@+%,:=<>"),
        strlen(text));
    assert_int_equal(layer_decode(arena, text, &got, &rest, NULL), FH_OK);
    assert_string_equal(rest, "1,rest");
    assert_string_equal(got.flox_env, l.flox_env);
    assert_string_equal(got.dot_flox, l.dot_flox);
    assert_int_equal(got.pid, 42);
    assert_true(got.has_hook);
    assert_int_equal(got.n, l.n);
    assert_string_equal(change(&got, "PATH")->before, "/usr/bin:/bin");
    assert_string_equal(change(&got, "PATH")->after, "/e/bin:/usr/bin:/bin");
    assert_string_equal(change(&got, "A")->after, "1\n,:%+");
    assert_null(change(&got, "GONE")->after);
    assert_null(change(&got, "NEW")->before);
    assert_string_equal(change(&got, "NEW")->after, "");
}

static void a_second_entry_still_leads_to_where_the_first_did(void **state)
{
    (void)state;
    struct envset first = of("A=1"), second = of("A=2|B=1");
    struct envset third = of("A=3|C=1");
    struct layer l = between(&first, &second);
    layer_extend(&l, &second, &third);
    assert_string_equal(change(&l, "A")->before, "1");
    assert_string_equal(change(&l, "A")->after, "3");
    assert_null(change(&l, "B")->before);
    assert_null(change(&l, "B")->after);
    assert_null(change(&l, "C")->before);
}

static void restores(const char *name, const char *before, const char *after, const char *current,
                     const char *wanted)
{
    const struct layer_change c = {name, before, after};
    const char *got = layer_restored(arena, &c, current);
    if (wanted == NULL)
        assert_null(got);
    else
        assert_string_equal(got, wanted);
}

static void what_nobody_changed_becomes_what_it_was_and_other_changes_stay(void **state)
{
    (void)state;
    restores("A", "1", "2", "2", "1");
    restores("A", NULL, "2", "2", NULL);
    restores("A", "1", NULL, NULL, "1");
    restores("A", "1", "2", "3", "3");
    restores("A", "1", "2", NULL, NULL);
    restores("A", "1", NULL, "3", "3");
    restores("FLOX_ENV", "/outer", "/inner", "/odd", "/outer");
    restores("PATH", "/a:/b", "/e:/a:/b", "/mine:/e:/a:/b:/last", "/mine:/a:/b:/last");
    restores("PATH", "/a::/b", "/e:/a::/b", "/x:/e:/a::/b", "/x:/a::/b");
    restores("MANPATH", NULL, "/e/man:", "/e/man", NULL);
    restores("MANPATH", NULL, "/e/man:", "/x:/e/man:", "/x:");
}

static void text_that_is_not_ours_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"x",
                                        "2,a,b,c,0,0",
                                        "1,a,b,c,0",
                                        "1,a,b,c,x,0",
                                        "1,a,b,c,0,0,N,=1",
                                        "1,a,b,c,0,0,N,-,<x",
                                        "1,a,b,c,0,0,,=1,=2",
                                        "1,a,b,c,0,0,N,%zz,=2",
                                        "1,a,b,c,0,0,N,=%0,=2",
                                        "1,%00,b,c,0,0",
                                        "1,a,b,c,0,0,A%3DB,-,-",
                                        ",",
                                        "1,a,b,c,0,0,N,1,2"};
    struct layer l;
    const char *rest;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(layer_decode(arena, wrong[i], &l, &rest, NULL), FH_INVALID);
    assert_int_equal(layer_decode(arena, "", &l, &rest, NULL), FH_NOT_FOUND);
    assert_int_equal(layer_decode(arena, NULL, &l, &rest, NULL), FH_NOT_FOUND);
}

static void each_shell_has_its_own_way_to_quote(void **state)
{
    (void)state;
    assert_string_equal(shell_quote(arena, "a=b"), "'a=b'");
    assert_string_equal(shell_quote(arena, "a\nb'"), "$'a\\012b\\''");
    assert_string_equal(shell_quote_fish(arena, ""), "''");
    assert_string_equal(shell_quote_fish(arena, "a\n'\\ "), "'a'\\x0a\\'\\\\' '");
    assert_string_equal(shell_quote_tcsh(arena, "a!'\\ $x"), "'a'\\!\\'\\\\' $x'");
    assert_string_equal(shell_quote_tcsh(arena, "a\nb"), "'a\\\nb'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_layer_reads_as_it_was_written),
        CASE(a_second_entry_still_leads_to_where_the_first_did),
        CASE(what_nobody_changed_becomes_what_it_was_and_other_changes_stay),
        CASE(text_that_is_not_ours_is_refused),
        CASE(each_shell_has_its_own_way_to_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
