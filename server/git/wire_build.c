/* Making objects. See wire_build.h. */
#include "server/git/wire_build.h"

#include "common/ceilings.h"
#include "common/digest.h"
#include "common/mem.h"

#include <zlib.h>

enum { PACK_HEADER = 12, MAX_MADE = 16 /* objects that one generation makes, and some */ };

struct wire_build {
    struct fh_buf pack;
    struct fh_oid made[MAX_MADE];
    uint32_t n;
    struct fh_digest *sha;
};

struct wire_build *wire_build_new(void)
{
    struct wire_build *b = fh_xcalloc(1, sizeof *b);
    b->pack = FH_BUF_INIT(FH_MAX_BODY_PUSH);
    b->sha = fh_digest_new(FH_SHA1);
    return b;
}

void wire_build_free(struct wire_build *b)
{
    if (!b)
        return;
    fh_buf_free(&b->pack);
    fh_digest_free(b->sha);
    free(b);
}

/* type and size: four bits of the size in the first byte, then seven a byte, low first. */
static fh_err add_header(struct wire_build *b, enum wire_type type, size_t size, struct fh_error *e)
{
    uint8_t byte = (uint8_t)((unsigned)type << 4 | (size & 15));
    for (size >>= 4; size; size >>= 7) {
        FH_TRY(fh_buf_add_char(&b->pack, (char)(byte | 0x80), e));
        byte = size & 0x7f;
    }
    return fh_buf_add_char(&b->pack, (char)byte, e);
}

static fh_err add_deflated(struct wire_build *b, const void *bytes, size_t n, struct fh_error *e)
{
    uLongf room = compressBound((uLong)n);
    char *where;
    FH_TRY(fh_buf_reserve(&b->pack, room, &where, e));
    if (compress((Bytef *)where, &room, bytes, (uLong)n) != Z_OK)
        return FH_FAIL(e, FH_INTERNAL, "An object could not be deflated.");
    b->pack.len += room;
    return FH_OK;
}

fh_err wire_build_object(struct wire_build *b, enum wire_type type, const void *bytes, size_t n,
                         struct fh_oid *out, struct fh_error *e)
{
    static const char *const names[] = {[WIRE_COMMIT] = "commit", [WIRE_TREE] = "tree", [WIRE_BLOB] = "blob"};
    static const char no_header[PACK_HEADER];
    char head[64];
    int len = snprintf(head, sizeof head, "%s %zu", names[type], n);
    fh_digest_add(b->sha, head, (size_t)len + 1);
    fh_digest_add(b->sha, bytes, n);
    fh_digest_finish(b->sha, out->id);
    for (uint32_t i = 0; i < b->n; i++)
        if (fh_oid_equal(&b->made[i], out))
            return FH_OK;
    FH_ASSERT(e, b->n < MAX_MADE);
    b->made[b->n++] = *out;
    if (b->n == 1)
        FH_TRY(fh_buf_add(&b->pack, no_header, sizeof no_header, e)); /* filled in at the end */
    FH_TRY(add_header(b, type, n, e));
    return add_deflated(b, bytes, n, e);
}

fh_err wire_build_commit(struct wire_build *b, const struct fh_oid *tree, const struct fh_oid *parent,
                         const char *message, int64_t when, struct fh_oid *out, struct fh_error *e)
{
    static const char who[] = "Flox User <floxuser@example.invalid>";
    struct fh_buf text = FH_BUF_INIT(FH_MAX_COMMIT);
    char hex[FH_OID_HEX + 1];
    fh_oid_format(tree, hex);
    fh_err rc = fh_buf_addf(&text, e, "tree %s\n", hex);
    if (rc == FH_OK && parent) {
        fh_oid_format(parent, hex);
        rc = fh_buf_addf(&text, e, "parent %s\n", hex);
    }
    if (rc == FH_OK)
        rc = fh_buf_addf(&text, e, "author %s %lld +0000\ncommitter %s %lld +0000\n\n%s\n", who,
                         (long long)when, who, (long long)when, message);
    if (rc == FH_OK)
        rc = wire_build_object(b, WIRE_COMMIT, text.data, text.len, out, e);
    fh_buf_free(&text);
    return rc;
}

fh_err wire_build_pack(struct wire_build *b, const char **bytes, size_t *n, struct fh_error *e)
{
    uint8_t head[PACK_HEADER] = "PACK\0\0\0\2", sum[FH_SHA1_SIZE];
    FH_ASSERT(e, b->n > 0);
    for (unsigned i = 0; i < 4; i++)
        head[8 + i] = (uint8_t)(b->n >> (24 - 8 * i));
    memcpy(b->pack.data, head, sizeof head);
    fh_sha1(b->pack.data, b->pack.len, sum);
    FH_TRY(fh_buf_add(&b->pack, sum, sizeof sum, e));
    *bytes = b->pack.data;
    *n = b->pack.len;
    return FH_OK;
}

/* --- trees --- */

/* git compares names as if a folder's ended in a slash. */
static int compare(const struct wire_tree_entry *x, const struct wire_tree_entry *y)
{
    size_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = memcmp(x->name, y->name, n);
    if (order)
        return order;
    char a = x->name_len > n ? x->name[n] : x->mode == WIRE_MODE_FOLDER ? '/' : '\0';
    char b = y->name_len > n ? y->name[n] : y->mode == WIRE_MODE_FOLDER ? '/' : '\0';
    return (unsigned char)a - (unsigned char)b;
}

static bool is_named(const struct wire_tree_entry *x, const struct wire_tree_entry *y)
{
    return x->name_len == y->name_len && memcmp(x->name, y->name, x->name_len) == 0;
}

static fh_err add_entry(struct fh_buf *out, const struct wire_tree_entry *entry, struct fh_error *e)
{
    FH_TRY(fh_buf_addf(out, e, "%o ", entry->mode));
    FH_TRY(fh_buf_add(out, entry->name, entry->name_len, e));
    FH_TRY(fh_buf_add_char(out, '\0', e));
    return fh_buf_add(out, entry->oid.id, sizeof entry->oid.id, e);
}

fh_err wire_build_tree(const void *tree, size_t n, uint32_t mode, const char *name, const struct fh_oid *oid,
                       struct fh_buf *out, struct fh_error *e)
{
    const uint8_t *bytes = tree ? tree : (const uint8_t *)"";
    struct wire_tree_cursor c = {bytes, bytes + n};
    struct wire_tree_entry mine = {mode, name, strlen(name), *oid}, other;
    bool bad = false, put = false;
    while (wire_tree_next(&c, &other, &bad)) {
        if (is_named(&mine, &other))
            continue;
        if (!put && compare(&mine, &other) < 0) {
            FH_TRY(add_entry(out, &mine, e));
            put = true;
        }
        FH_TRY(add_entry(out, &other, e));
    }
    if (bad)
        return FH_FAIL(e, FH_INVALID, "A tree is malformed.");
    return put ? FH_OK : add_entry(out, &mine, e);
}
