/* The model of a manifest, filled from its JSON, which the tables have checked: every type is known here.
 * See manifest.h. */
#include "common/cli.h"
#include "common/json_model.h"
#include "common/manifest_check.h"

struct fh_strings fh_json_strings(struct fh_arena *a, const json_t *array)
{
    size_t n = json_array_size(array);
    const char **items = fh_alloc(a, (n + 1) * sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = json_string_value(json_array_get(array, i));
    return (struct fh_strings){.count = n, .items = items};
}

int fh_json_flag(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : -1;
}

json_t *fh_json_iterable(const json_t *object)
{
    return (json_t *)(uintptr_t)object; /* jansson iterates through a pointer that is not const */
}

const char *fh_json_shown(struct fh_arena *a, const char *name)
{
    enum { MOST = 100 };
    char *safe = fh_term_safe(fh_strndup(a, name, strnlen(name, MOST)));
    const char *shown = fh_strdup(a, safe);
    free(safe);
    return shown;
}

static struct fh_manifest_vars fill_vars(struct fh_arena *a, const json_t *object)
{
    struct fh_manifest_var *items = fh_alloc(a, (json_object_size(object) + 1) * sizeof *items);
    size_t n = 0;
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(object), key, value) items[n++] =
        (struct fh_manifest_var){.name = key, .value = json_string_value(value)};
    return (struct fh_manifest_vars){.count = n, .items = items};
}

static struct fh_manifest_scripts fill_scripts(const json_t *object)
{
    return (struct fh_manifest_scripts){
        .common = fh_json_string(object, "common"),
        .bash = fh_json_string(object, "bash"),
        .zsh = fh_json_string(object, "zsh"),
        .fish = fh_json_string(object, "fish"),
        .tcsh = fh_json_string(object, "tcsh"),
    };
}

/* manifest-lockfile-client §3.3 */
bool fh_is_custom_path(const char *path)
{
    const char *slash = strchr(path, '/');
    const char *dot = strchr(path, '.');
    return slash && (!dot || dot > slash);
}

static void fill_package(struct fh_arena *a, const char *id, const json_t *from,
                         struct fh_manifest_package *p)
{
    p->id = id;
    p->priority = FH_DEFAULT_PRIORITY;
    const json_t *priority = json_object_get(from, "priority");
    const json_t *systems = json_object_get(from, "systems");
    const json_t *outputs = json_object_get(from, "outputs");
    if (priority)
        p->priority = json_integer_value(priority);
    p->has_systems = systems != NULL;
    p->systems = fh_json_strings(a, systems);
    if (json_is_string(outputs))
        p->outputs = FH_OUTPUTS_ALL;
    else if (outputs)
        p->outputs = FH_OUTPUTS_LIST;
    p->output_names = fh_json_strings(a, outputs);
    p->version = fh_json_string(from, "version");
    if (json_object_get(from, "flake")) {
        p->kind = FH_PACKAGE_FLAKE;
        p->path = fh_json_string(from, "flake");
    } else if (json_object_get(from, "store-path")) {
        p->kind = FH_PACKAGE_STORE_PATH;
        p->path = fh_json_string(from, "store-path");
    } else {
        const char *group = fh_json_string(from, "pkg-group");
        p->path = fh_json_string(from, "pkg-path");
        p->group = group ? group : "toplevel";
        p->is_custom = fh_is_custom_path(p->path);
    }
}

static void fill_packages(struct fh_arena *a, struct fh_manifest *m)
{
    const json_t *install = json_object_get(m->json, "install");
    struct fh_manifest_package *packages = fh_alloc(a, (json_object_size(install) + 1) * sizeof *packages);
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(install), key, value)
        fill_package(a, key, value, &packages[m->npackages++]);
    m->packages = packages;
}

