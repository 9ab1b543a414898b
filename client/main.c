/* floe: the client of a hub. The table of its verbs and options; everything else is in cmd_*.c. */
#include "client/cmd.h"

#include <locale.h>

static const struct fh_opt which_opts[] = {
    {"dir", 'd', FH_OPT_VALUE, "DIR", "the folder that holds the environment's .flox", NULL, "dir"},
    {"reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "the local copy of an environment on the hub", "remote",
     "env"},
    {0},
};

static const struct fh_opt login_opts[] = {
    {"token-file", 0, FH_OPT_VALUE, "FILE", "read the token from FILE, - for standard input", NULL, "file"},
    {0},
};

static const struct fh_opt init_opts[] = {
    {"name", 'n', FH_OPT_VALUE, "NAME", "the environment's name; by default the folder's", NULL, NULL},
    {"dir", 'd', FH_OPT_VALUE, "DIR", "the folder to make the environment in", NULL, "dir"},
    {"bare", 'b', FH_OPT_FLAG, NULL, "a manifest without examples and comments", NULL, NULL},
    {"auto-setup", 0, FH_OPT_FLAG, NULL, "accepted and ignored: floe sets up no languages", NULL, NULL},
    {"no-auto-setup", 0, FH_OPT_FLAG, NULL, "accepted and ignored", NULL, NULL},
    {0},
};

static const struct fh_opt edit_opts[] = {
    {"dir", 'd', FH_OPT_VALUE, "DIR", "the folder that holds the environment's .flox", NULL, "dir"},
    {"reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "the local copy of an environment on the hub", "remote",
     "env"},
    {"file", 'f', FH_OPT_VALUE, "FILE", "take the manifest from FILE, - for standard input", NULL, "file"},
    {"name", 'n', FH_OPT_VALUE, "NAME", "rename the environment", NULL, NULL},
    {"sync", 0, FH_OPT_FLAG, NULL, "make a generation of changes made to the manifest by hand", NULL, NULL},
    {"reset", 0, FH_OPT_FLAG, NULL, "take back changes made to the manifest by hand", NULL, NULL},
    {0},
};

static const struct fh_opt list_opts[] = {
    {"dir", 'd', FH_OPT_VALUE, "DIR", "the folder that holds the environment's .flox", NULL, "dir"},
    {"reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "the local copy of an environment on the hub", "remote",
     "env"},
    {"name", 'n', FH_OPT_FLAG, NULL, "install ids alone", NULL, NULL},
    {"config", 'c', FH_OPT_FLAG, NULL, "the manifest", NULL, NULL},
    {"all", 'a', FH_OPT_FLAG, NULL, "everything the lock says of each package", NULL, NULL},
    {"json", 0, FH_OPT_FLAG, NULL, "the locked packages of this system as JSON", NULL, NULL},
    {0},
};

static const struct fh_opt push_opts[] = {
    {"dir", 'd', FH_OPT_VALUE, "DIR", "the folder that holds the environment's .flox", NULL, "dir"},
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
    {"dir", 'd', FH_OPT_VALUE, "DIR", "the folder that holds the environment's .flox", NULL, "dir"},
    {"reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "an environment of the hub", "remote", "env"},
    {"trust", 't', FH_OPT_FLAG, NULL, "run the hooks of somebody else's environment this time", NULL, NULL},
    {"command", 'c', FH_OPT_VALUE, "COMMAND", "run COMMAND in the shell, profile scripts included", NULL,
     NULL},
    {"mode", 'm', FH_OPT_VALUE, "dev|run", "what the environment is activated for", NULL, "dev run"},
    {"default", 'D', FH_OPT_FLAG, NULL, "your environment 'default' of the hub", NULL, NULL},
    {"generation", 'g', FH_OPT_VALUE, "N", "generation N of an environment of the hub", NULL, NULL},
    {"start-services", 's', FH_OPT_FLAG, NULL, "refused: floe does not run services yet", NULL, NULL},
    {"no-start-services", 0, FH_OPT_FLAG, NULL, "do not start services, also not those with auto-start", NULL,
     NULL},
    {"add-sbin", 0, FH_OPT_FLAG, NULL, "the environment's sbin on PATH too", NULL, NULL},
    {"print-script", 0, FH_OPT_FLAG, NULL, "print shell code for eval, also on a terminal", NULL, NULL},
    {0},
};

static const struct fh_opt deactivate_opts[] = {
    {"print-script", 0, FH_OPT_FLAG, NULL, "print shell code for eval, also on a terminal", NULL, NULL},
    {0},
};

static const struct fh_opt history_opts[] = {
    {"dir", 'd', FH_OPT_VALUE, "DIR", "the folder that holds the environment's .flox", NULL, "dir"},
    {"reference", 'r', FH_OPT_VALUE, "OWNER/NAME", "the local copy of an environment on the hub", "remote",
     "env"},
    {"upstream", 'u', FH_OPT_FLAG, NULL, "what the hub had when it was last asked", NULL, NULL},
    {"json", 0, FH_OPT_FLAG, NULL, "as JSON", NULL, NULL},
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
    {"edit", "", 0, 0, "change the manifest",
     "Opens $VISUAL, $EDITOR or the first of nano, vim, vi and emacs. Nothing is written unless the manifest "
     "is "
     "valid and can be locked.",
     edit_opts, cmd_edit, .aliases = NULL},
    {"list", "", 0, 0, "list the packages of an environment", NULL, list_opts, cmd_list, .aliases = "l"},
    {"push", "", 0, 0, "send an environment to the hub", NULL, push_opts, cmd_push, .aliases = NULL},
    {"pull", "[OWNER/NAME]", 0, 1, "bring an environment from the hub, or update it", NULL, pull_opts,
     cmd_pull, .aliases = NULL},
    {"generations list", "", 0, 0, "list the generations of an environment", NULL, history_opts,
     cmd_generations_list, .aliases = NULL},
    {"generations history", "", 0, 0, "show every change of an environment", NULL, history_opts,
     cmd_generations_history, .aliases = NULL},
    {"generations rollback", "", 0, 0, "go back to the generation before", NULL, which_opts,
     cmd_generations_rollback, .aliases = NULL},
    {"generations switch", "N", 1, 1, "make generation N the live one", NULL, which_opts,
     cmd_generations_switch, .aliases = NULL},
    {"auth login", "", 0, 0, "log in to the hub with a token",
     "The token is asked for on a terminal, or read with --token-file, and kept in floe's configuration.",
     login_opts, cmd_auth_login, .aliases = NULL},
    {"auth status", "", 0, 0, "tell whether and as whom you are logged in", NULL, NULL, cmd_auth_status,
     .aliases = NULL},
    {"auth logout", "", 0, 0, "forget the token", NULL, NULL, cmd_auth_logout, .aliases = NULL},
    {0},
};

static const struct fh_env_doc environment[] = {
    {"FLOE_HUB", "the hub's address"},
    {"FLOE_TOKEN", "the token; set but empty means logged out"},
    {"FLOX_FLOXHUB_URL, FLOX_FLOXHUB_TOKEN", "the same for flox, used where floe's are not set"},
    {"FLOX_CONFIG_DIR, FLOX_DATA_DIR, FLOX_CACHE_DIR", "the folders floe shares with flox"},
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
    .files = "$XDG_CONFIG_HOME/floe/config: lines \"key = value\": hub, token, handle, "
             "trust.<owner>/<name> = trust|deny.",
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
