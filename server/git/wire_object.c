/* Trees and commits, parsed in place. See wire_pack.h. */
#include "common/ceilings.h"
#include "common/mem.h"
#include "server/git/wire_pack.h"

/* "<octal mode> SP <name> NUL <20 bytes>" */
bool wire_tree_next(struct wire_tree_cursor *c, struct wire_tree_entry *out, bool *bad)
{
    const uint8_t *p = c->at;
    *bad = false;
    if (p == c->end)
        return false;
    *bad = true;
    uint32_t mode = 0;
    for (; p < c->end && *p >= '0' && *p <= '7'; p++) {
        if (mode > UINT32_MAX >> 3)
            return false;
        mode = mode << 3 | (uint32_t)(*p - '0');
    }
    if (p == c->at || p == c->end || *p != ' ')
        return false;
    const uint8_t *name = ++p;
    p = memchr(name, '\0', (size_t)(c->end - name));
    if (!p || c->end - p <= FH_OID_RAW)
        return false;
    out->mode = mode;
    out->name = (const char *)name;
    out->name_len = (size_t)(p - name);
    memcpy(out->oid.id, p + 1, FH_OID_RAW);
    c->at = p + 1 + FH_OID_RAW;
    *bad = false;
    return true;
}

/* "<key> SP <id> LF" at *at. */
static bool take_id_line(const char **at, const char *end, const char *key, struct fh_oid *out)
{
    size_t n = strlen(key), left = (size_t)(end - *at);
    if (left < n + FH_OID_HEX + 2 || memcmp(*at, key, n) != 0 || (*at)[n] != ' ' ||
        (*at)[n + 1 + FH_OID_HEX] != '\n' || !fh_oid_parse(*at + n + 1, FH_OID_HEX, out))
        return false;
    *at += n + FH_OID_HEX + 2;
    return true;
}

/* The seconds behind the last '>' of the committer line; 0 for one that has none, as git takes it. */
static int64_t committer_time(const char *p, const char *end)
{
    static const char key[] = "committer ";
    while (p < end && *p != '\n') {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        if (!eol)
            eol = end;
        if ((size_t)(eol - p) > sizeof key - 1 && memcmp(p, key, sizeof key - 1) == 0) {
            const char *angle = memrchr(p, '>', (size_t)(eol - p));
            int64_t seconds = 0;
            if (!angle || angle + 1 == eol)
                return 0;
            for (p = angle + 2; p < eol && *p >= '0' && *p <= '9' && seconds < INT64_MAX / 20; p++)
                seconds = seconds * 10 + (*p - '0');
            return seconds;
        }
        p = eol < end ? eol + 1 : end;
    }
    return 0;
}

fh_err wire_commit_parse(const char *bytes, size_t n, struct wire_commit *out, struct fh_error *e)
{
    const char *at = bytes, *end = bytes + n;
    struct fh_oid parent;
    out->nparents = 0;
    if (!take_id_line(&at, end, "tree", &out->tree))
        return FH_FAIL(e, FH_INVALID, "A commit does not begin with its tree.");
    while (take_id_line(&at, end, "parent", &parent)) {
        if (out->nparents == WIRE_MAX_PARENTS)
            return FH_FAIL(e, FH_INVALID, "A commit has more than %d parents.", WIRE_MAX_PARENTS);
        out->parents[out->nparents++] = parent;
    }
    out->committed_at = committer_time(at, end);
    return FH_OK;
}

static fh_err find_in_tree(struct wire_reader *r, const struct fh_oid *tree, const char *name, size_t len,
                           struct wire_tree_entry *out, struct fh_buf *buf, struct fh_error *e)
{
    enum wire_type type;
    bool bad;
    FH_TRY(wire_read(r, tree, &type, buf, e));
    struct wire_tree_cursor c = {(const uint8_t *)buf->data, (const uint8_t *)buf->data + buf->len};
    while (type == WIRE_TREE && wire_tree_next(&c, out, &bad))
        if (out->name_len == len && memcmp(out->name, name, len) == 0)
            return FH_OK;
    return FH_FAIL(e, FH_NOT_FOUND, "There is no such file.");
}

fh_err wire_lookup_path(struct wire_reader *r, const struct fh_oid *commit, const char *path,
                        struct fh_oid *out, struct fh_error *e)
{
    struct fh_buf buf = FH_BUF_INIT(FH_MAX_OBJECT);
    struct wire_tree_entry entry;
    struct wire_commit parsed;
    enum wire_type type;
    fh_err rc = wire_read(r, commit, &type, &buf, e);
    if (rc == FH_OK && type != WIRE_COMMIT)
        rc = FH_FAIL(e, FH_INVALID, "That object is not a commit.");
    if (rc == FH_OK)
        rc = wire_commit_parse(buf.data, buf.len, &parsed, e);
    struct fh_oid at = parsed.tree;
    for (const char *p = path; rc == FH_OK; p++) {
        size_t len = strcspn(p, "/");
        rc = find_in_tree(r, &at, p, len, &entry, &buf, e);
        at = entry.oid;
        p += len;
        if (!*p)
            break;
    }
    if (rc == FH_OK)
        *out = at;
    fh_buf_free(&buf);
    return rc;
}
