/* Who may do what: every action × caller × visibility, the answers written down by hand. */
#include "server/auth/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { OURS = 10, ALICE = 20, STRANGER = 30, HUB = 40 };

static const struct auth_role reader_role[] = {{99, STORE_OWNER}, {OURS, STORE_READER}};
static const struct auth_role writer_role[] = {{OURS, STORE_WRITER}};
static const struct auth_role owner_role[] = {{OURS, STORE_OWNER}};

#define PERSON(id, sc, r, n)                                                                                 \
    .state = AUTH_VALID, .kind = STORE_USER, .owner_id = (id), .token_id = 1, .handle = "x", .scope = (sc),  \
    .challenge_answered = true, .roles = (r), .nroles = (n)

/* The columns of the table below. The objects are an organisation's. */
static const struct auth_actor callers[] = {
    {.state = AUTH_ANONYMOUS, .challenge_answered = true},
    {PERSON(STRANGER, STORE_SCOPE_ADMIN, NULL, 0)},
    {PERSON(ALICE, STORE_SCOPE_ADMIN, reader_role, 2)},
    {PERSON(ALICE, STORE_SCOPE_ADMIN, writer_role, 1)},
    {PERSON(ALICE, STORE_SCOPE_ADMIN, owner_role, 1)},
    {PERSON(HUB, STORE_SCOPE_ADMIN, NULL, 0), .hub_admin = true},
    {.state = AUTH_EXPIRED, .challenge_answered = true},
    {.state = AUTH_REVOKED, .challenge_answered = true},
    {PERSON(ALICE, STORE_SCOPE_READ, owner_role, 1)}, /* an owner whose token is for reading */
    {.state = AUTH_DISABLED, .challenge_answered = true},
};
enum { CALLERS = sizeof callers / sizeof *callers };

/* '.' yes, '?' it looks absent, '!' denied, 'L' log in.
 *    anonymous, stranger, reader, writer, owner, hub admin, expired, revoked, wrong scope, disabled */
static const struct {
    enum auth_action action;
    const char *public, *internal, *unlisted, *private;
} table[] = {
    /* clang-format off */
    /*                   aSrwoHxvsd     aSrwoHxvsd     aSrwoHxvsd     aSrwoHxvsd */
    {AUTH_OPEN,         "..........",  "..........",  "..........",  ".........."},
    {AUTH_WHOAMI,       "L.....LL.L",  "L.....LL.L",  "L.....LL.L",  "L.....LL.L"},
    {AUTH_GIT_READ,     "..........",  "..........",  "..........",  ".........."},
    {AUTH_GIT_WRITE,    "L.....LL!L",  "L.....LL!L",  "L.....LL!L",  "L.....LL!L"},
    {AUTH_ENV_LIST,     "..........",  "?.....??.?",  "??....??.?",  "??....??.?"},
    {AUTH_ENV_READ,     "..........",  "?.....??.?",  "..........",  "??....??.?"},
    {AUTH_ENV_CREATE,   "L!!...LL!L",  "L!!...LL!L",  "L!!...LL!L",  "L!!...LL!L"},
    {AUTH_ENV_WRITE,    "L!!...LL!L",  "L!!...LL!L",  "L!!...LL!L",  "L?!...LL!L"},
    {AUTH_ENV_ADMIN,    "L!!!..LL!L",  "L!!!..LL!L",  "L!!!..LL!L",  "L?!!..LL!L"},
    {AUTH_OWNER_SEE,    "..........",  "?.....??.?",  "??....??.?",  "??....??.?"},
    {AUTH_OWNER_READ,   "L?....LL.L",  "L?....LL.L",  "L?....LL.L",  "L?....LL.L"},
    {AUTH_OWNER_ADMIN,  "L?!!..LL!L",  "L?!!..LL!L",  "L?!!..LL!L",  "L?!!..LL!L"},
    {AUTH_AUDIT_READ,   "L?!!..LL!L",  "L?!!..LL!L",  "L?!!..LL!L",  "L?!!..LL!L"},
    {AUTH_ORG_CREATE,   "L.....LL!L",  "L.....LL!L",  "L.....LL!L",  "L.....LL!L"},
    {AUTH_TOKEN_CREATE, "L?!!..LL!L",  "L?!!..LL!L",  "L?!!..LL!L",  "L?!!..LL!L"},
    {AUTH_TOKEN_REVOKE, "L?!!..LL!L",  "L?!!..LL!L",  "L?!!..LL!L",  "L?!!..LL!L"},
    {AUTH_CATALOG_LIST, "..........",  "?.....??.?",  "??....??.?",  "??....??.?"},
    {AUTH_CATALOG_READ, "..........",  "?.....??.?",  "..........",  "??....??.?"},
    {AUTH_CATALOG_RESOLVE,"..........",  "?.....??.?",  "..........",  "??....??.?"},
    {AUTH_CATALOG_ADMIN,"L!!!..LL!L",  "L!!!..LL!L",  "L!!!..LL!L",  "L?!!..LL!L"},
    {AUTH_HUB_ADMIN,    "L!!!!.LL!L",  "L!!!!.LL!L",  "L!!!!.LL!L",  "L!!!!.LL!L"},
    /* clang-format on */
};

