/* The manifest model: what is accepted, what is refused and how, and the lock's form of it. */
#include "common/manifest.h"
#include "manifestbox.h"

#include <stdio.h>

static void refused(const char *text, const char *message)
{
    struct fh_error e = {.msg = ""};
    const struct fh_manifest *m;
    assert_int_equal(fh_manifest_parse(arena, text, strlen(text), "manifest.toml", &m, &e), FH_INVALID);
    assert_string_equal(e.msg, message);
}

static void refused_for(const char *text, const char *part)
{
    struct fh_error e = {.msg = ""};
    const struct fh_manifest *m;
    assert_int_equal(fh_manifest_parse(arena, text, strlen(text), "manifest.toml", &m, &e), FH_INVALID);
    if (!strstr(e.msg, part))
        fail_msg("'%s' does not mention '%s'", e.msg, part);
}

static const char *as_json(const char *text)
{
    return compact(manifest(text)->json);
}

static void every_known_version_is_accepted_and_no_other(void **state)
{
    (void)state;
    assert_int_equal(manifest("version = 1")->schema, FH_SCHEMA_V1);
    for (enum fh_schema s = FH_SCHEMA_1_10; s <= FH_SCHEMA_NEWEST; s++) {
        const char *text = fh_sprintf(arena, "schema-version = \"%s\"", fh_schema_text(s));
        assert_int_equal(manifest(text)->schema, s);
    }
    refused("schema-version = \"1.16.0\"",
            "manifest.toml:1:18: manifest had invalid schema version '1.16.0'.");
    refused("# a\nversion = 2", "manifest.toml:2:11: manifest had invalid schema version '2'.");
    refused("[vars]", "manifest.toml:1:1: manifest 'schema-version' field is missing.");
    refused("version = \"1\"", "manifest.toml:1:11: 'version' field must be an integer.");
    refused("schema-version = 1.15",
            "manifest.toml:1:18: 'schema-version' field must be a version string like "
            "\"X.Y.Z\".");
    refused_for("version = 1\nschema-version = \"1.10.0\"", "unknown field `schema-version`");
}

static void an_unknown_key_is_refused_with_its_place_and_what_is_known_there(void **state)
{
    (void)state;
    refused(NEWEST "[hook]\non-activte = \"\"",
            "manifest.toml:3:1: 'hook.on-activte': unknown field `on-activte`, "
            "expected `on-activate` or `on-deactivate`.");
    refused("version = 1\n[hook]\non-deactivate = \"\"",
            "manifest.toml:3:1: 'hook.on-deactivate': unknown field "
            "`on-deactivate`, expected `on-activate`.");
    refused(NEWEST "[install]\nhello = { pkg-path = \"hello\", colour = \"1\" }",
            "manifest.toml:3:31: 'install.hello.colour': unknown field `colour`, expected one of `pkg-path`, "
            "`pkg-group`, `priority`, `version`, `systems`, `outputs`.");
    refused_for("version = 1\ninstall.\"a b\".pkg-path = \"x\"\ninstall.\"a b\".outputs = \"all\"",
                "'install.\"a b\".outputs': unknown field `outputs`");
    refused_for(NEWEST "environment = 1", "'environment': unknown field `environment`, expected one of "
                                          "`schema-version`, `minimum-cli-version`, `install`, `vars`");
    refused_for(NEWEST "[services.web]\ncommand = \"x\"\nsystemd.service.exec = \"x\"",
                "manifest.toml:4:17: 'services.web.systemd.service.exec': unknown field `exec`");
    refused_for(NEWEST "\"\\u001b[31m\" = 1", "unknown field `\"?[31m\"`");
}

