/* Parsing a command line by a program's tables, and running the verb. See cli.h.
 *
 *     floe-server --config F  token create  --name ci  alice
 *     |           \_ globals  \_ the verb   \_ its options and words, in any order, until "--"
 */
#include "common/cli_table.h"

#include "common/mem.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <unistd.h>

enum { FIRST_LONG = 256, MAX_OPTS = 96 };

struct given {
    const struct fh_opt *opt;
    const char *value; /* argv's; "true" for flags */
};

/* struct fh_cli's state. */
struct parse {
    struct given *given;
    size_t ngiven, cap;
    const char **pairs;  /* for fh_cli_given, made when asked */
    const char ***lists; /* for fh_cli_values, made when asked */
    size_t nlists;
};

/* What getopt_long wants, made from the tables: option i has val FIRST_LONG + i. */
struct getopt_tables {
    const struct fh_opt *opts[MAX_OPTS];
    size_t nopts;
    struct option longs[2 * MAX_OPTS + 1];
    char shorts[3 * MAX_OPTS];
};

static void make_tables(const struct fh_program *p, const struct fh_verb *v, const char *mode,
                        struct getopt_tables *t)
{
    size_t nlong = 0, i = 0, at = (size_t)snprintf(t->shorts, sizeof t->shorts, "%s:", mode);
    t->nopts = 0;
    for (const struct fh_opt *o; t->nopts < MAX_OPTS && (o = fh_cli_next_opt(p, v, &i));) {
        int takes = o->kind == FH_OPT_FLAG ? no_argument : required_argument;
        int val = FIRST_LONG + (int)t->nopts;
        t->longs[nlong++] = (struct option){.name = o->name, .has_arg = takes, .val = val};
        if (o->alias)
            t->longs[nlong++] = (struct option){.name = o->alias, .has_arg = takes, .val = val};
        if (o->letter) {
            t->shorts[at++] = o->letter;
            if (takes == required_argument)
                t->shorts[at++] = ':';
        }
        t->opts[t->nopts++] = o;
    }
    t->shorts[at] = '\0';
    t->longs[nlong] = (struct option){0};
}

static const struct fh_opt *table_find(const struct getopt_tables *t, int val)
{
    if (val >= FIRST_LONG && (size_t)(val - FIRST_LONG) < t->nopts)
        return t->opts[val - FIRST_LONG];
    for (size_t i = 0; i < t->nopts; i++)
        if (t->opts[i]->letter == val)
            return t->opts[i];
    return NULL;
}

static void keep(struct fh_cli *cli, const struct fh_opt *o, const char *value)
{
    struct parse *s = cli->state;
    if (s->ngiven == s->cap)
        s->given = fh_xrealloc(s->given, (s->cap = s->cap ? 2 * s->cap : 16) * sizeof *s->given);
    s->given[s->ngiven++] = (struct given){o, o->kind == FH_OPT_FLAG ? "true" : value};
}

/* getopt's "?" : an unknown option, an ambiguous beginning, or a value for a flag. */
static int refuse_option(const struct fh_cli *cli, const struct getopt_tables *t, const char *word)
{
    const struct fh_opt *o = optopt ? table_find(t, optopt) : NULL;
    if (o)
        return fh_cli_usage(cli, "The option --%s takes no value.", o->name);
    if (optopt)
        return fh_cli_usage(cli, "There is no option -%c.", optopt >= ' ' && optopt < 127 ? optopt : '?');
    char *safe = fh_term_safe(word);
    safe[strcspn(safe, "=")] = '\0';
    const char *name = safe + strspn(safe, "-");
    struct fh_cli_near near = {.wanted = name};
    const char *first = NULL, *second = NULL;
    for (const struct option *l = t->longs; l->name; l++) {
        fh_cli_near_try(&near, l->name);
        if (strncmp(l->name, name, strlen(name)) == 0) {
            second = first;
            first = l->name;
        }
    }
    int rc = second      ? fh_cli_usage(cli, "The option %s could be --%s or --%s.", safe, second, first)
             : near.best ? fh_cli_usage(cli, "There is no option %s; did you mean --%s?", safe, near.best)
                         : fh_cli_usage(cli, "There is no option %s.", safe);
    free(safe);
    return rc;
}

