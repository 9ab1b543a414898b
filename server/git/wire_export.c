/* git export. See wire_export.h.
 *
 *     <dir>.XXXXXX/         beside dir, gone at the end
 *         git/<owner>/…     the packs of the database
 *         repository/       what becomes dir by one rename
 */
#include "server/git/wire_export.h"

#include "common/buf.h"
#include "common/ceilings.h"
#include "common/clock.h"
#include "common/json.h"
#include "server/git/wire_bare.h"
#include "server/git/wire_scratch.h"
#include "server/git/wire_slices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { MAX_TEXT = 64 * 1024 * 1024 };

static const char config_text[] = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

struct work {
    const struct wire_export *x;
    struct fh_arena *arena;
    struct wire_scratch scratch;
    struct store_repo repo;
    struct wire_packs *packs;
    struct wire_list list;
    char folder[4096]; /* the repository in the making */
};

static void tell(const struct work *w, const char *what, int64_t done, int64_t total)
{
    if (w->x->stage)
        w->x->stage(w->x->arg, what, done, total);
}

static fh_err check_target(const char *dir, struct fh_error *e)
{
    DIR *d = opendir(dir);
    if (!d && errno == ENOENT)
        return FH_OK;
    if (!d)
        return FH_FAIL_ERRNO(e, FH_CONFLICT, "%s cannot be used", dir);
    const struct dirent *item;
    bool empty = true;
    while (empty && (item = readdir(d)))
        empty = strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0;
    closedir(d);
    return empty ? FH_OK
                 : FH_FAIL(e, FH_CONFLICT, "%s is not empty; name a folder that is not there yet.", dir);
}

static fh_err write_file(const struct work *w, const char *name, const char *bytes, size_t n,
                         struct fh_error *e)
{
    const char *path = fh_sprintf(w->arena, "%s/%s", w->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be made", path);
    while (n) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            break;
        bytes += put;
        n -= (size_t)put;
    }
    fh_err rc = n ? FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be written", path) : FH_OK;
    if (close(fd) != 0 && rc == FH_OK)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be written", path);
    return rc;
}

static fh_err write_text(const struct work *w, const char *name,
                         fh_err (*make)(const struct store_repo *, struct fh_buf *, struct fh_error *),
                         struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(MAX_TEXT);
    fh_err rc = make(&w->repo, &text, e);
    if (rc == FH_OK)
        rc = write_file(w, name, text.data, text.len, e);
    fh_buf_free(&text);
    return rc;
}

static json_t *time_text(int64_t at)
{
    char text[FH_RFC3339_SIZE];
    fh_time_format(at, text);
    return fh_json_text(text);
}

static fh_err describe(const struct store_repo *repo, struct fh_buf *out, struct fh_error *e)
{
    json_t *top = json_object(), *envs = json_array();
    fh_json_set(top, "floe", fh_json_text(FLOE_VERSION));
    fh_json_set(top, "exported_at", time_text(fh_now()));
    fh_json_set(top, "owner", fh_json_text(repo->owner.handle));
    fh_json_set(top, "kind", fh_json_text(repo->owner.kind == STORE_ORG ? "org" : "user"));
    for (size_t i = 0; i < repo->nenvs; i++) {
        const struct store_env *env = &repo->envs[i];
        char tip[FH_OID_HEX + 1];
        fh_oid_format(&env->tip, tip);
        json_t *item = json_object();
        fh_json_set(item, "name", fh_json_text(env->name));
        fh_json_set(item, "visibility", fh_json_text(store_visibility_name(env->visibility)));
        fh_json_set(item, "created_at", time_text(env->created_at));
        fh_json_set(item, "tip", fh_json_text(tip));
        fh_json_push(envs, item);
    }
    fh_json_set(top, "environments", envs);
    fh_err rc = fh_json_write_pretty(top, out, e);
    json_decref(top);
    return rc == FH_OK ? fh_buf_add_char(out, '\n', e) : rc;
}