static void what_a_schema_version_does_not_have_yet_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *table;
        enum fh_schema since;
    } news[] = {
        {"install.a.pkg-path = \"a\"\ninstall.a.outputs = [\"out\"]", FH_SCHEMA_1_10},
        {"minimum-cli-version = \"1.2.3\"", FH_SCHEMA_1_10},
        {"minimum-cli-version = { version = \"1.2.3\", reason = \"r\" }", FH_SCHEMA_1_11},
        {"services.auto-start = true", FH_SCHEMA_1_12},
        {"profile.deactivate.bash = \"\"", FH_SCHEMA_1_13},
        {"build.a.command = \"\"\nbuild.a.sandbox = \"warn\"", FH_SCHEMA_1_13},
        {"build.a.command = \"\"\nbuild.a.sandbox-allow = []", FH_SCHEMA_1_13},
        {"plugins.a.b = 1", FH_SCHEMA_1_14},
        {"hook.on-deactivate = \"\"", FH_SCHEMA_1_15},
    };
    for (size_t i = 0; i < sizeof news / sizeof *news; i++)
        for (enum fh_schema s = FH_SCHEMA_V1; s <= FH_SCHEMA_NEWEST; s++) {
            const char *head = s == FH_SCHEMA_V1
                                   ? "version = 1"
                                   : fh_sprintf(arena, "schema-version = \"%s\"", fh_schema_text(s));
            const char *text = fh_sprintf(arena, "%s\n%s\n", head, news[i].table);
            const struct fh_manifest *m;
            fh_err expected = s >= news[i].since ? FH_OK : FH_INVALID;
            if (fh_manifest_parse(arena, text, strlen(text), "m", &m, NULL) != expected)
                fail_msg("%s", text);
        }
    assert_string_equal(manifest("schema-version = \"1.10.0\"\nminimum-cli-version = \"soon\"")->minimum_cli,
                        "soon");
    refused("schema-version = \"1.11.0\"\nminimum-cli-version = \"soon\"",
            "manifest.toml:2:23: 'minimum-cli-version': expected a version such as \"1.11.0\".");
}

static void a_wrong_type_is_refused_with_its_place(void **state)
{
    (void)state;
    refused(NEWEST "vars.A = 1", "manifest.toml:2:10: 'vars.A': invalid type: integer, expected a string.");
    refused(NEWEST "[options]\nallow.broken = \"no\"",
            "manifest.toml:3:16: 'options.allow.broken': invalid type: string, expected a boolean.");
    refused(NEWEST "options.systems = [\"a\", 2]",
            "manifest.toml:2:25: 'options.systems': invalid type: integer, expected an array of strings.");
    refused(NEWEST "hook = []", "manifest.toml:2:8: 'hook': invalid type: array, expected a table.");
    refused(NEWEST "install.a = \"hello\"",
            "manifest.toml:2:13: 'install.a': Expected either a catalog package descriptor, a flake "
            "installable or "
            "a store path.\nSee "
            "https://flox.dev/docs/reference/command-reference/manifest.toml/#package-descriptors "
            "for more information.");
    refused_for(NEWEST "install.a.version = \"1\"", "Expected either a catalog package descriptor");
    refused_for(NEWEST "install.a.pkg-path = \"a\"\ninstall.a.priority = -1", "integer `-1`");
    refused_for(NEWEST "options.activate.mode = \"fast\"",
                "'options.activate.mode': unknown variant `fast`, expected `dev` or `run`");
    refused_for(NEWEST "services.web.vars.A = \"1\"",
                "manifest.toml:2:10: 'services.web': missing field `command`");
    refused_for(NEWEST "include.environments = [{ dir = \"x\", generation = 1 }]",
                "unknown field `generation`");
    refused_for(NEWEST "include.environments = [{ remote = \"x\" }]", "\"owner/name\"");
    refused_for(NEWEST "include.environments = [{ remote = \"x/y\", reference = \"x/y\" }]",
                "duplicate field");
    refused_for(NEWEST "vars.A = 1979-05-27", "invalid type: date-time");
}

static void broken_toml_is_refused_with_its_place(void **state)
{
    (void)state;
    refused_for(NEWEST "[vars]\nA = \"x\nB = 1", "manifest.toml:3:");
    refused_for(NEWEST "[vars]\nA = \"1\"\nA = \"2\"", "manifest.toml:4:");
    refused_for(NEWEST "[vars]\n[vars]", "manifest.toml:3:");
    refused_for("a = \"\xff\"", "manifest.toml:1:");
    refused_for("a = \"\\u0000\"", "manifest.toml:1:5: a string with a NUL");
    refused_for("a = [", "manifest.toml:1:");
    refused_for(NEWEST "vars.A\xc2\xa0= '1'", "manifest.toml:2:7:");
    refused_for("a = '1' # x\xe2\x80\xa8"
                "b = 2\nc\x0b= 1",
                "manifest.toml:2:");
    refused(NEWEST "\n [$x]", "manifest.toml:3:3: a table's name cannot begin with this character.");
    refused_for("[[ =]]", "manifest.toml:1:4: a table's name");
    refused_for("[]", "manifest.toml:1:");
    refused_for("\xef\xbb\xbf" NEWEST "x = 1", "manifest.toml:2:1: 'x': unknown field");
}