static void fill_options(struct fh_arena *a, struct fh_manifest *m)
{
    const json_t *options = json_object_get(m->json, "options");
    const json_t *allow = json_object_get(options, "allow");
    const json_t *systems = json_object_get(options, "systems");
    const json_t *licenses = json_object_get(allow, "licenses");
    m->has_systems = systems != NULL;
    m->systems = fh_json_strings(a, systems);
    m->has_licenses = licenses != NULL;
    m->licenses = fh_json_strings(a, licenses);
    m->allow_unfree = fh_json_flag(allow, "unfree");
    m->allow_broken = fh_json_flag(allow, "broken");
    m->allow_pre_releases = fh_json_flag(json_object_get(options, "semver"), "allow-pre-releases");
    m->cuda_detection = fh_json_flag(options, "cuda-detection");
    m->activate_mode = fh_json_string(json_object_get(options, "activate"), "mode");
}

static void fill_services(struct fh_arena *a, struct fh_manifest *m)
{
    const json_t *from = json_object_get(m->json, "services");
    struct fh_manifest_service *services = fh_alloc(a, (json_object_size(from) + 1) * sizeof *services);
    const char *key;
    json_t *value;
    m->auto_start = fh_json_flag(from, "auto-start");
    json_object_foreach(fh_json_iterable(from), key, value)
    {
        if (!json_is_object(value)) /* auto-start */
            continue;
        const json_t *systems = json_object_get(value, "systems");
        services[m->nservices++] = (struct fh_manifest_service){
            .name = key,
            .command = fh_json_string(value, "command"),
            .shutdown = fh_json_string(json_object_get(value, "shutdown"), "command"),
            .is_daemon = fh_json_flag(value, "is-daemon") == 1,
            .has_systems = systems != NULL,
            .systems = fh_json_strings(a, systems),
            .vars = fill_vars(a, json_object_get(value, "vars")),
        };
    }
    m->services = services;
}

static void fill_builds(struct fh_arena *a, struct fh_manifest *m)
{
    const json_t *from = json_object_get(m->json, "build");
    struct fh_manifest_build *builds = fh_alloc(a, (json_object_size(from) + 1) * sizeof *builds);
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(from), key, value)
    {
        const json_t *version = json_object_get(value, "version");
        builds[m->nbuilds++] = (struct fh_manifest_build){
            .name = key,
            .command = fh_json_string(value, "command"),
            .description = fh_json_string(value, "description"),
            .version = json_string_value(version),
            .version_file = fh_json_string(version, "file"),
            .version_command = fh_json_string(version, "command"),
            .sandbox = fh_json_string(value, "sandbox"),
        };
    }
    m->builds = builds;
}

static void fill_includes(struct fh_arena *a, struct fh_manifest *m)
{
    const json_t *from = json_object_get(json_object_get(m->json, "include"), "environments");
    struct fh_manifest_include *includes = fh_alloc(a, (json_array_size(from) + 1) * sizeof *includes);
    m->nincludes = json_array_size(from);
    for (size_t i = 0; i < m->nincludes; i++) {
        const json_t *item = json_array_get(from, i);
        includes[i] = (struct fh_manifest_include){
            .dir = fh_json_string(item, "dir"),
            .remote = fh_json_string(item, "remote"),
            .name = fh_json_string(item, "name"),
            .generation = json_integer_value(json_object_get(item, "generation")),
        };
    }
    m->includes = includes;
}

void fh_manifest_fill(struct fh_arena *a, struct fh_manifest *m)
{
    const json_t *minimum = json_object_get(m->json, "minimum-cli-version");
    const json_t *hook = json_object_get(m->json, "hook");
    const json_t *profile = json_object_get(m->json, "profile");
    m->minimum_cli =
        json_is_string(minimum) ? json_string_value(minimum) : fh_json_string(minimum, "version");
    m->minimum_cli_reason = fh_json_string(minimum, "reason");
    m->vars = fill_vars(a, json_object_get(m->json, "vars"));
    m->on_activate = fh_json_string(hook, "on-activate");
    m->on_deactivate = fh_json_string(hook, "on-deactivate");
    m->profile = fill_scripts(profile);
    m->deactivate = fill_scripts(json_object_get(profile, "deactivate"));
    fill_packages(a, m);
    fill_options(a, m);
    fill_services(a, m);
    fill_builds(a, m);
    fill_includes(a, m);
}