/* Walks argv (argv[0] is skipped). Words go to cli->args in order; with mode "+" it stops at the first one.
 * Returns 0, or the exit status after a usage error; *end is where it stopped. */
static int walk(struct fh_cli *cli, const struct getopt_tables *t, int argc, char **argv, int *end)
{
    const char *last = NULL;
    optind = 0; /* glibc: forget everything of an earlier walk */
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, t->shorts, t->longs, NULL)) != -1;) {
        if (c == 1) {
            cli->args[cli->nargs++] = optarg;
            last = optarg;
            continue;
        }
        if (c == '?')
            return refuse_option(cli, t, argv[optind - 1]);
        const struct fh_opt *o = table_find(t, c == ':' ? optopt : c);
        if (!o)
            return fh_cli_usage(cli, "There is no such option.");
        if (c == ':')
            return fh_cli_usage(cli, "The option --%s needs a value (%s).", o->name,
                                o->value ? o->value : "VALUE");
        last = o->kind == FH_OPT_FLAG ? NULL : optarg;
        keep(cli, o, optarg);
        if (o->kind != FH_OPT_PAIRS)
            continue;
        if (optind >= argc)
            return fh_cli_usage(cli, "The option --%s needs two values (%s).", o->name, o->value);
        keep(cli, o, last = argv[optind++]);
    }
    /* getopt does not say whether it ended at "--": it did if that stands before its end and was no value. */
    cli->dashes = optind > 1 && strcmp(argv[optind - 1], "--") == 0 && argv[optind - 1] != last;
    *end = optind;
    return 0;
}

static int check_words(const struct fh_cli *cli)
{
    const struct fh_verb *v = cli->verb;
    int n = v->stop_at_dashes ? cli->before_dashes : cli->nargs;
    const char *args = v->args ? v->args : "";
    if (n < v->min_args)
        return fh_cli_usage(cli, "\"%s\" needs %s: %s.", v->path,
                            v->min_args == 1 ? "an argument" : "more arguments", args);
    if (v->max_args < 0 || n <= v->max_args)
        return 0;
    char *safe = fh_term_safe(cli->args[v->max_args]);
    int rc = fh_cli_usage(cli, "\"%s\" does not know what to do with \"%s\".", v->path, safe);
    free(safe);
    return rc;
}

static int check(struct fh_cli *cli)
{
    int rc = check_words(cli);
    return rc == 0 && cli->program->check ? cli->program->check(cli) : rc;
}

static int run_verb(struct fh_cli *cli, int argc, char **argv)
{
    struct getopt_tables t;
    make_tables(cli->program, cli->verb, "-", &t);
    char **words = fh_xcalloc((size_t)argc + 1, sizeof *words);
    cli->args = words;
    cli->nargs = 0;
    int end, rc = walk(cli, &t, argc, argv, &end);
    if (rc == 0) {
        cli->before_dashes = cli->nargs;
        for (int i = end; i < argc; i++)
            cli->args[cli->nargs++] = argv[i];
        if (fh_cli_flag(cli, "help"))
            fh_cli_print_help(cli->program, cli->verb, NULL, stdout);
        else if ((rc = check(cli)) == 0)
            rc = cli->verb->run(cli);
    }
    free(words);
    return rc;
}

/* How many words of argv name the verb; 0: they do not. */
static int words_naming(const struct fh_verb *v, int argc, char **argv)
{
    const char *at = v->path, *last = v->path + fh_cli_group_len(v);
    int n = 0;
    for (; at < last; n++) {
        size_t len = strcspn(at, " ");
        if (n >= argc || strlen(argv[n]) != len || memcmp(at, argv[n], len) != 0)
            return 0;
        at += len + 1;
    }
    return n < argc && fh_cli_last_word_is(v, argv[n]) ? n + 1 : 0;
}

