/* The HTTP server against clients that mean it harm, or are very slow. */
#include "tests/unit/web_probe.h"

#include "common/clock.h"

/* Everything that comes until the connection ends, or wait_ms of silence. */
static size_t read_all(int fd, int wait_ms)
{
    size_t n = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (n + 1 < sizeof out && poll(&p, 1, wait_ms) == 1) {
        ssize_t got = recv(fd, out + n, sizeof out - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    out[n] = '\0';
    return n;
}

/* To a Content-Length that is no number libmicrohttpd 0.9.75 sends the head of its own refusal twice. */
static int answers_but_refusals(void)
{
    int n = 0;
    for (const char *p = out; (p = strstr(p, "HTTP/1.1 ")); p++)
        n += p[9] != '4' && p[9] != '5';
    return n;
}

static void a_request_with_two_readings_is_refused_and_the_connection_closed(void **state)
{
#define NEXT "GET /hello HTTP/1.1\r\nHost: hub\r\n\r\n"
    static const char *const requests[] = {
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 4\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\nContent-Length: "
        "4\r\n\r\n0\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 4\r\ncontent-length: 5\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 4, 4\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: +4\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: -1\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 0x4\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length:\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 99999999999999999999\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n" NEXT,
        "POST /body HTTP/1.0\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length : 4\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nX-A: b\r\n Content-Length: 4\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nContent-: 4\r\n\tLength\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\nContent-Length: 4\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\nHost: hub\r\nContent-Length: 4\r\n\r\nabcd" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nX-A: a\rContent-Length: 9\r\nContent-Length: 4\r\n\r\nabcd" NEXT,
        "GET /hello HTTP/1.1\r\nHost: hub\r\nHost: other\r\n\r\n" NEXT,
        "GET /hello HTTP/1.1\r\nHost: hub\r\nX-A: \x01\r\n\r\n" NEXT,
        "GET /hello HTTP/1.1\r\nHost: hub\r\n: empty\r\n\r\n" NEXT,
        "GET /hello HTTP/1.1\r\nHost: hub\r\n:\r\n\r\n" NEXT,
        "GET /hello HTTP/1.1\r\nHost: hub\r\n\n" NEXT,
        "GET /hello HTTP/1.1\r\nHost: hub\r\nno colon\r\n\r\n" NEXT,
        "GET /hello HTTP/1.1\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" NEXT,
        "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: "
        "chunked\r\n\r\nfffffffffffffffff\r\n\r\n" NEXT,
        "\x01\x02 / HTTP/1.1\r\n\r\n" NEXT,
    };
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        int fd = probe_connect(&probe);
        probe_text(fd, requests[i]);
        read_all(fd, 3000);
        if (answers_but_refusals() > 0)
            fail_msg("%zu:\n%s\n->\n%s", i, requests[i], out);
        assert_true(probe_is_closed(fd, 1000));
        close(fd);
    }
}

static void a_nul_in_a_header_is_refused(void **state)
{
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: hub\r\nX-A: a\0b\r\n\r\n";
    (void)state;
    int fd = probe_connect(&probe);
    probe_send(fd, request, sizeof request - 1);
    read_all(fd, 3000);
    assert_null(strstr(out, " 200 OK"));
    close(fd);
}

static void paths_that_could_mean_something_else_are_refused(void **state)
{
    static const char *const paths[] = {
        "/../hello", "/%2e%2e/hello",      "/mirror/a%2Fb/end", "/mirror/a%00b/end", "/mirror/a%/end",
        "/a\\b",     "/mirror/%c0%ae/end", "/mirror/../hello",  "/mirror/%5c/end",   "/hello/.."};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char request[200];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: hub\r\n\r\n", paths[i]);
        int status = probe_ask(&probe, request, out, sizeof out);
        assert_true(status == 400 || status == 404);
        assert_non_null(strstr(out, "\"detail\":\""));
    }
}

