/* Command lines by tables: parsing, help, the manual, completion. */
#include "common/cli.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What the verb was called with, as text: "create|bob|name=x|flag=true". */
static char seen[1024];

static void note(const char *text)
{
    size_t n = strlen(seen);
    snprintf(seen + n, sizeof seen - n, "%s%s", n ? "|" : "", text);
}

static int run(struct fh_cli *cli)
{
    char text[256];
    seen[0] = '\0';
    note(cli->verb->path);
    for (int i = 0; i < cli->nargs; i++) {
        if (cli->dashes && i == cli->before_dashes)
            note("--");
        note(cli->args[i]);
    }
    for (const char *const *g = fh_cli_given(cli); *g; g += 2) {
        snprintf(text, sizeof text, "%s=%s", g[0], g[1]);
        note(text);
    }
    return 0;
}

static int run_values(struct fh_cli *cli)
{
    size_t n;
    const char *const *owners = fh_cli_values(cli, "owner", &n);
    seen[0] = '\0';
    for (size_t i = 0; i < n; i++)
        note(owners[i]);
    note(fh_cli_value(cli, "name") ? fh_cli_value(cli, "name") : "(none)");
    note(fh_cli_flag(cli, "flag") ? "yes" : "no");
    return 0;
}

static int run_fail(struct fh_cli *cli)
{
    struct fh_error e = {0};
    (void)FH_FAIL(&e, FH_CONFLICT, "It is \033[31mtaken\033[0m.");
    return fh_cli_fail(cli, &e);
}

static const struct fh_opt opts[] = {
    {.name = "name",
     .letter = 'n',
     .kind = FH_OPT_VALUE,
     .value = "NAME",
     .help = "It's a name: of 'something'."},
    {.name = "owner", .alias = "org", .letter = 'o', .kind = FH_OPT_MANY, .value = "OWNER", .help = "Whose."},
    {.name = "pair", .letter = 'p', .kind = FH_OPT_PAIRS, .value = "ONE TWO", .help = "Two words."},
    {.name = "flag", .letter = 'f', .kind = FH_OPT_FLAG, .help = "A flag."},
    {.name = "scope", .kind = FH_OPT_VALUE, .value = "SCOPE", .complete = "read write", .help = "How far."},
    {.name = "file", .kind = FH_OPT_VALUE, .value = "FILE", .complete = "file", .help = "Where from."},
    {0}};
static const struct fh_opt globals[] = {
    {.name = "config", .kind = FH_OPT_VALUE, .value = "FILE", .complete = "file", .help = "Settings."}, {0}};
static const struct fh_verb verbs[] = {
    {.path = "user create",
     .args = "HANDLE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Create.",
     .opts = opts,
     .run = run},
    {.path = "user list", .summary = "List.", .run = run},
    {.path = "install",
     .aliases = "i add",
     .args = "PKG…",
     .min_args = 1,
     .max_args = -1,
     .summary = "Install.",
     .opts = opts,
     .run = run},
    {.path = "values", .max_args = 0, .summary = "Values.", .opts = opts, .run = run_values},
    {.path = "activate",
     .args = "[-- CMD]",
     .summary = "Activate.",
     .text = "A paragraph.\n\n.An awkward one.",
     .opts = opts,
     .stop_at_dashes = true,
     .run = run},
    {.path = "fail", .summary = "Fail.", .run = run_fail},
    {.path = "secret", .summary = "Hidden.", .hidden = true, .run = run},
    {0}};
static const struct fh_env_doc environment[] = {{"FLOE_X", "What X is."}, {0}};
static const struct fh_program program = {.name = "floe-test",
                                          .version = "1.2.3",
                                          .summary = "A program for tests.",
                                          .text = "It does nothing.",
                                          .verbs = verbs,
                                          .globals = globals,
                                          .environment = environment,
                                          .files = "/etc/floe-test"};

struct outcome {
    int status;
    char out[32768], err[4096];
};

static void read_all(FILE *f, char *text, size_t size)
{
    rewind(f);
    size_t n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    fclose(f);
}

