/* The actors in memory: bounded, never older than what cleared them, expired by the clock. */
#include "server/auth/auth_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct auth_role roles[] = {{7, STORE_WRITER}, {8, STORE_READER}};
static const struct auth_actor alice = {.state = AUTH_VALID,
                                        .kind = STORE_USER,
                                        .owner_id = 1,
                                        .token_id = 5,
                                        .handle = "alice",
                                        .scope = STORE_SCOPE_WRITE,
                                        .challenge_answered = true,
                                        .nroles = 2,
                                        .roles = roles};

static void key(uint32_t n, uint8_t out[32])
{
    memset(out, 0, 32);
    memcpy(out + 2, &n, sizeof n); /* all in one set */
}

struct fixture {
    struct auth_cache *cache;
    struct fh_arena *arena;
};

static int begin(void **state)
{
    static struct fixture f;
    f = (struct fixture){auth_cache_new(), fh_arena_new()};
    *state = &f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    auth_cache_free(f->cache);
    fh_arena_free(f->arena);
    return 0;
}

static void what_was_put_is_found_with_its_roles(void **state)
{
    struct fixture *f = *state;
    uint8_t k[32];
    bool touch;
    key(1, k);
    assert_null(auth_cache_get(f->cache, f->arena, k, 100, &touch));
    auth_cache_put(f->cache, auth_cache_generation(f->cache), k, &alice, 100);
    struct auth_actor *got = auth_cache_get(f->cache, f->arena, k, 100, &touch);
    assert_non_null(got);
    assert_string_equal(got->handle, "alice");
    assert_int_equal(auth_role_in(got, 7), STORE_WRITER);
    assert_int_equal(auth_role_in(got, 8), STORE_READER);
    auth_cache_clear(f->cache); /* the copy outlives the entry */
    assert_int_equal(auth_role_in(got, 7), STORE_WRITER);
}

static void an_expired_token_reads_as_expired_at_the_second_it_ends(void **state)
{
    struct fixture *f = *state;
    struct auth_actor actor = alice;
    uint8_t k[32];
    bool touch;
    key(1, k);
    actor.expires_at = 200;
    auth_cache_put(f->cache, auth_cache_generation(f->cache), k, &actor, 100);
    assert_int_equal(auth_cache_get(f->cache, f->arena, k, 199, &touch)->state, AUTH_VALID);
    struct auth_actor *got = auth_cache_get(f->cache, f->arena, k, 200, &touch);
    assert_int_equal(got->state, AUTH_EXPIRED);
    assert_int_equal(got->owner_id, 0);
    assert_int_equal(got->nroles, 0);
    assert_false(touch);
}

static void a_fill_that_raced_a_clear_is_not_kept(void **state)
{
    struct fixture *f = *state;
    uint8_t k[32];
    bool touch;
    key(1, k);
    uint64_t before = auth_cache_generation(f->cache);
    auth_cache_clear(f->cache);
    auth_cache_put(f->cache, before, k, &alice, 100);
    assert_null(auth_cache_get(f->cache, f->arena, k, 100, &touch));
    auth_cache_put(f->cache, auth_cache_generation(f->cache), k, &alice, 100);
    assert_non_null(auth_cache_get(f->cache, f->arena, k, 100, &touch));
}

static void a_full_set_gives_up_what_was_used_longest_ago(void **state)
{
    struct fixture *f = *state;
    uint64_t generation = auth_cache_generation(f->cache);
    uint8_t k[32];
    bool touch;
    for (uint32_t i = 0; i < AUTH_CACHE_WAYS; i++) {
        key(i, k);
        auth_cache_put(f->cache, generation, k, &alice, 100);
    }
    key(0, k);
    assert_non_null(auth_cache_get(f->cache, f->arena, k, 100, &touch));
    key(99, k);
    auth_cache_put(f->cache, generation, k, &alice, 100);
    key(1, k);
    assert_null(auth_cache_get(f->cache, f->arena, k, 100, &touch));
    for (uint32_t i = 2; i < AUTH_CACHE_WAYS; i++) {
        key(i, k);
        assert_non_null(auth_cache_get(f->cache, f->arena, k, 100, &touch));
    }
    key(0, k);
    assert_non_null(auth_cache_get(f->cache, f->arena, k, 100, &touch));
    key(99, k);
    assert_non_null(auth_cache_get(f->cache, f->arena, k, 100, &touch));
}