static void letters_that_are_not_ascii_may_stand_behind_a_line_that_is_continued(void **state)
{
    (void)state;
    const struct fh_manifest *m = manifest(NEWEST "[vars]\nA = \"\"\"\\\n  é\\ \t\n\n \xc2\xa0x\\\n\n 😀\\\n"
                                                  "\xe2\x80\x83\\\n\"\"\"\nB = 'é' # é\n");
    assert_string_equal(m->vars.items[0].value, "é\xc2\xa0x😀\xe2\x80\x83");
    assert_string_equal(m->vars.items[1].value, "é");
    refused_for("A = \"\"\"\\\n \xff\"\"\"", "manifest.toml:2:");
    refused_for("A = \"\"\"\\\n \xed\xa0\x80\"\"\"", "manifest.toml:2:");
}

static void nesting_beyond_the_ceiling_is_refused_and_dots_in_text_do_not_count(void **state)
{
    (void)state;
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    assert_int_equal(fh_buf_add_str(&b, NEWEST "[plugins.p]\na", NULL), FH_OK);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(fh_buf_add_str(&b, ".a", NULL), FH_OK);
    assert_int_equal(fh_buf_add_str(&b, " = 1\n", NULL), FH_OK);
    refused_for(b.data, "manifest.toml:3:66: nested deeper than 32 levels");
    fh_buf_clear(&b);
    assert_int_equal(fh_buf_add_str(&b, NEWEST "plugins.p = ", NULL), FH_OK);
    for (int i = 0; i < 50000; i++)
        assert_int_equal(fh_buf_add_str(&b, "[", NULL), FH_OK);
    refused_for(b.data, "manifest.toml:2:");
    fh_buf_free(&b);
    const char *dots = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.1.2.3.4.5.6.7.8.9.0";
    manifest(fh_sprintf(
        arena,
        NEWEST "# %s\n[vars]\nA = \"\\\"%s\"\nB = '%s'\nC = \"\"\"\n\"%s\\\"\"\"\"\"\nD = '''\n'%s'''''\n",
        dots, dots, dots, dots, dots));
}

static void the_lock_form_has_keys_in_declaration_order_and_maps_sorted(void **state)
{
    (void)state;
    assert_string_equal(
        as_json(NEWEST "options.systems = [\"b\", \"a\"]\noptions.cuda-detection = false\n"
                       "options.allow.licenses = []\noptions.activate.mode = \"run\"\n"
                       "[vars]\nB = \"1\"\nA = \"2\"\n"
                       "[install]\nz.systems = [\"s\"]\nz.pkg-path = \"z\"\nz.outputs = \"all\"\n"
                       "a.flake = \"f\"\nm.priority = 1\nm.store-path = \"/nix/store/x\"\n"
                       "[hook]\non-deactivate = \"d\"\non-activate = \"a\"\n"),
        "{\"schema-version\":\"1.15.0\",\"install\":{\"a\":{\"flake\":\"f\"},\"m\":{\"store-path\":"
        "\"/nix/store/x\",\"priority\":1},\"z\":{\"pkg-path\":\"z\",\"systems\":[\"s\"],\"outputs\":"
        "\"all\"}},\"vars\":{\"A\":\"2\",\"B\":\"1\"},\"hook\":{\"on-activate\":\"a\","
        "\"on-deactivate\":\"d\"},\"options\":{\"systems\":[\"b\",\"a\"],\"allow\":{\"licenses\":[]},"
        "\"cuda-detection\":false,\"activate\":{\"mode\":\"run\"}}}");
    assert_string_equal(
        as_json(NEWEST "[include]\nenvironments = [{ reference = \"a/b\", generation = 3, name = "
                       "\"n\" }, { dir = \"../x\" }]\n"
                       "[services]\nauto-start = true\nb.command = \"c\"\na.command = \"c\"\n"
                       "a.is-daemon = true\na.shutdown.command = \"s\"\na.vars = {}\n"
                       "[containerize.config]\nvolumes = [\"b\", \"a\", \"b\"]\nuser = \"u\"\n"),
        "{\"schema-version\":\"1.15.0\",\"options\":{},\"services\":{\"auto-start\":true,\"a\":{"
        "\"command\":\"c\",\"vars\":{},\"is-daemon\":true,\"shutdown\":{\"command\":\"s\"}},\"b\":{"
        "\"command\":\"c\"}},\"containerize\":{\"config\":{\"user\":\"u\",\"volumes\":[\"a\",\"b\"]}},"
        "\"include\":{\"environments\":[{\"remote\":\"a/b\",\"name\":\"n\",\"generation\":3},{\"dir\":"
        "\"../x\"}]}}");
    assert_string_equal(
        as_json(NEWEST "[plugins.p]\nz = 1979-05-27T07:32:00Z\nf = 1.0\nn = nan\n[[plugins.p.t]]\n"
                       "b = true\n[plugins.q]\n"),
        "{\"schema-version\":\"1.15.0\",\"options\":{},\"plugins\":{\"p\":{\"f\":1.0,\"n\":null,"
        "\"t\":[{\"b\":true}],\"z\":{\"$__toml_private_datetime\":\"1979-05-27T07:32:00Z\"}},"
        "\"q\":{}}}");
}

