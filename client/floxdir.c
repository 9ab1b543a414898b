/* The files of a .flox folder. */
#include "client/floxdir.h"

#include "client/disk.h"
#include "client/hub.h"
#include "client/say.h"
#include "common/ceilings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEFT_BEHIND = 60 }; /* seconds after which a folder that nobody holds is one that a crash left */

static const char ignores[] = "run/\ncache/\nlib/\nlog/\n!env/\n";
static const char attributes_text[] = "env/manifest.lock linguist-generated=true linguist-language=JSON\n";

const char *floxdir_of_reference(struct client *c, const char *owner, const char *name)
{
    return fh_sprintf(c->arena, "%s/remote/%s/%s/.flox", c->settings.cache_dir, owner, name);
}

/* A project of somebody else must not make us write elsewhere. */
static fh_err refuse_links(struct fh_arena *a, const char *dot_flox, struct fh_error *e)
{
    static const char *const folders[] = {"env", "run", "run/floe"};
    struct stat st;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const char *path = fh_sprintf(a, "%s/%s", dot_flox, folders[i]);
        if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
            return FH_FAIL(
                e, FH_INVALID,
                "'%s' is a link, and floe writes to no place that one leads to. Put a folder there "
                "instead.",
                path);
    }
    return FH_OK;
}

fh_err floxdir_open(struct client *c, const char *path, struct floxdir *out, struct fh_error *e)
{
    struct fh_arena *a = c->arena;
    char *canonical, *text;
    size_t n;
    FH_TRY(disk_canonical(path, a, &canonical, e));
    const char *file = fh_sprintf(a, "%s/env.json", canonical);
    FH_TRY(refuse_links(a, canonical, e));
    FH_TRY(disk_read(file, FH_MAX_BODY_SMALL, a, &text, &n, e));
    struct floxdir d = {.path = canonical, .lock_fd = -1};
    FH_TRY(fh_envjson_parse(a, text, n, file, &d.pointer, e));
    d.is_managed = d.pointer.owner != NULL;
    if (d.is_managed) {
        /* They become parts of paths, refs and URLs. */
        FH_TRY(hub_check_name("Owner", d.pointer.owner, e));
        FH_TRY(hub_check_name("Environment", d.pointer.name, e));
        FH_TRY(hub_normalise(d.pointer.floxhub_url, a, &d.pointer.floxhub_url, e));
    }
    d.project = fh_strndup(a, canonical, (size_t)(strrchr(canonical, '/') - canonical));
    d.title = d.is_managed ? fh_sprintf(a, "'%s/%s'", d.pointer.owner, d.pointer.name)
                           : fh_sprintf(a, "'%s'", say_safe(a, d.pointer.name));
    *out = d;
    return FH_OK;
}

fh_err floxdir_lock(struct client *c, struct floxdir *d, struct fh_error *e)
{
    if (d->lock_fd >= 0)
        return FH_OK;
    if (c->preparing > 0)
        close(c->preparing - 1);
    c->preparing = 0;
    FH_TRY(disk_lock_dir(d->path, &d->lock_fd, e));
    fh_defer_close(c->arena, d->lock_fd);
    return FH_OK;
}

fh_err floxdir_read(struct client *c, const struct floxdir *d, struct floxdir_files *out, struct fh_error *e)
{
    struct floxdir_files files = {0};
    FH_TRY(disk_read(fh_sprintf(c->arena, "%s/env/manifest.toml", d->path), FH_MAX_MANIFEST, c->arena,
                     &files.manifest, &files.manifest_len, e));
    struct fh_error ignored;
    fh_err rc = disk_read(fh_sprintf(c->arena, "%s/env/manifest.lock", d->path), FH_MAX_LOCK, c->arena,
                          &files.lock, &files.lock_len, &ignored);
    if (rc != FH_OK && rc != FH_NOT_FOUND) {
        *e = ignored;
        return rc;
    }
    *out = files;
    return FH_OK;
}

static fh_err write_in(const char *dir, const char *name, const void *bytes, size_t n, struct fh_error *e)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", dir, name) < 0)
        return FH_FAIL(e, FH_INTERNAL, "Out of memory.");
    fh_err rc = disk_write(path, bytes, n, 0644, e);
    free(path);
    return rc;
}

static fh_err refuse_transaction(const char *dot_flox, struct fh_error *e)
{
    char *backup = NULL;
    if (asprintf(&backup, "%s/env.tmp", dot_flox) < 0)
        return FH_FAIL(e, FH_INTERNAL, "Out of memory.");
    fh_err rc =
        disk_exists(backup)
            ? FH_FAIL(e, FH_CONFLICT,
                      "Found a transaction backup at '%s'.\nAnother command was changing this environment "
                      "and stopped. Compare it with 'env', keep what is right, and remove it.",
                      backup)
            : FH_OK;
    free(backup);
    return rc;
}

