/* Making generations. See wire_make.h. */
#include "server/git/wire_make.h"

#include "common/ceilings.h"
#include "server/git/wire_build.h"

#include <strings.h>

enum { TRIES = 5 };

static const char metadata_name[] = "metadata.json";

/* What is being built, on top of parent (NULL: nothing). */
struct making {
    const struct wire_make *job;
    struct wire_build *build;
    struct fh_buf root; /* the tip's tree, and then the new one */
    const struct fh_metadata *metadata;
};

/* --- objects --- */

static fh_err put_in_root(struct making *k, uint32_t mode, const char *name, const struct fh_oid *oid,
                          struct fh_error *e)
{
    struct fh_buf next = FH_BUF_INIT(FH_MAX_OBJECT);
    fh_err rc = wire_build_tree(k->root.data, k->root.len, mode, name, oid, &next, e);
    if (rc == FH_OK) {
        fh_buf_free(&k->root);
        k->root = next;
        return FH_OK;
    }
    fh_buf_free(&next);
    return rc;
}

static fh_err add_folder(struct making *k, const char *name, const struct fh_oid *oid, struct fh_oid *out,
                         struct fh_error *e)
{
    struct fh_buf tree = FH_BUF_INIT(FH_MAX_COMMIT);
    fh_err rc = wire_build_tree(NULL, 0, WIRE_MODE_FOLDER, name, oid, &tree, e);
    if (rc == FH_OK)
        rc = wire_build_object(k->build, WIRE_TREE, tree.data, tree.len, out, e);
    fh_buf_free(&tree);
    return rc;
}

static fh_err add_file(struct making *k, const char *name, const struct wire_file *file, struct fh_buf *tree,
                       struct fh_error *e)
{
    struct fh_oid blob;
    struct fh_buf next = FH_BUF_INIT(FH_MAX_COMMIT);
    fh_err rc = wire_build_object(k->build, WIRE_BLOB, file->bytes, file->n, &blob, e);
    if (rc == FH_OK)
        rc = wire_build_tree(tree->data, tree->len, WIRE_MODE_FILE, name, &blob, &next, e);
    fh_buf_free(tree);
    *tree = next;
    return rc;
}

/* N/env/manifest.lock, N/env/manifest.toml */
static fh_err add_files(struct making *k, const struct wire_files *files, struct fh_error *e)
{
    struct fh_buf tree = FH_BUF_INIT(FH_MAX_COMMIT);
    struct fh_oid env, folder;
    fh_err rc = add_file(k, "manifest.lock", &files->lock, &tree, e);
    if (rc == FH_OK)
        rc = add_file(k, "manifest.toml", &files->manifest, &tree, e);
    if (rc == FH_OK)
        rc = wire_build_object(k->build, WIRE_TREE, tree.data, tree.len, &env, e);
    fh_buf_free(&tree);
    FH_TRY(rc);
    FH_TRY(add_folder(k, "env", &env, &folder, e));
    return put_in_root(k, WIRE_MODE_FOLDER, fh_sprintf(k->job->arena, "%lld", (long long)k->metadata->total),
                       &folder, e);
}

/* metadata.json, the root tree and the commit. */
static fh_err add_commit(struct making *k, const struct fh_oid *parent, const char *message,
                         struct fh_oid *out, struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_METADATA);
    struct fh_oid blob, tree;
    fh_err rc = fh_metadata_write(k->metadata, &text, e);
    if (rc == FH_OK)
        rc = wire_build_object(k->build, WIRE_BLOB, text.data, text.len, &blob, e);
    fh_buf_free(&text);
    FH_TRY(rc);
    FH_TRY(put_in_root(k, WIRE_MODE_FILE, metadata_name, &blob, e));
    FH_TRY(wire_build_object(k->build, WIRE_TREE, k->root.data, k->root.len, &tree, e));
    return wire_build_commit(k->build, &tree, parent, message, k->job->change.timestamp, out, e);
}

static fh_err add_change(struct making *k, const struct fh_change *change, const struct wire_files *files,
                         const struct fh_oid *parent, struct fh_oid *out, struct fh_error *e)
{
    struct fh_arena *a = k->job->arena;
    FH_TRY(fh_metadata_append(a, k->metadata, change, &k->metadata, e));
    if (files)
        FH_TRY(add_files(k, files, e));
    const struct fh_change *placed = &k->metadata->changes[k->metadata->nchanges - 1];
    return add_commit(k, parent, fh_change_message(a, placed), out, e);
}

/* --- what is there --- */

static fh_err unusable(const struct wire_make *m, const struct fh_error *why, struct fh_error *e)
{
    return FH_FAIL(e, FH_CONFLICT,
                   "The history of %s/%s is not in order, so nothing is built on it: %s A forced push of a "
                   "history that is puts it right.",
                   m->owner, m->name, why->msg);
}

