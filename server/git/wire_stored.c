/* Reading the files of an environment's branch. See wire_stored.h. */
#include "server/git/wire_stored.h"

#include "common/ceilings.h"

struct held {
    struct wire_repos *repos;
    const struct wire_snapshot *snapshot;
};

static void drop_held(void *arg)
{
    struct held *h = arg;
    wire_repo_drop(h->repos, h->snapshot);
}

static void free_reader(void *arg)
{
    wire_reader_free(arg);
}

/* An owner that is in memory is found sooner than one that does not exist: one of whom the caller sees
 * nothing is looked for in the database all the same, as a fetch does. */
static fh_err keep_pace(struct wire_repos *repos, struct fh_arena *a, const struct wire_caller *caller,
                        const struct wire_snapshot *s, bool inline_only, struct fh_error *e)
{
    if (!s || !wire_view_is_blank(wire_view_make(a, caller, s)))
        return FH_OK;
    return inline_only ? FH_FAIL(e, FH_AGAIN, "This is as slow as for an owner that does not exist.")
                       : wire_repo_pretend(repos, e);
}

fh_err wire_stored_open(struct wire_repos *repos, struct fh_arena *a, const struct wire_caller *caller,
                        const char *owner, const char *name, enum auth_action action, bool inline_only,
                        struct wire_stored **out, struct fh_error *e)
{
    struct held *h = fh_alloc(a, sizeof *h);
    h->repos = repos;
    fh_err rc = wire_repo_hold(repos, owner, inline_only, &h->snapshot, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    if (rc == FH_NOT_FOUND)
        h->snapshot = NULL;
    else
        fh_defer(a, drop_held, h);
    const struct store_env *env = h->snapshot ? wire_view_find(h->snapshot, name) : NULL;
    struct auth_object object = wire_view_object(env ? h->snapshot : NULL, env);
    rc = auth_can(caller->policy, caller->actor, action, &object, e);
    if (rc == FH_NOT_FOUND) {
        struct fh_error failed = {0};
        fh_err paced = keep_pace(repos, a, caller, h->snapshot, inline_only, &failed);
        return paced == FH_OK ? rc : FH_FAIL(e, paced, "%s", failed.msg);
    }
    FH_TRY(rc);
    struct wire_stored *s = fh_alloc(a, sizeof *s);
    *s = (struct wire_stored){a, h->snapshot, env, wire_reader_new(h->snapshot->packs)};
    fh_defer(a, free_reader, s->reader);
    *out = s;
    return FH_OK;
}

/* *there: false when there is no such file. */
static fh_err find_file(const struct wire_stored *s, const char *path, struct fh_oid *blob, bool *there,
                        struct fh_error *e)
{
    fh_err rc = wire_lookup_path(s->reader, &s->env->tip, path, blob, e);
    *there = rc == FH_OK;
    /* FH_INVALID: a file where a folder should be */
    return rc == FH_NOT_FOUND || rc == FH_INVALID ? FH_OK : rc;
}

static const char *path_of(const struct wire_stored *s, int64_t generation, const char *name)
{
    return fh_sprintf(s->arena, "%lld/env/%s", (long long)generation, name);
}

/* out->bytes stays NULL when there is no such file. */
static fh_err read_file(const struct wire_stored *s, const char *path, size_t ceiling, struct wire_file *out,
                        struct fh_error *e)
{
    enum wire_type type;
    bool there;
    *out = (struct wire_file){0};
    FH_TRY(find_file(s, path, &out->id, &there, e));
    if (!there)
        return FH_OK;
    struct fh_buf bytes = FH_BUF_INIT(ceiling);
    fh_err rc = wire_read(s->reader, &out->id, &type, &bytes, e);
    if (rc == FH_TOO_LARGE)
        rc = FH_FAIL(e, FH_TOO_LARGE, "The file %s of this environment is larger than %zu bytes.", path,
                     ceiling);
    if (rc == FH_OK && type == WIRE_BLOB) {
        out->bytes = fh_buf_take(&bytes, &out->n);
        fh_defer(s->arena, free, (void *)(uintptr_t)out->bytes);
    }
    fh_buf_free(&bytes);
    return rc;
}

fh_err wire_stored_size(const struct wire_stored *s, int64_t generation, uint64_t *out, struct fh_error *e)
{
    const char *const paths[] = {"metadata.json", path_of(s, generation, "manifest.toml"),
                                 path_of(s, generation, "manifest.lock")};
    *out = 0;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct fh_oid blob;
        enum wire_type type;
        uint64_t size = 0;
        bool there;
        FH_TRY(find_file(s, paths[i], &blob, &there, e));
        if (there)
            FH_TRY(wire_read_header(s->reader, &blob, &type, &size, e));
        *out += size;
    }
    return FH_OK;
}

fh_err wire_stored_metadata(const struct wire_stored *s, const struct fh_metadata **out, struct fh_error *e)
{
    struct wire_file file;
    fh_err rc = read_file(s, "metadata.json", FH_MAX_METADATA, &file, e);
    if (rc == FH_OK && !file.bytes)
        rc = FH_FAIL(e, FH_INVALID, "The branch has no metadata.json: it is no environment.");
    if (rc == FH_OK)
        rc = fh_metadata_parse(s->arena, file.bytes, file.n, out, e);
    return rc == FH_TOO_LARGE ? FH_INVALID : rc; /* as for any other that cannot be read */
}

fh_err wire_stored_files(const struct wire_stored *s, int64_t generation, struct wire_files *out,
                         struct fh_error *e)
{
    struct wire_files files;
    FH_TRY(read_file(s, path_of(s, generation, "manifest.toml"), FH_MAX_MANIFEST, &files.manifest, e));
    FH_TRY(read_file(s, path_of(s, generation, "manifest.lock"), FH_MAX_LOCK, &files.lock, e));
    if (!files.manifest.bytes)
        return FH_FAIL(e, FH_NOT_FOUND, "This environment has no generation %lld.", (long long)generation);
    *out = files;
    return FH_OK;
}
