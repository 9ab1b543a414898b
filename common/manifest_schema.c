/* What a manifest may hold: one row per key, in the order in which a lock has them, with the schema versions
 * that know the key. Source: manifest-lockfile-client §3.2, §3.3. See manifest_check.h. */
#include "common/manifest_check.h"

#define V1     FH_SCHEMA_V1
#define V10    FH_SCHEMA_1_10
#define V11    FH_SCHEMA_1_11
#define V12    FH_SCHEMA_1_12
#define V13    FH_SCHEMA_1_13
#define V14    FH_SCHEMA_1_14
#define V15    FH_SCHEMA_1_15
#define NEWEST FH_SCHEMA_NEWEST
#define END                                                                                                  \
    {                                                                                                        \
        .key = NULL                                                                                          \
    }

#define OPT(name, kind)                                                                                      \
    {                                                                                                        \
        .key = name, .shape = kind, .since = V1, .until = NEWEST                                             \
    }
#define OPT_SINCE(name, kind, version)                                                                       \
    {                                                                                                        \
        .key = name, .shape = kind, .since = version, .until = NEWEST                                        \
    }
#define REQ(name, kind)                                                                                      \
    {                                                                                                        \
        .key = name, .shape = kind, .presence = FH_REQUIRED, .since = V1, .until = NEWEST                    \
    }
#define SUB(name, how, rule)                                                                                 \
    {                                                                                                        \
        .key = name, .shape = FH_SHAPE_TABLE, .presence = how, .since = V1, .until = NEWEST, .table = rule   \
    }
#define WORD(name, list, first, last)                                                                        \
    {                                                                                                        \
        .key = name, .shape = FH_SHAPE_WORD, .since = first, .until = last, .words = list                    \
    }

/* [install] */
static const struct fh_table_rule catalog_package = {.keys = (const struct fh_key_rule[]){
                                                         REQ("pkg-path", FH_SHAPE_STRING),
                                                         OPT("pkg-group", FH_SHAPE_STRING),
                                                         OPT("priority", FH_SHAPE_UNSIGNED),
                                                         OPT("version", FH_SHAPE_STRING),
                                                         OPT("systems", FH_SHAPE_STRINGS),
                                                         OPT_SINCE("outputs", FH_SHAPE_OUTPUTS, V10),
                                                         END,
                                                     }};
static const struct fh_table_rule flake_package = {.keys = (const struct fh_key_rule[]){
                                                       REQ("flake", FH_SHAPE_STRING),
                                                       OPT("priority", FH_SHAPE_UNSIGNED),
                                                       OPT("systems", FH_SHAPE_STRINGS),
                                                       OPT_SINCE("outputs", FH_SHAPE_OUTPUTS, V10),
                                                       END,
                                                   }};
static const struct fh_table_rule store_path_package = {.keys = (const struct fh_key_rule[]){
                                                            REQ("store-path", FH_SHAPE_STRING),
                                                            OPT("systems", FH_SHAPE_STRINGS),
                                                            OPT("priority", FH_SHAPE_UNSIGNED),
                                                            END,
                                                        }};
static const struct fh_choice package = {
    .tables =
        (const struct fh_table_rule *const[]){&catalog_package, &flake_package, &store_path_package, NULL},
    .expecting = "Expected either a catalog package descriptor, a flake installable or a store path.\n"
                 "See https://flox.dev/docs/reference/command-reference/manifest.toml/#package-descriptors "
                 "for more information.",
};
static const struct fh_table_rule install = {.keys = (const struct fh_key_rule[]){END},
                                             .other_choice = &package};

/* minimum-cli-version */
static const struct fh_table_rule minimum_version = {.keys = (const struct fh_key_rule[]){
                                                         REQ("version", FH_SHAPE_SEMVER),
                                                         REQ("reason", FH_SHAPE_STRING),
                                                         END,
                                                     }};
static const struct fh_choice minimum = {
    .tables = (const struct fh_table_rule *const[]){&minimum_version, NULL},
    .has_text = true,
    .text = FH_SHAPE_SEMVER,
    .expecting = "Expected a version string or { version = \"<version>\", reason = \"<reason>\" }",
};

/* [hook], [profile] */
static const struct fh_table_rule hook = {.keys = (const struct fh_key_rule[]){
                                              OPT("on-activate", FH_SHAPE_STRING),
                                              OPT_SINCE("on-deactivate", FH_SHAPE_STRING, V15),
                                              END,
                                          }};