static fh_err list_objects(struct work *w, struct wire_reader *r, struct fh_error *e)
{
    struct fh_oid *tips = fh_alloc(w->arena, (w->repo.nenvs + 1) * sizeof *tips);
    for (size_t i = 0; i < w->repo.nenvs; i++)
        tips[i] = w->repo.envs[i].tip;
    return wire_walk_list(r, tips, w->repo.nenvs, NULL, 0, FH_MAX_WALK_COMMITS, &w->list, e);
}

static void on_slices(void *arg, int64_t done, int64_t total)
{
    tell(arg, "Writing objects", done, total);
}

static fh_err write_packs(struct work *w, struct wire_exported *out, struct fh_error *e)
{
    char folder[4096];
    struct wire_slices slices;
    struct wire_slices_options options = {.dir = folder, .progress = on_slices, .arg = w};
    if (w->repo.nenvs == 0)
        return FH_OK;
    int n = snprintf(folder, sizeof folder, "%s/objects/pack", w->folder);
    if (n < 0 || (size_t)n >= sizeof folder)
        return FH_FAIL(e, FH_INVALID, "The path of the folder is too long.");
    struct wire_reader *r = wire_reader_new(w->packs);
    fh_err rc = list_objects(w, r, e);
    if (rc == FH_OK)
        rc = wire_slices_write(w->arena, r, &w->list, &options, &slices, e);
    wire_reader_free(r);
    for (size_t i = 0; rc == FH_OK && i < slices.n; i++)
        out->bytes += slices.items[i].bytes;
    out->objects = w->list.n;
    out->branches = w->repo.nenvs;
    return rc;
}

static fh_err make_folders(struct work *w, struct fh_error *e)
{
    static const char *const names[] = {"repository/objects", "repository/objects/pack",
                                        "repository/objects/info", "repository/refs",
                                        "repository/refs/heads"};
    char path[4096];
    FH_TRY(wire_scratch_folder(&w->scratch, "repository", w->folder, e));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        FH_TRY(wire_scratch_folder(&w->scratch, names[i], path, e));
    return FH_OK;
}

/* An export is a copy that somebody may count on, so it is on the disk before it has its name. */
static fh_err put_in_place(const struct work *w, const char *dir, struct fh_error *e)
{
    int fd = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) != 0) {
        if (fd >= 0)
            close(fd);
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The export cannot be written to the disk");
    }
    close(fd);
    if (rename(w->folder, dir) != 0)
        return FH_FAIL_ERRNO(e, errno == ENOTEMPTY || errno == EEXIST ? FH_CONFLICT : FH_UNAVAILABLE,
                             "The export cannot be put in place as %s", dir);
    return FH_OK;
}

static fh_err run(struct work *w, const char *dir, struct wire_exported *out, struct fh_error *e)
{
    FH_TRY(make_folders(w, e));
    tell(w, "Reading packs", 0, 0);
    FH_TRY(wire_scratch_load(&w->scratch, w->x->pool, w->x->owner, w->arena, &w->repo, &w->packs, e));
    FH_TRY(write_packs(w, out, e));
    FH_TRY(write_file(w, "config", config_text, sizeof config_text - 1, e));
    FH_TRY(write_text(w, "packed-refs", wire_bare_refs, e));
    FH_TRY(write_text(w, "HEAD", wire_bare_head, e));
    FH_TRY(write_text(w, WIRE_EXPORT_FILE, describe, e));
    return put_in_place(w, dir, e);
}

fh_err wire_export(const struct wire_export *x, struct wire_exported *out, struct fh_error *e)
{
    struct work w = {.x = x};
    size_t n = strlen(x->dir);
    while (n > 1 && x->dir[n - 1] == '/')
        n--;
    *out = (struct wire_exported){0};
    w.arena = fh_arena_new();
    char *dir = fh_strndup(w.arena, x->dir, n);
    fh_err rc = check_target(dir, e);
    if (rc == FH_OK)
        rc = wire_scratch_make(&w.scratch, fh_sprintf(w.arena, "%s.", dir), e);
    if (rc == FH_OK)
        rc = run(&w, dir, out, e);
    wire_list_free(&w.list);
    wire_packs_drop(w.packs);
    wire_scratch_remove(&w.scratch);
    fh_arena_free(w.arena);
    return rc;
}