static const struct auth_policy open_hub = {.users_create_orgs = true},
                                closed_hub = {.require_login = true, .users_create_orgs = true};

static char letter(fh_err rc)
{
    switch ((int)rc) {
    case FH_OK:
        return '.';
    case FH_NOT_FOUND:
        return '?';
    case FH_DENIED:
        return '!';
    case FH_UNAUTHENTICATED:
        return 'L';
    default:
        return 'X';
    }
}

static struct auth_object object(enum store_visibility v)
{
    return (struct auth_object){.owner_id = OURS, .owner_kind = STORE_ORG, .visibility = v};
}

static void every_action_caller_and_visibility_is_answered_as_the_table_says(void **state)
{
    (void)state;
    assert_int_equal(sizeof table / sizeof *table, AUTH_ACTIONS_END - 1);
    for (size_t row = 0; row < sizeof table / sizeof *table; row++) {
        const char *const want[] = {table[row].public, table[row].internal, table[row].unlisted,
                                    table[row].private};
        for (int v = STORE_PUBLIC; v <= STORE_PRIVATE; v++) {
            struct auth_object o = object((enum store_visibility)v);
            char got[CALLERS + 1] = "";
            for (size_t c = 0; c < CALLERS; c++)
                got[c] = letter(auth_can(&open_hub, &callers[c], table[row].action, &o, NULL));
            if (strcmp(got, want[v - STORE_PUBLIC]) != 0)
                fail_msg("%s on %s: %s, not %s", auth_action_name(table[row].action),
                         store_visibility_name((enum store_visibility)v), got, want[v - STORE_PUBLIC]);
        }
    }
}

static void every_refusal_is_a_whole_sentence(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof table / sizeof *table; row++)
        for (int v = STORE_PUBLIC; v <= STORE_PRIVATE; v++)
            for (size_t c = 0; c < CALLERS; c++) {
                struct fh_error e = {0};
                struct auth_object o = object((enum store_visibility)v);
                if (auth_can(&open_hub, &callers[c], table[row].action, &o, &e) == FH_OK)
                    continue;
                size_t n = strlen(e.msg);
                assert_true(n > 10 && e.msg[0] >= 'A' && e.msg[0] <= 'Z' && e.msg[n - 1] == '.');
            }
}

static void with_require_login_nobody_is_anonymous(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof table / sizeof *table; row++)
        for (size_t c = 0; c < CALLERS; c++) {
            struct auth_object o = object(STORE_PUBLIC);
            fh_err open = auth_can(&open_hub, &callers[c], table[row].action, &o, NULL);
            fh_err closed = auth_can(&closed_hub, &callers[c], table[row].action, &o, NULL);
            bool valid = callers[c].state == AUTH_VALID;
            if (valid || table[row].action == AUTH_OPEN)
                assert_int_equal(closed, open);
            else
                assert_int_equal(closed, FH_UNAUTHENTICATED);
        }
}

static void a_catalog_that_wants_a_login_answers_nobody_anonymous(void **state)
{
    (void)state;
    static const struct auth_policy closed = {.catalog_login = true};
    static const enum auth_action actions[] = {AUTH_CATALOG_LIST, AUTH_CATALOG_READ, AUTH_CATALOG_RESOLVE,
                                               AUTH_CATALOG_ADMIN};
    struct auth_object o = object(STORE_PUBLIC);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        for (size_t c = 0; c < CALLERS; c++)
            assert_int_equal(auth_can(&closed, &callers[c], actions[i], &o, NULL),
                             callers[c].state == AUTH_VALID
                                 ? auth_can(&open_hub, &callers[c], actions[i], &o, NULL)
                                 : FH_UNAUTHENTICATED);
    assert_int_equal(auth_can(&closed, &callers[0], AUTH_ENV_READ, &o, NULL), FH_OK);
}

