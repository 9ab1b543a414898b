/* The pages as pure functions: what is escaped, what is bounded, what broken documents look like. */
#include "arenabox.h"
#include "server/ui/ui_env.h"
#include "tests/unit/ui_check.h"

#include "common/ceilings.h"
#include "common/mem.h"

static const struct ui_site site = {"https://hub.example.org/floxhub", "/floxhub"};
static const char hostile[] = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&`\033[31m\xc2\x9b{}";

static const char *done(struct ui_html *h)
{
    const char *text;
    size_t n;
    struct fh_error e = {0};
    assert_int_equal(ui_html_end(h, &text, &n, &e), FH_OK);
    return text;
}

static const char *filled(const char *text)
{
    struct ui_html h;
    ui_html_begin(&h, arena);
    UI_HTML(&h, "<b a=\"{}\">{}</b>", "x", text);
    const char *all = done(&h);
    const char *from = all + strlen("<b a=\"x\">");
    return fh_strndup(arena, from, strlen(from) - strlen("</b>"));
}

static void every_text_in_a_hole_is_escaped(void **state)
{
    static const struct {
        const char *text, *html;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {"<b>", "&lt;b&gt;"},
        {"a & b", "a &amp; b"},
        {"\"'`", "&quot;&#39;&#96;"},
        {"&lt;", "&amp;lt;"},
        {"{}", "{}"}, /* a text is no template */
        {"line\nnext\tcolumn", "line\nnext\tcolumn"},
        {"Windows\r\n", "Windows\n"},
        {"a\rb", "a\xef\xbf\xbd"
                 "b"},
        {"\033[31m", "\xef\xbf\xbd[31m"},
        {"\x7f", "\xef\xbf\xbd"},
        {"\xc2\x9b", "\xef\xbf\xbd"},     /* C1 */
        {"\xe2\x80\xae", "\xef\xbf\xbd"}, /* right-to-left override */
        {"\xe2\x81\xa6", "\xef\xbf\xbd"}, /* isolate */
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xf0\x9f\xa7\x8a", "\xf0\x9f\xa7\x8a"}, /* an ice cube */
        {"\xff<", "\xef\xbf\xbd&lt;"},
        {"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"}, /* "<" in too many bytes */
        {"\xe0\x80\xbc", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xe2\x80", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* cut off */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(filled(cases[i].text), cases[i].html);
}

static void a_template_with_another_number_of_texts_is_an_error_and_no_page(void **state)
{
    struct ui_html h;
    const char *text;
    size_t n;
    struct fh_error e = {0};
    (void)state;
    ui_html_begin(&h, arena);
    UI_HTML(&h, "<p>{}</p>", "a", "b");
    UI_HTML(&h, "<p>more</p>");
    assert_int_equal(ui_html_end(&h, &text, &n, &e), FH_INTERNAL);
    ui_html_begin(&h, arena);
    UI_HTML(&h, "<p>{} {}</p>", "a");
    assert_int_equal(ui_html_end(&h, &text, &n, &e), FH_INTERNAL);
}

static void a_page_over_its_ceiling_is_an_error(void **state)
{
    struct ui_html h;
    const char *text;
    size_t n;
    struct fh_error e = {0};
    char *much = fh_xcalloc(1, UI_MAX_PAGE);
    (void)state;
    memset(much, '<', UI_MAX_PAGE);
    ui_html_begin(&h, arena);
    ui_html_text(&h, much, UI_MAX_PAGE);
    assert_int_equal(ui_html_end(&h, &text, &n, &e), FH_TOO_LARGE);
    free(much);
}

static struct ui_env plain_env(void)
{
    return (struct ui_env){
        .owner = "alice",
        .name = "web",
        .visibility = "public",
        .tip = "0123456789012345678901234567890123456789",
        .created_at = 1760000000,
        .updated_at = 1760000001,
        .history_note = "no history",
        .manifest_note = "no manifest",
        .lock_note = "no lock",
    };
}