static void headers_and_targets_have_ceilings(void **state)
{
    (void)state;
    for (int in_header = 0; in_header < 2; in_header++) {
        char *request = fh_xcalloc(1, 200 * 1024);
        size_t n =
            (size_t)snprintf(request, 100, in_header ? "GET /hello HTTP/1.1\r\nHost: hub\r\nX: " : "GET /");
        memset(request + n, 'a', 100 * 1024);
        n += 100 * 1024;
        n += (size_t)snprintf(request + n, 100, in_header ? "\r\n\r\n" : " HTTP/1.1\r\nHost: hub\r\n\r\n");
        int fd = probe_connect(&probe);
        probe_send(fd, request, n);
        read_all(fd, 3000);
        assert_null(strstr(out, " 200 OK"));
        close(fd);
        free(request);
    }
    char *request = fh_xcalloc(1, 20 * 1024);
    size_t n = (size_t)snprintf(request, 100, "GET /hello HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer ");
    memset(request + n, 'a', 16 * 1024); /* long but allowed */
    snprintf(request + n + 16 * 1024, 10, "\r\n\r\n");
    assert_int_equal(probe_ask(&probe, request, out, sizeof out), 200);
    n = (size_t)snprintf(request, 100, "GET /");
    memset(request + n, 'a', FH_MAX_TARGET);
    snprintf(request + n + FH_MAX_TARGET, 40, " HTTP/1.1\r\nHost: hub\r\n\r\n");
    assert_int_equal(probe_ask(&probe, request, out, sizeof out), 414);
    free(request);
}

static void a_declared_body_over_its_limit_is_413_at_once(void **state)
{
    (void)state;
    int fd = probe_connect(&probe);
    probe_text(fd, "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 99999999999\r\n\r\nabc");
    assert_int_equal(probe_read(fd, out, sizeof out), 413);
    assert_true(probe_is_closed(fd, 5000));
    close(fd);
}

static void the_answer_survives_the_rest_of_a_refused_body(void **state)
{
    (void)state;
    char *bytes = fh_xcalloc(1, 1 << 20);
    int fd = probe_connect(&probe);
    probe_text(fd, "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 8000000\r\n\r\n");
    for (int i = 0; i < 7; i++)
        probe_send(fd, bytes, 1 << 20);
    assert_int_equal(probe_read(fd, out, sizeof out), 413);
    close(fd);
    free(bytes);
}

static void a_chunked_body_over_its_limit_is_413_or_cut_off(void **state)
{
    (void)state;
    char chunk[4096 + 8];
    for (int total = 0; total < 2; total++) {
        int fd = probe_connect(&probe);
        probe_text(fd, "POST /body HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n");
        memcpy(chunk, "1000\r\n", 6);
        memset(chunk + 6, 'x', 4096);
        memcpy(chunk + 6 + 4096, "\r\n", 2);
        int count = total == 0 ? 300 : 3000; /* 1.2 MB: read on; 12 MB: too much */
        for (int i = 0; i < count; i++)
            probe_send(fd, chunk, 6 + 4096 + 2);
        probe_text(fd, "0\r\n\r\n");
        assert_int_equal(probe_read(fd, out, sizeof out), total == 0 ? 413 : 0);
        close(fd);
    }
}

static void the_push_limit_is_the_operators(void **state)
{
    (void)state;
    assert_int_equal(probe_ask(&probe,
                               "POST /push HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer good\r\n"
                               "Content-Length: 3000000\r\nExpect: 100-continue\r\n\r\n",
                               out, sizeof out),
                     413);
    assert_non_null(strstr(out, "2097152"));
}