static void resolving_can_want_a_login_where_searching_wants_none(void **state)
{
    (void)state;
    static const struct auth_policy closed = {.resolve_login = true};
    struct auth_object o = object(STORE_PUBLIC);
    for (size_t c = 0; c < CALLERS; c++) {
        bool valid = callers[c].state == AUTH_VALID;
        assert_int_equal(auth_can(&closed, &callers[c], AUTH_CATALOG_RESOLVE, NULL, NULL),
                         valid ? FH_OK : FH_UNAUTHENTICATED);
        assert_int_equal(auth_can(&closed, &callers[c], AUTH_CATALOG_READ, &o, NULL), FH_OK);
        assert_int_equal(auth_can(&closed, &callers[c], AUTH_CATALOG_LIST, &o, NULL), FH_OK);
    }
}

static void the_base_catalog_is_read_by_its_visibility_and_changed_by_administrators_alone(void **state)
{
    (void)state;
    /* list, read, change */
    static const char *const want[][3] = {{"..........", "..........", "L!!!!.LL!L"},
                                          {"?.....??.?", "?.....??.?", "L!!!!.LL!L"},
                                          {"?????.????", "..........", "L!!!!.LL!L"},
                                          {"?????.????", "?????.????", "L????.LL!L"}};
    static const enum auth_action actions[] = {AUTH_CATALOG_LIST, AUTH_CATALOG_READ, AUTH_CATALOG_ADMIN};
    for (int v = STORE_PUBLIC; v <= STORE_PRIVATE; v++)
        for (size_t i = 0; i < 3; i++)
            for (size_t c = 0; c < CALLERS; c++) {
                struct auth_object base = {.of_hub = true, .visibility = (enum store_visibility)v};
                assert_int_equal(letter(auth_can(&open_hub, &callers[c], actions[i], &base, NULL)),
                                 want[v - STORE_PUBLIC][i][c]);
                assert_int_not_equal(auth_can(&open_hub, &callers[c], AUTH_ENV_READ, &base, NULL), FH_OK);
            }
}

static void git_challenges_whoever_sent_no_header(void **state)
{
    (void)state;
    assert_int_equal(auth_can(&open_hub, auth_anonymous(), AUTH_GIT_READ, NULL, NULL), FH_UNAUTHENTICATED);
    assert_int_equal(auth_can(&open_hub, &callers[0], AUTH_GIT_READ, NULL, NULL), FH_OK);
}

static void an_owner_that_is_absent_looks_like_one_that_is_foreign(void **state)
{
    (void)state;
    static const enum auth_action actions[] = {
        AUTH_ENV_LIST,   AUTH_ENV_READ,     AUTH_ENV_CREATE,   AUTH_ENV_WRITE,       AUTH_ENV_ADMIN,
        AUTH_OWNER_READ, AUTH_OWNER_ADMIN,  AUTH_AUDIT_READ,   AUTH_TOKEN_CREATE,    AUTH_TOKEN_REVOKE,
        AUTH_OWNER_SEE,  AUTH_CATALOG_LIST, AUTH_CATALOG_READ, AUTH_CATALOG_RESOLVE, AUTH_CATALOG_ADMIN};
    struct auth_object absent = {.owner_id = 0}, hidden = object(STORE_PRIVATE);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        for (int c = 0; c < 2; c++) {
            struct fh_error a = {0}, b = {0};
            assert_int_equal(auth_can(&open_hub, &callers[c], actions[i], &absent, &a),
                             auth_can(&open_hub, &callers[c], actions[i], &hidden, &b));
            assert_string_equal(a.msg, b.msg);
        }
}

static void ones_own_account_is_an_owners_role_within_the_tokens_scope(void **state)
{
    (void)state;
    struct auth_object mine = {.owner_id = ALICE, .owner_kind = STORE_USER, .visibility = STORE_PRIVATE};
    static const struct {
        enum store_scope scope;
        const char *want; /* read, create, write, admin of the environment, admin of the account */
    } rows[] = {{STORE_SCOPE_READ, ".!!!!"},
                {STORE_SCOPE_WRITE, "....!"},
                {STORE_SCOPE_ADMIN, "....."},
                {0, ".!!!!"}};
    static const enum auth_action actions[] = {AUTH_ENV_READ, AUTH_ENV_CREATE, AUTH_ENV_WRITE, AUTH_ENV_ADMIN,
                                               AUTH_OWNER_ADMIN};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct auth_actor alice = {PERSON(ALICE, rows[r].scope, NULL, 0)};
        char got[6] = "";
        for (size_t i = 0; i < 5; i++)
            got[i] = letter(auth_can(&open_hub, &alice, actions[i], &mine, NULL));
        assert_string_equal(got, rows[r].want);
    }
}

