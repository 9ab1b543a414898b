/* The HTTP server as its clients see it: routes, bodies, answers, life. */
#include "common/clock.h"
#include "tests/unit/web_probe.h"

static void has(const char *text)
{
    if (!strcasestr(out, text))
        fail_msg("\"%s\" is not in:\n%s", text, out);
}

static void has_not(const char *text)
{
    if (strcasestr(out, text))
        fail_msg("\"%s\" is in:\n%s", text, out);
}

#define GET(path)    "GET " path " HTTP/1.1\r\nHost: hub\r\n\r\n"
#define ASK(request) probe_ask(&probe, (request), out, sizeof out)

static void a_route_is_answered_inline_on_a_worker_and_after_trying(void **state)
{
    (void)state;
    assert_int_equal(ASK(GET("/hello")), 200);
    has("\r\n\r\nhello\n");
    has("X-Request-Id: ");
    has("Date: ");
    has_not("Connection: close");
    assert_int_equal(ASK(GET("/worker")), 200);
    has("\r\n\r\nhello\n");
    assert_int_equal(ASK(GET("/try")), 200);
    has("\r\n\r\nhello\n");
}

static void an_unknown_path_is_404_with_a_string_detail(void **state)
{
    (void)state;
    assert_int_equal(ASK(GET("/nothing/here")), 404);
    has("Content-Type: application/json");
    has("{\"detail\":\"There is nothing at this path.\"");
    has("\"status\":404");
}

static void a_wrong_method_is_405_and_names_the_right_ones(void **state)
{
    (void)state;
    assert_int_equal(ASK("DELETE /hello HTTP/1.1\r\nHost: hub\r\n\r\n"), 405);
    has("Allow: GET, HEAD\r\n");
    assert_int_equal(ASK("GET /small HTTP/1.1\r\nHost: hub\r\n\r\n"), 405);
    has("Allow: POST, PUT\r\n");
    assert_int_equal(ASK("OPTIONS /hello HTTP/1.1\r\nHost: hub\r\n\r\n"), 405);
}

static void head_gets_the_same_headers_and_no_body(void **state)
{
    (void)state;
    int fd = probe_connect(&probe);
    probe_text(fd, "HEAD /hello HTTP/1.1\r\nHost: hub\r\n\r\nHEAD /nothing HTTP/1.1\r\nHost: hub\r\n\r\n");
    char head[2048];
    ssize_t n = 0, got;
    while (n < (ssize_t)sizeof head - 1 && (got = recv(fd, head + n, 1, 0)) == 1) {
        n += got;
        head[n] = '\0';
        if (strstr(head, "\r\n\r\n") && strstr(strstr(head, "\r\n\r\n") + 4, "\r\n\r\n"))
            break;
    }
    assert_non_null(strstr(head, "Content-Length: 6\r\n"));
    assert_non_null(strstr(head, "\r\n\r\nHTTP/1.1 404 "));
    assert_null(strstr(head, "hello"));
    assert_null(strstr(head, "detail"));
    close(fd);
}

static void errors_of_handlers_become_statuses(void **state)
{
    static const struct {
        const char *kind;
        int status;
    } cases[] = {{"not_found", 404}, {"conflict", 409},  {"unauthenticated", 401}, {"denied", 403},
                 {"invalid", 400},   {"too_large", 413}, {"unavailable", 503},     {"internal", 500}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[200];
        snprintf(request, sizeof request, "GET /fail/%s HTTP/1.1\r\nHost: hub\r\n\r\n", cases[i].kind);
        assert_int_equal(ASK(request), cases[i].status);
        has("\"detail\":\"");
        if (cases[i].status == 500)
            has_not("went wrong"); /* internals stay in the log */
        else
            has("It went wrong: ");
        if (cases[i].status == 503)
            has("Retry-After: 1");
    }
}