#define SHELLS                                                                                               \
    OPT("common", FH_SHAPE_STRING), OPT("bash", FH_SHAPE_STRING), OPT("zsh", FH_SHAPE_STRING),               \
        OPT("fish", FH_SHAPE_STRING), OPT("tcsh", FH_SHAPE_STRING)
static const struct fh_table_rule deactivate = {.keys = (const struct fh_key_rule[]){SHELLS, END}};
static const struct fh_table_rule profile = {
    .keys = (const struct fh_key_rule[]){
        SHELLS,
        {.key = "deactivate", .shape = FH_SHAPE_TABLE, .since = V13, .until = NEWEST, .table = &deactivate},
        END,
    }};

/* [options] */
static const char *const modes[] = {"dev", "run", NULL};
static const struct fh_table_rule allow = {.keys = (const struct fh_key_rule[]){
                                               OPT("unfree", FH_SHAPE_BOOLEAN),
                                               OPT("broken", FH_SHAPE_BOOLEAN),
                                               OPT("licenses", FH_SHAPE_STRINGS),
                                               END,
                                           }};
static const struct fh_table_rule semver = {
    .keys = (const struct fh_key_rule[]){OPT("allow-pre-releases", FH_SHAPE_BOOLEAN), END}};
static const struct fh_table_rule activate = {
    .keys = (const struct fh_key_rule[]){WORD("mode", modes, V1, NEWEST), END}};
static const struct fh_table_rule options = {.keys = (const struct fh_key_rule[]){
                                                 OPT("systems", FH_SHAPE_STRINGS),
                                                 SUB("allow", FH_OMIT_EMPTY, &allow),
                                                 SUB("semver", FH_OMIT_EMPTY, &semver),
                                                 OPT("cuda-detection", FH_SHAPE_BOOLEAN),
                                                 SUB("activate", FH_OMIT_EMPTY, &activate),
                                                 END,
                                             }};

/* [services] */
static const char *const service_types[] = {"Simple", "Exec",   "Forking", "Oneshot",
                                            "Dbus",   "Notify", "Idle",    NULL};
static const char *const restart_policies[] = {"No",         "OnSuccess", "OnFailure", "OnAbnormal",
                                               "OnWatchdog", "OnAbort",   "Always",    NULL};
static const char *const protect_system[] = {"No", "Yes", "Full", "Strict", NULL};
static const char *const protect_home[] = {"No", "Yes", "ReadOnly", "Tmpfs", NULL};
static const struct fh_table_rule limit_range = {
    .keys = (const struct fh_key_rule[]){REQ("soft", FH_SHAPE_STRING), REQ("hard", FH_SHAPE_STRING), END}};
static const struct fh_table_rule limit_of_value = {
    .keys = (const struct fh_key_rule[]){REQ("Value", FH_SHAPE_STRING), END}};
static const struct fh_table_rule limit_of_range = {
    .keys = (const struct fh_key_rule[]){SUB("Range", FH_REQUIRED, &limit_range), END}};
static const struct fh_choice limit = {
    .tables = (const struct fh_table_rule *const[]){&limit_of_value, &limit_of_range, NULL},
    .expecting = "Expected { Value = \"<limit>\" } or { Range = { soft = \"<limit>\", hard = \"<limit>\" } }",
};
#define LIMIT(name)                                                                                          \
    {                                                                                                        \
        .key = name, .shape = FH_SHAPE_CHOICE, .since = V1, .until = NEWEST, .choice = &limit                \
    }
static const struct fh_table_rule systemd_unit = {.keys = (const struct fh_key_rule[]){
                                                      OPT("description", FH_SHAPE_STRING),
                                                      OPT("documentation", FH_SHAPE_STRINGS),
                                                      OPT("wants", FH_SHAPE_STRINGS),
                                                      OPT("requires", FH_SHAPE_STRINGS),
                                                      OPT("before", FH_SHAPE_STRINGS),
                                                      OPT("after", FH_SHAPE_STRINGS),
                                                      END,
                                                  }};