/* The verb that argv begins with, and how many words name it: as many as possible. */
static const struct fh_verb *find_verb(const struct fh_program *p, int argc, char **argv, int *words)
{
    const struct fh_verb *verbs[FH_CLI_VERBS], *found = NULL;
    size_t n = fh_cli_verbs(p, verbs);
    *words = 0;
    for (size_t i = 0; i < n; i++) {
        int named = words_naming(verbs[i], argc, argv);
        if (named > *words) {
            found = verbs[i];
            *words = named;
        }
    }
    return found;
}

static bool is_group(const struct fh_program *p, const char *text)
{
    const struct fh_verb *verbs[FH_CLI_VERBS];
    size_t n = fh_cli_verbs(p, verbs);
    for (size_t i = 0; i < n; i++)
        if (*text && fh_cli_in_group(verbs[i], text, strlen(text)))
            return true;
    return false;
}

/* The words that argv begins with and that verbs begin with, in group; how many they are. */
static int find_group(const struct fh_program *p, int argc, char **argv, char group[FH_CLI_PATH])
{
    char longer[FH_CLI_PATH];
    int n = 0;
    for (group[0] = '\0'; n < argc; n++) {
        int len = snprintf(longer, sizeof longer, "%s%s%s", group, n ? " " : "", argv[n]);
        if (len < 0 || len >= FH_CLI_PATH || !is_group(p, longer))
            break;
        memcpy(group, longer, (size_t)len + 1);
    }
    return n;
}

static int refuse_verb(const struct fh_cli *cli, int argc, char **argv)
{
    const struct fh_verb *verbs[FH_CLI_VERBS];
    size_t n = fh_cli_verbs(cli->program, verbs);
    char group[FH_CLI_PATH], wanted[2 * FH_CLI_PATH];
    int grouped = find_group(cli->program, argc, argv, group);
    snprintf(wanted, sizeof wanted, "%s%s%.*s", group, grouped && grouped < argc ? " " : "", FH_CLI_PATH,
             grouped < argc ? argv[grouped] : "");
    struct fh_cli_near near = {.wanted = wanted};
    for (size_t i = 0; i < n; i++)
        if (!verbs[i]->hidden)
            fh_cli_near_try(&near, verbs[i]->path);
    char *safe = fh_term_safe(wanted);
    int rc = near.best
                 ? fh_cli_usage(cli, "There is no command \"%s\"; did you mean \"%s\"?", safe, near.best)
                 : fh_cli_usage(cli, "There is no command \"%s\".", safe);
    free(safe);
    return rc;
}

/* What stands where a verb should: nothing, a group alone, or a word that is none. */
static int no_verb(struct fh_cli *cli, int argc, char **argv)
{
    const struct fh_program *p = cli->program;
    if (argc == 0) {
        fh_cli_print_help(p, NULL, NULL, stderr);
        return 2;
    }
    char group[FH_CLI_PATH];
    int n = find_group(p, argc, argv, group);
    bool asks = argc > n && (strcmp(argv[n], "--help") == 0 || strcmp(argv[n], "-h") == 0);
    if (n > 0 && (argc == n || asks)) {
        fh_cli_print_help(p, NULL, group, asks ? stdout : stderr);
        return asks ? 0 : 2;
    }
    return refuse_verb(cli, argc, argv);
}

static const struct fh_opt version_opt[] = {
    {.name = "version", .letter = 'V', .kind = FH_OPT_FLAG, .help = "Show the version and exit."}, {0}};
static const struct fh_verb before_verb = {.path = "", .opts = version_opt};

