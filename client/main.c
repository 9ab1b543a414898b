/* floe: the client of a hub. The table of its verbs and options; everything else is in cmd_*.c. */
#include "client/cmd.h"

#include <locale.h>

/* Options that several verbs have. */
#define OPT_DIR "dir", 'd', FH_OPT_VALUE, "DIR", "the folder that holds the environment's .flox", NULL, "dir"
#define OPT_REFERENCE                                                                                        \
    "reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "the local copy of an environment on the hub", "remote",   \
        "env"
#define OPT_DEFAULT                                                                                          \
    "default", 'D', FH_OPT_FLAG, NULL, "your environment 'default' of the hub, as -r YOU/default", NULL, NULL
#define OPT_TIP "upstream", 'u', FH_OPT_FLAG, NULL, "what the hub had when it was last asked", NULL, NULL
#define OPT_EXPLAIN                                                                                          \
    "explain", 0, FH_OPT_FLAG, NULL, "say why the catalog chose what it chose, or could not; a Floe knows",  \
        NULL, NULL
#define OPT_JSON  "json", 0, FH_OPT_FLAG, NULL, "as JSON", NULL, NULL
#define OPT_PAGER "no-pager", 0, FH_OPT_FLAG, NULL, "accepted and ignored: floe starts no pager", NULL, NULL

static const struct fh_opt which_opts[] = {
    {OPT_DIR},
    {OPT_REFERENCE},
    {OPT_DEFAULT},
    {0},
};

static const struct fh_opt login_opts[] = {
    {"token-file", 0, FH_OPT_VALUE, "FILE", "read the token from FILE, - for standard input", NULL, "file"},
    {0},
};