fh_err floxdir_stage(const char *dot_flox, const struct floxdir_files *files, struct floxdir_staged *out,
                     struct fh_error *e)
{
    char env[PATH_MAX];
    *out = (struct floxdir_staged){0};
    FH_TRY(refuse_transaction(dot_flox, e));
    if ((size_t)snprintf(env, sizeof env, "%s/env", dot_flox) >= sizeof env)
        return FH_FAIL(e, FH_INVALID, "The path '%s' is too long.", dot_flox);
    FH_TRY(disk_make_dirs(env, 0777, e));
    /* The folder's lock is ours, so nobody is writing these. */
    disk_sweep(env, "manifest.lock.", 0);
    disk_sweep(env, "manifest.toml.", 0);
    disk_sweep(dot_flox, "env.lock.", 0);
    if ((size_t)snprintf(out->lock, PATH_MAX, "%s/manifest.lock", env) >= PATH_MAX ||
        (size_t)snprintf(out->manifest, PATH_MAX, "%s/manifest.toml", env) >= PATH_MAX)
        return FH_FAIL(e, FH_INVALID, "The path '%s' is too long.", dot_flox);
    if (files->lock != NULL)
        FH_TRY(disk_stage(out->lock, files->lock, files->lock_len, 0644, out->lock_temp, e));
    fh_err rc = disk_stage(out->manifest, files->manifest, files->manifest_len, 0644, out->manifest_temp, e);
    if (rc != FH_OK)
        floxdir_unstage(out);
    return rc;
}

void floxdir_unstage(struct floxdir_staged *staged)
{
    if (*staged->lock_temp != '\0')
        unlink(staged->lock_temp);
    if (*staged->manifest_temp != '\0')
        unlink(staged->manifest_temp);
}

fh_err floxdir_commit(struct floxdir_staged *staged, struct fh_error *e)
{
    fh_err rc = FH_OK;
    if (*staged->lock_temp != '\0')
        rc = disk_commit(staged->lock_temp, staged->lock, e);
    if (rc == FH_OK)
        return disk_commit(staged->manifest_temp, staged->manifest, e);
    unlink(staged->manifest_temp);
    return rc;
}

fh_err floxdir_write(const char *dot_flox, const struct floxdir_files *files, struct fh_error *e)
{
    struct floxdir_staged staged;
    FH_TRY(floxdir_stage(dot_flox, files, &staged, e));
    return floxdir_commit(&staged, e);
}

fh_err floxdir_write_pointer(const char *dot_flox, const struct fh_envjson *pointer,
                             enum fh_envjson_style style, struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_BODY_SMALL);
    fh_err rc = fh_envjson_write(pointer, style, &text, e);
    if (rc == FH_OK)
        rc = write_in(dot_flox, "env.json", text.data, text.len, e);
    fh_buf_free(&text);
    return rc;
}

fh_err floxdir_read_envlock(struct client *c, const char *dot_flox, struct fh_envlock *out, bool *exists,
                            struct fh_error *e)
{
    char *text;
    size_t n;
    const char *file = fh_sprintf(c->arena, "%s/env.lock", dot_flox);
    fh_err rc = disk_read(file, FH_MAX_BODY_SMALL, c->arena, &text, &n, e);
    *exists = rc == FH_OK;
    if (rc == FH_NOT_FOUND)
        return FH_OK;
    return rc == FH_OK ? fh_envlock_parse(text, n, file, out, e) : rc;
}

fh_err floxdir_write_envlock(const char *dot_flox, const struct fh_envlock *lock, struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_BODY_SMALL);
    fh_err rc = fh_envlock_write(lock, &text, e);
    if (rc == FH_OK)
        rc = write_in(dot_flox, "env.lock", text.data, text.len, e);
    fh_buf_free(&text);
    return rc;
}

fh_err floxdir_prepare(struct client *c, const char *project, const char **fresh, struct fh_error *e)
{
    char *path = fh_sprintf(c->arena, "%s/.flox.XXXXXX", project);
    disk_sweep(project, ".flox.", LEFT_BEHIND);
    if (mkdtemp(path) == NULL)
        return disk_fail(e, "Cannot make a folder in", project);
    mode_t mask = umask(0);
    umask(mask);
    if (chmod(path, 0777 & ~mask) != 0) {
        (void)FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot make a folder in '%s'", project);
        rmdir(path);
        return FH_INTERNAL;
    }
    /* Held until it has its name, so that no other floe takes it for one that a crash left. */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        c->preparing = fd + 1;
    *fresh = path;
    return FH_OK;
}

fh_err floxdir_write_ignores(const char *dot_flox, bool attributes, struct fh_error *e)
{
    FH_TRY(write_in(dot_flox, ".gitignore", ignores, sizeof ignores - 1, e));
    return attributes ? write_in(dot_flox, ".gitattributes", attributes_text, sizeof attributes_text - 1, e)
                      : FH_OK;
}

fh_err floxdir_lock_manifest(struct client *c, struct floxdir_files *files,
                             const struct fh_manifest **manifest, bool *made, struct fh_error *e)
{
    const struct fh_manifest *m;
    const struct fh_lock *previous = NULL;
    if (made != NULL)
        *made = false;
    FH_TRY(fh_manifest_parse(c->arena, files->manifest, files->manifest_len, "manifest.toml", &m, e));
    *manifest = m;
    struct fh_error broken;
    if (files->lock != NULL &&
        fh_lock_parse(c->arena, files->lock, files->lock_len, "manifest.lock", &previous, &broken) != FH_OK)
        previous = NULL; /* a lock that does not read is made anew where that is possible */
    if (previous != NULL && fh_lock_fits(previous, m))
        return FH_OK;
    struct fh_buf text = FH_BUF_INIT(FH_MAX_LOCK);
    fh_err rc = fh_lock_make(c->arena, m, previous, settings_system(c->arena), &text, e);
    if (rc == FH_OK) {
        files->lock = fh_strndup(c->arena, text.data, text.len);
        files->lock_len = text.len;
        if (made != NULL)
            *made = true;
    }
    fh_buf_free(&text);
    return rc;
}
