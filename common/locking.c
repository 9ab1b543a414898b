/* Making a lock: included manifests are merged in (manifest-lockfile-client §6), packages are used again or
 * asked for, and the result keeps the schema version of manifest.toml where that says the same (§3.4). See
 * lock.h. */
#include "common/ceilings.h"
#include "common/json_model.h"
#include "common/locking_parts.h"
#include "common/manifest_migrate.h"

static bool is_fresh(const struct fh_locking *l, const char *id)
{
    for (size_t i = 0; i < l->input.fresh.count; i++)
        if (strcmp(l->input.fresh.items[i], id) == 0)
            return true;
    return false;
}

/* manifest.toml's in the newest schema; of a version 1 manifest, packages that were just installed get no
 * outputs = "all". */
static fh_err composer_to_newest(struct fh_locking *l, const json_t *packages, const struct fh_manifest **out)
{
    const struct fh_manifest *m = l->input.manifest, *newest;
    FH_TRY(fh_manifest_to_newest(l->arena, m, packages, "manifest.toml", &newest, l->e));
    *out = newest;
    if (m->schema != FH_SCHEMA_V1 || l->input.fresh.count == 0)
        return FH_OK;
    json_t *json = fh_json_own(l->arena, json_deep_copy(newest->json)), *entry;
    const char *id;
    json_object_foreach(json_object_get(json, "install"), id, entry) if (is_fresh(l, id))
        json_object_del(entry, "outputs");
    return fh_manifest_from_json(l->arena, json, "manifest.toml", out, l->e);
}

/* The manifests of the includes and the composing one, in the newest schema, merged. */
static fh_err merge(struct fh_locking *l, const json_t *locked)
{
    const struct fh_lock_input *in = &l->input;
    struct fh_included *newest = fh_alloc(l->arena, (in->nincludes + 1) * sizeof *newest);
    const struct fh_manifest *composer;
    for (size_t i = 0; i < in->nincludes; i++) {
        const char *name = fh_sprintf(l->arena, "the included environment '%s'",
                                      fh_json_shown(l->arena, in->includes[i].name));
        newest[i] = in->includes[i];
        FH_TRY(
            fh_manifest_to_newest(l->arena, in->includes[i].manifest, NULL, name, &newest[i].manifest, l->e));
    }
    FH_TRY(composer_to_newest(l, locked, &composer));
    FH_TRY(fh_manifest_merge(l->arena, composer, newest, in->nincludes, &l->merged, l->e));
    l->manifest = l->merged.manifest;
    return FH_OK;
}

static fh_err choose_manifest(struct fh_locking *l)
{
    const struct fh_lock_input *in = &l->input;
    const json_t *locked = in->previous ? json_object_get(in->previous->json, "packages") : NULL;
    l->moves_schema = in->nincludes > 0 || (in->manifest->schema == FH_SCHEMA_V1 && in->may_move);
    l->manifest = in->manifest;
    if (in->nincludes > 0)
        return merge(l, locked);
    return l->moves_schema ? composer_to_newest(l, locked, &l->manifest) : FH_OK;
}

fh_err fh_locking_begin(struct fh_arena *a, const struct fh_lock_input *input, struct fh_locking **out,
                        struct fh_error *e)
{
    struct fh_locking *l = fh_alloc(a, sizeof *l);
    *l = (struct fh_locking){.arena = a, .input = *input, .asked_ids = "", .e = e};
    if (input->nincludes != input->manifest->nincludes)
        return FH_FAIL(e, FH_INVALID, "The environment includes %zu others, of which %zu are at hand.",
                       input->manifest->nincludes, input->nincludes);
    l->head = fh_json_own(a, json_array());
    l->tail = fh_json_own(a, json_array());
    FH_TRY(choose_manifest(l));
    l->systems = fh_manifest_systems(a, l->manifest, input->host);
    FH_TRY(lock_pick_packages(l));
    if (l->nasked > 0)
        l->question = fh_json_own(a, lock_question(l));
    *out = l;
    return FH_OK;
}

const json_t *fh_locking_question(const struct fh_locking *l)
{
    return l->question;
}

const char *fh_locking_asked(const struct fh_locking *l)
{
    return l->asked_ids;
}