static void git_errors_are_text_that_git_shows(void **state)
{
    (void)state;
    assert_int_equal(ASK(GET("/gitfail/denied")), 403);
    has("Content-Type: text/plain");
    has("\r\n\r\nDENIED: It went wrong: denied.\n");
    has("Cache-Control: no-cache");
    assert_int_equal(ASK(GET("/gitfail/unauthenticated")), 401);
    has("WWW-Authenticate: Basic realm=\"FloxHub\"\r\n");
}

static void json_asks_for_basic_only_where_basic_was_sent(void **state)
{
    (void)state;
    assert_int_equal(ASK(GET("/fail/unauthenticated")), 401);
    has("WWW-Authenticate: Bearer");
    assert_int_equal(
        ASK("GET /fail/unauthenticated HTTP/1.1\r\nHost: hub\r\nAuthorization: Basic eDp5\r\n\r\n"), 401);
    has("WWW-Authenticate: Basic");
}

static void paths_are_decoded_once_and_doubled_slashes_collapse(void **state)
{
    (void)state;
    assert_int_equal(ASK(GET("//mirror//a%2Dl%2549ce/end?q=x%20y+z%26&r=1")), 200);
    has("\"path\":\"/mirror/a-l%49ce/end\"");
    has("\"param\":\"a-l%49ce\"");
    has("\"q\":\"x y z&\"");
    assert_int_equal(ASK(GET("/rest/a/b//c/")), 200);
    has("\"param\":\"a/b/c/\"");
    assert_int_equal(ASK("GET http://hub.example/hello HTTP/1.1\r\nHost: hub\r\n\r\n"), 200);
}

static void a_small_body_is_kept_in_memory(void **state)
{
    (void)state;
    assert_int_equal(ASK("POST /small HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\n\r\nabcde"), 200);
    has("\"size\":5");
    has("\"sum\":495");
    has("\"spooled\":false");
    assert_int_equal(ASK("PUT /small HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\n\r\n"), 200);
    has("\"size\":0");
}

static void send_chunks(int fd, size_t chunk, size_t count)
{
    char head[32], *bytes = fh_xmalloc(chunk);
    memset(bytes, 1, chunk);
    for (size_t i = 0; i < count; i++) {
        snprintf(head, sizeof head, "%zx\r\n", chunk);
        probe_text(fd, head);
        probe_send(fd, bytes, chunk);
        probe_text(fd, "\r\n");
    }
    probe_text(fd, "0\r\n\r\n");
    free(bytes);
}

static void a_large_body_is_spooled_however_it_is_cut(void **state)
{
    static const struct {
        size_t chunk, count;
    } cuts[] = {{1, 100000}, {7, 20000}, {4096, 100}, {65536, 10}, {100000, 10}, {900000, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        int fd = probe_connect(&probe);
        char want[64];
        size_t total = cuts[i].chunk * cuts[i].count;
        probe_text(fd, "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n");
        send_chunks(fd, cuts[i].chunk, cuts[i].count);
        assert_int_equal(probe_read(fd, out, sizeof out), 200);
        snprintf(want, sizeof want, "\"size\":%zu,\"sum\":%zu,\"spooled\":true", total, total);
        has(want);
        probe_text(fd, GET("/hello")); /* the connection goes on */
        assert_int_equal(probe_read(fd, out, sizeof out), 200);
        close(fd);
    }
}

static void post(int fd, const char *path, const char *more, const char *bytes, size_t n)
{
    char head[300];
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: hub\r\n%sContent-Length: %zu\r\n\r\n", path, more,
             n);
    probe_text(fd, head);
    probe_send(fd, bytes, n);
}

static void gzip_bodies_are_inflated(void **state)
{
    static const size_t sizes[] = {0, 10, 60000, 70000, 1024 * 1024};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n;
        char want[32], *zipped = probe_gzip(sizes[i], &n);
        int fd = probe_connect(&probe);
        /* zeros compress better than the allowed ratio: the larger ones are refused, see below */
        post(fd, "/body", i % 2 ? "Content-Encoding: x-gzip\r\n" : "Content-Encoding: gzip\r\n", zipped, n);
        int status = probe_read(fd, out, sizeof out);
        snprintf(want, sizeof want, "\"size\":%zu,", sizes[i]);
        if (sizes[i] / n > FH_MAX_GUNZIP_RATIO && sizes[i] > FH_MAX_BODY_SMALL) {
            assert_int_equal(status, 413);
        } else {
            assert_int_equal(status, 200);
            has(want);
        }
        close(fd);
        free(zipped);
    }
}