/* The history that is built upon, which has to be one that clients can build upon too. */
static fh_err read_history(struct making *k, const struct wire_stored *s, struct fh_error *e)
{
    struct fh_error why = {0};
    fh_err rc = wire_stored_metadata(s, &k->metadata, &why);
    if (rc == FH_OK)
        rc = fh_metadata_check(k->metadata, &why);
    if (rc == FH_INVALID)
        return unusable(k->job, &why, e);
    return rc == FH_OK ? FH_OK : FH_FAIL(e, rc, "%s", why.msg);
}

static fh_err read_root(struct making *k, const struct wire_stored *s, struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_OBJECT);
    struct wire_commit commit;
    enum wire_type type;
    fh_err rc = wire_read(s->reader, &s->env->tip, &type, &text, e);
    if (rc == FH_OK)
        rc = wire_commit_parse(text.data, text.len, &commit, e);
    if (rc == FH_OK)
        rc = wire_read(s->reader, &commit.tree, &type, &k->root, e);
    fh_buf_free(&text);
    return rc;
}

static fh_err has_path(const struct wire_stored *s, const char *path, bool *out, struct fh_error *e)
{
    struct fh_oid oid;
    struct fh_error why = {0};
    fh_err rc = wire_lookup_path(s->reader, &s->env->tip, path, &oid, &why);
    *out = rc == FH_OK;
    return rc == FH_OK || rc == FH_NOT_FOUND ? FH_OK : FH_FAIL(e, rc, "%s", why.msg);
}

/* A folder of the new generation's number that no history tells of is not written over. */
static fh_err check_is_free(struct making *k, const struct wire_stored *s, struct fh_error *e)
{
    bool there;
    struct fh_error why = {0};
    int64_t number = k->metadata->total + 1;
    FH_TRY(has_path(s, fh_sprintf(k->job->arena, "%lld", (long long)number), &there, e));
    if (!there)
        return FH_OK;
    fh_error_set(&why, FH_CONFLICT, __FILE__, __LINE__,
                 "it tells of no generation %lld, and the branch has a folder of it.", (long long)number);
    return unusable(k->job, &why, e);
}

static fh_err place_switch(struct making *k, const struct wire_stored *s, struct fh_change *change,
                           struct fh_error *e)
{
    bool there;
    struct fh_error why = {0};
    if (change->current == 0 &&
        fh_metadata_rollback(k->job->arena, k->metadata, &change->current, &why) != FH_OK)
        return FH_FAIL(e, FH_CONFLICT, "%s/%s has no other generation to roll back to.", k->job->owner,
                       k->job->name);
    if (change->current < 1 || change->current > k->metadata->total)
        return FH_OK; /* refused when it is added */
    FH_TRY(has_path(s, fh_sprintf(k->job->arena, "%lld/env/manifest.toml", (long long)change->current),
                    &there, e));
    if (there)
        return FH_OK;
    fh_error_set(&why, FH_CONFLICT, __FILE__, __LINE__, "the files of generation %lld are missing.",
                 (long long)change->current);
    return unusable(k->job, &why, e);
}

/* --- through the door --- */

static fh_err submit(struct making *k, const struct wire_snapshot *s, const struct fh_oid *from,
                     enum store_visibility v, const struct fh_oid *tip, struct fh_error *e)
{
    const struct wire_make *m = k->job;
    struct wire_quarantine quarantine = {.pack_fd = -1, .idx_fd = -1};
    const char *bytes;
    size_t n;
    FH_TRY(wire_build_pack(k->build, &bytes, &n, e));
    fh_err rc = wire_quarantine_enter(&quarantine, wire_repos_settings(m->repos)->data, bytes, -1, 0, n, e);
    struct wire_accept accept = {
        .repos = m->repos,
        .caller = m->caller,
        .arena = m->arena,
        .remote = m->remote,
        .rules = m->rules,
        .snapshot = s,
        .name = m->name,
        .new_tip = *tip,
        .quarantine = &quarantine,
        .action = m->action,
        .visibility = v,
        .with = m->with,
    };
    if (from)
        accept.old_tip = *from;
    if (rc == FH_OK)
        rc = wire_accept(&accept, e);
    wire_quarantine_leave(&quarantine);
    return rc;
}

static struct making begin(const struct wire_make *m)
{
    return (struct making){
        .job = m,
        .build = wire_build_new(),
        .root = FH_BUF_INIT(FH_MAX_OBJECT),
        .metadata = fh_metadata_new(m->arena),
    };
}

static void end(struct making *k)
{
    wire_build_free(k->build);
    fh_buf_free(&k->root);
}

/* --- a new environment --- */