static void a_gzip_bomb_is_refused_in_bounded_memory(void **state)
{
    (void)state;
    size_t n;
    char head[200], *bomb = probe_gzip(1u << 30, &n);
    long before = probe_resident_kib();
    for (int i = 0; i < 4; i++) {
        int fd = probe_connect(&probe);
        snprintf(
            head, sizeof head,
            "POST /push HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer good\r\nContent-Encoding: gzip\r\n"
            "Content-Length: %zu\r\n\r\n",
            n);
        probe_text(fd, head);
        probe_send(fd, bomb, n);
        assert_int_equal(probe_read(fd, out, sizeof out), 413);
        close(fd);
    }
#ifndef FLOE_SANITIZED
    assert_true(probe_resident_kib() - before < 8 * 1024);
#else
    (void)before;
#endif
    free(bomb);
}

static void many_uploads_take_no_memory_of_their_size(void **state)
{
    (void)state;
    enum { N = 100 };
    int fds[N];
    char *half = fh_xcalloc(1, 1 << 20);
    long before = probe_resident_kib();
    for (int i = 0; i < N; i++) {
        fds[i] = probe_connect(&probe);
        probe_text(fds[i], "POST /push HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer good\r\n"
                           "Content-Length: 2000000\r\n\r\n");
        probe_send(fds[i], half, 1000000);
    }
#ifndef FLOE_SANITIZED
    assert_true(probe_resident_kib() - before < N * 300);
#else
    (void)before;
#endif
    for (int i = 0; i < N; i++) {
        probe_send(fds[i], half, 1000000);
        assert_int_equal(probe_read(fds[i], out, sizeof out), 200);
        assert_non_null(strstr(out, "\"size\":2000000"));
        close(fds[i]);
    }
    free(half);
}

static void clients_that_vanish_leave_nothing(void **state)
{
    (void)state;
    char *half = fh_xcalloc(1, 1 << 20);
    for (int i = 0; i < 60; i++) {
        int fd = probe_connect(&probe);
        probe_text(fd, i % 3 == 0   ? "POST /push HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer slow\r\n"
                                      "Content-Length: 2000000\r\n\r\n"
                       : i % 3 == 1 ? "GET /worker HTTP/1.1\r\nHost: hub\r\n\r\n"
                                    : "GET /wor");
        if (i % 3 == 0)
            probe_send(fd, half, 300000);
        struct linger now = {.l_onoff = 1};
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(fd);
    }
    free(half);
    assert_int_equal(probe_ask(&probe, "GET /worker HTTP/1.1\r\nHost: hub\r\n\r\n", out, sizeof out), 200);
}

static int begin_narrow(void **state)
{
    (void)state;
    probe_defaults(&probe);
    probe.config.max_connections_per_address = 5;
    probe.config.trusted_proxies = "127.0.0.3";
    probe_start(&probe);
    return 0;
}

static void connections_of_one_address_are_counted_but_not_of_a_trusted_proxy(void **state)
{
    (void)state;
    int fds[20], open = 0;
    for (int i = 0; i < 20; i++) {
        fds[i] = probe_connect(&probe);
        probe_text(fds[i], "GET /hello HTTP/1.1\r\nHost: hub\r\n\r\n");
        int status = probe_read(fds[i], out, sizeof out);
        assert_true(status == 200 || status == 503);
        open += status == 200;
    }
    assert_int_equal(open, 5);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    for (int i = 0; i < 20; i++) {
        fds[i] = probe_connect_from(&probe, "127.0.0.3");
        probe_text(fds[i], "GET /mirror/a/end HTTP/1.1\r\nHost: hub\r\nX-Forwarded-For: 192.0.2.1\r\n"
                           "X-Forwarded-Proto: https\r\n\r\n");
        assert_int_equal(probe_read(fds[i], out, sizeof out), 200);
        assert_non_null(strstr(out, "\"remote\":\"192.0.2.1\",\"https\":true"));
    }
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    poll(NULL, 0, 100);
    int fd = probe_connect(&probe);
    probe_text(fd, "GET /mirror/a/end HTTP/1.1\r\nHost: hub\r\nX-Forwarded-For: 192.0.2.1\r\n"
                   "X-Forwarded-Proto: https\r\n\r\n");
    assert_int_equal(probe_read(fd, out, sizeof out), 200);
    assert_non_null(strstr(out, "\"remote\":\"127.0.0.1\",\"https\":false"));
    close(fd);
}