static const struct fh_opt init_opts[] = {
    {"name", 'n', FH_OPT_VALUE, "NAME", "the environment's name; by default the folder's", NULL, NULL},
    {"dir", 'd', FH_OPT_VALUE, "DIR", "the folder to make the environment in", NULL, "dir"},
    {"reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "make it on the hub, used with -r", "remote", "env"},
    {"bare", 'b', FH_OPT_FLAG, NULL, "a manifest without examples and comments", NULL, NULL},
    {"auto-setup", 0, FH_OPT_FLAG, NULL, "accepted and ignored: floe sets up no languages", NULL, NULL},
    {"no-auto-setup", 0, FH_OPT_FLAG, NULL, "accepted and ignored", NULL, NULL},
    {0},
};

static const struct fh_opt edit_opts[] = {
    {OPT_DIR},
    {OPT_REFERENCE},
    {OPT_DEFAULT},
    {"file", 'f', FH_OPT_VALUE, "FILE", "take the manifest from FILE, - for standard input", NULL, "file"},
    {"name", 'n', FH_OPT_VALUE, "NAME", "rename the environment", NULL, NULL},
    {"sync", 's', FH_OPT_FLAG, NULL, "make a generation of changes made to the manifest by hand", NULL, NULL},
    {"reset", 0, FH_OPT_FLAG, NULL, "take back changes made to the manifest by hand", NULL, NULL},
    {OPT_EXPLAIN},
    {0},
};

static const struct fh_opt install_opts[] = {
    {OPT_DIR},     {OPT_REFERENCE},
    {OPT_DEFAULT}, {"id", 'i', FH_OPT_PAIRS, "ID PACKAGE", "install PACKAGE under this id", NULL, NULL},
    {OPT_EXPLAIN}, {0},
};

static const struct fh_opt upgrade_opts[] = {
    {OPT_DIR},
    {OPT_REFERENCE},
    {OPT_DEFAULT},
    {"dry-run", 0, FH_OPT_FLAG, NULL, "show what would change, and change nothing", NULL, NULL},
    {OPT_EXPLAIN},
    {0},
};

static const struct fh_opt search_opts[] = {
    {"all", 'a', FH_OPT_FLAG, NULL, "every result, not the first ten", NULL, NULL},
    {"json", 0, FH_OPT_FLAG, NULL, "as JSON, as the hub sent them", NULL, NULL},
    {0},
};

static const struct fh_opt show_opts[] = {
    {"json", 0, FH_OPT_FLAG, NULL, "every version and system as JSON, as the hub sent them", NULL, NULL},
    {0},
};

static const struct fh_opt list_opts[] = {
    {OPT_DIR},
    {OPT_REFERENCE},
    {OPT_DEFAULT},
    {"upstream", 'u', FH_OPT_FLAG, NULL, "what the hub has now, without pulling it", NULL, NULL},
    {"extended", 'e', FH_OPT_FLAG, NULL, "id, package and version: what is shown without an option", NULL,
     NULL},
    {"name", 'n', FH_OPT_FLAG, NULL, "install ids alone", NULL, NULL},
    {"config", 'c', FH_OPT_FLAG, NULL, "the manifest", NULL, NULL},
    {"all", 'a', FH_OPT_FLAG, NULL, "everything the lock says of each package", NULL, NULL},
    {"json", 0, FH_OPT_FLAG, NULL, "the locked packages of this system as JSON", NULL, NULL},
    {0},
};

static const struct fh_opt push_opts[] = {
    {OPT_DIR},
    {"reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "push the local copy of an environment on the hub",
     "remote", "env"},
    {"owner", 'o', FH_OPT_VALUE, "OWNER", "whose environment it becomes; by default yours", "org", NULL},
    {"force", 'f', FH_OPT_FLAG, NULL, "replace what the hub has", NULL, NULL},
    {0},
};

static const struct fh_opt pull_opts[] = {
    {"dir", 'd', FH_OPT_VALUE, "DIR", "the folder to pull into", NULL, "dir"},
    {"reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "update the local copy that 'activate -r' uses", "remote",
     "env"},
    {"copy", 'c', FH_OPT_FLAG, NULL, "make it an environment of its own, not linked to the hub", NULL, NULL},
    {"force", 'f', FH_OPT_FLAG, NULL, "replace what is here", NULL, NULL},
    {"generation", 'g', FH_OPT_VALUE, "N", "with --copy: this generation instead of the live one", NULL,
     NULL},
    {0},
};

static const struct fh_opt activate_opts[] = {
    {OPT_DIR},
    {"reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "an environment of the hub", "remote", "env"},
    {"trust", 't', FH_OPT_FLAG, NULL, "run the hooks of somebody else's environment this time", NULL, NULL},
    {"command", 'c', FH_OPT_VALUE, "COMMAND", "run COMMAND in the shell, profile scripts included", NULL,
     NULL},
    {"mode", 'm', FH_OPT_VALUE, "dev|run", "what the environment is activated for", NULL, "dev run"},
    {OPT_DEFAULT},
    {"generation", 'g', FH_OPT_VALUE, "N", "generation N of an environment of the hub", NULL, NULL},
    {"start-services", 's', FH_OPT_FLAG, NULL, "refused: floe does not run services yet", NULL, NULL},
    {"no-start-services", 0, FH_OPT_FLAG, NULL, "enter without the services that the manifest wants started",
     NULL, NULL},
    {"add-sbin", 0, FH_OPT_FLAG, NULL, "the environment's sbin on PATH too", NULL, NULL},
    {"print-script", 0, FH_OPT_FLAG, NULL, "print shell code for eval, also on a terminal", NULL, NULL},
    {0},
};

static const struct fh_opt deactivate_opts[] = {
    {"print-script", 0, FH_OPT_FLAG, NULL, "print shell code for eval, also on a terminal", NULL, NULL},
    {0},
};

static const struct fh_opt services_opts[] = {
    {OPT_DIR},
    {OPT_REFERENCE},
    {"json", 0, FH_OPT_FLAG, NULL, "of flox's 'services status'", NULL, NULL},
    {"follow", 0, FH_OPT_FLAG, NULL, "of flox's 'services logs'", NULL, NULL},
    {"tail", 'n', FH_OPT_VALUE, "N", "of flox's 'services logs'", NULL, NULL},
    {0},
};

static const struct fh_opt history_opts[] = {
    {OPT_DIR}, {OPT_REFERENCE}, {OPT_DEFAULT}, {OPT_TIP}, {OPT_JSON}, {OPT_PAGER}, {0},
};

static const struct fh_opt generations_opts[] = {
    {OPT_DIR},
    {OPT_REFERENCE},
    {OPT_DEFAULT},
    {OPT_TIP},
    {"tree", 't', FH_OPT_FLAG, NULL, "as a tree of what was made from what", NULL, NULL},
    {OPT_JSON},
    {OPT_PAGER},
    {0},
};

static const struct fh_opt envs_opts[] = {
    {"active", 0, FH_OPT_FLAG, NULL, "only those that this shell is in", NULL, NULL},
    {OPT_JSON},
    {"references", 0, FH_OPT_FLAG, NULL, "OWNER/NAME of those of a hub, a line each", NULL, NULL},
    {0},
};

static const struct fh_opt delete_opts[] = {
    {OPT_DIR},
    {"force", 'f', FH_OPT_FLAG, NULL, "without a question, and whatever is lost", NULL, NULL},
    {0},
};

static const struct fh_opt config_opts[] = {
    {"list", 'l', FH_OPT_FLAG, NULL, "every setting, its value and where it comes from", NULL, NULL},
    {"set", 0, FH_OPT_VALUE, "KEY", "give KEY the value that follows", NULL, "hub catalog trust."},
    {"delete", 0, FH_OPT_VALUE, "KEY", "go back to what holds without floe's file", NULL,
     "hub catalog token trust."},
    {"reset", 'r', FH_OPT_FLAG, NULL, "remove floe's file", NULL, NULL},
    {"json", 0, FH_OPT_FLAG, NULL, "the list as JSON", NULL, NULL},
    {0},
};

static const struct fh_opt globals[] = {
    {"floxhub-url", 0, FH_OPT_VALUE, "URL", "the hub to use", "hub", NULL},
    {"quiet", 'q', FH_OPT_FLAG, NULL, "say only what went wrong", NULL, NULL},
    {0},
};

static const struct fh_verb verbs[] = {
    {"init", "", 0, 0, "make an environment", NULL, init_opts, cmd_init, .aliases = NULL},
    {"activate", "[-- COMMAND [ARG…]]", 0, -1, "enter an environment, or run a command in it",
     "With neither -c nor -- it starts a shell on a terminal, and otherwise prints shell code for "
     "eval \"$(floe activate)\" (bash, zsh), floe activate | source (fish) or eval \"`floe activate`\" "
     "(tcsh). "
     "The shell is $FLOX_SHELL, or for a new one $SHELL and for code the shell that floe runs in.",
     activate_opts, cmd_activate, .stop_at_dashes = true},
    {"deactivate", "", 0, 0, "leave the environment that was entered last",
     "Prints shell code for eval \"$(floe deactivate)\" (bash, zsh), floe deactivate | source (fish) or eval "
     "\"`floe deactivate`\" (tcsh), which runs profile.deactivate and puts the variables and the prompt "
     "back. "
     "A shell that 'floe activate' started is left with 'exit'.",
     deactivate_opts, cmd_deactivate, .aliases = NULL},
    {"activate-watch", "PID FLOXDIR SCRIPTS", 3, 3, "run hook.on-deactivate when PID leaves", NULL, NULL,
     cmd_activate_watch, .hidden = true},
    {"activate-left", "PID FLOXDIR", 2, 2, "PID left an environment", NULL, NULL, cmd_activate_left,
     .hidden = true},
    {"services", "start|stop|status|restart|logs|persist", 0, -1, "refused: floe does not run services yet",
     "Who asks for services, with this, with 'activate --start-services' or by services.auto-start in the "
     "manifest, is refused with their names. Any other environment that has some is entered without them.",
     services_opts, cmd_services, .aliases = NULL},
    {"search", "TERM", 1, 1, "search the hub's catalog for packages",
     "Finds what has TERM in the last part of its path or in its description, without regard to case; with a "
     "dot in TERM, in the whole path. Ten results are shown, or as many as flox's setting search_limit says.",
     search_opts, cmd_search, .aliases = NULL},
    {"show", "PACKAGE", 1, 1, "show the versions of a package",
     "PACKAGE is a path as 'floe search' shows it.", show_opts, cmd_show, .aliases = NULL},
    {"install", "[PACKAGE…]", 0, -1, "install packages",
     "PACKAGE is a path of the catalog (hello, python3Packages.pip), a published package (OWNER/NAME) or a "
     "store path. PATH@VERSION asks for a version or a range of them, PATH^OUT,OUT for some outputs and "
     "PATH^.. for all. Its id is the last part of the path, unless -i gives another. A package that only "
     "some "
     "systems have is installed for those. Where anything fails, nothing changes.",
     install_opts, cmd_install, .aliases = "i"},
    {"uninstall", "PACKAGE…", 1, -1, "uninstall packages",
     "PACKAGE is an id, or a path that one package has. PACKAGE^OUT,OUT takes away these outputs alone.",
     which_opts, cmd_uninstall, .aliases = "rm"},
    {"upgrade", "[ID|GROUP…]", 0, -1, "bring packages to what the catalog has now",
     "Without a name, all of them. The packages of a group are upgraded together. The manifest stays as it "
     "is, and so do versions that it asks for. What --dry-run finds, 'floe list' and 'floe activate' tell of "
     "until the next change.",
     upgrade_opts, cmd_upgrade, .aliases = NULL},
    {"edit", "", 0, 0, "change the manifest",
     "Opens $VISUAL, $EDITOR or the first of nano, vim, vi and emacs. Nothing is written unless the manifest "
     "is "
     "valid and can be locked.",
     edit_opts, cmd_edit, .aliases = NULL},
    {"list", "", 0, 0, "list the packages of an environment", NULL, list_opts, cmd_list, .aliases = "l"},
    {"push", "", 0, 0, "send an environment to the hub", NULL, push_opts, cmd_push, .aliases = NULL},
    {"pull", "[OWNER/NAME]", 0, 1, "bring an environment from the hub, or update it", NULL, pull_opts,
     cmd_pull, .aliases = NULL},
    {"include upgrade", "[NAME…]", 0, -1, "bring the newest state of the environments that one includes",
     "Without a name, all of them. What is included stays as it was locked until this is run, or until its "
     "entry in the manifest changes.",
     which_opts, cmd_include_upgrade, .aliases = NULL},
    {"generations list", "", 0, 0, "list the generations of an environment", NULL, generations_opts,
     cmd_generations_list, .aliases = NULL},
    {"generations history", "", 0, 0, "show every change of an environment", NULL, history_opts,
     cmd_generations_history, .aliases = NULL},
    {"generations rollback", "", 0, 0, "go back to the generation before", NULL, which_opts,
     cmd_generations_rollback, .aliases = NULL},
    {"generations switch", "N", 1, 1, "make generation N the live one", NULL, which_opts,
     cmd_generations_switch, .aliases = NULL},
    {"envs", "", 0, 0, "list the environments on this machine",
     "Every environment that was used on this machine, by flox or by floe, and is still there; those this "
     "shell "
     "is in come first.",
     envs_opts, cmd_envs, .aliases = NULL},
    {"delete", "", 0, 0, "remove an environment from this machine",
     "Removes the .flox folder and its local branches. What is on the hub stays.", delete_opts, cmd_delete,
     .aliases = NULL},
    {"config", "[VALUE]", 0, 1, "show or change floe's settings",
     "The settings are hub, catalog, token and trust.OWNER/NAME (trust or deny; trust.OWNER/* for all of an "
     "owner). catalog is the address of a hub whose packages are searched and installed instead of one's own "
     "hub's; where it is on another server it is asked without a login. Where floe's file says nothing, "
     "flox's flox.toml counts; floe never writes that one.",
     config_opts, cmd_config, .aliases = NULL},
    {"auth login", "", 0, 0, "log in to the hub with a token",
     "The token is asked for on a terminal, or read with --token-file, and kept in floe's configuration.",
     login_opts, cmd_auth_login, .aliases = NULL},
    {"auth status", "", 0, 0, "tell whether and as whom you are logged in", NULL, NULL, cmd_auth_status,
     .aliases = NULL},
    {"auth logout", "", 0, 0, "forget the token", NULL, NULL, cmd_auth_logout, .aliases = NULL},
    {"auth token", "", 0, 0, "print the token", NULL, NULL, cmd_auth_token, .aliases = NULL},
    {"env list", "[OWNER]", 0, 1, "list the environments on the hub that you may see", NULL,
     cmd_env_list_opts, cmd_env_list, .aliases = NULL},
    {"env show", "OWNER/NAME", 1, 1, "show an environment on the hub",
     "With --json also the manifest and the lock of its live generation, as they are stored.", cmd_json_opts,
     cmd_env_show, .aliases = NULL},
    {"env visibility", "OWNER/NAME public|internal|unlisted|private", 2, 2,
     "say who may read an environment on the hub",
     "public: anyone. internal: everyone with an account there. unlisted: anyone who knows the name. "
     "private: "
     "those with a role in its owner.",
     NULL, cmd_env_visibility, .aliases = NULL},
    {"env rename", "OWNER/NAME NEW", 2, 2, "give an environment on the hub another name", NULL, NULL,
     cmd_env_rename, .aliases = NULL},
    {"env delete", "OWNER/NAME", 1, 1, "delete an environment on the hub, for everybody",
     "Asks first; without a terminal -f is needed. 'floe delete' is for the copy on this machine.",
     cmd_env_delete_opts, cmd_env_delete, .aliases = NULL},
    {"env restore", "OWNER/NAME", 1, 1, "bring back a deleted environment, or an earlier commit", NULL,
     cmd_env_restore_opts, cmd_env_restore, .aliases = NULL},
    {"env diff", "OWNER/NAME [FROM [TO]]", 1, 3, "show what changed between two generations on the hub",
     "Without TO it is the live generation, without FROM the one before it.", cmd_json_opts, cmd_env_diff,
     .aliases = NULL},
    {"org list", "", 0, 0, "list the organisations you belong to", NULL, cmd_json_opts, cmd_org_list,
     .aliases = NULL},
    {"org create", "ORG", 1, 1, "create an organisation, which you then own",
     "Where the hub allows it to its users; else its operator does.", NULL, cmd_org_create, .aliases = NULL},
    {"org show", "ORG|HANDLE", 1, 1, "show an organisation and its members, or a user", NULL, cmd_json_opts,
     cmd_org_show, .aliases = NULL},
    {"org visibility", "ORG|HANDLE public|internal|unlisted|private|default", 2, 2,
     "say who may read new environments of an owner", "default: what the hub has for all of them.", NULL,
     cmd_org_visibility, .aliases = NULL},
    {"org audit", "ORG|HANDLE", 1, 1, "show who did what to what an owner has",
     "Newest first. It is kept when what it tells of is gone.", cmd_audit_opts, cmd_org_audit,
     .aliases = NULL},
    {"member list", "ORG", 1, 1, "list an organisation's members", NULL, cmd_json_opts, cmd_member_list,
     .aliases = NULL},
    {"member set", "ORG HANDLE owner|writer|reader", 3, 3,
     "make a user a member of an organisation, or change the role",
     "An owner manages members and settings, a writer creates and changes environments, a reader reads them. "
     "The "
     "last owner stays. This, and the tokens of an organisation, need a token with scope admin.",
     NULL, cmd_member_set, .aliases = NULL},
    {"member remove", "ORG HANDLE", 2, 2, "take a user out of an organisation", NULL, NULL, cmd_member_remove,
     .aliases = NULL},
    {"token list", "", 0, 0, "list tokens, without their secret", NULL, cmd_token_list_opts, cmd_token_list,
     .aliases = NULL},
    {"token create", "", 0, 0, "make a token and print it, once",
     "Standard output has the token alone. A token made here acts as you, or with --owner, for machines, as "
     "the "
     "organisation; it is never good for more, or for longer, than the one that you are logged in with, "
     "which needs "
     "scope admin.",
     cmd_token_create_opts, cmd_token_create, .aliases = NULL},
    {"token revoke", "ID", 1, 1, "make a token invalid at once", NULL, NULL, cmd_token_revoke,
     .aliases = NULL},
    {0},
};

static const struct fh_env_doc environment[] = {
    {"FLOE_HUB", "the hub's address"},
    {"FLOE_CATALOG", "the address of the hub whose catalog is asked for packages; by default the hub's own"},
    {"FLOE_TOKEN", "the token; set but empty means logged out"},
    {"FLOX_FLOXHUB_URL, FLOX_CATALOG_URL, FLOX_FLOXHUB_TOKEN",
     "the same for flox, used where floe's are not set"},
    {"FLOX_CONFIG_DIR, FLOX_DATA_DIR, FLOX_CACHE_DIR", "the folders floe shares with flox"},
    {"FLOE_TIMEOUT", "seconds without a byte after which the hub is given up; 60 by default"},
    {"http_proxy, https_proxy, no_proxy", "proxies, as curl takes them"},
    {"SSL_CERT_FILE", "certificate authorities to trust"},
    {"SOURCE_DATE_EPOCH, FLOE_AUTHOR, FLOE_HOSTNAME",
     "what new generations say about when, by whom and where they were made"},
    {"VISUAL, EDITOR", "the editor of 'floe edit'"},
    {"NO_COLOR", "no colour"},
    {NULL, NULL},
};

static const struct fh_program program = {
    .name = "floe",
    .version = FLOE_VERSION,
    .summary = "work with environments and share them on a hub",
    .text =
        "floe makes environments, runs commands in them and moves them between machines through a Floe or "
        "FloxHub hub. Its files are those of flox, in the same folders: either may continue where the other "
        "stopped.",
    .verbs = verbs,
    .globals = globals,
    .environment = environment,
    .list_envs = "envs --references",
    .check = cmd_check_place,
    .files = "$XDG_CONFIG_HOME/floe/config: lines \"key = value\": hub, catalog, token, handle, "
             "trust.<owner>/<name> = trust|deny. <data>/env-registry.json: the list of 'floe envs', shared "
             "with flox.",
};

#ifdef FLOE_SANITIZED
/* libgit2 1.5 never frees what libpcre2 allocates for its matches. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpcre2\n";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

/* What a history keeps of the command line: "flox" for the program, as the official client writes. */
static const char *const *history_command(struct fh_arena *a, int argc, char **argv)
{
    const char **words = fh_alloc(a, ((size_t)argc + 1) * sizeof *words);
    words[0] = "flox";
    for (int i = 1; i < argc; i++)
        words[i] = fh_strdup(a, argv[i]);
    return words;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    struct client client = {.arena = fh_arena_new()};
    client.command = history_command(client.arena, argc, argv);
    client.ncommand = argc > 0 ? (size_t)argc : 1;
    int status = fh_cli_main(&program, argc, argv, &client);
    fh_arena_free(client.arena);
    return status;
}
