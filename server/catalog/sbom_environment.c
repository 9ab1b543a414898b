/* A lock as an SPDX document. See sbom_environment.h; locks: manifest-lockfile-client 4. What locks of
 * version 0 are like, which no client writes any more, is
 *
 *     packages: {system: {install id: null | {attr-path: [legacyPackages, system, …], info: {pname, version,
 *                license, …}, input: {url, attrs: {owner, repo, rev, lastModified, …}, …}, …}}}
 */
#include "server/catalog/sbom_environment.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/json_model.h"
#include "common/lock.h"
#include "common/system.h"
#include "server/catalog/search_text.h"

#include <string.h>

#define MISMATCH(e, ...) FH_FAIL(e, FH_MISMATCH, __VA_ARGS__)

struct work {
    struct fh_arena *arena;
    const char *system;
    struct sbom_package *packages;
    size_t n;
    int64_t newest; /* the newest date of a package; 0: none has one */
    struct fh_error *e;
};

enum { MOST_PARTS = 64 }; /* of an attribute path, licenses of a flake: more are passed over */

static void note_date(struct work *w, int64_t seconds)
{
    const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
    if (seconds > w->newest && seconds <= last)
        w->newest = seconds;
}

/* NULL: there are too many. */
static struct sbom_package *add(struct work *w, const char *install_id)
{
    if (w->n == FH_MAX_SBOM_PACKAGES)
        return NULL;
    struct sbom_package *p = &w->packages[w->n++];
    p->comment = fh_sprintf(w->arena, "Installed as %s", install_id);
    return p;
}

static fh_err too_many(struct work *w)
{
    return MISMATCH(w->e, "The lock has more than %d packages for %s.", FH_MAX_SBOM_PACKAGES, w->system);
}

/* --- version 1 */

/* What is behind the hash of a store path, or all of it. */
static const char *store_path_name(const char *path)
{
    enum { HASH = 32 };
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strlen(name) > HASH + 1 && name[HASH] == '-' ? name + HASH + 1 : name;
}

static const char *first_of(const char *one, const char *other, const char *last)
{
    return one && *one ? one : other && *other ? other : last;
}

/* The texts of a list from one on, up to most of them; NULL: there are none. Texts may be large: each is
 * copied once. */
static const char *joined(struct fh_arena *a, const json_t *list, size_t from, size_t most,
                          const char *between)
{
    size_t size = 1, n = json_array_size(list) < most ? json_array_size(list) : most;
    for (size_t i = from; i < n; i++)
        size += json_string_length(json_array_get(list, i)) + strlen(between);
    char *text = fh_alloc(a, size), *at = text;
    bool any = false;
    for (size_t i = from; i < n; i++) {
        const char *one = json_string_value(json_array_get(list, i));
        if (one)
            at = stpcpy(any ? stpcpy(at, between) : at, one);
        any = any || one;
    }
    *at = '\0';
    return any ? text : NULL;
}

static void add_date(struct work *w, const json_t *package)
{
    const char *scraped = fh_json_string(package, "scrape_date"), *rev = fh_json_string(package, "rev_date");
    int64_t micros;
    if ((scraped && fh_time_parse_us(scraped, &micros)) || (rev && fh_time_parse_us(rev, &micros)))
        note_date(w, micros / 1000000);
}

/* A flake says a list of licenses. */
static const char *flake_license(struct fh_arena *a, const json_t *package)
{
    const json_t *list = json_object_get(package, "licenses");
    const char *text = joined(a, list, 0, MOST_PARTS, ", ");
    return text ? fh_sprintf(a, "[ %s ]", text) : NULL;
}

static void add_outputs(struct work *w, const struct fh_lock_package *from, struct sbom_package *p)
{
    struct sbom_output *outputs = fh_alloc(w->arena, (from->noutputs + 1) * sizeof *outputs);
    for (size_t i = 0; i < from->noutputs; i++)
        outputs[i] = (struct sbom_output){from->outputs[i].name, from->outputs[i].path};
    p->outputs = outputs;
    p->noutputs = from->noutputs;
}