/* Runs the program on words separated by single spaces ("_" stands for an empty one), with its output caught.
 */
static const struct outcome *call(const char *line)
{
    static struct outcome o;
    static char text[512];
    char *argv[32] = {(char[]){"floe-test"}}, *rest = text, *word;
    int argc = 1;
    snprintf(text, sizeof text, "%s", line);
    while (*line && (word = strsep(&rest, " ")) && argc < 31)
        argv[argc++] = strcmp(word, "_") == 0 ? word + 1 : word;
    FILE *out = tmpfile(), *err = tmpfile();
    fflush(NULL);
    int keep_out = dup(1), keep_err = dup(2);
    dup2(fileno(out), 1);
    dup2(fileno(err), 2);
    seen[0] = '\0';
    o.status = fh_cli_main(&program, argc, argv, NULL);
    fflush(NULL);
    dup2(keep_out, 1);
    dup2(keep_err, 2);
    close(keep_out);
    close(keep_err);
    read_all(out, o.out, sizeof o.out);
    read_all(err, o.err, sizeof o.err);
    return &o;
}

static void options_and_words_come_in_any_order(void **state)
{
    (void)state;
    static const struct {
        const char *line, *seen;
    } rows[] = {
        {"user create bob", "user create|bob"},
        {"user create --name x bob", "user create|bob|name=x"},
        {"user create bob --name=x -f", "user create|bob|name=x|flag=true"},
        {"user create -nx bob", "user create|bob|name=x"},
        {"user create -fn x bob", "user create|bob|flag=true|name=x"},
        {"user create --org a bob --owner b -o c", "user create|bob|owner=a|owner=b|owner=c"},
        {"--config f user create bob --config g", "user create|bob|config=f|config=g"},
        {"user create --name _ bob", "user create|bob|name="},
        {"user create --na x bob", "user create|bob|name=x"}, /* an unambiguous beginning */
        {"i a b", "install|a|b"},
        {"add a", "install|a"},
        {"install -p a b c", "install|c|pair=a|pair=b"},
        {"install c --pair=a b -p x -- d -f", "install|c|d|pair=a|pair=b|pair=x|pair=--|flag=true"},
        {"install -- -a --name", "install|--|-a|--name"},
        {"install a -- b", "install|a|--|b"},
        {"install --name -- a", "install|a|name=--"},
        {"install a --name --", "install|a|name=--"},
        {"activate", "activate"},
        {"activate -f -- ls -l", "activate|--|ls|-l|flag=true"},
        {"secret", "secret"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct outcome *o = call(rows[i].line);
        if (o->status != 0 || strcmp(seen, rows[i].seen) != 0)
            fail_msg("%s: %d, %s %s", rows[i].line, o->status, seen, o->err);
    }
}

static void values_are_found_by_name(void **state)
{
    (void)state;
    call("values --owner a --name x -o b --org c --name y -f");
    assert_string_equal(seen, "a|b|c|y|yes");
    call("values");
    assert_string_equal(seen, "(none)|no");
}

static void what_is_wrong_is_said_and_the_exit_status_is_two(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } rows[] = {
        {"", "Usage: floe-test COMMAND"},
        {"user", "user create"},
        {"usr create", "There is no command \"usr\""},
        {"inztall a", "did you mean \"install\""},
        {"user crexate x", "did you mean \"user create\""},
        {"user create", "HANDLE"},
        {"user create a b", "\"b\""},
        {"user create a --nmae x", "did you mean --name"},
        {"user create a --nmae=x", "did you mean --name"},
        {"user create a --zzzzzz", "There is no option --zzzzzz"},
        {"user create a -z", "There is no option -z"},
        {"user create a --name", "--name needs a value (NAME)"},
        {"user create a -n", "--name needs a value"},
        {"install a -p", "--pair needs a value (ONE TWO)"},
        {"install a -p b", "--pair needs two values (ONE TWO)"},
        {"user create a --flag=1", "--flag takes no value"},
        {"user create a --f", "could be"},
        {"activate ls", "\"ls\""},
        {"values x", "\"x\""},
        {"--nonsense", "There is no option --nonsense"},
        {"completion tcsh", "bash, zsh and fish"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct outcome *o = call(rows[i].line);
        if (o->status != 2 || !strstr(o->err, rows[i].says) || o->out[0] || seen[0])
            fail_msg("%s: %d, %s", rows[i].line, o->status, o->err);
    }
    assert_non_null(strstr(call("user create a --zz")->err, "Try \"floe-test user create --help\"."));
}

static void a_failure_is_one_harmless_sentence_and_exit_status_one(void **state)
{
    (void)state;
    const struct outcome *o = call("fail");
    assert_int_equal(o->status, 1);
    assert_string_equal(o->err, "floe-test: It is taken.\n");
}

static void help_names_every_option_and_every_verb(void **state)
{
    (void)state;
    const struct outcome *o = call("user create --help");
    assert_int_equal(o->status, 0);
    static const char *const words[] = {"-n, --name NAME", "-o, --owner, --org OWNER …",
                                        "-f, --flag",      "--scope SCOPE",
                                        "--config FILE",   "-h, --help",
                                        "It's a name",     "Create."};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(o->out, words[i]))
            fail_msg("no %s in\n%s", words[i], o->out);
    assert_non_null(strstr(call("help user create")->out, "--name NAME"));
    assert_non_null(strstr(call("help i")->out, "Also: i add"));
    o = call("--help");
    for (const struct fh_verb *v = verbs; v->path; v++)
        assert_int_equal(strstr(o->out, v->path) != NULL, !v->hidden);
    assert_non_null(strstr(o->out, "completion bash|zsh|fish"));
    o = call("user --help");
    assert_int_equal(o->status, 0);
    assert_non_null(strstr(o->out, "user list"));
    assert_null(strstr(o->out, "install"));
    assert_string_equal(call("--version")->out, "floe-test 1.2.3\n");
}

