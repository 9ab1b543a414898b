/* floe envs: the environments of this machine, from the list shared with flox (registry.h) and the variable
 * that activations leave. */
#include "client/cmd.h"

#include "client/hub.h"
#include "client/print.h"
#include "client/registry.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known {
    const char *path; /* of the .flox; NULL: one of the hub */
    const struct fh_envjson *pointer;
    bool is_active;
};

/* _FLOX_ACTIVE_ENVIRONMENTS, newest first; an empty list when it is unset or not as known. */
static json_t *active_list(struct client *c)
{
    const char *text = getenv("_FLOX_ACTIVE_ENVIRONMENTS");
    json_t *list = NULL;
    if (text == NULL || *text == '\0' ||
        fh_json_parse(text, strlen(text), "_FLOX_ACTIVE_ENVIRONMENTS", &list, NULL) != FH_OK ||
        !json_is_array(list)) {
        json_decref(list);
        list = json_array();
    }
    return fh_json_own(c->arena, list);
}

static bool read_pointer(struct client *c, const json_t *object, struct fh_envjson *out)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_BODY_SMALL);
    bool fine =
        object != NULL && fh_json_write_compact(object, &text, NULL) == FH_OK &&
        fh_envjson_parse(c->arena, text.data, text.len, "_FLOX_ACTIVE_ENVIRONMENTS", out, NULL) == FH_OK;
    fh_buf_free(&text);
    return fine;
}

/* {"type": "dot-flox", "path", "pointer"} or {"type": "remote", <the pointer's keys>}; floe adds the path to
 * the latter. */
static size_t read_active(struct client *c, const json_t *list, struct known *out)
{
    size_t n = 0, i;
    const json_t *entry;
    json_array_foreach(list, i, entry)
    {
        const json_t *env = json_object_get(entry, "environment");
        const char *type = fh_json_string(env, "type");
        const json_t *pointer = json_object_get(env, "pointer");
        struct fh_envjson *p = fh_alloc(c->arena, sizeof *p);
        if (type == NULL || !read_pointer(c, pointer != NULL ? pointer : env, p))
            continue;
        bool is_remote = strcmp(type, "remote") == 0;
        out[n++] = (struct known){is_remote ? NULL : fh_json_string(env, "path"), p, true};
    }
    return n;
}

static bool is_active(const struct known *active, size_t nactive, const struct registry_env *env)
{
    for (size_t i = 0; i < nactive; i++)
        if (active[i].path != NULL && strcmp(active[i].path, env->dot_flox) == 0 &&
            strcmp(active[i].pointer->name, env->pointer.name) == 0)
            return true;
    return false;
}

static const char *project_of(struct fh_arena *a, const char *dot_flox)
{
    const char *slash = strrchr(dot_flox, '/');
    return slash != NULL && slash > dot_flox ? fh_strndup(a, dot_flox, (size_t)(slash - dot_flox)) : dot_flox;
}

static void add_row(struct client *c, struct fh_table *table, const struct known *k)
{
    const struct fh_envjson *p = k->pointer;
    const char *base, *page = NULL, *where = k->path != NULL ? project_of(c->arena, k->path) : "remote";
    struct fh_error ignored;
    if (p->owner != NULL && hub_normalise(p->floxhub_url, c->arena, &base, &ignored) == FH_OK)
        page = hub_page(base, p->owner, p->name, c->arena);
    const char *cells[] = {p->name, where, page != NULL ? page : "", k->is_active ? "active" : ""};
    fh_table_row(table, cells);
}

static json_t *env_json(struct client *c, const struct known *k)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_BODY_SMALL);
    json_t *pointer = NULL, *o = json_object();
    if (fh_envjson_write(k->pointer, FH_ENVJSON_COMPACT, &text, NULL) == FH_OK)
        (void)!fh_json_parse(text.data, text.len, "env.json", &pointer, NULL);
    fh_buf_free(&text);
    (void)c;
    fh_json_set(o, "type", fh_json_text("dot-flox"));
    fh_json_set(o, "path", fh_json_text(k->path));
    fh_json_set(o, "pointer", pointer != NULL ? pointer : json_null());
    return o;
}

static int print_lists(struct client *c, json_t *active, const struct known *rest, size_t n, bool active_only)
{
    json_t *out = active;
    if (!active_only) {
        json_t *inactive = json_array();
        for (size_t i = 0; i < n; i++)
            fh_json_push(inactive, env_json(c, &rest[i]));
        out = fh_json_own(c->arena, json_object());
        fh_json_set(out, "active", json_incref(active));
        fh_json_set(out, "inactive", inactive);
    }
    return print_json(c, out);
}

/* "owner/name" of what is known here, for completion. */
static int print_references(struct client *c, const struct registry_env *envs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (envs[i].pointer.owner != NULL)
            printf("%s/%s\n", say_safe(c->arena, envs[i].pointer.owner),
                   say_safe(c->arena, envs[i].pointer.name));
    return 0;
}

static int print_table(struct client *c, const struct known *all, size_t n, bool active_only)
{
    static const char *const titles[] = {"NAME", "FOLDER", "ON THE HUB", "STATE"};
    if (n == 0) {
        say_plain(active_only
                      ? "No active environments"
                      : "No environments known to floe: 'floe init' makes one, 'floe pull' brings one.");
        return 0;
    }
    struct fh_table *table = fh_table_new(titles, 4);
    for (size_t i = 0; i < n; i++)
        add_row(c, table, &all[i]);
    fh_table_print(table, fileno(stdout));
    return 0;
}

int cmd_envs(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct registry_env *envs = NULL;
    size_t nenvs = 0;
    if (c == NULL)
        return 1;
    bool active_only = fh_cli_flag(cli, "active");
    if (!active_only && registry_read(c, &envs, &nenvs, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "references"))
        return print_references(c, envs, nenvs);
    json_t *active = active_list(c);
    struct known *all = fh_alloc(c->arena, (json_array_size(active) + nenvs + 1) * sizeof *all);
    size_t nactive = read_active(c, active, all), n = nactive;
    for (size_t i = 0; i < nenvs; i++)
        if (!is_active(all, nactive, &envs[i]))
            all[n++] = (struct known){envs[i].dot_flox, &envs[i].pointer, false};
    return fh_cli_flag(cli, "json") ? print_lists(c, active, all + nactive, n - nactive, active_only)
                                    : print_table(c, all, n, active_only);
}