static void an_organisations_token_acts_as_that_organisation_alone(void **state)
{
    (void)state;
    static const struct {
        enum store_scope scope;
        enum store_role role;
        const char *want; /* read, write, env admin, owner admin; of its own private, then of another's */
    } rows[] = {{STORE_SCOPE_READ, STORE_READER,
                 ".!!!"
                 "?!!!"},
                {STORE_SCOPE_WRITE, STORE_WRITER,
                 "..!!"
                 "??"
                 "?!"},
                {STORE_SCOPE_ADMIN, STORE_OWNER,
                 "...."
                 "????"}};
    static const enum auth_action actions[] = {AUTH_ENV_READ, AUTH_ENV_WRITE, AUTH_ENV_ADMIN,
                                               AUTH_OWNER_ADMIN};
    struct auth_object other = {.owner_id = 11, .owner_kind = STORE_ORG, .visibility = STORE_PRIVATE};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        /* Roles and hub_admin of an organisation mean nothing, should they ever stand there. */
        const struct auth_role stray[] = {{11, STORE_OWNER}};
        struct auth_actor robot = {PERSON(OURS, rows[r].scope, stray, 1), .hub_admin = true};
        robot.kind = STORE_ORG;
        assert_int_equal(auth_role_in(&robot, OURS), rows[r].role);
        assert_int_equal(auth_role_in(&robot, 11), STORE_NO_ROLE);
        char got[9] = "";
        for (size_t i = 0; i < 4; i++) {
            struct auth_object own = object(STORE_PRIVATE);
            got[i] = letter(auth_can(&open_hub, &robot, actions[i], &own, NULL));
            got[4 + i] = letter(auth_can(&open_hub, &robot, actions[i], &other, NULL));
        }
        assert_string_equal(got, rows[r].want);
        assert_int_equal(auth_can(&open_hub, &robot, AUTH_HUB_ADMIN, NULL, NULL), FH_DENIED);
    }
}

static void a_hub_admins_power_needs_the_scope_admin(void **state)
{
    (void)state;
    struct auth_object hidden = object(STORE_PRIVATE);
    for (int scope = STORE_SCOPE_READ; scope <= STORE_SCOPE_ADMIN; scope++) {
        struct auth_actor admin = {PERSON(HUB, (enum store_scope)scope, NULL, 0), .hub_admin = true};
        bool full = scope == STORE_SCOPE_ADMIN;
        assert_int_equal(auth_can(&open_hub, &admin, AUTH_ENV_READ, &hidden, NULL),
                         full ? FH_OK : FH_NOT_FOUND);
        assert_int_equal(auth_can(&open_hub, &admin, AUTH_HUB_ADMIN, NULL, NULL), full ? FH_OK : FH_DENIED);
    }
}

static void what_a_disabled_account_has_can_be_read_but_not_changed(void **state)
{
    (void)state;
    struct auth_object o = object(STORE_PUBLIC);
    o.owner_disabled = true;
    assert_int_equal(auth_can(&open_hub, &callers[0], AUTH_ENV_READ, &o, NULL), FH_OK);
    assert_int_equal(auth_can(&open_hub, &callers[4], AUTH_ENV_READ, &o, NULL), FH_OK);
    assert_int_equal(auth_can(&open_hub, &callers[4], AUTH_ENV_WRITE, &o, NULL), FH_DENIED);
    assert_int_equal(auth_can(&open_hub, &callers[4], AUTH_ENV_CREATE, &o, NULL), FH_DENIED);
    assert_int_equal(auth_can(&open_hub, &callers[4], AUTH_OWNER_ADMIN, &o, NULL), FH_DENIED);
    assert_int_equal(auth_can(&open_hub, &callers[5], AUTH_ENV_WRITE, &o, NULL), FH_OK);
}

static void only_administrators_create_organisations_where_the_hub_says_so(void **state)
{
    (void)state;
    static const struct auth_policy strict = {.users_create_orgs = false};
    struct auth_actor robot = {PERSON(OURS, STORE_SCOPE_ADMIN, NULL, 0)};
    robot.kind = STORE_ORG;
    assert_int_equal(auth_can(&open_hub, &callers[1], AUTH_ORG_CREATE, NULL, NULL), FH_OK);
    assert_int_equal(auth_can(&strict, &callers[1], AUTH_ORG_CREATE, NULL, NULL), FH_DENIED);
    assert_int_equal(auth_can(&strict, &callers[5], AUTH_ORG_CREATE, NULL, NULL), FH_OK);
    assert_int_equal(auth_can(&open_hub, &robot, AUTH_ORG_CREATE, NULL, NULL), FH_DENIED);
}