static void a_gzip_body_that_is_broken_is_refused(void **state)
{
    (void)state;
    size_t n;
    char *zipped = probe_gzip(1000, &n);
    int fd = probe_connect(&probe);
    post(fd, "/body", "Content-Encoding: gzip\r\n", zipped, n - 4);
    assert_int_equal(probe_read(fd, out, sizeof out), 400);
    post(fd, "/body", "Content-Encoding: gzip\r\n", "not gzip at all", 15);
    assert_int_equal(probe_read(fd, out, sizeof out), 400);
    zipped[n - 6] ^= 1; /* in the checksum */
    post(fd, "/body", "Content-Encoding: gzip\r\n", zipped, n);
    assert_int_equal(probe_read(fd, out, sizeof out), 400);
    post(fd, "/body", "Content-Encoding: br\r\n", "x", 1);
    assert_int_equal(probe_read(fd, out, sizeof out), 415);
    close(fd);
    free(zipped);
}

static void a_caller_who_may_not_is_told_before_the_body_is_read(void **state)
{
    (void)state;
    int fd = probe_connect(&probe);
    probe_text(fd,
               "POST /push HTTP/1.1\r\nHost: hub\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(probe_read(fd, out, sizeof out), 401);
    assert_true(probe_is_closed(fd, 5000));
    close(fd);
    fd = probe_connect(&probe);
    probe_text(fd, "POST /push HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer slow\r\nX-Denied: 1\r\n"
                   "Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(probe_read(fd, out, sizeof out), 403);
    has("\r\n\r\nDENIED: ");
    close(fd);
}

static void expect_is_answered_once_the_caller_may(void **state)
{
    static const char *const tokens[] = {"good", "slow"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int fd = probe_connect(&probe);
        char request[300];
        snprintf(request, sizeof request,
                 "POST /push HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %s\r\nContent-Length: 3\r\n"
                 "Expect: 100-continue\r\n\r\n",
                 tokens[i]);
        probe_text(fd, request);
        assert_int_equal(probe_read(fd, out, sizeof out), 100);
        probe_text(fd, "abc");
        assert_int_equal(probe_read(fd, out, sizeof out), 200);
        has("\"size\":3");
        close(fd);
    }
}

static void a_challenged_post_is_repeated_on_the_same_connection(void **state)
{
    (void)state;
    int fd = probe_connect(&probe);
    post(fd, "/push", "", "0000", 4);
    assert_int_equal(probe_read(fd, out, sizeof out), 401);
    has_not("Connection: close");
    post(fd, "/push", "Authorization: Bearer good\r\n", "0000", 4);
    assert_int_equal(probe_read(fd, out, sizeof out), 200);
    post(fd, "/token", "Authorization: Bearer slow-but-wrong\r\n", "0000", 4);
    assert_int_equal(probe_read(fd, out, sizeof out), 401);
    post(fd, "/token", "Authorization: Bearer slow\r\n", "0000", 4);
    assert_int_equal(probe_read(fd, out, sizeof out), 200);
    close(fd);
}

static void files_and_large_answers_arrive_whole(void **state)
{
    (void)state;
    assert_int_equal(ASK(GET("/file")), 200);
    has("\r\n\r\nfrom a file\n");
    int fd = probe_connect(&probe);
    probe_text(fd, GET("/big"));
    size_t total = 0;
    ssize_t n;
    bool whole = false;
    while (!whole && (n = recv(fd, out, sizeof out, 0)) > 0)
        whole = (total += (size_t)n) > (8u << 20);
    assert_true(whole);
    close(fd);
}

static void requests_may_be_pipelined(void **state)
{
    (void)state;
    int fd = probe_connect(&probe);
    probe_text(fd, GET("/hello")
                       GET("/worker") "POST /small HTTP/1.1\r\nHost: hub\r\nContent-Length: 2\r\n\r\nab" GET(
                           "/try") GET("/nothing"));
    static const int statuses[] = {200, 200, 200, 200, 404};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(probe_read(fd, out, sizeof out), statuses[i]);
    close(fd);
}

static void one_connection_serves_ten_thousand_requests(void **state)
{
    (void)state;
    int fd = probe_connect(&probe);
    for (int i = 0; i < 10000; i++) {
        probe_text(fd, i % 10 ? GET("/hello") : GET("/worker"));
        assert_int_equal(probe_read(fd, out, sizeof out), 200);
    }
    close(fd);
}

static void a_full_queue_is_503_at_once(void **state)
{
    (void)state;
    enum { N = FH_MAX_QUEUE + 2 + 20 };
    static int fds[N];
    probe_hold(true);
    for (int i = 0; i < 900; i++) {
        /* One address has one of two workers at most. */
        fds[i] = i == 1 ? probe_connect_from(&probe, "127.0.0.2") : probe_connect(&probe);
        probe_text(fds[i], GET("/hold"));
        while (i < 2 && probe_held() <= i) /* both workers are busy before anything has to wait */
            poll(NULL, 0, 1);
    }
    for (int i = 900; i < N; i++) { /* another address, for the limit per address */
        fds[i] = probe_connect_from(&probe, "127.0.0.2");
        probe_text(fds[i], GET("/hold"));
    }
    int refused = 0, served = 0;
    for (int64_t end = fh_ticks_ms() + 10000; refused < 20 && fh_ticks_ms() < end;) {
        poll(NULL, 0, 100);
        for (int i = 0; i < N; i++) {
            struct pollfd p = {.fd = fds[i], .events = POLLIN};
            if (fds[i] >= 0 && poll(&p, 1, 0) == 1) {
                assert_int_equal(probe_read(fds[i], out, sizeof out), 503);
                has("Retry-After: 1");
                close(fds[i]);
                fds[i] = -1;
                refused++;
            }
        }
    }
    assert_int_equal(refused, 20);
    assert_int_equal(ASK(GET("/hello")), 200); /* what needs no worker is answered */
    probe_hold(false);
    for (int i = 0; i < N; i++)
        if (fds[i] >= 0) {
            served += probe_read(fds[i], out, sizeof out) == 200;
            close(fds[i]);
        }
    assert_int_equal(served, FH_MAX_QUEUE + 2);
}

static void *stop_soon(void *arg)
{
    web_server_stop(probe.server, *(int *)arg);
    return NULL;
}

static void stopping_lets_what_is_under_way_finish(void **state)
{
    (void)state;
    int fds[3], drain = 5000;
    pthread_t thread;
    probe_hold(true);
    for (int i = 0; i < 3; i++) { /* two run, one of either address; one waits */
        fds[i] = i == 1 ? probe_connect_from(&probe, "127.0.0.2") : probe_connect(&probe);
        probe_text(fds[i], GET("/hold"));
    }
    while (probe_held() < 2)
        poll(NULL, 0, 5);
    poll(NULL, 0, 100);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &drain), 0);
    poll(NULL, 0, 200);
    probe_hold(false);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(probe_read(fds[i], out, sizeof out), 200);
        has("Connection: close");
        close(fds[i]);
    }
    pthread_join(thread, NULL);
    probe.server = NULL;
}