static const char *page_of(const struct ui_env *env)
{
    struct ui_html h;
    ui_html_begin(&h, arena);
    ui_env_write(&h, &site, env);
    const char *text = done(&h);
    const char *wrong = ui_check(text, strlen(text));
    if (wrong)
        fail_msg("%s in:\n%s", wrong, text);
    return text;
}

static void set_history(struct ui_env *env, const char *text)
{
    const struct fh_metadata *m;
    struct fh_error e = {0};
    if (fh_metadata_parse(arena, text, strlen(text), &m, &e) != FH_OK)
        fail_msg("%s", e.msg);
    env->history_note = NULL;
    ui_env_set_history(arena, env, m);
}

#define IMPORT(author, at, now, before)                                                                      \
    "{\"kind\":\"import\",\"author\":\"" author                                                              \
    "\",\"hostname\":\"h\",\"command\":[\"flox\"],\"timestamp\":" at ",\"current_generation\":\"" now        \
    "\",\"previous_generation\":" before "}"

#define PACKAGE(id, system)                                                                                  \
    "{\"attr_path\":\"" id "\",\"broken\":null,\"derivation\":\"/nix/store/a.drv\",\"install_id\":\"" id     \
    "\",\"license\":\"MIT\",\"locked_url\":\"u\",\"name\":\"n\",\"pname\":\"p\",\"rev\":\"r\",\"rev_"        \
    "count\":1,"                                                                                             \
    "\"rev_date\":\"t\",\"scrape_date\":\"t\",\"stabilities\":[\"s\"],\"unfree\":false,\"version\":\"1.2\"," \
    "\"outputs_to_install\":[\"out\"],\"outputs\":{\"out\":\"/nix/store/b\"},\"system\":\"" system           \
    "\",\"group\":\"toplevel\",\"priority\":5}"

#define LOCK(packages)                                                                                       \
    "{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\",\"hook\":{},\"profile\":{},"        \
    "\"options\":{}},"                                                                                       \
    "\"packages\":[" packages "]}"