static void the_manual_has_every_verb_and_is_proper_roff(void **state)
{
    (void)state;
    const struct outcome *o = call("man");
    assert_int_equal(o->status, 0);
    assert_non_null(strstr(o->out, ".TH FLOE\\-TEST 1 "));
    assert_non_null(strstr(o->out, ".SS user create HANDLE\n"));
    assert_non_null(strstr(o->out, "\\fB\\-\\-name\\fR \\fINAME\\fR"));
    assert_non_null(strstr(o->out, "\n.PP\n\\&.An awkward one."));
    assert_non_null(strstr(o->out, ".B FLOE_X"));
    assert_null(strstr(o->out, "secret"));
}

/* Feeds text to a shell's syntax check; -1 when the shell is not installed. */
static int check_syntax(const char *shell, const char *text)
{
    char path[] = "/tmp/test-cli-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    pid_t pid = fork();
    if (pid == 0) {
        execlp(shell, shell, "-n", path, (char *)NULL);
        _exit(127);
    }
    int status;
    waitpid(pid, &status, 0);
    unlink(path);
    return WIFEXITED(status) && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}

static void completion_scripts_are_proper_shell(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (size_t i = 0; i < 3; i++) {
        char line[32];
        snprintf(line, sizeof line, "completion %s", shells[i]);
        const struct outcome *o = call(line);
        assert_int_equal(o->status, 0);
        assert_non_null(strstr(o->out, "scope"));
        assert_null(strstr(o->out, "secret"));
        int rc = check_syntax(shells[i], o->out);
        if (rc == -1)
            print_message("%s is not installed: its script was not checked\n", shells[i]);
        else
            assert_int_equal(rc, 0);
    }
}

