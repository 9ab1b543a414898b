/* Soundness of one tree or commit. See wire_walk.h for the rules; they are at least those of
 * `git fsck --strict`, so that a clone of what we took is clean under it. Pure. */
#include "common/ceilings.h"
#include "server/git/wire_list.h"

#include <ctype.h>

/* The next code point that HFS+ does not ignore, in lower case where it is ASCII; 0 at the end, and for what
 * is not UTF-8 (which no such name can hold). */
static uint32_t next_hfs(const uint8_t **at, const uint8_t *end)
{
    while (*at < end) {
        const uint8_t *p = *at;
        if (*p < 0x80) {
            (*at)++;
            return (uint32_t)tolower(*p);
        }
        if (end - p < 3 || (*p & 0xf0) != 0xe0 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
            return 0;
        uint32_t c = (uint32_t)(*p & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (uint32_t)(p[2] & 0x3f);
        *at += 3;
        bool ignored = (c >= 0x200c && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
                       (c >= 0x206a && c <= 0x206f) || c == 0xfeff;
        if (!ignored)
            return c;
    }
    return 0;
}

/* ".git", ".gitmodules" and the like, also as HFS+ folds them: an environment needs no name of that kind. */
static bool begins_with_dotgit(const uint8_t *p, const uint8_t *end)
{
    static const char wanted[] = ".git";
    for (size_t i = 0; i < sizeof wanted - 1; i++)
        if (next_hfs(&p, end) != (uint8_t)wanted[i])
            return false;
    return true;
}

/* The short names that NTFS makes of them: "GIT~1", "GITMOD~1", and, hashed, "GI7EBA~1" down to "~1000000".
 */
static bool is_short_dotgit(const uint8_t *p, const uint8_t *end)
{
    size_t n = (size_t)(end - p);
    const uint8_t *tilde = memchr(p, '~', n < 8 ? n : 8);
    if (!tilde || tilde + 1 == end || !isdigit(tilde[1]))
        return false;
    return (tilde == p || tolower(p[0]) == 'g') && (tilde - p < 2 || tolower(p[1]) == 'i');
}

static bool is_like_dotgit(const char *name, size_t n)
{
    const uint8_t *p = (const uint8_t *)name, *end = p + n;
    /* Windows takes '\' for a separator: each part counts. */
    for (;;) {
        const uint8_t *part = memchr(p, '\\', (size_t)(end - p));
        const uint8_t *stop = part ? part : end;
        if (begins_with_dotgit(p, stop) || is_short_dotgit(p, stop))
            return true;
        if (!part)
            return false;
        p = part + 1;
    }
}

static fh_err check_name(const struct wire_tree_entry *entry, struct fh_error *e)
{
    const char *name = entry->name;
    size_t n = entry->name_len;
    if (n == 0)
        return FH_FAIL(e, FH_INVALID, "A tree has an entry without a name.");
    if (n > FH_MAX_TREE_NAME)
        return FH_FAIL(e, FH_INVALID, "A tree has a name of more than %d bytes.", FH_MAX_TREE_NAME);
    for (size_t i = 0; i < n; i++)
        if (name[i] == '/' || (uint8_t)name[i] < 0x20 || name[i] == 0x7f)
            return FH_FAIL(e, FH_INVALID, "A tree has a name with a slash or a control character.");
    if ((n == 1 && name[0] == '.') || (n == 2 && memcmp(name, "..", 2) == 0))
        return FH_FAIL(e, FH_INVALID, "A tree has an entry named \"%.*s\".", (int)n, name);
    if (is_like_dotgit(name, n))
        return FH_FAIL(e, FH_INVALID, "A tree has an entry named \"%.*s\", like a file of git's own.", (int)n,
                       name);
    return FH_OK;
}

static fh_err check_mode(const struct wire_tree_entry *entry, const uint8_t *text, struct fh_error *e)
{
    if ((entry->mode & 0170000) == 0120000)
        return FH_FAIL(e, FH_INVALID, "\"%.*s\" is a symbolic link; environments hold plain files only.",
                       (int)entry->name_len, entry->name);
    if (wire_mode_is_submodule(entry->mode))
        return FH_FAIL(e, FH_INVALID, "\"%.*s\" is a submodule; environments hold plain files only.",
                       (int)entry->name_len, entry->name);
    if (*text == '0' || (entry->mode != 0100644 && entry->mode != 0100755 && entry->mode != 0040000))
        return FH_FAIL(e, FH_INVALID, "\"%.*s\" has the file mode %o, which git does not write.",
                       (int)entry->name_len, entry->name, entry->mode);
    return FH_OK;
}

/* Names that the coming ones begin with: "a" may be followed by "a.b" and then the folder "a", which sorts
 * behind it. Each is longer than the one below, so there are never more than the longest name has bytes. */
struct prefixes {
    struct wire_tree_entry files[FH_MAX_TREE_NAME + 1];
    size_t n;
};

static bool is_double(struct prefixes *p, const struct wire_tree_entry *entry)
{
    for (; p->n; p->n--) {
        const struct wire_tree_entry *top = &p->files[p->n - 1];
        if (top->name_len <= entry->name_len && memcmp(top->name, entry->name, top->name_len) == 0)
            break;
    }
    if (p->n && p->files[p->n - 1].name_len == entry->name_len)
        return true;
    if (!wire_mode_is_tree(entry->mode))
        p->files[p->n++] = *entry;
    return false;
}

static fh_err fsck_tree(const char *bytes, size_t n, struct fh_error *e)
{
    struct wire_tree_cursor c = {(const uint8_t *)bytes, (const uint8_t *)bytes + n};
    struct wire_tree_entry entry, last = {0};
    struct prefixes prefixes = {.n = 0};
    bool bad = false;
    const uint8_t *start = c.at;
    for (size_t i = 0; wire_tree_next(&c, &entry, &bad); i++, start = c.at) {
        if (i == FH_MAX_TREE_ENTRIES)
            return FH_FAIL(e, FH_INVALID, "A tree has more than %d entries.", FH_MAX_TREE_ENTRIES);
        FH_TRY(check_name(&entry, e));
        FH_TRY(check_mode(&entry, start, e));
        if (fh_oid_is_zero(&entry.oid))
            return FH_FAIL(e, FH_INVALID, "\"%.*s\" has no object.", (int)entry.name_len, entry.name);
        int order = i ? wire_tree_compare(&last, &entry) : -1;
        if (order == 0 || is_double(&prefixes, &entry))
            return FH_FAIL(e, FH_INVALID, "A tree has \"%.*s\" twice.", (int)entry.name_len, entry.name);
        if (order > 0)
            return FH_FAIL(e, FH_INVALID, "A tree is not sorted.");
        last = entry;
    }
    return bad ? FH_FAIL(e, FH_INVALID, "A tree is malformed.") : FH_OK;
}

struct text {
    const char *at, *end;
};

static bool skip(struct text *t, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n) != 0)
        return false;
    t->at += n;
    return true;
}

static bool skip_id(struct text *t)
{
    struct fh_oid oid;
    if (t->end - t->at < FH_OID_HEX + 1 || !fh_oid_parse(t->at, FH_OID_HEX, &oid) ||
        t->at[FH_OID_HEX] != '\n')
        return false;
    t->at += FH_OID_HEX + 1;
    return true;
}

/* Up to the next '<', '>' or line end. */
static void skip_plain(struct text *t)
{
    while (t->at < t->end && *t->at != '<' && *t->at != '>' && *t->at != '\n')
        t->at++;
}

static size_t skip_digits(struct text *t)
{
    const char *from = t->at;
    while (t->at < t->end && isdigit((unsigned char)*t->at))
        t->at++;
    return (size_t)(t->at - from);
}

/* "Name <mail> 1700000000 +0000 LF"; the name may be empty, then it is still followed by its space. */
static bool skip_ident(struct text *t)
{
    const char *from = t->at;
    skip_plain(t);
    if (t->at == from || t->at[-1] != ' ' || !skip(t, "<"))
        return false;
    skip_plain(t);
    if (!skip(t, "> "))
        return false;
    const char *date = t->at;
    size_t digits = skip_digits(t);
    /* 18 digits are beyond every calendar and far from the end of 64 bits. */
    if (digits == 0 || digits > 18 || (digits > 1 && *date == '0') || !skip(t, " "))
        return false;
    return (skip(t, "+") || skip(t, "-")) && skip_digits(t) == 4 && skip(t, "\n");
}

/* What follows the committer: other headers, an empty line, the message. */
static fh_err fsck_rest(const struct text *t, struct fh_error *e)
{
    if (memchr(t->at, '\0', (size_t)(t->end - t->at)))
        return FH_FAIL(e, FH_INVALID, "A commit holds a zero byte.");
    if (t->at < t->end && t->end[-1] != '\n' && *t->at != '\n' &&
        !memmem(t->at, (size_t)(t->end - t->at), "\n\n", 2))
        return FH_FAIL(e, FH_INVALID, "A commit's headers do not end.");
    return FH_OK;
}

static fh_err fsck_commit(const char *bytes, size_t n, struct fh_error *e)
{
    struct text t = {bytes, bytes + n};
    size_t parents = 0;
    if (n > FH_MAX_COMMIT)
        return FH_FAIL(e, FH_INVALID, "A commit is larger than %d bytes.", FH_MAX_COMMIT);
    if (!skip(&t, "tree ") || !skip_id(&t))
        return FH_FAIL(e, FH_INVALID, "A commit does not begin with its tree.");
    while (skip(&t, "parent ")) {
        if (!skip_id(&t))
            return FH_FAIL(e, FH_INVALID, "A commit has a malformed parent line.");
        if (++parents > WIRE_MAX_PARENTS)
            return FH_FAIL(e, FH_INVALID, "A commit has more than %d parents.", WIRE_MAX_PARENTS);
    }
    if (!skip(&t, "author ") || !skip_ident(&t))
        return FH_FAIL(e, FH_INVALID, "A commit has no well-formed author line.");
    if (skip(&t, "author "))
        return FH_FAIL(e, FH_INVALID, "A commit has several authors.");
    if (!skip(&t, "committer ") || !skip_ident(&t))
        return FH_FAIL(e, FH_INVALID, "A commit has no well-formed committer line.");
    return fsck_rest(&t, e);
}

fh_err wire_fsck_object(enum wire_type type, const char *bytes, size_t n, struct fh_error *e)
{
    switch (type) {
    case WIRE_BLOB:
        return FH_OK;
    case WIRE_TREE:
        return fsck_tree(bytes, n, e);
    case WIRE_COMMIT:
        return fsck_commit(bytes, n, e);
    default:
        return FH_FAIL(e, FH_INVALID, "Tags are not taken: an environment is a branch.");
    }
}