static void a_hostile_environment_adds_nothing_to_the_page(void **state)
{
    struct ui_env env = plain_env();
    struct ui_html h;
    (void)state;
    env.owner = env.name = env.visibility = env.tip = hostile;
    env.history_note = env.lock_note = env.manifest_note = hostile;
    assert_null(strstr(page_of(&env), "<script"));
    env.manifest = hostile;
    env.manifest_size = sizeof hostile - 1;
    env.manifest_note = env.lock_note = NULL;
    set_history(&env, "{\"version\":2,\"total_generations\":1,\"history\":[" IMPORT(
                          "<script>alert(1)</script>\\u001b[31m", "1760000000", "1", "null") "]}");
    const char lock[] = LOCK(PACKAGE("<img onerror=x>", "<svg onload=x>"));
    ui_env_set_lock(arena, &env, lock, sizeof lock - 1);
    assert_null(env.lock_note);
    assert_int_equal(env.nsystems, 1);
    const char *page = page_of(&env);
    assert_non_null(strstr(page, "&lt;svg onload=x&gt;"));
    assert_non_null(strstr(page, "&lt;img onerror=x&gt;"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;\xef\xbf\xbd[31m"));
    ui_html_begin(&h, arena);
    ui_settings_write(&h, &site, &env);
    page = done(&h);
    assert_null(ui_check(page, strlen(page)));
    ui_html_begin(&h, arena);
    ui_refusal_write(&h, &site, 404, hostile, hostile);
    page = done(&h);
    assert_null(ui_check(page, strlen(page)));
}

static void the_root_and_refusals_are_whole_pages(void **state)
{
    static const int statuses[] = {401, 403, 404, 500, 503};
    struct ui_html h;
    (void)state;
    ui_html_begin(&h, arena);
    ui_home_write(&h, &site);
    const char *page = done(&h);
    assert_null(ui_check(page, strlen(page)));
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        ui_html_begin(&h, arena);
        ui_refusal_write(&h, &site, statuses[i], "Title", "A sentence.");
        page = done(&h);
        assert_null(ui_check(page, strlen(page)));
        bool how = strstr(page, "floe auth login") != NULL;
        assert_int_equal(how, statuses[i] == 401 || statuses[i] == 404);
    }
}

static void a_whole_page_names_what_there_is_and_how_to_use_it(void **state)
{
    struct ui_env env = plain_env();
    static const char manifest[] = "schema-version = \"1.15.0\"\n[vars]\nA = \"1 < 2\"\n";
    (void)state;
    set_history(&env,
                "{\"version\":2,\"total_generations\":2,\"history\":[" IMPORT(
                    "alice", "1760000000", "1", "null") "," IMPORT("bob", "1760000100", "2", "\"1\"") "]}");
    env.manifest = manifest;
    env.manifest_size = sizeof manifest - 1;
    const char lock[] = LOCK(
        PACKAGE("jq", "aarch64-linux") "," PACKAGE("jq", "x86_64-linux") "," PACKAGE("curl", "x86_64-linux"));
    env.lock_note = NULL;
    ui_env_set_lock(arena, &env, lock, sizeof lock - 1);
    assert_int_equal(env.nsystems, 2);
    assert_string_equal(env.systems[0].name, "x86_64-linux");
    assert_string_equal(env.systems[0].packages[0]->install_id, "curl");
    const char *page = page_of(&env);
    static const char *const must[] = {"Generation 2 is live",
                                       "flox activate -r alice/web",
                                       "flox pull alice/web",
                                       "A = &quot;1 &lt; 2&quot;",
                                       "flox config --set floxhub_url https://hub.example.org/floxhub",
                                       "<td>bob</td>",
                                       "href=\"/floxhub/alice/web/settings\"",
                                       "2025-10-09 08:53 UTC",
                                       "/floxhub/api/v1/environments/alice/web/generations/2/manifest",
                                       "<td>1.2</td>"};
    for (size_t i = 0; i < sizeof must / sizeof *must; i++)
        if (!strstr(page, must[i]))
            fail_msg("%s is not in:\n%s", must[i], page);
}

static void broken_documents_are_notes_on_a_page_that_stands(void **state)
{
    static const char *const locks[] = {"", "{", "[]", "{\"lockfile-version\":99}", "\xff"};
    (void)state;
    for (size_t i = 0; i < sizeof locks / sizeof *locks; i++) {
        struct ui_env env = plain_env();
        ui_env_set_lock(arena, &env, locks[i], strlen(locks[i]));
        assert_non_null(env.lock_note);
        assert_non_null(strstr(page_of(&env), "The lock cannot be read: "));
    }
    struct ui_env env = plain_env();
    ui_env_set_lock(arena, &env, NULL, 0);
    assert_non_null(strstr(page_of(&env), "was not locked"));
    env = plain_env();
    char *large = fh_xcalloc(1, UI_READ_LOCK + 1);
    ui_env_set_lock(arena, &env, large, UI_READ_LOCK + 1);
    free(large);
    assert_non_null(strstr(page_of(&env), "too large"));
}

static void long_lists_are_cut_with_a_word_about_the_rest(void **state)
{
    struct ui_env env = plain_env();
    struct fh_buf b = FH_BUF_INIT(4 << 20);
    struct fh_error e;
    size_t n = 2 * UI_SHOWN_MANIFEST;
    char *manifest = fh_alloc(arena, n + 1);
    (void)state;
    assert_int_equal(fh_buf_add_str(&b, "{\"version\":2,\"total_generations\":40,\"history\":[", &e), FH_OK);
    for (int i = 1; i <= 40; i++)
        assert_int_equal(
            fh_buf_addf(&b, &e,
                        "%s{\"kind\":\"import\",\"author\":\"a\",\"hostname\":\"h\",\"command\":null,"
                        "\"timestamp\":%d,\"current_generation\":\"%d\",\"previous_generation\":%s}",
                        i > 1 ? "," : "", 1760000000 + i, i,
                        i > 1 ? fh_sprintf(arena, "\"%d\"", i - 1) : "null"),
            FH_OK);
    assert_int_equal(fh_buf_add_str(&b, "]}", &e), FH_OK);
    set_history(&env, b.data);
    fh_buf_clear(&b);
    for (int i = 0; i < UI_SHOWN_PACKAGES + 3; i++)
        assert_int_equal(fh_buf_addf(&b, &e, "%s" PACKAGE("p%d", "x86_64-linux"), i ? "," : "", i, i), FH_OK);
    const char *lock = fh_sprintf(arena, LOCK("%s"), b.data);
    env.lock_note = NULL;
    ui_env_set_lock(arena, &env, lock, strlen(lock));
    for (size_t i = 0; i < n; i++)
        manifest[i] = i % 100 == 99 ? '\n' : '#';
    env.manifest = manifest;
    env.manifest_size = n;
    const char *page = page_of(&env);
    assert_non_null(strstr(page, "25 more generations are not shown."));
    assert_non_null(strstr(page, "3 more packages are not shown."));
    assert_non_null(strstr(page, "65572 more bytes are not shown.")); /* cut behind a line */
    fh_buf_free(&b);
}

static void a_long_name_is_cut_between_characters(void **state)
{
    struct ui_html h;
    char name[3 * UI_SHORT + 1] = "x";
    (void)state;
    ui_html_begin(&h, arena);
    assert_string_equal(ui_short(&h, "short"), "short");
    assert_null(ui_short(&h, NULL));
    for (int i = 0; i < UI_SHORT - 1; i++)
        memcpy(name + 1 + 2 * i, "\xc3\xbc", 3);
    const char *cut = ui_short(&h, name);
    assert_int_equal(strlen(cut), UI_SHORT - 1 + strlen("…")); /* the last u-umlaut did not fit */
    memset(name, 0x80, sizeof name - 1);
    assert_string_equal(ui_short(&h, name), "…");
    (void)done(&h);
}

static void packages_of_more_systems_than_are_shown_are_counted(void **state)
{
    struct ui_env env = plain_env();
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    struct fh_error e;
    (void)state;
    for (int i = 0; i < UI_SHOWN_SYSTEMS + 5; i++)
        assert_int_equal(fh_buf_addf(&b, &e, "%s" PACKAGE("p", "system-%d"), i ? "," : "", i), FH_OK);
    const char *lock = fh_sprintf(arena, LOCK("%s"), b.data);
    env.lock_note = NULL;
    ui_env_set_lock(arena, &env, lock, strlen(lock));
    assert_int_equal(env.nsystems, UI_SHOWN_SYSTEMS);
    assert_non_null(strstr(page_of(&env), "5 more packages of other systems are not shown."));
    fh_buf_free(&b);
}

static void addresses_hold_no_byte_that_could_end_them(void **state)
{
    struct ui_html h;
    (void)state;
    ui_html_begin(&h, arena);
    assert_string_equal(ui_env_path(&h, &site, "a", "b.c_d-e", "/settings"), "/floxhub/a/b.c_d-e/settings");
    assert_string_equal(ui_env_path(&h, &site, "javascript:x", "../\"<?#", ""),
                        "/floxhub/javascript%3Ax/..%2F%22%3C%3F%23");
    assert_string_equal(ui_env_path(&h, &site, "", "x", ""), "/floxhub/_/x"); /* "//x" would be a host */
    (void)done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_in_a_hole_is_escaped),
        cmocka_unit_test(a_template_with_another_number_of_texts_is_an_error_and_no_page),
        cmocka_unit_test(a_page_over_its_ceiling_is_an_error),
        cmocka_unit_test(a_hostile_environment_adds_nothing_to_the_page),
        cmocka_unit_test(the_root_and_refusals_are_whole_pages),
        cmocka_unit_test(a_whole_page_names_what_there_is_and_how_to_use_it),
        cmocka_unit_test(broken_documents_are_notes_on_a_page_that_stands),
        cmocka_unit_test(long_lists_are_cut_with_a_word_about_the_rest),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(packages_of_more_systems_than_are_shown_are_counted),
        cmocka_unit_test(addresses_hold_no_byte_that_could_end_them),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
