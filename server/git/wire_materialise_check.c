/* What somebody changed by hand in a bare repository, for fsck. See wire_materialise.h. */
#include "server/git/wire_bare.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct check {
    const char *owner;
    const struct store_repo *repo;
    wire_report *report;
    void *arg;
};

static void tell(const struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void tell(const struct check *c, const char *fmt, ...)
{
    char what[512], sentence[768];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    snprintf(sentence, sizeof sentence, "%s/floxmeta.git: %s", c->owner, what);
    c->report(c->arg, sentence);
}

static void check_text(const struct check *c, int dir, const char *name, const struct fh_buf *want)
{
    if (!wire_bare_file_is(dir, name, want->data, want->len))
        tell(c,
             "%s is not as the hub has it now (changed by hand, or not yet written anew); it is passed over.",
             name);
}

static fh_err check_texts(const struct check *c, int dir, struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(WIRE_MAX_PACKED_REFS);
    fh_err rc = fh_buf_add_str(&text, wire_bare_config, e);
    if (rc == FH_OK) {
        check_text(c, dir, "config", &text);
        fh_buf_clear(&text);
        rc = wire_bare_refs(c->repo, &text, e);
    }
    if (rc == FH_OK) {
        check_text(c, dir, "packed-refs", &text);
        fh_buf_clear(&text);
        rc = wire_bare_head(c->repo, &text, e);
    }
    if (rc == FH_OK)
        check_text(c, dir, "HEAD", &text);
    fh_buf_free(&text);
    return rc;
}

/* Refs and objects that somebody put there with git itself: we make neither loose refs nor loose objects. */
static void check_folder(const struct check *c, int dir, const char *folder, const char *what,
                         bool (*is_ours)(const struct check *c, int dir, const char *name))
{
    DIR *d = wire_bare_list(dir, folder);
    const struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        if (entry->d_name[0] != '.' && !is_ours(c, dirfd(d), entry->d_name))
            tell(c, "%s/%s: %s", folder, entry->d_name, what);
    if (d)
        closedir(d);
}

static bool nothing(const struct check *c, int dir, const char *name)
{
    (void)dir;
    (void)c;
    (void)name;
    return false;
}

static bool is_heads(const struct check *c, int dir, const char *name)
{
    (void)dir;
    (void)c;
    return strcmp(name, "heads") == 0;
}

static bool is_pack_folder(const struct check *c, int dir, const char *name)
{
    (void)dir;
    (void)c;
    return strcmp(name, "pack") == 0;
}

static bool is_pack(const struct check *c, int dir, const char *name)
{
    struct stat st;
    if (!wire_bare_is_pack(name))
        return false;
    /* One of ours that a compaction replaced stays until it is old enough. */
    return wire_bare_has_pack(c->repo, name) ||
           (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & 0777) == WIRE_PACK_MODE);
}

fh_err wire_materialise_check(const char *data, const struct store_repo *repo, wire_report *report, void *arg,
                              struct fh_error *e)
{
    struct check c = {repo->owner.handle, repo, report, arg};
    char path[WIRE_PATH_SIZE];
    FH_TRY(wire_repo_path(data, repo->owner.handle, path, e));
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0 && errno == ENOENT)
        return FH_OK;
    if (dir < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The repository of %s cannot be opened", repo->owner.handle);
    fh_err rc = check_texts(&c, dir, e);
    if (rc == FH_OK) {
        check_folder(&c, dir, "refs", "a ref that was made by hand; it is passed over.", is_heads);
        check_folder(&c, dir, "refs/heads", "a branch that was made by hand; it is passed over.", nothing);
        check_folder(&c, dir, "objects", "objects that were put there by hand; they are passed over.",
                     is_pack_folder);
        check_folder(&c, dir, "objects/pack", "no pack of the hub's; it is passed over.", is_pack);
    }
    close(dir);
    return rc;
}
