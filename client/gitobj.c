/* Repositories, refs, reading and committing, over libgit2. */
#include "client/gitobj.h"

#include "client/gitobj_open.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/mem.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

fh_err gitobj_fail(struct fh_error *e, int code, const char *what)
{
    const git_error *last = git_error_last();
    const char *why = last != NULL && last->message != NULL ? last->message : "no reason given";
    if (code == GIT_ENOTFOUND)
        return FH_FAIL(e, FH_NOT_FOUND, "%s: %s.", what, why);
    return FH_FAIL(e, FH_INTERNAL, "%s: %s.", what, why);
}

static void gitobj_free(void *ptr)
{
    struct gitobj *g = ptr;
    git_repository_free(g->repo);
    free(g->path);
    free(g);
    git_libgit2_shutdown();
}

/* Settings of the person's own git must not change what is written here. */
static struct gitobj *prepare(struct fh_arena *a, const char *path)
{
    git_libgit2_init();
    static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                                 GIT_CONFIG_LEVEL_GLOBAL};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
    struct gitobj *g = fh_xcalloc(1, sizeof *g);
    g->path = fh_xstrdup(path);
    fh_defer(a, gitobj_free, g);
    return g;
}

fh_err gitobj_open(struct fh_arena *a, const char *path, struct gitobj **out, struct fh_error *e)
{
    struct gitobj *g = prepare(a, path);
    int code = git_repository_open_bare(&g->repo, path);
    if (code != 0)
        return gitobj_fail(e, code, "Cannot open the local copy of the environments");
    *out = g;
    return FH_OK;
}

fh_err gitobj_create(struct fh_arena *a, const char *path, const char *branch, const char *url,
                     struct gitobj **out, struct fh_error *e)
{
    struct gitobj *g = prepare(a, path);
    git_repository_init_options options = {.version = GIT_REPOSITORY_INIT_OPTIONS_VERSION};
    options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH | GIT_REPOSITORY_INIT_NO_REINIT;
    options.initial_head = branch;
    options.origin_url = url;
    int code = git_repository_init_ext(&g->repo, path, &options);
    if (code != 0)
        return gitobj_fail(e, code, "Cannot make the local copy of the environments");
    *out = g;
    return FH_OK;
}

static fh_err ref_name(const char *branch, char *out, size_t size, struct fh_error *e)
{
    int n = snprintf(out, size, "refs/heads/%s", branch);
    int valid = 0;
    if (n < 0 || (size_t)n >= size || git_reference_name_is_valid(&valid, out) != 0 || !valid)
        return FH_FAIL(e, FH_INVALID, "'%.100s' cannot be the name of a git branch.", branch);
    return FH_OK;
}

enum { REF_NAME_SIZE = 512 };

fh_err gitobj_branch(struct gitobj *g, const char *branch, gitobj_id out, struct fh_error *e)
{
    char ref[REF_NAME_SIZE];
    FH_TRY(ref_name(branch, ref, sizeof ref, e));
    git_oid id;
    int code = git_reference_name_to_id(&id, g->repo, ref);
    if (code != 0)
        return gitobj_fail(e, code, "Cannot read a branch of the local copy");
    git_oid_tostr(out, FH_OID_HEX + 1, &id);
    return FH_OK;
}

/* A git or a floe that was killed leaves the lock file of the branch it was moving, and with it nobody could
 * ever move it again. One that works has it for milliseconds. True: it is worth trying again. */
static bool lock_is_gone(struct gitobj *g, const char *ref, int code, int tries)
{
    enum { LEFT_BEHIND = 2 /* seconds */, PAUSE_MS = 50, MAX_TRIES = 100 };
    const char *const locks[] = {ref, "packed-refs"};
    char path[PATH_MAX];
    struct stat st;
    if (code != GIT_ELOCKED || tries >= MAX_TRIES)
        return false;
    for (size_t i = 0; i < sizeof locks / sizeof *locks; i++)
        if ((size_t)snprintf(path, sizeof path, "%s/%s.lock", g->path, locks[i]) < sizeof path &&
            lstat(path, &st) == 0 && time(NULL) - st.st_mtime > LEFT_BEHIND)
            unlink(path);
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000L * 1000}, NULL);
    return true;
}

fh_err gitobj_set_branch(struct gitobj *g, const char *branch, const char *id, struct fh_error *e)
{
    char ref[REF_NAME_SIZE];
    FH_TRY(ref_name(branch, ref, sizeof ref, e));
    git_oid oid;
    if (git_oid_fromstr(&oid, id) != 0)
        return FH_FAIL(e, FH_INVALID, "'%.60s' is not a commit id.", id);
    git_reference *made = NULL;
    int code, tries = 0;
    do
        code = git_reference_create(&made, g->repo, ref, &oid, 1, NULL);
    while (lock_is_gone(g, ref, code, tries++));
    git_reference_free(made);
    return code == 0 ? FH_OK : gitobj_fail(e, code, "Cannot move a branch of the local copy");
}

fh_err gitobj_delete_branch(struct gitobj *g, const char *branch, struct fh_error *e)
{
    char ref[REF_NAME_SIZE];
    FH_TRY(ref_name(branch, ref, sizeof ref, e));
    int code, tries = 0;
    do
        code = git_reference_remove(g->repo, ref);
    while (lock_is_gone(g, ref, code, tries++));
    return code == 0 || code == GIT_ENOTFOUND
               ? FH_OK
               : gitobj_fail(e, code, "Cannot remove a branch of the local copy");
}