/* The caller may create here, so it may know what there is. */
static fh_err check_name(const struct wire_make *m, const struct wire_snapshot *s, struct fh_error *e)
{
    FH_TRY(auth_check_env_name(m->name, e));
    if (wire_view_find(s, m->name))
        return FH_FAIL(e, FH_CONFLICT, "There is an environment %s/%s already.", m->owner, m->name);
    fh_err rc = wire_accept_name(s, m->name, e);
    return rc == FH_INVALID ? (fh_err)FH_CONFLICT : rc;
}

/* Who may change an environment's visibility may choose it; others may only keep what they make to the owner.
 */
static fh_err check_visibility(const struct wire_make *m, const struct wire_snapshot *s,
                               enum store_visibility v, struct fh_error *e)
{
    struct auth_object object = wire_view_object(s, NULL);
    struct fh_error none;
    object.visibility = v;
    if (v == 0 || v == STORE_PRIVATE || v == wire_accept_visibility(m->rules, s) ||
        auth_can(m->caller->policy, m->caller->actor, AUTH_ENV_ADMIN, &object, &none) == FH_OK)
        return FH_OK;
    return FH_FAIL(
        e, FH_DENIED,
        "Only an owner of %s may make an environment %s: leave its visibility away, or make it private.",
        m->owner, store_visibility_name(v));
}

static fh_err create(const struct wire_make *m, const struct wire_snapshot *s, enum store_visibility v,
                     const struct wire_files *files, struct fh_oid *tip, struct fh_error *e)
{
    struct making k = begin(m);
    struct fh_oid root;
    fh_err rc = add_commit(&k, NULL, fh_metadata_root_message(m->arena, m->name), &root, e);
    if (rc == FH_OK)
        rc = add_change(&k, &m->change, files, &root, tip, e);
    if (rc == FH_OK)
        rc = submit(&k, s, NULL, v, tip, e);
    end(&k);
    return rc;
}

static fh_err create_once(const struct wire_make *m, enum store_visibility v, const struct wire_files *files,
                          struct fh_oid *tip, struct fh_error *e)
{
    const struct wire_snapshot *s = NULL;
    fh_err rc = wire_repo_hold(m->repos, m->owner, false, &s, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    rc = wire_accept_create(m->repos, m->arena, m->caller, rc == FH_OK ? s : NULL, e);
    if (rc == FH_OK)
        rc = check_visibility(m, s, v, e);
    if (rc == FH_OK)
        rc = check_name(m, s, e);
    if (rc == FH_OK)
        rc = create(m, s, v, files, tip, e);
    wire_repo_drop(m->repos, s);
    return rc;
}

static fh_err busy(const struct wire_make *m, struct fh_error *e)
{
    return FH_FAIL(e, FH_CONFLICT, "The environments of %s are being changed by others; try again.",
                   m->owner);
}

fh_err wire_make_environment(const struct wire_make *m, enum store_visibility v,
                             const struct wire_files *files, struct fh_oid *tip, struct fh_error *e)
{
    fh_err rc = FH_AGAIN;
    for (int i = 0; rc == FH_AGAIN && i < TRIES; i++)
        rc = create_once(m, v, files, tip, e);
    return rc == FH_AGAIN ? busy(m, e) : rc;
}

/* --- one more generation, or a switch --- */

static fh_err extend(const struct wire_make *m, const struct wire_stored *s, const struct wire_files *files,
                     struct fh_oid *tip, struct fh_error *e)
{
    struct making k = begin(m);
    struct fh_change change = m->change;
    fh_err rc = read_history(&k, s, e);
    if (rc == FH_OK)
        rc = files ? check_is_free(&k, s, e) : place_switch(&k, s, &change, e);
    if (rc == FH_OK)
        rc = read_root(&k, s, e);
    if (rc == FH_OK)
        rc = add_change(&k, &change, files, &s->env->tip, tip, e);
    if (rc == FH_OK)
        rc = submit(&k, s->snapshot, &s->env->tip, 0, tip, e);
    end(&k);
    return rc;
}

static fh_err extend_once(const struct wire_make *m, const struct fh_oid *from,
                          const struct wire_files *files, struct fh_oid *tip, struct fh_error *e)
{
    struct wire_stored *s;
    FH_TRY(wire_stored_open(m->repos, m->arena, m->caller, m->owner, m->name, AUTH_ENV_WRITE, false, &s, e));
    if (!fh_oid_equal(&s->env->tip, from))
        return FH_FAIL(e, FH_PRECONDITION,
                       "%s/%s was changed by somebody else meanwhile: look at it again, and try again.",
                       m->owner, m->name);
    return extend(m, s, files, tip, e);
}

fh_err wire_make_generation(const struct wire_make *m, const struct fh_oid *from,
                            const struct wire_files *files, struct fh_oid *tip, struct fh_error *e)
{
    fh_err rc = FH_AGAIN;
    for (int i = 0; rc == FH_AGAIN && i < TRIES; i++)
        rc = extend_once(m, from, files, tip, e);
    return rc == FH_AGAIN ? busy(m, e) : rc;
}