static void empty_tables_are_kept_where_their_header_counts(void **state)
{
    (void)state;
    const char *empty = "{\"schema-version\":\"1.15.0\",\"options\":{}}";
    assert_string_equal(as_json(NEWEST), empty);
    assert_string_equal(
        as_json(NEWEST "[install]\n[vars]\n[services]\n[include]\n[build]\n[options]\n[plugins]\n"), empty);
    assert_string_equal(as_json(NEWEST "[include]\nenvironments = []\n[options]\nallow = {}\nsemver = {}\n"
                                       "activate = {}\n"),
                        empty);
    assert_string_equal(
        as_json(NEWEST "[profile]\n[hook]\n[containerize]\n"),
        "{\"schema-version\":\"1.15.0\",\"hook\":{},\"profile\":{},\"options\":{},\"containerize\":{}"
        "}");
    assert_false(fh_manifest_equal(manifest(NEWEST), manifest(NEWEST "[hook]")));
    assert_false(fh_manifest_equal(manifest(NEWEST), manifest(NEWEST "options.allow.licenses = []")));
    assert_true(fh_manifest_equal(manifest(NEWEST "vars.B = \"1\"\nvars.A = \"\""),
                                  manifest(NEWEST "# x\n[vars]\nA = ''\nB = '1'")));
}

static void the_model_says_what_the_file_says(void **state)
{
    (void)state;
    const struct fh_manifest *m = manifest(
        "schema-version = \"1.13.0\"\nminimum-cli-version = { version = \"1.2.3\", reason = \"why\" }\n"
        "[install]\npip.pkg-path = \"python3.pip\"\ngreet = { pkg-path = \"acme/greet\", pkg-group = \"g\", "
        "version = \"^1\", outputs = [\"out\", \"man\"] }\n"
        "[vars]\nA = \"1\"\n[hook]\non-activate = \"act\"\n[profile]\nbash = \"b\"\ndeactivate.zsh = \"z\"\n"
        "[options]\nallow.unfree = false\n[services.web]\ncommand = \"serve\"\nvars.P = \"1\"\n"
        "[build.x]\ncommand = \"make\"\nversion.file = \"V\"\n"
        "[include]\nenvironments = [{ remote = \"a/b\" }]\n");
    assert_int_equal(m->npackages, 2);
    assert_string_equal(m->packages[0].id, "greet");
    assert_true(m->packages[0].is_custom);
    assert_int_equal(m->packages[0].outputs, FH_OUTPUTS_LIST);
    assert_string_equal(m->packages[0].output_names.items[1], "man");
    assert_string_equal(m->packages[1].group, "toplevel");
    assert_int_equal(m->packages[1].priority, FH_DEFAULT_PRIORITY);
    assert_false(m->packages[1].is_custom);
    assert_string_equal(m->minimum_cli_reason, "why");
    assert_string_equal(m->vars.items[0].value, "1");
    assert_string_equal(m->on_activate, "act");
    assert_null(m->on_deactivate);
    assert_string_equal(m->profile.bash, "b");
    assert_null(m->profile.common);
    assert_string_equal(m->deactivate.zsh, "z");
    assert_int_equal(m->allow_unfree, 0);
    assert_int_equal(m->allow_broken, -1);
    assert_null(m->activate_mode);
    assert_string_equal(m->services[0].vars.items[0].name, "P");
    assert_string_equal(m->builds[0].version_file, "V");
    assert_string_equal(m->includes[0].remote, "a/b");
    struct fh_strings systems = fh_manifest_systems(arena, m, "x86_64-darwin");
    assert_int_equal(systems.count, 4);
    assert_string_equal(systems.items[2], "x86_64-darwin");
    assert_int_equal(fh_manifest_systems(arena, m, "x86_64-linux").count, 3);
}