static int dispatch(struct fh_cli *cli, int argc, char **argv)
{
    const struct fh_program *p = cli->program;
    struct getopt_tables t;
    make_tables(p, &before_verb, "+", &t);
    int at = 1, rc = walk(cli, &t, argc, argv, &at);
    if (rc)
        return rc;
    if (fh_cli_flag(cli, "version")) {
        printf("%s %s\n", p->name, p->version);
        return 0;
    }
    if (fh_cli_flag(cli, "help")) {
        fh_cli_print_help(p, NULL, NULL, stdout);
        return 0;
    }
    int words = 0;
    cli->verb = at < argc ? find_verb(p, argc - at, argv + at, &words) : NULL;
    if (!cli->verb)
        return no_verb(cli, argc - at, argv + at);
    /* The verb's last word stands where getopt expects the program's name. */
    at += words - 1;
    return run_verb(cli, argc - at, argv + at);
}

static void free_parse(struct parse *s)
{
    for (size_t i = 0; i < s->nlists; i++)
        free(s->lists[i]);
    free(s->lists);
    free(s->pairs);
    free(s->given);
}

int fh_cli_main(const struct fh_program *program, int argc, char **argv, void *context)
{
    struct parse state = {0};
    struct fh_cli cli = {.program = program, .state = &state, .context = context};
    char **copy = fh_xcalloc((size_t)argc + 1, sizeof *copy);
    for (int i = 0; i < argc; i++)
        copy[i] = argv[i];
    int rc = dispatch(&cli, argc, copy);
    if ((fflush(stdout) || ferror(stdout)) && rc == 0) {
        struct fh_error e = {0};
        (void)FH_FAIL_ERRNO(&e, FH_INTERNAL, "The output could not be written");
        rc = fh_cli_fail(&cli, &e);
    }
    free_parse(&state);
    free(copy);
    return rc;
}

const char *fh_cli_value(const struct fh_cli *cli, const char *name)
{
    const struct parse *s = cli->state;
    for (size_t i = s->ngiven; i-- > 0;)
        if (strcmp(s->given[i].opt->name, name) == 0)
            return s->given[i].value;
    return NULL;
}

bool fh_cli_flag(const struct fh_cli *cli, const char *name)
{
    return fh_cli_value(cli, name) != NULL;
}

const char *const *fh_cli_values(const struct fh_cli *cli, const char *name, size_t *n)
{
    struct parse *s = cli->state;
    const char **list = fh_xcalloc(s->ngiven + 1, sizeof *list);
    *n = 0;
    for (size_t i = 0; i < s->ngiven; i++)
        if (strcmp(s->given[i].opt->name, name) == 0)
            list[(*n)++] = s->given[i].value;
    s->lists = fh_xrealloc(s->lists, (s->nlists + 1) * sizeof *s->lists);
    s->lists[s->nlists++] = list;
    return list;
}

const char *const *fh_cli_given(const struct fh_cli *cli)
{
    struct parse *s = cli->state;
    if (!s->pairs) {
        s->pairs = fh_xcalloc(2 * s->ngiven + 1, sizeof *s->pairs);
        for (size_t i = 0; i < s->ngiven; i++) {
            s->pairs[2 * i] = s->given[i].opt->name;
            s->pairs[2 * i + 1] = s->given[i].value;
        }
    }
    return s->pairs;
}

int fh_cli_fail(const struct fh_cli *cli, const struct fh_error *e)
{
    const char *on = fh_term_colour(STDERR_FILENO) ? "\033[1;31m" : "", *off = *on ? "\033[0m" : "";
    char *safe = fh_term_safe(e->msg[0] ? e->msg : "It failed without saying why.");
    fflush(stdout);
    fprintf(stderr, "%s%s:%s %s\n", on, cli->program->name, off, safe);
    free(safe);
    return 1;
}

int fh_cli_usage(const struct fh_cli *cli, const char *fmt, ...)
{
    char msg[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    struct fh_error e = {0};
    (void)FH_FAIL(&e, FH_INVALID, "%s", msg);
    (void)fh_cli_fail(cli, &e);
    const char *path = cli->verb ? cli->verb->path : "";
    fprintf(stderr, "Try \"%s%s%s --help\".\n", cli->program->name, *path ? " " : "", path);
    return 2;
}