static void add_store_path(struct work *w, const struct fh_lock_package *from, struct sbom_package *p)
{
    struct sbom_output *output = fh_alloc(w->arena, sizeof *output);
    *output = (struct sbom_output){.path = from->store_path};
    p->name = first_of(store_path_name(from->store_path), from->install_id, "unknown");
    p->outputs = output;
    p->noutputs = 1;
}

static fh_err add_package(struct work *w, const struct fh_lock_package *from)
{
    struct sbom_package *p = add(w, from->install_id);
    if (!p)
        return too_many(w);
    if (from->kind == FH_PACKAGE_STORE_PATH) {
        add_store_path(w, from, p);
        return FH_OK;
    }
    p->name = first_of(from->pname, from->name, "unknown");
    p->version = from->version;
    p->summary = from->description;
    p->derivation = from->derivation;
    p->license = from->kind == FH_PACKAGE_FLAKE ? flake_license(w->arena, from->json) : from->license;
    add_outputs(w, from, p);
    if (from->kind == FH_PACKAGE_CATALOG)
        sbom_set_source(w->arena, p, from->attr_path, from->locked_url, fh_json_string(from->json, "rev"));
    else
        p->source = fh_sprintf(w->arena, "%s of %s", from->attr_path, from->locked_url);
    add_date(w, from->json);
    return FH_OK;
}

static fh_err read_version_1(struct work *w, const json_t *lock)
{
    const struct fh_lock_package *packages;
    struct fh_error why = {0};
    size_t n;
    if (fh_lock_read_packages(w->arena, json_object_get(lock, "packages"), "lockfile", &packages, &n, &why) !=
        FH_OK)
        return MISMATCH(w->e, "%s", why.msg);
    for (size_t i = 0; i < n; i++)
        if (strcmp(packages[i].system, w->system) == 0)
            FH_TRY(add_package(w, &packages[i]));
    return FH_OK;
}

/* --- version 0 */

/* The attribute path without what names a flake's set and system. */
static const char *old_attr_path(struct fh_arena *a, const json_t *parts)
{
    enum { BEFORE = 2 };
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const char *part = json_string_value(json_array_get(parts, i));
        if (!part || !*part || i == MOST_PARTS)
            return NULL;
    }
    return joined(a, parts, BEFORE, MOST_PARTS, ".");
}

static fh_err add_old_package(struct work *w, const char *install_id, const json_t *from)
{
    const json_t *info = json_object_get(from, "info"), *input = json_object_get(from, "input"),
                 *attrs = json_object_get(input, "attrs");
    const char *attr_path = old_attr_path(w->arena, json_object_get(from, "attr-path")),
               *url = fh_json_string(input, "url"), *owner = fh_json_string(attrs, "owner"),
               *repo = fh_json_string(attrs, "repo");
    if (!attr_path || !json_is_object(info) || !url)
        return MISMATCH(w->e, "lockfile: package '%s' lacks its 'attr-path', 'info' or 'input'.",
                        fh_json_shown(w->arena, install_id));
    struct sbom_package *p = add(w, install_id);
    if (!p)
        return too_many(w);
    p->name = first_of(fh_json_string(info, "pname"), attr_path, "unknown");
    p->version = fh_json_string(info, "version");
    p->license = fh_json_string(info, "license");
    p->source = fh_sprintf(w->arena, "%s of %s", attr_path, url);
    if (owner && repo && strcasecmp(owner, "NixOS") == 0 && strcmp(repo, "nixpkgs") == 0)
        p->purl = sbom_purl(w->arena, attr_path, p->version, fh_json_string(attrs, "rev"));
    note_date(w, json_integer_value(json_object_get(attrs, "lastModified")));
    return FH_OK;
}