static json_t *overrides_json(const struct fh_merged *merged)
{
    json_t *warnings = json_array();
    for (size_t i = 0; i < merged->noverrides; i++) {
        const struct fh_override *o = &merged->overrides[i];
        json_t *item = json_object(), *warning = json_object(), *path = json_array();
        for (size_t k = 0; k < o->path.count; k++)
            fh_json_push(path, fh_json_text(o->path.items[k]));
        fh_json_set(warning, "Overriding", path);
        fh_json_set(item, "warning", warning);
        fh_json_set(item, "higher_priority_name", fh_json_text(o->winner));
        fh_json_push(warnings, item);
    }
    return warnings;
}

static json_t *compose_json(const struct fh_locking *l, const struct fh_manifest *composer)
{
    const struct fh_lock_input *in = &l->input;
    json_t *compose = json_object(), *includes = json_array();
    fh_json_set(compose, "composer", json_deep_copy(composer->json));
    for (size_t i = 0; i < in->nincludes; i++) {
        json_t *include = json_object();
        fh_json_set(include, "manifest", json_deep_copy(in->includes[i].manifest->json));
        fh_json_set(include, "name", fh_json_text(in->includes[i].name));
        fh_json_set(include, "descriptor", json_deep_copy(in->includes[i].descriptor));
        fh_json_push(includes, include);
    }
    fh_json_set(compose, "include", includes);
    fh_json_set(compose, "warnings", overrides_json(&l->merged));
    return compose;
}

/* The locked manifest in the schema version of manifest.toml where that says the same; where not, that one
 * has to go to the newest one too. */
static fh_err choose_schema(struct fh_locking *l, const json_t *packages, const struct fh_manifest **kept,
                            const struct fh_manifest **composer)
{
    const struct fh_manifest *written = l->input.manifest;
    *kept = l->manifest;
    *composer = written;
    if (!l->moves_schema)
        return FH_OK;
    FH_TRY(fh_manifest_to_schema(l->arena, l->manifest, written->schema, packages, kept, l->e));
    if ((*kept)->schema == written->schema)
        return FH_OK;
    if (l->input.nincludes > 0)
        return composer_to_newest(l, packages, composer);
    *composer = *kept;
    return FH_OK;
}

static fh_err write_lock(const struct fh_locking *l, json_t *packages, const struct fh_manifest *kept,
                         const struct fh_manifest *composer, struct fh_buf *out)
{
    json_t *lock = json_object();
    fh_json_set(lock, "lockfile-version", json_integer(1));
    fh_json_set(lock, "manifest", json_deep_copy(kept->json));
    fh_json_set(lock, "packages", json_incref(packages));
    if (l->input.nincludes > 0)
        fh_json_set(lock, "compose", compose_json(l, composer));
    fh_err rc = fh_json_write_pretty(lock, out, l->e);
    if (rc == FH_OK)
        rc = fh_buf_add_char(out, '\n', l->e);
    json_decref(lock);
    return rc;
}

fh_err fh_locking_finish(struct fh_locking *l, const json_t *answer, struct fh_buf *out,
                         const struct fh_manifest **composer, const struct fh_lock_failures **failures,
                         struct fh_error *e)
{
    json_t *packages = fh_json_own(l->arena, json_copy(l->head));
    const struct fh_manifest *kept;
    l->e = e;
    *failures = NULL;
    if (l->question != NULL)
        FH_TRY(lock_take_answer(l, answer, packages, failures));
    json_array_extend(packages, l->tail);
    FH_TRY(choose_schema(l, packages, &kept, composer));
    return write_lock(l, packages, kept, *composer, out);
}

fh_err fh_lock_compose(struct fh_arena *a, const struct fh_lock_input *input, struct fh_buf *out,
                       const struct fh_manifest **composer, struct fh_error *e)
{
    struct fh_locking *l;
    const struct fh_lock_failures *none;
    FH_TRY(fh_locking_begin(a, input, &l, e));
    if (l->question != NULL)
        return FH_FAIL(e, FH_UNAVAILABLE, "%s cannot be locked without asking the catalog.", l->asked_ids);
    return fh_locking_finish(l, NULL, out, composer, &none, e);
}

fh_err fh_lock_make(struct fh_arena *a, const struct fh_manifest *m, const struct fh_lock *previous,
                    const char *host, struct fh_buf *out, struct fh_error *e)
{
    const struct fh_lock_input input = {.manifest = m, .previous = previous, .host = host};
    const struct fh_manifest *same;
    return fh_lock_compose(a, &input, out, &same, e);
}