static void a_daemon_without_a_shutdown_command_is_refused(void **state)
{
    (void)state;
    refused(NEWEST
            "[services]\nb.command = \"b\"\nb.is-daemon = true\na.command = \"a\"\na.is-daemon = true\n"
            "c.command = \"c\"\nc.is-daemon = false",
            "manifest.toml: Services that spawn daemon processes must supply a shutdown command.\n\nThe "
            "following "
            "services did not specify a shutdown command:\n- a\n- b");
}

static const char *order_of(const char *vars)
{
    const struct fh_manifest *m = manifest(fh_sprintf(arena, NEWEST "[vars]\n%s", vars));
    struct fh_manifest_vars ordered = {0};
    struct fh_error e;
    if (fh_vars_order(arena, &m->vars, &ordered, &e) != FH_OK)
        return fh_strdup(arena, e.msg);
    const char *names = "";
    for (size_t i = 0; i < ordered.count; i++)
        names = fh_sprintf(arena, "%s%s%s", names, i > 0 ? " " : "", ordered.items[i].name);
    return names;
}

static void a_variable_stands_behind_those_it_refers_to(void **state)
{
    (void)state;
    assert_string_equal(order_of("b = '2'\na = '1'\nc = '3'"), "a b c");
    assert_string_equal(order_of("A = '$B-x'\nB = '1'"), "B A");
    assert_string_equal(order_of("A = '${Z:-d}'\nM = '1'\nZ = '1'"), "M Z A");
    assert_string_equal(order_of("A = '$C'\nB = '$A'\nC = '1'\nD = '${C}'"), "C A B D");
    assert_string_equal(order_of("PATH = '/x:$PATH'"), "PATH");
    assert_string_equal(order_of("A = '\\$B'\nB = '1'"), "A B");
    assert_string_equal(order_of("A = '\\\\$B'\nB = '1'"), "B A");
    assert_string_equal(order_of("A = '${B'\nB = '1'"), "A B");
    assert_string_equal(order_of("A = '${B} ${C'\nB = '1'\nC = '1'"), "B A C");
    assert_string_equal(order_of("A = '$BC $1 $ $$ ${} $-'\nB = '$HOME'"), "A B");
    assert_string_equal(order_of("A = '$B$C$B$C'\nB = '1'\nC = '1'"), "B C A");
    assert_string_equal(
        order_of("a = '$z'\nb = '$z'\nc = '$z'\nd = '$z'\ne = '$z'\nf = '$z'\ng = '$z'\nh = '1'\n"
                 "z = '1'\ny = '$h'"),
        "h y z a b c d e f g");
    assert_string_equal(order_of("a = ''\nb = ''\nc = ''\nd = ''\ne = ''\nf = ''\ng = ''\nh = ''\ni = ''"),
                        "a b c d e f g h i");
    assert_string_equal(order_of(""), "");
}

static void a_cycle_of_variables_is_refused_with_its_path(void **state)
{
    (void)state;
    assert_string_equal(order_of("a = '$b'\nb = '$a'"),
                        "Found a reference cycle in the '[vars]' section: a → b → a.\n"
                        "Remove one of these references so the variables no longer form a loop.");
    assert_string_equal(order_of("a = '$b'\nb = '$c'\nc = '$b $x'\nx = '1'"),
                        "Found a reference cycle in the '[vars]' section: b → c → b.\n"
                        "Remove one of these references so the variables no longer form a loop.");
    assert_non_null(strstr(order_of("BASH_ENVTRACE_FD = '1'"), "reserved"));
    assert_non_null(strstr(order_of("a-b = '1'"), "cannot be a shell variable"));
}

