/* Paths, queries, routes and addresses: the pure parts of server/http. */
#include "server/http/address.h"
#include "server/http/body.h"
#include "server/http/router.h"
#include "server/http/target.h"

#include "common/ceilings.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct fh_arena *arena;

static int begin(void **state)
{
    (void)state;
    arena = fh_arena_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    fh_arena_free(arena);
    return 0;
}

static fh_err parse(const char *raw, const char *prefix, struct web_target *out)
{
    struct fh_error e = {0};
    return web_target_parse(arena, raw, prefix, out, &e);
}

static void a_path_is_decoded_once_and_collapsed(void **state)
{
    static const struct {
        const char *raw, *path;
    } cases[] = {
        {"/", "/"},
        {"//", "/"},
        {"", "/"},
        {"/a", "/a"},
        {"/a/", "/a/"},
        {"//a///b//", "/a/b/"},
        {"/%61%20b", "/a b"},
        {"/%2561", "/%61"},
        {"/a?b=c", "/a"},
        {"/a#b", "/a"},
        {"http://hub:8080/a/b", "/a/b"},
        {"HTTPS://hub", "/"},
        {"/...", "/..."},
        {"/a.b/..c", "/a.b/..c"},
        {"/%E2%9C%93", "/\xe2\x9c\x93"},
        {"/a+b", "/a+b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct web_target t;
        assert_int_equal(parse(cases[i].raw, "", &t), FH_OK);
        assert_string_equal(t.path, cases[i].path);
    }
}

static void a_path_that_could_mean_something_else_is_refused(void **state)
{
    static const struct {
        const char *raw;
        fh_err rc;
    } cases[] = {
        {"/..", FH_NOT_FOUND},         {"/a/../b", FH_NOT_FOUND},
        {"/%2e%2e/b", FH_NOT_FOUND},   {"/.%2E/b", FH_NOT_FOUND},
        {"/./b", FH_NOT_FOUND},        {"/a%2F./b", FH_NOT_FOUND},
        {"/a%2f..%2fb", FH_NOT_FOUND}, {"/a%5Cb", FH_INVALID},
        {"/a\\b", FH_INVALID},         {"/a%00b", FH_INVALID},
        {"/a%", FH_INVALID},           {"/a%4", FH_INVALID},
        {"/a%zz", FH_INVALID},         {"/a%0Ab", FH_INVALID},
        {"/\x01", FH_INVALID},         {"/%c0%ae%c0%ae/", FH_INVALID},
        {"/%e0%80%ae", FH_INVALID},    {"/%ed%a0%80", FH_INVALID},
        {"/%f5%80%80%80", FH_INVALID}, {"/\xff", FH_INVALID},
        {"a/b", FH_INVALID},           {"*", FH_INVALID},
        {"/a?b=%00", FH_INVALID},      {"/a?b=%f", FH_INVALID},
        {"/a?b=%ff", FH_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct web_target t;
        if (parse(cases[i].raw, "", &t) != cases[i].rc)
            fail_msg("%s", cases[i].raw);
        assert_non_null(t.shown);
    }
}

static void a_slash_that_was_sent_encoded_is_pointed_out(void **state)
{
    static const struct {
        const char *raw, *path;
        long at;
    } cases[] = {{"/a/b", "/a/b", -1},          {"/a%2Fb", "/a/b", 2}, {"/r//a%2fb/c%2Fd", "/r/a/b/c/d", 4},
                 {"/r/a%2F%2Fb", "/r/a//b", 4}, {"/r/%2F", "/r//", 3}, {"/a?b=%2F", "/a", -1},
                 {"/a%252Fb", "/a%2Fb", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct web_target t;
        assert_int_equal(parse(cases[i].raw, "", &t), FH_OK);
        assert_string_equal(t.path, cases[i].path);
        assert_int_equal(t.slash ? t.slash - t.path : -1, cases[i].at);
    }
    struct web_target t;
    assert_int_equal(parse("/hub/r/a%2Fb", "/hub", &t), FH_OK);
    assert_int_equal(t.slash - t.path, 4);
}

static void a_prefix_is_taken_off_and_nothing_is_outside_it(void **state)
{
    struct web_target t;
    (void)state;
    assert_int_equal(parse("/hub/a", "/hub", &t), FH_OK);
    assert_string_equal(t.path, "/a");
    assert_int_equal(parse("//hub//a", "/hub", &t), FH_OK);
    assert_string_equal(t.path, "/a");
    assert_int_equal(parse("/hub", "/hub", &t), FH_OK);
    assert_string_equal(t.path, "/");
    assert_int_equal(parse("/hubble/a", "/hub", &t), FH_NOT_FOUND);
    assert_int_equal(parse("/a", "/hub", &t), FH_NOT_FOUND);
}

static void a_query_is_decoded_in_order_and_bounded(void **state)
{
    struct web_target t;
    char many[1024] = "/a?";
    (void)state;
    assert_int_equal(parse("/a?x=1&y=a%26b+c&&z&=v", "", &t), FH_OK);
    assert_int_equal(t.nquery, 4);
    assert_string_equal(t.query[1].value, "a&b c");
    assert_string_equal(t.query[2].name, "z");
    assert_string_equal(t.query[2].value, "");
    for (int i = 0; i < FH_MAX_QUERY_PAIRS; i++)
        snprintf(many + strlen(many), 8, "%sa=1", i ? "&" : "");
    assert_int_equal(parse(many, "", &t), FH_OK);
    snprintf(many + strlen(many), 8, "&b");
    assert_int_equal(parse(many, "", &t), FH_TOO_LARGE);
}

static void a_url_that_is_too_long_is_refused(void **state)
{
    struct web_target t;
    char *raw = fh_alloc(arena, FH_MAX_TARGET + 2);
    (void)state;
    memset(raw, 'a', FH_MAX_TARGET + 1);
    raw[0] = '/';
    assert_int_equal(parse(raw, "", &t), FH_TOO_LARGE);
    raw[FH_MAX_TARGET] = '\0';
    assert_int_equal(parse(raw, "", &t), FH_OK);
}

static const struct web_route routes[] = {
    {.methods = WEB_GET, .pattern = "/", .name = "root"},
    {.methods = WEB_GET, .pattern = "/a/{x}/b", .name = "ab"},
    {.methods = WEB_POST, .pattern = "/a/{x}/b", .name = "ab.post"},
    {.methods = WEB_GET, .pattern = "/a/{x}/{y}", .name = "axy"},
    {.methods = WEB_GET, .pattern = "/r/{rest*}", .name = "rest"},
};

static void the_first_row_that_fits_is_taken(void **state)
{
    static const struct {
        unsigned method;
        const char *path, *name;
        unsigned allowed;
    } cases[] = {
        {WEB_GET, "/", "root", 0},
        {WEB_GET, "/a/1/b", "ab", 0},
        {WEB_POST, "/a/1/b", "ab.post", 0},
        {WEB_GET, "/a/1/c", "axy", 0},
        {WEB_GET, "/a//b", NULL, 0},
        {WEB_GET, "/a/1/b/", NULL, 0},
        {WEB_DELETE, "/a/1/b", NULL, WEB_GET | WEB_POST},
        {WEB_GET, "/r/x/y/z", "rest", 0},
        {WEB_GET, "/r/", "rest", 0},
        {WEB_GET, "/r", NULL, 0},
        {WEB_POST, "/r/x", NULL, WEB_GET},
        {WEB_GET, "/r/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18", "rest", 0},
        {WEB_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18", NULL, 0},
    };
    struct web_router *r;
    struct fh_error e;
    (void)state;
    assert_int_equal(web_router_new(routes, sizeof routes / sizeof *routes, &r, &e), FH_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct web_match m;
        web_router_find(r, arena, cases[i].method, cases[i].path, &m);
        if (!cases[i].name) {
            assert_null(m.route);
            assert_int_equal(m.allowed, cases[i].allowed);
        } else {
            assert_non_null(m.route);
            assert_string_equal(m.route->name, cases[i].name);
        }
    }
    struct web_match m;
    web_router_find(r, arena, WEB_GET, "/r/x//y", &m);
    assert_string_equal(m.params[0], "x//y");
    web_router_free(r);
}

static void a_row_that_begins_with_a_parameter_takes_no_path_of_the_hubs_own(void **state)
{
    static const struct web_route with_pages[] = {
        {.methods = WEB_GET, .pattern = "/{owner}/{name}", .name = "page"}, /* first, and yet last */
        {.methods = WEB_GET, .pattern = "/", .name = "root"},
        {.methods = WEB_POST, .pattern = "/api/v1/things", .name = "api"},
        {.methods = WEB_GET, .pattern = "/healthz", .name = "health"},
        {.methods = WEB_GET, .pattern = "/git/{owner}/floxmeta/info/refs", .name = "git"},
        {.methods = WEB_GET, .pattern = "/{owner}/{name}/settings", .name = "settings"},
    };
    static const struct {
        unsigned method;
        const char *path, *name;
    } cases[] = {
        {WEB_GET, "/alice/web", "page"},
        {WEB_GET, "/alice/web/settings", "settings"},
        {WEB_GET, "/", "root"},
        {WEB_GET, "/healthz", "health"},
        {WEB_GET, "/api/v1", NULL},
        {WEB_GET, "/git/alice", NULL},
        {WEB_GET, "/healthz/x", NULL},
        {WEB_GET, "/git/alice/settings", NULL},
        {WEB_GET, "/API/v1", NULL},
        {WEB_GET, "/Git/alice/settings", NULL},
        {WEB_GET, "/gitta/web", "page"},
        {WEB_GET, "/gi/web", "page"},
        {WEB_POST, "/api/v1/things", "api"},
        {WEB_GET, "/alice", NULL},
        {WEB_GET, "/alice/", NULL},
        {WEB_GET, "/alice/web/", NULL},
        {WEB_GET, "/git/alice/floxmeta/info/refs", "git"},
    };
    struct web_router *r;
    struct fh_error e;
    (void)state;
    assert_int_equal(web_router_new(with_pages, sizeof with_pages / sizeof *with_pages, &r, &e), FH_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct web_match m;
        web_router_find(r, arena, cases[i].method, cases[i].path, &m);
        if (cases[i].name ? !m.route || strcmp(m.route->name, cases[i].name) != 0 : m.route || m.allowed)
            fail_msg("%s is answered by %s", cases[i].path, m.route ? m.route->name : "nothing");
    }
    web_router_free(r);
}

static void networks_cover_their_addresses(void **state)
{
    struct web_networks n;
    struct web_address a;
    struct fh_error e;
    (void)state;
    assert_int_equal(web_networks_parse("10.0.0.0/8, 192.168.1.7 2001:db8::/33,::1", &n, &e), FH_OK);
    static const struct {
        const char *address;
        bool in;
    } cases[] = {{"10.255.1.2", true},
                 {"11.0.0.1", false},
                 {"192.168.1.7", true},
                 {"192.168.1.8", false},
                 {"::1", true},
                 {"::2", false},
                 {"2001:db8:1::", true},
                 {"2001:db8:8000::", false},
                 {"::ffff:10.0.0.1", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(web_address_parse(cases[i].address, &a));
        assert_int_equal(web_networks_have(&n, &a), cases[i].in);
    }
    assert_int_equal(web_networks_parse("10.0.0.0/33", &n, &e), FH_INVALID);
    assert_int_equal(web_networks_parse("proxy.example", &n, &e), FH_INVALID);
    assert_int_equal(web_networks_parse("10.0.0.1/", &n, &e), FH_INVALID);
    assert_int_equal(web_networks_parse(NULL, &n, &e), FH_OK);
    assert_int_equal(n.n, 0);
}

static void the_last_hop_that_no_trusted_proxy_is_counts(void **state)
{
    static const struct {
        const char *peer, *header, *client;
    } cases[] = {
        {"203.0.113.9", "1.2.3.4", "203.0.113.9"},
        {"10.0.0.1", NULL, "10.0.0.1"},
        {"10.0.0.1", "1.2.3.4", "1.2.3.4"},
        {"10.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4"},
        {"10.0.0.1", "9.9.9.9, 1.2.3.4 , 10.0.0.2", "1.2.3.4"},
        {"10.0.0.1", "9.9.9.9, rubbish, 10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", ",", "10.0.0.1"},
        {"10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"},
        {"10.0.0.1", "1.2.3.4:5678", "1.2.3.4"},
        {"10.0.0.1", "[2001:db8::1]:99", "2001:db8::1"},
    };
    struct web_networks n;
    struct fh_error e;
    (void)state;
    assert_int_equal(web_networks_parse("10.0.0.0/8", &n, &e), FH_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct web_address peer, client;
        char text[WEB_ADDRESS_TEXT];
        assert_true(web_address_parse(cases[i].peer, &peer));
        web_forwarded_client(&n, &peer, cases[i].header, &client);
        web_address_format(&client, text);
        assert_string_equal(text, cases[i].client);
    }
}

static void a_body_is_refused_where_its_folder_is_gone(void **state)
{
    struct web_intake in;
    struct fh_error e = {0};
    char bytes[4096] = {0};
    (void)state;
    web_body_begin(&in, 1 << 20, false, "/nowhere/at/all");
    while (web_body_add(&in, bytes, sizeof bytes) == sizeof bytes)
        ;
    assert_int_equal(web_body_flush(&in, &e), FH_OK); /* fits in memory */
    assert_int_equal(web_body_add(&in, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(web_body_flush(&in, &e), FH_UNAVAILABLE);
    web_body_end(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_decoded_once_and_collapsed),
        cmocka_unit_test(a_path_that_could_mean_something_else_is_refused),
        cmocka_unit_test(a_slash_that_was_sent_encoded_is_pointed_out),
        cmocka_unit_test(a_prefix_is_taken_off_and_nothing_is_outside_it),
        cmocka_unit_test(a_query_is_decoded_in_order_and_bounded),
        cmocka_unit_test(a_url_that_is_too_long_is_refused),
        cmocka_unit_test(the_first_row_that_fits_is_taken),
        cmocka_unit_test(a_row_that_begins_with_a_parameter_takes_no_path_of_the_hubs_own),
        cmocka_unit_test(networks_cover_their_addresses),
        cmocka_unit_test(the_last_hop_that_no_trusted_proxy_is_counts),
        cmocka_unit_test(a_body_is_refused_where_its_folder_is_gone),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