static void a_last_use_is_noted_once_a_minute(void **state)
{
    struct fixture *f = *state;
    uint8_t k[32];
    bool touch;
    key(1, k);
    auth_cache_put(f->cache, auth_cache_generation(f->cache), k, &alice, 100);
    (void)auth_cache_get(f->cache, f->arena, k, 159, &touch);
    assert_false(touch);
    (void)auth_cache_get(f->cache, f->arena, k, 160, &touch);
    assert_true(touch);
    (void)auth_cache_get(f->cache, f->arena, k, 161, &touch);
    assert_false(touch);
}

/* -- sessions without a database: whatever answers here did not ask one */

static void junk_never_reaches_the_database(void **state)
{
    struct fixture *f = *state;
    struct auth_sessions *s = auth_sessions_new(NULL);
    static const char *const junk[] = {"Bearer x",
                                       "Bearer flox_pat_0000000000000000000000000000000000000000000000000",
                                       "Basic b2F1dGg6dG9rZW4=",
                                       "Negotiate abc",
                                       "",
                                       "Bearer eyJhbGciOiJub25lIn0.e30."};
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        const struct auth_actor *actor = NULL;
        assert_int_equal(auth_session_find(s, f->arena, junk[i], false, &actor, NULL), FH_OK);
        assert_int_equal(actor->state, AUTH_UNKNOWN);
        assert_true(actor->challenge_answered);
    }
    auth_sessions_flush(s);
    auth_sessions_free(s);
}

static void no_header_and_an_empty_password_are_anonymous(void **state)
{
    struct fixture *f = *state;
    struct auth_sessions *s = auth_sessions_new(NULL);
    const struct auth_actor *actor = NULL;
    assert_int_equal(auth_session_find(s, f->arena, NULL, true, &actor, NULL), FH_OK);
    assert_int_equal(actor->state, AUTH_ANONYMOUS);
    assert_false(actor->challenge_answered);
    assert_int_equal(auth_session_find(s, f->arena, "Basic b2F1dGg6", true, &actor, NULL), FH_OK);
    assert_int_equal(actor->state, AUTH_ANONYMOUS);
    assert_true(actor->challenge_answered);
    auth_sessions_free(s);
}

static void a_plausible_token_that_is_not_in_memory_is_not_asked_for_inline(void **state)
{
    struct fixture *f = *state;
    struct auth_sessions *s = auth_sessions_new(NULL);
    char header[128], token[AUTH_TOKEN_SIZE];
    auth_token_make(STORE_USER, token);
    snprintf(header, sizeof header, "Bearer %s", token);
    const struct auth_actor *actor = NULL;
    struct fh_error e = {0};
    assert_int_equal(auth_session_find(s, f->arena, header, true, &actor, &e), FH_AGAIN);
    assert_null(strstr(e.msg, token));
    auth_sessions_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_put_is_found_with_its_roles, begin, end),
        cmocka_unit_test_setup_teardown(an_expired_token_reads_as_expired_at_the_second_it_ends, begin, end),
        cmocka_unit_test_setup_teardown(a_fill_that_raced_a_clear_is_not_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_full_set_gives_up_what_was_used_longest_ago, begin, end),
        cmocka_unit_test_setup_teardown(a_last_use_is_noted_once_a_minute, begin, end),
        cmocka_unit_test_setup_teardown(junk_never_reaches_the_database, begin, end),
        cmocka_unit_test_setup_teardown(no_header_and_an_empty_password_are_anonymous, begin, end),
        cmocka_unit_test_setup_teardown(a_plausible_token_that_is_not_in_memory_is_not_asked_for_inline,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