static void nobody_makes_a_token_for_another_user_and_only_an_administrator_revokes_it(void **state)
{
    (void)state;
    struct auth_object alices = {.owner_id = ALICE, .owner_kind = STORE_USER};
    static const char *const want = "L!...!LL!L", *const revoke =
                                                      "L?....LL!L"; /* three of the callers are Alice */
    for (size_t c = 0; c < CALLERS; c++) {
        assert_int_equal(letter(auth_can(&open_hub, &callers[c], AUTH_TOKEN_CREATE, &alices, NULL)), want[c]);
        assert_int_equal(letter(auth_can(&open_hub, &callers[c], AUTH_TOKEN_REVOKE, &alices, NULL)),
                         revoke[c]);
    }
}

static void a_token_grants_no_more_and_no_longer_than_itself(void **state)
{
    (void)state;
    for (int own = STORE_SCOPE_READ; own <= STORE_SCOPE_ADMIN; own++)
        for (int asked = STORE_SCOPE_READ; asked <= STORE_SCOPE_ADMIN; asked++) {
            struct auth_actor a = {PERSON(ALICE, (enum store_scope)own, NULL, 0)};
            assert_int_equal(auth_may_grant(&a, (enum store_scope)asked, 0, NULL),
                             asked <= own ? FH_OK : FH_DENIED);
            a.expires_at = 1000;
            assert_int_equal(auth_may_grant(&a, (enum store_scope)own, 0, NULL), FH_DENIED);
            assert_int_equal(auth_may_grant(&a, (enum store_scope)own, 1001, NULL), FH_DENIED);
            assert_int_equal(auth_may_grant(&a, (enum store_scope)own, 1000, NULL), FH_OK);
        }
}

static void a_visibility_that_is_none_hides(void **state)
{
    (void)state;
    for (int v = 0; v <= 9; v = v ? v + 4 : 5) {
        struct auth_object o = object((enum store_visibility)v);
        assert_int_equal(auth_can(&open_hub, &callers[1], AUTH_ENV_READ, &o, NULL), FH_NOT_FOUND);
        assert_int_equal(auth_can(&open_hub, &callers[2], AUTH_ENV_READ, &o, NULL), FH_OK);
    }
}

static void at_route_level_only_the_caller_counts(void **state)
{
    (void)state;
    assert_int_equal(auth_can(&open_hub, &callers[0], AUTH_ENV_READ, NULL, NULL), FH_OK);
    assert_int_equal(auth_can(&open_hub, &callers[0], AUTH_ENV_WRITE, NULL, NULL), FH_UNAUTHENTICATED);
    assert_int_equal(auth_can(&open_hub, &callers[1], AUTH_ENV_WRITE, NULL, NULL), FH_OK);
    assert_int_equal(auth_can(&open_hub, &callers[8], AUTH_ENV_WRITE, NULL, NULL), FH_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_caller_and_visibility_is_answered_as_the_table_says),
        cmocka_unit_test(every_refusal_is_a_whole_sentence),
        cmocka_unit_test(with_require_login_nobody_is_anonymous),
        cmocka_unit_test(resolving_can_want_a_login_where_searching_wants_none),
        cmocka_unit_test(a_catalog_that_wants_a_login_answers_nobody_anonymous),
        cmocka_unit_test(the_base_catalog_is_read_by_its_visibility_and_changed_by_administrators_alone),
        cmocka_unit_test(git_challenges_whoever_sent_no_header),
        cmocka_unit_test(an_owner_that_is_absent_looks_like_one_that_is_foreign),
        cmocka_unit_test(ones_own_account_is_an_owners_role_within_the_tokens_scope),
        cmocka_unit_test(an_organisations_token_acts_as_that_organisation_alone),
        cmocka_unit_test(a_hub_admins_power_needs_the_scope_admin),
        cmocka_unit_test(what_a_disabled_account_has_can_be_read_but_not_changed),
        cmocka_unit_test(only_administrators_create_organisations_where_the_hub_says_so),
        cmocka_unit_test(nobody_makes_a_token_for_another_user_and_only_an_administrator_revokes_it),
        cmocka_unit_test(a_token_grants_no_more_and_no_longer_than_itself),
        cmocka_unit_test(a_visibility_that_is_none_hides),
        cmocka_unit_test(at_route_level_only_the_caller_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
