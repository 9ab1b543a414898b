/* floe list (manifest-lockfile-client §7.5; the columns of -a are flox's) */
#include "client/cmd.h"

#include "client/change.h"
#include "client/include.h"
#include "client/print.h"
#include "client/say.h"
#include "client/upgrade_check.h"
#include "common/ceilings.h"
#include "common/json.h"
#include "common/toml_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path_of(const struct fh_manifest *m, const struct fh_lock_package *p)
{
    for (size_t i = 0; i < m->npackages; i++)
        if (strcmp(m->packages[i].id, p->install_id) == 0)
            return m->packages[i].path;
    return p->attr_path != NULL ? p->attr_path : p->store_path;
}

static const char *yes_no(int value)
{
    return value < 0 ? "N/A" : value != 0 ? "true" : "false";
}

static void print_field(struct fh_arena *a, const char *title, const char *value)
{
    printf("  %-21s %s\n", fh_sprintf(a, "%s:", title), value != NULL ? say_safe(a, value) : "N/A");
}

/* [ "man", "out" ]; the outputs of a lock are sorted, and of these those that chosen has (NULL: all). */
static const char *output_list(struct fh_arena *a, const struct fh_lock_package *p,
                               const struct fh_strings *chosen)
{
    const char *text = "";
    for (size_t i = 0; i < p->noutputs; i++) {
        bool wanted = chosen == NULL;
        for (size_t k = 0; chosen != NULL && k < chosen->count; k++)
            wanted = wanted || strcmp(chosen->items[k], p->outputs[i].name) == 0;
        if (wanted)
            text = fh_sprintf(a, "%s%s\"%s\"", text, *text != '\0' ? ", " : "", p->outputs[i].name);
    }
    return *text != '\0' ? fh_sprintf(a, "[ %s ]", text) : "[ ]";
}

/* What the manifest asks for; by itself the package's own choice, and everything in the first format. */
static const char *installed_outputs(struct fh_arena *a, const struct fh_manifest *m,
                                     const struct fh_lock_package *p)
{
    const struct fh_manifest_package *asked = NULL;
    for (size_t i = 0; i < m->npackages; i++)
        if (strcmp(m->packages[i].id, p->install_id) == 0)
            asked = &m->packages[i];
    if (asked != NULL && asked->outputs == FH_OUTPUTS_LIST)
        return output_list(a, p, &asked->output_names);
    bool all = (asked != NULL && asked->outputs == FH_OUTPUTS_ALL) || m->schema == FH_SCHEMA_V1 ||
               !p->has_outputs_to_install;
    return output_list(a, p, all ? NULL : &p->outputs_to_install);
}

static void print_all(struct fh_arena *a, const struct fh_manifest *m, const struct fh_lock_package *p,
                      bool upgradable)
{
    const char *priority = fh_sprintf(a, "%lld", (long long)p->priority);
    printf("%s:%s\n", say_safe(a, p->install_id), upgradable ? " (upgrade available)" : "");
    if (p->kind == FH_PACKAGE_STORE_PATH) {
        print_field(a, "Store Path", p->store_path);
        print_field(a, "Priority", priority);
        return;
    }
    bool flake = p->kind == FH_PACKAGE_FLAKE;
    print_field(a, "Description", p->description);
    print_field(a, flake ? "Locked URL" : "Package Path", flake ? p->locked_url : path_of(m, p));
    if (flake)
        print_field(a, "Flake attribute", p->attr_path);
    print_field(a, "Package Name", p->pname);
    print_field(a, "Priority", priority);
    print_field(a, "Version", p->version);
    print_field(a, "License", p->license);
    print_field(a, "Unfree", yes_no(p->unfree));
    print_field(a, "Broken", yes_no(p->broken));
    print_field(a, "Available Outputs", output_list(a, p, NULL));
    print_field(a, "Installed Outputs", installed_outputs(a, m, p));
}

static void print_line(struct fh_arena *a, const struct fh_manifest *m, const struct fh_lock_package *p,
                       bool upgradable)
{
    const char *path = path_of(m, p), *id = say_safe(a, p->install_id);
    const char *note = upgradable ? " - upgrade available" : "";
    if (p->kind == FH_PACKAGE_CATALOG)
        printf("%s: %s (%s%s)\n", id, path != NULL ? say_safe(a, path) : "?",
               p->version != NULL ? say_safe(a, p->version) : "N/A", note);
    else
        printf("%s: %s%s\n", id, path != NULL ? say_safe(a, path) : "?", note);
}

static int by_priority(const void *x, const void *y)
{
    const struct fh_lock_package *const *a = x, *const *b = y;
    if ((*a)->priority != (*b)->priority)
        return (*a)->priority < (*b)->priority ? -1 : 1;
    return strcmp((*a)->install_id, (*b)->install_id);
}

static int by_id(const void *x, const void *y)
{
    const struct fh_lock_package *const *a = x, *const *b = y;
    return strcmp((*a)->install_id, (*b)->install_id);
}

static int print_packages_json(struct client *c, const struct fh_lock_package **chosen, size_t n)
{
    json_t *list = fh_json_own(c->arena, json_array());
    for (size_t i = 0; i < n; i++)
        fh_json_push(list, json_deep_copy(chosen[i]->json));
    return print_json(c, list);
}