static fh_err read_version_0(struct work *w, const json_t *lock)
{
    const json_t *systems = json_object_get(lock, "packages"),
                 *packages = json_object_get(systems, w->system);
    const char *install_id;
    json_t *package;
    if (!json_is_object(systems) || (packages && !json_is_object(packages) && !json_is_null(packages)))
        return MISMATCH(w->e, "lockfile has no 'packages' by system.");
    json_object_foreach(fh_json_iterable(packages), install_id, package)
    {
        if (!json_is_null(package)) /* null: not for this system */
            FH_TRY(add_old_package(w, install_id, package));
    }
    return FH_OK;
}

/* --- the body */

static fh_err take_name(const json_t *body, const char *key, const char **out, struct fh_error *e)
{
    const char *text = fh_json_string(body, key);
    size_t n = text ? catalog_characters(text, strlen(text)) : 0;
    if (n == 0 || n > FH_MAX_SBOM_NAME)
        return MISMATCH(e, "\"%s\" must be a string of 1 to %d characters.", key, FH_MAX_SBOM_NAME);
    *out = text;
    return FH_OK;
}

static fh_err take_generation(struct work *w, const json_t *body, struct sbom *out)
{
    const json_t *generation = json_object_get(body, "generation");
    if (!generation || json_is_null(generation))
        return FH_OK;
    if (!json_is_integer(generation) || json_integer_value(generation) < 0)
        return MISMATCH(w->e, "\"generation\" must be a whole number that is not below 0.");
    out->generation = fh_sprintf(w->arena, "%lld", (long long)json_integer_value(generation));
    return FH_OK;
}

static fh_err read_lock(struct work *w, const json_t *lock)
{
    const json_t *version = json_object_get(lock, "lockfile-version");
    if (!json_is_object(lock))
        return MISMATCH(w->e, "\"lockfile\" must be an object.");
    if (!json_is_integer(version))
        return MISMATCH(w->e, "lockfile is not a lock: it has no 'lockfile-version' number.");
    if (json_integer_value(version) != 0 && json_integer_value(version) != 1)
        return MISMATCH(w->e, "lockfile has lockfile-version %lld; only 0 and 1 are known.",
                        (long long)json_integer_value(version));
    return json_integer_value(version) == 1 ? read_version_1(w, lock) : read_version_0(w, lock);
}

static fh_err read_body(struct work *w, const json_t *body, struct sbom *out)
{
    const char *name, *owner;
    w->system = fh_json_string(body, "system");
    if (!json_is_object(body))
        return MISMATCH(w->e, "The body must be an object.");
    if (!w->system || !fh_system_find(w->system))
        return MISMATCH(w->e,
                        "\"system\" must be aarch64-darwin, aarch64-linux, x86_64-darwin or x86_64-linux.");
    FH_TRY(take_name(body, "environment_name", &name, w->e));
    FH_TRY(take_name(body, "environment_owner", &owner, w->e));
    FH_TRY(take_generation(w, body, out));
    FH_TRY(read_lock(w, json_object_get(body, "lockfile")));
    out->environment = fh_sprintf(w->arena, "%s/%s", owner, name);
    out->name = fh_sprintf(w->arena, "%s for %s", out->environment, w->system);
    return FH_OK;
}

fh_err sbom_environment(struct fh_arena *a, const char *text, size_t n, struct sbom *out, struct fh_error *e)
{
    struct fh_error why = {0};
    struct work w = {.arena = a, .e = e};
    json_t *body;
    *out = (struct sbom){0};
    if (fh_json_parse(text, n, "body", &body, &why) != FH_OK)
        return MISMATCH(e, "The body is not JSON as it is read here: %.500s", why.msg);
    fh_json_own(a, body);
    w.packages = fh_alloc(a, FH_MAX_SBOM_PACKAGES * sizeof *w.packages);
    FH_TRY(read_body(&w, body, out));
    out->packages = w.packages;
    out->n = w.n;
    out->created = w.newest;
    out->comment = w.newest ? "Dated by the newest package of the lock, so that a lock has one document."
                            : "No package of the lock has a date, so this has none either.";
    return FH_OK;
}