static void stopping_without_patience_ends_the_rest(void **state)
{
    (void)state;
    int fds[40], drain = 0;
    pthread_t thread;
    probe_hold(true);
    for (int i = 0; i < 40; i++) {
        fds[i] = i == 1 ? probe_connect_from(&probe, "127.0.0.2") : probe_connect(&probe);
        probe_text(fds[i],
                   i < 30 ? GET("/hold") : "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 9\r\n\r\nab");
    }
    while (probe_held() < 2)
        poll(NULL, 0, 5);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &drain), 0);
    poll(NULL, 0, 100);
    probe_hold(false);
    pthread_join(thread, NULL);
    for (int i = 0; i < 40; i++) {
        while (!probe_is_closed(fds[i], 1000))
            assert_true(recv(fds[i], out, sizeof out, 0) > 0);
        close(fds[i]);
    }
    probe.server = NULL;
}

static _Atomic int later_ran;

static void note_later(void *arg)
{
    later_ran += *(int *)arg;
}

static void work_can_be_left_for_later(void **state)
{
    (void)state;
    static int five = 5;
    later_ran = 0;
    assert_true(web_server_later(probe.server, note_later, &five));
    for (int i = 0; i < 400 && later_ran == 0; i++)
        poll(NULL, 0, 5);
    assert_int_equal(later_ran, 5);
}

