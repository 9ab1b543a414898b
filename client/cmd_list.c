/* floe list (manifest-lockfile-client §7.5) */
#include "client/cmd.h"

#include "client/include.h"
#include "client/say.h"
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
    printf("  %s: %s\n", title, value != NULL ? say_safe(a, value) : "N/A");
}

static void print_all(struct fh_arena *a, const struct fh_manifest *m, const struct fh_lock_package *p)
{
    printf("%s: (%s)\n", say_safe(a, p->install_id), p->pname != NULL ? say_safe(a, p->pname) : "N/A");
    print_field(a, "Description", p->description);
    print_field(a, "Package path", path_of(m, p));
    print_field(a, "Priority", fh_sprintf(a, "%lld", (long long)p->priority));
    print_field(a, "Version", p->version);
    print_field(a, "License", p->license);
    print_field(a, "Unfree", yes_no(p->unfree));
    print_field(a, "Broken", yes_no(p->broken));
    const char *outputs = "";
    for (size_t i = 0; i < p->noutputs; i++)
        outputs = fh_sprintf(a, "%s%s%s", outputs, i > 0 ? ", " : "", p->outputs[i].name);
    print_field(a, "Outputs", outputs);
}

static void print_line(struct fh_arena *a, const struct fh_manifest *m, const struct fh_lock_package *p)
{
    const char *path = path_of(m, p), *id = say_safe(a, p->install_id);
    if (p->kind == FH_PACKAGE_CATALOG)
        printf("%s: %s (%s)\n", id, path != NULL ? say_safe(a, path) : "?",
               p->version != NULL ? say_safe(a, p->version) : "N/A");
    else
        printf("%s: %s\n", id, path != NULL ? say_safe(a, path) : "?");
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

static int print_json(struct client *c, const struct fh_lock_package **chosen, size_t n)
{
    json_t *list = fh_json_own(c->arena, json_array());
    struct fh_buf text = FH_BUF_INIT(64 * 1024 * 1024);
    for (size_t i = 0; i < n; i++)
        fh_json_push(list, json_deep_copy(chosen[i]->json));
    fh_err rc = fh_json_write_pretty(list, &text, &c->e);
    if (rc == FH_OK)
        puts(text.data);
    fh_buf_free(&text);
    return rc == FH_OK ? 0 : say_fail(&c->e);
}

static int list_packages(struct client *c, struct fh_cli *cli, const struct fh_lock *lock)
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
        return print_json(c, chosen, n);
    if (n == 0)
        say_warn("No packages are installed for your current system ('%s').\n\nYou can see the whole "
                 "manifest with "
                 "'floe list --config'.\n",
                 system);
    for (size_t i = 0; i < n; i++) {
        if (names)
            printf("%s\n", say_safe(c->arena, chosen[i]->install_id));
        else if (all)
            print_all(c->arena, lock->manifest, chosen[i]);
        else
            print_line(c->arena, lock->manifest, chosen[i]);
    }
    return 0;
}

/* The manifest as it is written; of a composed environment the merged one. */
static int print_config(struct client *c, struct floxdir_files *files)
{
    struct fh_error unreadable;
    const struct fh_manifest *manifest;
    const struct fh_lock *lock;
    if (fh_manifest_parse(c->arena, files->manifest, files->manifest_len, "manifest.toml", &manifest,
                          &unreadable) != FH_OK ||
        manifest->nincludes == 0) {
        fwrite(files->manifest, 1, files->manifest_len, stdout);
        return 0;
    }
    struct fh_buf text = FH_BUF_INIT(FH_MAX_LOCK);
    fh_err rc = floxdir_lock_manifest(c, files, &manifest, NULL, &c->e);
    if (rc == FH_OK)
        rc = fh_lock_parse(c->arena, files->lock, files->lock_len, "manifest.lock", &lock, &c->e);
    if (rc == FH_OK)
        rc = fh_toml_write_manifest(lock->manifest->json, &text, &c->e);
    if (rc == FH_OK) {
        fwrite(text.data, 1, text.len, stdout);
        fflush(stdout);
        say_info("Displaying merged manifest.");
        include_say_overrides(c, lock);
    }
    fh_buf_free(&text);
    return rc == FH_OK ? 0 : say_fail(&c->e);
}

int cmd_list(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    struct floxdir_files files;
    const struct fh_manifest *manifest;
    const struct fh_lock *lock;
    const char *ref = fh_cli_value(cli, "reference");
    if (c == NULL)
        return 1;
    fh_err rc =
        ref != NULL ? cmd_open_reference(c, ref, &d, &m, &c->e) : floxdir_find(c, cli, true, &d, &c->e);
    if (rc == FH_OK && ref == NULL && d.is_managed)
        rc = cmd_open_managed(c, &d, &m, &c->e);
    if (rc == FH_OK)
        rc = floxdir_read(c, &d, &files, &c->e);
    if (rc == FH_OK && fh_cli_flag(cli, "config"))
        return print_config(c, &files);
    if (rc == FH_OK)
        rc = floxdir_lock_manifest(c, &files, &manifest, NULL, &c->e);
    if (rc == FH_OK)
        rc = fh_lock_parse(c->arena, files.lock, files.lock_len, "manifest.lock", &lock, &c->e);
    return rc == FH_OK ? list_packages(c, cli, lock) : say_fail(&c->e);
}