static void thousands_of_variables_are_put_in_order_at_once(void **state)
{
    (void)state;
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    struct fh_manifest_vars ordered = {0};
    assert_int_equal(fh_buf_add_str(&b, NEWEST "[vars]\n", NULL), FH_OK);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(fh_buf_addf(&b, NULL, "v%05d = '$v%05d'\n", i, i + 1), FH_OK);
    assert_int_equal(fh_vars_order(arena, &manifest(b.data)->vars, &ordered, NULL), FH_OK);
    assert_string_equal(ordered.items[0].name, "v19999");
    assert_string_equal(ordered.items[19999].name, "v00000");
    assert_int_equal(fh_buf_addf(&b, NULL, "v20000 = '$v00000'\n"), FH_OK);
    assert_int_equal(fh_vars_order(arena, &manifest(b.data)->vars, &ordered, NULL), FH_INVALID);
    fh_buf_free(&b);
}

static void uncomment(char *text, const char *line)
{
    char *at = strstr(text, line);
    assert_non_null(at);
    memcpy(at, "  ", 2);
}

static void a_new_manifest_parses_and_has_the_lock_of_an_empty_environment(void **state)
{
    (void)state;
    static const struct {
        enum fh_template kind;
        bool run_mode;
        const char *json;
    } cases[] = {
        {FH_TEMPLATE_DOCUMENTED, false,
         "{\"schema-version\":\"1.15.0\",\"hook\":{},\"profile\":{},\"options\":{}}"},
        {FH_TEMPLATE_DOCUMENTED, true,
         "{\"schema-version\":\"1.15.0\",\"hook\":{},\"profile\":{},\"options\":{\"activate\":{\"mode\":"
         "\"run\"}}}"},
        {FH_TEMPLATE_BARE, false, "{\"schema-version\":\"1.15.0\",\"options\":{}}"},
        {FH_TEMPLATE_BARE, true,
         "{\"schema-version\":\"1.15.0\",\"options\":{\"activate\":{\"mode\":\"run\"}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fh_buf b = FH_BUF_INIT(1 << 16);
        assert_int_equal(fh_manifest_template(cases[i].kind, cases[i].run_mode, &b, NULL), FH_OK);
        assert_string_equal(as_json(b.data), cases[i].json);
        if (cases[i].kind == FH_TEMPLATE_DOCUMENTED) { /* the examples in it are valid too */
            uncomment(b.data, "# hello.pkg-path");
            uncomment(b.data, "# hello.version");
            uncomment(b.data, "# GREETING");
            uncomment(b.data, "# web.command");
            uncomment(b.data, "# systems = ");
            uncomment(b.data, "# cuda-detection");
            assert_int_equal(manifest(b.data)->npackages, 1);
        }
        fh_buf_free(&b);
    }
    struct fh_buf b = FH_BUF_INIT(1 << 16);
    assert_int_equal(fh_manifest_template(FH_TEMPLATE_BARE, false, &b, NULL), FH_OK);
    assert_string_equal(b.data, NEWEST);
    fh_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_known_version_is_accepted_and_no_other),
        CASE(an_unknown_key_is_refused_with_its_place_and_what_is_known_there),
        CASE(what_a_schema_version_does_not_have_yet_is_refused),
        CASE(a_wrong_type_is_refused_with_its_place),
        CASE(broken_toml_is_refused_with_its_place),
        CASE(letters_that_are_not_ascii_may_stand_behind_a_line_that_is_continued),
        CASE(nesting_beyond_the_ceiling_is_refused_and_dots_in_text_do_not_count),
        CASE(the_lock_form_has_keys_in_declaration_order_and_maps_sorted),
        CASE(empty_tables_are_kept_where_their_header_counts),
        CASE(the_model_says_what_the_file_says),
        CASE(a_daemon_without_a_shutdown_command_is_refused),
        CASE(a_variable_stands_behind_those_it_refers_to),
        CASE(a_cycle_of_variables_is_refused_with_its_path),
        CASE(thousands_of_variables_are_put_in_order_at_once),
        CASE(a_new_manifest_parses_and_has_the_lock_of_an_empty_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