static const struct fh_table_rule systemd_service = {.keys = (const struct fh_key_rule[]){
                                                         WORD("type_", service_types, V1, NEWEST),
                                                         OPT("exec_start", FH_SHAPE_STRING),
                                                         OPT("exec_start_pre", FH_SHAPE_STRINGS),
                                                         OPT("exec_start_post", FH_SHAPE_STRINGS),
                                                         OPT("exec_stop", FH_SHAPE_STRING),
                                                         WORD("restart", restart_policies, V1, NEWEST),
                                                         OPT("restart_sec", FH_SHAPE_UNSIGNED_32),
                                                         OPT("timeout_start_sec", FH_SHAPE_UNSIGNED_32),
                                                         OPT("timeout_stop_sec", FH_SHAPE_UNSIGNED_32),
                                                         OPT("cpu_quota", FH_SHAPE_STRING),
                                                         OPT("cpu_shares", FH_SHAPE_UNSIGNED_32),
                                                         OPT("cpu_weight", FH_SHAPE_UNSIGNED_32),
                                                         OPT("memory_max", FH_SHAPE_STRING),
                                                         OPT("memory_high", FH_SHAPE_STRING),
                                                         OPT("memory_low", FH_SHAPE_STRING),
                                                         OPT("tasks_max", FH_SHAPE_STRING),
                                                         OPT("io_weight", FH_SHAPE_UNSIGNED_32),
                                                         LIMIT("limit_cpu"),
                                                         LIMIT("limit_fsize"),
                                                         LIMIT("limit_data"),
                                                         LIMIT("limit_stack"),
                                                         LIMIT("limit_core"),
                                                         LIMIT("limit_rss"),
                                                         LIMIT("limit_nofile"),
                                                         LIMIT("limit_as"),
                                                         LIMIT("limit_nproc"),
                                                         LIMIT("limit_memlock"),
                                                         LIMIT("limit_locks"),
                                                         LIMIT("limit_sigpending"),
                                                         LIMIT("limit_msgqueue"),
                                                         LIMIT("limit_nice"),
                                                         LIMIT("limit_rtprio"),
                                                         LIMIT("limit_rttime"),
                                                         OPT("private_tmp", FH_SHAPE_BOOLEAN),
                                                         WORD("protect_system", protect_system, V1, NEWEST),
                                                         WORD("protect_home", protect_home, V1, NEWEST),
                                                         OPT("no_new_privileges", FH_SHAPE_BOOLEAN),
                                                         OPT("environment", FH_SHAPE_STRING_MAP),
                                                         OPT("environment_file", FH_SHAPE_STRINGS),
                                                         END,
                                                     }};
static const struct fh_table_rule systemd = {.keys = (const struct fh_key_rule[]){
                                                 SUB("unit", FH_OPTIONAL, &systemd_unit),
                                                 SUB("service", FH_OPTIONAL, &systemd_service),
                                                 END,
                                             }};
static const struct fh_table_rule shutdown = {
    .keys = (const struct fh_key_rule[]){REQ("command", FH_SHAPE_STRING), END}};
static const struct fh_table_rule service = {.keys = (const struct fh_key_rule[]){
                                                 REQ("command", FH_SHAPE_STRING),
                                                 OPT("vars", FH_SHAPE_STRING_MAP),
                                                 OPT("is-daemon", FH_SHAPE_BOOLEAN),
                                                 SUB("shutdown", FH_OPTIONAL, &shutdown),
                                                 SUB("systemd", FH_OPTIONAL, &systemd),
                                                 OPT("systems", FH_SHAPE_STRINGS),
                                                 END,
                                             }};
static const struct fh_table_rule services = {
    .keys = (const struct fh_key_rule[]){OPT_SINCE("auto-start", FH_SHAPE_BOOLEAN, V12), END},
    .others = &service};

/* [build] */
static const char *const sandboxes_v1[] = {"off", "pure", NULL};
static const char *const sandboxes[] = {"off", "pure", "warn", "enforce", NULL};
static const struct fh_table_rule version_of_file = {
    .keys = (const struct fh_key_rule[]){REQ("file", FH_SHAPE_STRING), END}};
static const struct fh_table_rule version_of_command = {
    .keys = (const struct fh_key_rule[]){REQ("command", FH_SHAPE_STRING), END}};