fh_err gitobj_branches(struct gitobj *g, const char *prefix, struct fh_arena *a, const char ***out, size_t *n,
                       struct fh_error *e)
{
    git_strarray refs = {0};
    int code = git_reference_list(&refs, g->repo);
    if (code != 0)
        return gitobj_fail(e, code, "Cannot list the branches of the local copy");
    const char **names = fh_alloc(a, (refs.count + 1) * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < refs.count; i++)
        if (strncmp(refs.strings[i], "refs/heads/", 11) == 0 &&
            strncmp(refs.strings[i] + 11, prefix, strlen(prefix)) == 0)
            names[count++] = fh_strdup(a, refs.strings[i] + 11);
    git_strarray_dispose(&refs);
    *out = names;
    *n = count;
    return FH_OK;
}

bool gitobj_has_commit(struct gitobj *g, const char *id)
{
    git_oid oid;
    git_commit *commit = NULL;
    bool has = git_oid_fromstr(&oid, id) == 0 && git_commit_lookup(&commit, g->repo, &oid) == 0;
    git_commit_free(commit);
    return has;
}

fh_err gitobj_is_ancestor(struct gitobj *g, const char *ancestor, const char *tip, bool *out,
                          struct fh_error *e)
{
    git_oid up, down;
    if (git_oid_fromstr(&up, ancestor) != 0 || git_oid_fromstr(&down, tip) != 0)
        return FH_FAIL(e, FH_INVALID, "A commit id is malformed.");
    if (git_oid_equal(&up, &down)) {
        *out = true;
        return FH_OK;
    }
    int code = git_graph_descendant_of(g->repo, &down, &up);
    if (code < 0)
        return gitobj_fail(e, code, "Cannot compare two commits of the local copy");
    *out = code == 1;
    return FH_OK;
}

fh_err gitobj_read(struct gitobj *g, const char *commit, const char *path, size_t ceiling, struct fh_arena *a,
                   char **out, size_t *len, struct fh_error *e)
{
    git_oid oid;
    git_commit *c = NULL;
    git_tree *tree = NULL;
    git_tree_entry *entry = NULL;
    git_blob *blob = NULL;
    fh_err rc = FH_OK;
    int code = git_oid_fromstr(&oid, commit);
    if (code == 0)
        code = git_commit_lookup(&c, g->repo, &oid);
    if (code == 0)
        code = git_commit_tree(&tree, c);
    if (code == 0)
        code = git_tree_entry_bypath(&entry, tree, path);
    bool is_link = code == 0 && git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK;
    if (code == 0)
        code = git_blob_lookup(&blob, g->repo, git_tree_entry_id(entry));
    if (is_link) {
        rc = FH_FAIL(e, FH_INVALID, "'%s' of the environment is a link and no file.", path);
    } else if (code != 0) {
        rc = gitobj_fail(e, code, "Cannot read a file of the environment's history");
    } else if (git_blob_rawsize(blob) > (git_object_size_t)ceiling) {
        rc = FH_FAIL(e, FH_TOO_LARGE, "The file '%s' of the environment is larger than %zu bytes.", path,
                     ceiling);
    } else {
        *len = (size_t)git_blob_rawsize(blob);
        *out = fh_alloc(a, *len + 1);
        if (*len > 0)
            memcpy(*out, git_blob_rawcontent(blob), *len);
    }
    git_blob_free(blob);
    git_tree_entry_free(entry);
    git_tree_free(tree);
    git_commit_free(c);
    return rc;
}

static int write_tree(struct gitobj *g, git_commit *parent, const struct gitobj_file *files, size_t n,
                      git_oid *out)
{
    git_tree *base = NULL;
    git_tree_update *updates = fh_xcalloc(n, sizeof *updates);
    int code = parent != NULL ? git_commit_tree(&base, parent) : 0;
    for (size_t i = 0; code == 0 && i < n; i++) {
        updates[i].action = GIT_TREE_UPDATE_UPSERT;
        updates[i].filemode = GIT_FILEMODE_BLOB;
        updates[i].path = files[i].path;
        code = git_blob_create_from_buffer(&updates[i].id, g->repo, files[i].bytes, files[i].len);
    }
    if (code == 0)
        code = git_tree_create_updated(out, g->repo, base, n, updates);
    git_tree_free(base);
    free(updates);
    return code;
}

fh_err gitobj_commit(struct gitobj *g, const char *parent, const struct gitobj_file *files, size_t nfiles,
                     const char *message, int64_t when, gitobj_id out, struct fh_error *e)
{
    git_oid parent_id, tree_id, id;
    git_commit *up = NULL;
    git_tree *tree = NULL;
    git_signature *who = NULL;
    int code = 0;
    if (parent != NULL) {
        code = git_oid_fromstr(&parent_id, parent);
        if (code == 0)
            code = git_commit_lookup(&up, g->repo, &parent_id);
    }
    if (code == 0)
        code = write_tree(g, up, files, nfiles, &tree_id);
    if (code == 0)
        code = git_tree_lookup(&tree, g->repo, &tree_id);
    if (code == 0)
        code = git_signature_new(&who, "Flox User", "floxuser@example.invalid", (git_time_t)when, 0);
    if (code == 0) {
        const git_commit *parents[1] = {up};
        code =
            git_commit_create(&id, g->repo, NULL, who, who, NULL, message, tree, up != NULL ? 1 : 0, parents);
    }
    git_signature_free(who);
    git_tree_free(tree);
    git_commit_free(up);
    if (code != 0)
        return gitobj_fail(e, code, "Cannot make a commit in the local copy");
    git_oid_tostr(out, FH_OID_HEX + 1, &id);
    return FH_OK;
}
