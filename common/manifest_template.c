/* The manifest.toml of a new environment. The tables are there so that a person sees where things go; each
 * holds comments only. The lock of it has "hook": {} and "profile": {} (manifest-lockfile-client §4.5). */
#include "common/manifest.h"

#define RULE "# ---------------------------------------------------------------------\n"

static const char head[] = RULE "# The manifest of this environment: everything in it is described at\n"
                                "#   https://flox.dev/docs/reference/command-reference/manifest.toml/\n" RULE
                                "# The format's version; programs keep it up to date.\n";

static const char tables[] =
    "\n\n" RULE "# Packages\n"
    "#   floe search NAME     look for a package\n"
    "#   floe install NAME    add it here\n" RULE "[install]\n"
    "# hello.pkg-path = \"hello\"\n"
    "# hello.version = \"^2.12\"\n"
    "\n\n" RULE "# Environment variables, set on activation and seen by everything below.\n"
    "# One may refer to another: DATA = \"$HOME/data\"\n" RULE "[vars]\n"
    "# GREETING = \"good morning\"\n"
    "\n\n" RULE "# Run by bash on activation, whatever shell is used. Exports last; functions\n"
    "# and aliases do not. FLOX_ENV_PROJECT, FLOX_ENV and FLOX_ENV_CACHE are set.\n" RULE "[hook]\n"
    "# on-activate = '''\n"
    "#   mkdir -p \"$FLOX_ENV_CACHE/work\"\n"
    "#   export WORK=\"$FLOX_ENV_CACHE/work\"\n"
    "# '''\n"
    "\n\n" RULE "# Read by the user's own shell on activation: aliases, functions, prompts.\n"
    "# `common` must be valid in every shell that is used.\n" RULE "[profile]\n"
    "# common = '''\n"
    "#   echo \"$GREETING\"\n"
    "# '''\n"
    "# bash = '''\n"
    "#   alias ll='ls -l'\n"
    "# '''\n"
    "\n\n" RULE "# Programs that run while the environment is active.\n" RULE "[services]\n"
    "# web.command = \"python3 -m http.server 8000\"\n"
    "\n\n" RULE "# Other environments that this one is composed with.\n" RULE "[include]\n"
    "# environments = [\n"
    "#   { remote = \"owner/name\" },\n"
    "# ]\n"
    "\n\n" RULE "# Packages built from this project: the command puts its files into $out.\n" RULE "[build]\n"
    "# [build.myproject]\n"
    "# version = \"0.1.0\"\n"
    "# description = \"What it is in one line\"\n"
    "# command = '''\n"
    "#   make\n"
    "#   make install PREFIX=\"$out\"\n"
    "# '''\n"
    "\n\n" RULE "# Everything else.\n" RULE "[options]\n"
    "# The systems the environment is for:\n"
    "# systems = [\"aarch64-darwin\", \"aarch64-linux\", \"x86_64-linux\"]\n"
    "# No search for CUDA devices on activation:\n"
    "# cuda-detection = false\n";

fh_err fh_manifest_template(enum fh_template kind, bool run_mode, struct fh_buf *out, struct fh_error *e)
{
    if (kind == FH_TEMPLATE_DOCUMENTED)
        FH_TRY(fh_buf_add_str(out, head, e));
    FH_TRY(fh_buf_addf(out, e, "schema-version = \"%s\"\n", fh_schema_text(FH_SCHEMA_NEWEST)));
    if (kind == FH_TEMPLATE_DOCUMENTED)
        FH_TRY(fh_buf_add_str(out, tables, e));
    if (run_mode)
        FH_TRY(fh_buf_add_str(out, "\n[options.activate]\nmode = \"run\"\n", e));
    return FH_OK;
}
