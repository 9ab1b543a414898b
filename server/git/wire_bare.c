/* What an owner's bare repository must look like. See wire_bare.h. */
#include "server/git/wire_bare.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

const char wire_bare_config[] = "[core]\n"
                                "\trepositoryformatversion = 0\n"
                                "\tfilemode = true\n"
                                "\tbare = true\n"
                                "[gc]\n"
                                "\tauto = 0\n";

/* Handles are checked when they are made; this is about paths alone. */
bool wire_bare_is_safe(const char *owner)
{
    size_t n = strlen(owner);
    if (n == 0 || n > NAME_MAX || owner[0] == '.')
        return false;
    for (const char *c = owner; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' ||
              *c == '_' || *c == '.'))
            return false;
    return true;
}

fh_err wire_repo_path(const char *data, const char *owner, char out[WIRE_PATH_SIZE], struct fh_error *e)
{
    if (!wire_bare_is_safe(owner))
        return FH_FAIL(e, FH_INVALID, "This owner's name cannot be the name of a folder.");
    int n = snprintf(out, WIRE_PATH_SIZE, "%s/git/%s/floxmeta.git", data, owner);
    if (n < 0 || n >= WIRE_PATH_SIZE)
        return FH_FAIL(e, FH_INTERNAL, "The path of the data folder is too long.");
    return FH_OK;
}

fh_err wire_pack_path(const char *data, const char *owner, const uint8_t checksum[20],
                      char out[WIRE_PATH_SIZE], struct fh_error *e)
{
    char folder[WIRE_PATH_SIZE], hex[FH_OID_HEX + 1];
    FH_TRY(wire_repo_path(data, owner, folder, e));
    fh_hex_encode(checksum, FH_OID_RAW, hex);
    int n = snprintf(out, WIRE_PATH_SIZE, "%s/objects/pack/pack-%s", folder, hex);
    if (n < 0 || n >= WIRE_PATH_SIZE)
        return FH_FAIL(e, FH_INTERNAL, "The path of the data folder is too long.");
    return FH_OK;
}

/* Whether the file holds exactly these bytes. */
bool wire_bare_file_is(int dir, const char *name, const char *bytes, size_t n)
{
    bool same = false;
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size == n) {
        char chunk[16384];
        size_t at = 0;
        ssize_t got = 0;
        while (at < n && (got = read(fd, chunk, sizeof chunk)) > 0 && (size_t)got <= n - at &&
               memcmp(chunk, bytes + at, (size_t)got) == 0)
            at += (size_t)got;
        same = at == n;
    }
    close(fd);
    return same;
}

/* The text of packed-refs; envs are sorted by name as git wants it, or git's "sorted" is not said. */
fh_err wire_bare_refs(const struct store_repo *repo, struct fh_buf *out, struct fh_error *e)
{
    bool sorted = true;
    for (size_t i = 1; i < repo->nenvs; i++)
        sorted &= strcmp(repo->envs[i - 1].name, repo->envs[i].name) < 0;
    FH_TRY(fh_buf_addf(out, e, "# pack-refs with: peeled fully-peeled %s\n", sorted ? "sorted " : ""));
    for (size_t i = 0; i < repo->nenvs; i++) {
        char hex[FH_OID_HEX + 1];
        fh_oid_format(&repo->envs[i].tip, hex);
        FH_TRY(fh_buf_addf(out, e, "%s refs/heads/%s\n", hex, repo->envs[i].name));
    }
    return FH_OK;
}

fh_err wire_bare_head(const struct store_repo *repo, struct fh_buf *out, struct fh_error *e)
{
    const char *name = repo->nenvs ? repo->envs[0].name : "default";
    for (size_t i = 0; i < repo->nenvs; i++)
        if (strcmp(repo->envs[i].name, "default") == 0)
            name = "default";
    return fh_buf_addf(out, e, "ref: refs/heads/%s\n", name);
}

void wire_bare_pack_name(const struct store_pack *p, const char *ending, char out[WIRE_PACK_NAME_SIZE])
{
    char hex[FH_OID_HEX + 1];
    fh_hex_encode(p->checksum, sizeof p->checksum, hex);
    snprintf(out, WIRE_PACK_NAME_SIZE, "pack-%s.%s", hex, ending);
}

/* Is this the name of a pack file, and of one of the repository's? */
bool wire_bare_is_pack(const char *name)
{
    size_t n = strlen(name);
    return strncmp(name, "pack-", 5) == 0 &&
           ((n > 5 && strcmp(name + n - 5, ".pack") == 0) || (n > 4 && strcmp(name + n - 4, ".idx") == 0));
}

bool wire_bare_has_pack(const struct store_repo *repo, const char *name)
{
    uint8_t checksum[FH_OID_RAW];
    if (strlen(name) < 5 + FH_OID_HEX + 1 || name[5 + FH_OID_HEX] != '.' ||
        !fh_hex_decode(name + 5, sizeof checksum, checksum))
        return false;
    for (size_t i = 0; i < repo->npacks; i++)
        if (memcmp(repo->packs[i].checksum, checksum, sizeof checksum) == 0)
            return true;
    return false;
}

/* A new stream over the folder, so that readdir has a position of its own. */
DIR *wire_bare_list(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !d)
        close(fd);
    return d;
}