/* Completes a command line with the bash script. */
static void complete(const char *words, const char *want)
{
    const struct outcome *o = call("completion bash");
    char path[] = "/tmp/test-cli-XXXXXX", command[512], got[512] = "";
    int fd = mkstemp(path), out[2];
    assert_true(fd >= 0 && pipe(out) == 0);
    assert_int_equal(write(fd, o->out, strlen(o->out)), strlen(o->out));
    close(fd);
    snprintf(command, sizeof command,
             "source %s; COMP_WORDS=(floe-test %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _floe_test; "
             "echo \"${COMPREPLY[*]}\"",
             path, words);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], 1);
        execlp("bash", "bash", "--norc", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *f = fdopen(out[0], "r");
    (void)!fgets(got, sizeof got, f);
    fclose(f);
    waitpid(pid, NULL, 0);
    unlink(path);
    got[strcspn(got, "\n")] = '\0';
    assert_string_equal(got, want);
}

static void bash_completes_verbs_options_and_values(void **state)
{
    (void)state;
    complete("us", "user");
    complete("user ''", "create list");
    complete("user cr", "create");
    complete("--config x user l", "list");
    complete("user create --sc", "--scope");
    complete("user create --scope ''", "read write");
    complete("user create bob --scope w", "write");
    complete("install --o", "--owner --org");
    complete("--conf", "--config");
    complete("user create --name ''", "");
}

static void text_from_others_cannot_steer_the_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"plain", "plain"},
        {"gr\xc3\xbc\xc3\x9f"
         "e",
         "gr\xc3\xbc\xc3\x9f"
         "e"},
        {"a\033[31mred\033[0m", "ared"},
        {"a\033]0;title\ab", "ab"},
        {"a\033]8;;http://x\033\\b", "ab"},
        {"a\033Pstuff\033\\b", "ab"},
        {"a\033cb", "ab"},
        {"a\033", "a"},
        {"a\033[31", "a"},
        {"a\r\bb\x7f", "ab"},
        {"two\nlines\tx", "two lines x"},
        {"a\xc2\x9b"
         "31mb",
         "a31mb"}, /* C1 CSI */
        {"a\x9b"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"a\xe2\x80\xae"
         "b",
         "ab"},                                                   /* right-to-left override */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *got = fh_term_safe(rows[i].in);
        assert_string_equal(got, rows[i].out);
        free(got);
    }
}

static void a_table_is_aligned_by_what_is_seen(void **state)
{
    (void)state;
    static const char *const titles[] = {"NAME", "STATE"};
    struct fh_table *t = fh_table_new(titles, 2);
    fh_table_row(t, (const char *const[]){"gr\xc3\xbc\xc3\x9f"
                                          "e",
                                          NULL});
    fh_table_row(t, (const char *const[]){"a\033[31mb", "x"});
    FILE *f = tmpfile();
    char got[256];
    fh_table_print(t, fileno(f));
    read_all(f, got, sizeof got);
    assert_string_equal(got, "NAME   STATE\ngr\xc3\xbc\xc3\x9f"
                             "e  \nab     x\n");
}

static void progress_says_nothing_in_a_pipe(void **state)
{
    (void)state;
    FILE *err = tmpfile();
    char got[64];
    int keep = dup(2);
    dup2(fileno(err), 2);
    struct fh_progress *p = fh_progress_start("working");
    fh_progress_set(p, 1, 2);
    fh_progress_end(p);
    dup2(keep, 2);
    close(keep);
    read_all(err, got, sizeof got);
    assert_string_equal(got, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_come_in_any_order),
        cmocka_unit_test(values_are_found_by_name),
        cmocka_unit_test(what_is_wrong_is_said_and_the_exit_status_is_two),
        cmocka_unit_test(a_failure_is_one_harmless_sentence_and_exit_status_one),
        cmocka_unit_test(help_names_every_option_and_every_verb),
        cmocka_unit_test(the_manual_has_every_verb_and_is_proper_roff),
        cmocka_unit_test(completion_scripts_are_proper_shell),
        cmocka_unit_test(bash_completes_verbs_options_and_values),
        cmocka_unit_test(text_from_others_cannot_steer_the_terminal),
        cmocka_unit_test(a_table_is_aligned_by_what_is_seen),
        cmocka_unit_test(progress_says_nothing_in_a_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