/* The last bytes and the end come in one segment, which the library sees as one event. */
static void a_client_that_closes_within_a_body_is_let_go_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        int fd = probe_connect(&probe);
        const char *text = i == 0   ? "POST /push HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer slow\r\n"
                                      "Content-Length: 1000\r\n\r\nhalf"
                           : i == 1 ? "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000\r\n\r\nhalf"
                                    : "POST /body HTTP/1.1\r\nHost: hub\r\nConte";
        assert_int_equal(send(fd, text, strlen(text), MSG_MORE | MSG_NOSIGNAL), (ssize_t)strlen(text));
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        assert_true(probe_is_closed(fd, 5000));
        close(fd);
    }
}

static void a_client_that_has_sent_all_and_closed_its_side_gets_its_answer(void **state)
{
    (void)state;
    probe_hold(true);
    int fd = probe_connect(&probe);
    const char *text = "GET /hold HTTP/1.1\r\nHost: hub\r\n\r\n";
    probe_text(fd, text);
    while (probe_held() == 0)
        poll(NULL, 0, 10);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    poll(NULL, 0, 1600);
    probe_hold(false);
    assert_int_equal(probe_read(fd, out, sizeof out), 200);
    close(fd);
}

/* Half a minute: only where there is time. */
static void a_trickle_is_ended_in_time(void **state)
{
    (void)state;
    if (!getenv("FLOE_TEST_SLOW"))
        skip();
    int header = probe_connect(&probe), body = probe_connect(&probe);
    int64_t closed[2] = {0};
    probe_text(header, "GET /hello HTTP/1.1\r\nHost: hub\r\nX-Slow: ");
    probe_text(body, "POST /body HTTP/1.1\r\nHost: hub\r\nContent-Length: 100000\r\n\r\n");
    int64_t start = fh_ticks_ms(), now = start;
    for (; now < start + 70000 && !(closed[0] && closed[1]); now = fh_ticks_ms()) {
        probe_text(header, "x");
        probe_text(body, "x");
        poll(NULL, 0, 500);
        if (!closed[0] && probe_is_closed(header, 0))
            closed[0] = now - start;
        if (!closed[1] && probe_is_closed(body, 0))
            closed[1] = now - start;
    }
    assert_in_range(closed[0], 25000, 40000);
    assert_in_range(closed[1], 25000, 40000);
    close(header);
    close(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_with_two_readings_is_refused_and_the_connection_closed,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_nul_in_a_header_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(paths_that_could_mean_something_else_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(headers_and_targets_have_ceilings, begin, end),
        cmocka_unit_test_setup_teardown(a_declared_body_over_its_limit_is_413_at_once, begin, end),
        cmocka_unit_test_setup_teardown(the_answer_survives_the_rest_of_a_refused_body, begin, end),
        cmocka_unit_test_setup_teardown(a_chunked_body_over_its_limit_is_413_or_cut_off, begin, end),
        cmocka_unit_test_setup_teardown(the_push_limit_is_the_operators, begin, end),
        cmocka_unit_test_setup_teardown(a_gzip_bomb_is_refused_in_bounded_memory, begin, end),
        cmocka_unit_test_setup_teardown(many_uploads_take_no_memory_of_their_size, begin, end),
        cmocka_unit_test_setup_teardown(clients_that_vanish_leave_nothing, begin, end),
        cmocka_unit_test_setup_teardown(connections_of_one_address_are_counted_but_not_of_a_trusted_proxy,
                                        begin_narrow, end),
        cmocka_unit_test_setup_teardown(a_client_that_closes_within_a_body_is_let_go_at_once, begin, end),
        cmocka_unit_test_setup_teardown(a_client_that_has_sent_all_and_closed_its_side_gets_its_answer, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_trickle_is_ended_in_time, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