static int list_packages(struct client *c, struct fh_cli *cli, const struct fh_lock *lock,
                         const struct upgrades *known)
{
    const char *system = settings_system(c->arena);
    bool names = fh_cli_flag(cli, "name"), all = fh_cli_flag(cli, "all");
    const struct fh_lock_package **chosen = fh_alloc(c->arena, (lock->npackages + 1) * sizeof *chosen);
    size_t n = 0;
    for (size_t i = 0; i < lock->npackages; i++)
        if (lock->packages[i].install_id != NULL && lock->packages[i].system != NULL &&
            strcmp(lock->packages[i].system, system) == 0)
            chosen[n++] = &lock->packages[i];
    qsort(chosen, n, sizeof *chosen, all ? by_priority : by_id);
    if (fh_cli_flag(cli, "json"))
        return print_packages_json(c, chosen, n);
    if (n == 0)
        say_warn("No packages are installed for your current system ('%s').\n\nYou can see the whole "
                 "manifest with "
                 "'floe list --config'.\n",
                 system);
    for (size_t i = 0; i < n; i++) {
        bool upgradable = upgrades_have(known, chosen[i]->install_id);
        if (names)
            printf("%s\n", say_safe(c->arena, chosen[i]->install_id));
        else if (!all)
            print_line(c->arena, lock->manifest, chosen[i], upgradable);
        else {
            fputs(i > 0 ? "\n" : "", stdout);
            print_all(c->arena, lock->manifest, chosen[i], upgradable);
        }
    }
    return 0;
}

/* The files with a lock that fits; one that was made is kept, so that it is not asked for again. */
static fh_err lock_files(struct client *c, struct floxdir *d, struct floxdir_files *files, bool of_upstream,
                         const struct fh_lock **lock, struct fh_error *e)
{
    const struct floxdir_files read = *files;
    const struct fh_manifest *manifest;
    bool made;
    FH_TRY(floxdir_lock_manifest(c, files, &manifest, &made, e));
    if (made && !of_upstream)
        change_keep_lock(c, d, &read, files);
    return fh_lock_parse(c->arena, files->lock, files->lock_len, "manifest.lock", lock, e);
}

/* The manifest as it is written; of a composed environment the merged one. */
static int print_config(struct client *c, struct floxdir *d, struct floxdir_files *files, bool of_upstream)
{
    struct fh_error unreadable;
    const struct fh_manifest *manifest;
    const struct fh_lock *lock;
    if (fh_manifest_parse(c->arena, files->manifest, files->manifest_len, "manifest.toml", &manifest,
                          &unreadable) != FH_OK ||
        manifest->nincludes == 0)
        return print_text(c, files->manifest, files->manifest_len);
    struct fh_buf text = FH_BUF_INIT(FH_MAX_LOCK);
    fh_err rc = lock_files(c, d, files, of_upstream, &lock, &c->e);
    if (rc == FH_OK)
        rc = fh_toml_write_manifest(lock->manifest->json, &text, &c->e);
    if (rc == FH_OK && print_text(c, text.data, text.len) == 0) {
        fflush(stdout);
        say_info("Displaying merged manifest.");
        include_say_overrides(c, lock);
    }
    fh_buf_free(&text);
    return rc == FH_OK ? 0 : client_fail(c);
}

/* What the hub has now; the checkout stays as it is. */
static fh_err read_upstream(struct floxmeta *m, const struct floxdir *d, struct floxdir_files *out,
                            struct fh_error *e)
{
    gitobj_id tip;
    if (!d->is_managed)
        return FH_FAIL(e, FH_INVALID, "'--upstream' cannot be used with path environments");
    FH_TRY(floxmeta_fetch(m, tip, e));
    return floxmeta_live_files(m, tip, out, e);
}

static int refuse_combinations(struct fh_cli *cli)
{
    static const char *const modes[] = {"config", "name", "extended", "all", "json"};
    int n = 0;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        n += fh_cli_flag(cli, modes[i]);
    return n > 1 ? fh_cli_usage(cli, "Give one of --config, --name, --extended, --all and --json.") : 0;
}

int cmd_list(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    struct floxdir_files files;
    const struct fh_lock *lock;
    struct upgrades known = {0};
    const char *ref = NULL;
    bool of_upstream = fh_cli_flag(cli, "upstream");
    if (c == NULL)
        return 1;
    if (refuse_combinations(cli) != 0)
        return 2;
    fh_err rc = cmd_reference(c, cli, &ref, &c->e);
    if (rc == FH_OK)
        rc = ref != NULL ? cmd_open_reference(c, ref, &d, &m, &c->e) : floxdir_find(c, cli, true, &d, &c->e);
    if (rc == FH_OK && ref == NULL && d.is_managed)
        rc = cmd_open_managed(c, &d, &m, &c->e);
    if (rc == FH_OK)
        rc = of_upstream ? read_upstream(&m, &d, &files, &c->e) : floxdir_read(c, &d, &files, &c->e);
    if (rc == FH_OK && fh_cli_flag(cli, "config"))
        return print_config(c, &d, &files, of_upstream);
    if (rc == FH_OK)
        rc = lock_files(c, &d, &files, of_upstream, &lock, &c->e);
    if (rc == FH_OK && !of_upstream)
        upgrade_check_read(c, d.path, lock, &known);
    return rc == FH_OK ? list_packages(c, cli, lock, &known) : client_fail(c);
}
