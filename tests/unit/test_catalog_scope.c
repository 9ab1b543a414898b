/* Which catalogs a caller may see, over a real database. */
#include "tests/unit/test_storebox.h"

#include "server/catalog/catalog_scope.h"

static struct catalog *catalog;
static bool live;
static const struct auth_policy open_hub = {0};

static bool is_live(void *arg)
{
    (void)arg;
    return live;
}

static int begin_catalog(void **state)
{
    start(state);
    script("INSERT INTO owner (id, kind, handle) OVERRIDING SYSTEM VALUE VALUES (101, 1, 'alice'), (102, 1, "
           "'bob'), "
           "(103, 2, 'acme'), (104, 2, 'zeta')");
    script("INSERT INTO catalog (owner_id, visibility) VALUES (101, 1), (102, 2), (103, 3), (104, 4)");
    catalog = catalog_new(cluster.pool);
    catalog_set_live(catalog, is_live, NULL);
    live = true;
    return 0;
}

static int end_catalog(void **state)
{
    catalog_free(catalog);
    return stop(state);
}

static const struct catalog_scope *open_scope(const struct auth_policy *policy,
                                              const struct auth_actor *actor)
{
    const struct catalog_scope *s;
    const struct catalog_caller caller = {policy, actor};
    MUST(catalog_scope_open(catalog, a, &caller, false, &s, &e));
    return s;
}

/* The listed ones, "-" for the base catalog. */
static const char *listed(const struct auth_actor *actor)
{
    const struct catalog_scope *s = open_scope(&open_hub, actor);
    const char *text = "";
    for (const struct store_catalog_entry *c = NULL; (c = catalog_scope_next(s, c));)
        text = fh_sprintf(a, "%s%s ", text, c->owner ? c->owner : "-");
    return text;
}

static const char *named(const struct auth_actor *actor)
{
    static const char *const owners[] = {"acme", "alice", "bob", "nobody", "zeta", "Alice", ""};
    const struct catalog_scope *s = open_scope(&open_hub, actor);
    const char *text = catalog_scope_base(s) ? "- " : "";
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
        if (catalog_scope_find(s, owners[i]))
            text = fh_sprintf(a, "%s%s ", text, owners[i]);
    return text;
}

static void a_caller_sees_what_the_visibility_of_a_catalog_and_its_roles_allow(void **state)
{
    (void)state;
    static const struct auth_role in_zeta[] = {{104, STORE_READER}};
    const struct auth_actor stranger = {.state = AUTH_VALID,
                                        .kind = STORE_USER,
                                        .owner_id = 9,
                                        .scope = STORE_SCOPE_READ},
                            member = {.state = AUTH_VALID,
                                      .kind = STORE_USER,
                                      .owner_id = 9,
                                      .scope = STORE_SCOPE_READ,
                                      .roles = in_zeta,
                                      .nroles = 1},
                            boss = {.state = AUTH_VALID,
                                    .kind = STORE_USER,
                                    .owner_id = 9,
                                    .scope = STORE_SCOPE_ADMIN,
                                    .hub_admin = true};
    assert_string_equal(listed(auth_anonymous()), "- alice ");
    assert_string_equal(named(auth_anonymous()), "- acme alice ");
    assert_string_equal(listed(&stranger), "- alice bob ");
    assert_string_equal(named(&stranger), "- acme alice bob ");
    assert_string_equal(listed(&member), "- alice bob zeta ");
    assert_string_equal(named(&member), "- acme alice bob zeta ");
    assert_string_equal(listed(&boss), "- acme alice bob zeta ");
}

static void a_catalog_that_wants_a_login_has_no_scope_for_nobody(void **state)
{
    (void)state;
    static const struct auth_policy closed = {.catalog_login = true};
    const struct catalog_caller caller = {&closed, auth_anonymous()};
    const struct catalog_scope *s;
    assert_int_equal(catalog_scope_open(catalog, a, &caller, false, &s, &e), FH_UNAUTHENTICATED);
}

static void what_was_read_is_kept_until_a_change_is_heard_of(void **state)
{
    (void)state;
    const struct catalog_caller caller = {&open_hub, auth_anonymous()};
    const struct catalog_scope *s;
    assert_string_equal(listed(auth_anonymous()), "- alice ");
    MUST(catalog_scope_open(catalog, a, &caller, true, &s, &e));
    script("UPDATE catalog SET visibility = 1 WHERE owner_id = 104");
    assert_string_equal(listed(auth_anonymous()), "- alice ");
    catalog_changed(catalog, true);
    assert_int_equal(catalog_scope_open(catalog, a, &caller, true, &s, &e), FH_AGAIN);
    assert_string_equal(listed(auth_anonymous()), "- alice zeta ");
    live = false;
    script("UPDATE catalog SET visibility = 4 WHERE owner_id = 104");
    assert_string_equal(listed(auth_anonymous()), "- alice ");
    assert_int_equal(catalog_scope_open(catalog, a, &caller, true, &s, &e), FH_AGAIN);
    live = true;
    catalog_changed(catalog, true);
}

static void a_catalogs_number_changes_with_its_packages_alone(void **state)
{
    (void)state;
    const struct catalog_scope *before = open_scope(&open_hub, auth_anonymous());
    script(
        "INSERT INTO package (catalog_id, attr_path) SELECT id, 'hello' FROM catalog WHERE owner_id = 101");
    catalog_changed(catalog, true);
    const struct catalog_scope *after = open_scope(&open_hub, auth_anonymous());
    assert_int_not_equal(catalog_scope_find(before, "alice")->changed,
                         catalog_scope_find(after, "alice")->changed);
    assert_int_equal(catalog_scope_base(before)->changed, catalog_scope_base(after)->changed);
    script("DELETE FROM package");
    catalog_changed(catalog, true);
    const struct catalog_scope *later = open_scope(&open_hub, auth_anonymous());
    assert_int_not_equal(catalog_scope_find(later, "alice")->changed,
                         catalog_scope_find(after, "alice")->changed);
}

static void a_pkg_path_is_an_owners_when_no_dot_stands_before_its_first_slash(void **state)
{
    (void)state;
    static const struct {
        const char *path, *owner, *attr_path;
    } rows[] = {{"hello", NULL, "hello"},
                {"alice/hello", "alice", "hello"},
                {"alice/set.hello", "alice", "set.hello"},
                {"alice/a/b", "alice", "a/b"},
                {"nodePackages.@angular/cli", NULL, "nodePackages.@angular/cli"},
                {"/hello", NULL, "/hello"},
                {"alice/", "alice", ""},
                {"", NULL, ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *owner, *attr_path;
        catalog_path_split(a, rows[i].path, &owner, &attr_path);
        assert_true(owner ? rows[i].owner && strcmp(owner, rows[i].owner) == 0 : !rows[i].owner);
        assert_string_equal(attr_path, rows[i].attr_path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caller_sees_what_the_visibility_of_a_catalog_and_its_roles_allow),
        cmocka_unit_test(a_catalog_that_wants_a_login_has_no_scope_for_nobody),
        cmocka_unit_test(what_was_read_is_kept_until_a_change_is_heard_of),
        cmocka_unit_test(a_catalogs_number_changes_with_its_packages_alone),
        cmocka_unit_test(a_pkg_path_is_an_owners_when_no_dot_stands_before_its_first_slash),
    };
    return cmocka_run_group_tests(tests, begin_catalog, end_catalog);
}