static void metrics_count_by_route(void **state)
{
    (void)state;
    assert_int_equal(ASK(GET("/hello")), 200);
    assert_int_equal(ASK(GET("/nothing")), 404);
    poll(NULL, 0, 50);
    int fd = connect_port(probe.metrics_port);
    probe_text(fd, GET("/metrics"));
    assert_int_equal(probe_read(fd, out, sizeof out), 200);
    has("floe_http_requests_total{route=\"hello\",status=\"2xx\"} 1\n");
    has("floe_http_requests_total{route=\"none\",status=\"4xx\"} 1\n");
    has("floe_build_info{version=\"");
    has("process_resident_memory_bytes ");
    close(fd);
    assert_int_equal(ASK(GET("/metrics")), 404); /* not on the public listener */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_route_is_answered_inline_on_a_worker_and_after_trying, begin, end),
        cmocka_unit_test_setup_teardown(an_unknown_path_is_404_with_a_string_detail, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_method_is_405_and_names_the_right_ones, begin, end),
        cmocka_unit_test_setup_teardown(head_gets_the_same_headers_and_no_body, begin, end),
        cmocka_unit_test_setup_teardown(errors_of_handlers_become_statuses, begin, end),
        cmocka_unit_test_setup_teardown(git_errors_are_text_that_git_shows, begin, end),
        cmocka_unit_test_setup_teardown(json_asks_for_basic_only_where_basic_was_sent, begin, end),
        cmocka_unit_test_setup_teardown(paths_are_decoded_once_and_doubled_slashes_collapse, begin, end),
        cmocka_unit_test_setup_teardown(a_small_body_is_kept_in_memory, begin, end),
        cmocka_unit_test_setup_teardown(a_large_body_is_spooled_however_it_is_cut, begin, end),
        cmocka_unit_test_setup_teardown(gzip_bodies_are_inflated, begin, end),
        cmocka_unit_test_setup_teardown(a_gzip_body_that_is_broken_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_caller_who_may_not_is_told_before_the_body_is_read, begin, end),
        cmocka_unit_test_setup_teardown(expect_is_answered_once_the_caller_may, begin, end),
        cmocka_unit_test_setup_teardown(a_challenged_post_is_repeated_on_the_same_connection, begin, end),
        cmocka_unit_test_setup_teardown(files_and_large_answers_arrive_whole, begin, end),
        cmocka_unit_test_setup_teardown(requests_may_be_pipelined, begin, end),
        cmocka_unit_test_setup_teardown(one_connection_serves_ten_thousand_requests, begin, end),
        cmocka_unit_test_setup_teardown(a_full_queue_is_503_at_once, begin, end),
        cmocka_unit_test_setup_teardown(stopping_lets_what_is_under_way_finish, begin, end),
        cmocka_unit_test_setup_teardown(stopping_without_patience_ends_the_rest, begin, end),
        cmocka_unit_test_setup_teardown(work_can_be_left_for_later, begin, end),
        cmocka_unit_test_setup_teardown(metrics_count_by_route, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