static const struct fh_choice build_version = {
    .tables = (const struct fh_table_rule *const[]){&version_of_file, &version_of_command, NULL},
    .has_text = true,
    .text = FH_SHAPE_STRING,
    .expecting = "Expected a version string, { file = \"<path>\" } or { command = \"<command>\" }",
};
static const struct fh_table_rule build = {
    .keys = (const struct fh_key_rule[]){
        REQ("command", FH_SHAPE_STRING),
        OPT("runtime-packages", FH_SHAPE_STRINGS),
        WORD("sandbox", sandboxes_v1, V1, V12),
        WORD("sandbox", sandboxes, V13, NEWEST),
        OPT_SINCE("sandbox-allow", FH_SHAPE_STRINGS, V13),
        {.key = "version", .shape = FH_SHAPE_CHOICE, .since = V1, .until = NEWEST, .choice = &build_version},
        OPT("description", FH_SHAPE_STRING),
        OPT("license", FH_SHAPE_STRINGS),
        END,
    }};
static const struct fh_table_rule builds = {.keys = (const struct fh_key_rule[]){END}, .others = &build};

/* [containerize] */
static const struct fh_table_rule container_config = {.keys = (const struct fh_key_rule[]){
                                                          OPT("user", FH_SHAPE_STRING),
                                                          OPT("exposed-ports", FH_SHAPE_STRING_SET),
                                                          OPT("cmd", FH_SHAPE_STRINGS),
                                                          OPT("volumes", FH_SHAPE_STRING_SET),
                                                          OPT("working-dir", FH_SHAPE_STRING),
                                                          OPT("labels", FH_SHAPE_STRING_MAP),
                                                          OPT("stop-signal", FH_SHAPE_STRING),
                                                          END,
                                                      }};
static const struct fh_table_rule containerize = {
    .keys = (const struct fh_key_rule[]){SUB("config", FH_OPTIONAL, &container_config), END}};

/* [include] */
static const struct fh_table_rule include_dir = {.keys = (const struct fh_key_rule[]){
                                                     REQ("dir", FH_SHAPE_STRING),
                                                     OPT("name", FH_SHAPE_STRING),
                                                     END,
                                                 }};
static const struct fh_table_rule include_remote = {.keys = (const struct fh_key_rule[]){
                                                        {.key = "remote",
                                                         .shape = FH_SHAPE_REFERENCE,
                                                         .presence = FH_REQUIRED,
                                                         .since = V1,
                                                         .until = NEWEST,
                                                         .alias = "reference"},
                                                        OPT("name", FH_SHAPE_STRING),
                                                        OPT("generation", FH_SHAPE_UNSIGNED),
                                                        END,
                                                    }};
static const struct fh_choice include_choice = {
    .tables = (const struct fh_table_rule *const[]){&include_dir, &include_remote, NULL},
    .expecting = "expected { dir = <dir>, [name = <name>] } OR { remote = <owner/name>, [name = <name>] }",
};
static const struct fh_table_rule include = {.keys = (const struct fh_key_rule[]){
                                                 {.key = "environments",
                                                  .shape = FH_SHAPE_CHOICES,
                                                  .presence = FH_OMIT_EMPTY,
                                                  .since = V1,
                                                  .until = NEWEST,
                                                  .choice = &include_choice},
                                                 END,
                                             }};

const struct fh_table_rule fh_manifest_rule = {
    .keys = (const struct fh_key_rule[]){
        {.key = "version", .shape = FH_SHAPE_UNSIGNED, .presence = FH_REQUIRED, .since = V1, .until = V1},
        {.key = "schema-version",
         .shape = FH_SHAPE_STRING,
         .presence = FH_REQUIRED,
         .since = V10,
         .until = NEWEST},
        {.key = "minimum-cli-version", .shape = FH_SHAPE_STRING, .since = V10, .until = V10},
        {.key = "minimum-cli-version",
         .shape = FH_SHAPE_CHOICE,
         .since = V11,
         .until = NEWEST,
         .choice = &minimum},
        SUB("install", FH_OMIT_EMPTY, &install),
        {.key = "vars",
         .shape = FH_SHAPE_STRING_MAP,
         .presence = FH_OMIT_EMPTY,
         .since = V1,
         .until = NEWEST},
        SUB("hook", FH_OPTIONAL, &hook),
        SUB("profile", FH_OPTIONAL, &profile),
        SUB("options", FH_ALWAYS, &options),
        SUB("services", FH_OMIT_EMPTY, &services),
        SUB("build", FH_OMIT_EMPTY, &builds),
        SUB("containerize", FH_OPTIONAL, &containerize),
        SUB("include", FH_OMIT_EMPTY, &include),
        {.key = "plugins",
         .shape = FH_SHAPE_FREE_MAP,
         .presence = FH_OMIT_EMPTY,
         .since = V14,
         .until = NEWEST},
        END,
    }};
