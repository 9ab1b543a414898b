/* A foreign repository's refs and folders. See wire_foreign.h; wire_loose.c reads its objects. */
#include "server/git/wire_foreign.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_SMALL = 8 * 1024, MAX_PACKED = 16 * 1024 * 1024, MAX_DEPTH = 8, MAX_FOLDERS = 16, MAX_HOPS = 5 };

static const char heads[] = "refs/heads/";

void wire_branches_add(struct fh_arena *a, struct wire_branches *b, const struct wire_branch *item)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        struct wire_branch *items = fh_alloc(a, cap * sizeof *items);
        if (b->n)
            memcpy(items, b->items, b->n * sizeof *items);
        b->items = items;
        b->cap = cap;
    }
    b->items[b->n++] = *item;
}

static fh_err read_all(int fd, char *to, size_t size, size_t *n)
{
    *n = 0;
    while (*n < size) {
        ssize_t got = read(fd, to + *n, size - *n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return FH_INTERNAL;
        if (got == 0)
            break;
        *n += (size_t)got;
    }
    return FH_OK;
}

fh_err wire_foreign_slurp(struct fh_arena *a, const char *path, size_t max, char **text, size_t *n,
                          struct fh_error *e)
{
    struct stat st;
    /* Not blocking: what has the name of a file may be a pipe. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, errno == ENOENT || errno == ENOTDIR ? FH_NOT_FOUND : FH_INVALID,
                             "%s cannot be opened", path);
    fh_err rc = FH_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        rc = FH_FAIL(e, FH_INVALID, "%s is not a file.", path);
    } else if ((uint64_t)st.st_size > max) {
        rc = FH_FAIL(e, FH_TOO_LARGE, "%s is too large: at most %zu bytes are read.", path, max);
    } else {
        *text = fh_alloc(a, (size_t)st.st_size + 1);
        if (read_all(fd, *text, (size_t)st.st_size, n) != FH_OK)
            rc = FH_FAIL_ERRNO(e, FH_INVALID, "%s cannot be read", path);
    }
    close(fd);
    return rc;
}

/* A line's length without its newline; *next is where the following one begins. */
static size_t line_length(const char *text, size_t n, size_t *next)
{
    const char *newline = memchr(text, '\n', n);
    size_t len = newline ? (size_t)(newline - text) : n;
    *next = newline ? len + 1 : n;
    return len;
}

fh_err wire_foreign_parse_packed(struct fh_arena *a, const char *text, size_t n, struct wire_branches *out,
                                 struct fh_error *e)
{
    const size_t before = FH_OID_HEX + 1 + sizeof heads - 1;
    for (size_t next; n; text += next, n -= next) {
        size_t len = line_length(text, n, &next);
        struct wire_branch b = {0};
        if (len == 0 || *text == '#' || *text == '^')
            continue;
        if (len >= 65 && text[64] == ' ')
            return FH_FAIL(e, FH_INVALID,
                           "The repository's objects are named by SHA-256; the hub has SHA-1.");
        if (len < FH_OID_HEX + 2 || text[FH_OID_HEX] != ' ' || !fh_oid_parse(text, FH_OID_HEX, &b.tip))
            return FH_FAIL(e, FH_INVALID, "The repository's packed-refs file has a malformed line.");
        if (len <= before || memcmp(text + FH_OID_HEX + 1, heads, sizeof heads - 1) != 0)
            continue;
        if (memchr(text, '\0', len))
            return FH_FAIL(e, FH_INVALID, "The repository's packed-refs file has a NUL in a name.");
        if (out->n >= WIRE_MAX_FOREIGN_REFS)
            return FH_FAIL(e, FH_TOO_LARGE, "The repository has over %d branches.", WIRE_MAX_FOREIGN_REFS);
        b.name = fh_strndup(a, text + before, len - before);
        wire_branches_add(a, out, &b);
    }
    return FH_OK;
}

fh_err wire_foreign_parse_ref(struct fh_arena *a, const char *text, size_t n, struct wire_branch *out,
                              struct fh_error *e)
{
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' '))
        n--;
    if (n > 5 && memcmp(text, "ref: ", 5) == 0) {
        const char *target = text + 5;
        n -= 5;
        if (n <= sizeof heads - 1 || memcmp(target, heads, sizeof heads - 1) != 0 || memchr(target, '\0', n))
            return FH_FAIL(e, FH_INVALID, "It is a symbolic ref to something that is not a branch.");
        out->target = fh_strndup(a, target + sizeof heads - 1, n - (sizeof heads - 1));
        return FH_OK;
    }
    if (n == 64)
        return FH_FAIL(e, FH_INVALID, "The repository's objects are named by SHA-256; the hub has SHA-1.");
    if (!fh_oid_parse(text, n, &out->tip))
        return FH_FAIL(e, FH_INVALID, "It holds no object id.");
    return FH_OK;
}

static bool ends_in(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static fh_err read_loose_refs(struct fh_arena *a, const char *folder, const char *prefix, int depth,
                              struct wire_branches *out, struct fh_error *e);

static fh_err read_loose_ref(struct fh_arena *a, const char *path, const char *name, int depth,
                             struct wire_branches *out, struct fh_error *e)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? FH_OK : FH_FAIL_ERRNO(e, FH_INVALID, "%s cannot be read", path);
    if (S_ISDIR(st.st_mode))
        return read_loose_refs(a, path, fh_sprintf(a, "%s/", name), depth + 1, out, e);
    char *text;
    size_t n;
    struct fh_error why = {0};
    struct wire_branch b = {.name = fh_strdup(a, name)};
    fh_err rc = wire_foreign_slurp(a, path, MAX_SMALL, &text, &n, &why);
    if (rc == FH_NOT_FOUND)
        return FH_OK; /* git packed or deleted it meanwhile */
    if (rc == FH_OK)
        rc = wire_foreign_parse_ref(a, text, n, &b, &why);
    if (rc != FH_OK)
        return FH_FAIL(e, rc, "The branch %s of the repository cannot be read. %s", name, why.msg);
    if (out->n >= 2 * WIRE_MAX_FOREIGN_REFS)
        return FH_FAIL(e, FH_TOO_LARGE, "The repository has over %d branches.", WIRE_MAX_FOREIGN_REFS);
    wire_branches_add(a, out, &b);
    return FH_OK;
}

static fh_err read_loose_refs(struct fh_arena *a, const char *folder, const char *prefix, int depth,
                              struct wire_branches *out, struct fh_error *e)
{
    if (depth > MAX_DEPTH)
        return FH_FAIL(e, FH_INVALID, "The repository's refs are nested too deeply: %s", folder);
    DIR *d = opendir(folder);
    if (!d)
        return errno == ENOENT ? FH_OK : FH_FAIL_ERRNO(e, FH_INVALID, "%s cannot be read", folder);
    fh_err rc = FH_OK;
    struct dirent *item;
    while (rc == FH_OK && (item = readdir(d))) {
        if (*item->d_name == '.' || ends_in(item->d_name, ".lock"))
            continue;
        rc = read_loose_ref(a, fh_sprintf(a, "%s/%s", folder, item->d_name),
                            fh_sprintf(a, "%s%s", prefix, item->d_name), depth, out, e);
    }
    closedir(d);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const struct wire_branch *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static const struct wire_branch *find_branch(const struct wire_branches *b, const char *name)
{
    struct wire_branch key = {.name = (char *)(uintptr_t)name};
    return b->n ? bsearch(&key, b->items, b->n, sizeof *b->items, by_name) : NULL;
}

/* packed first, loose behind: where both have a name, the loose one counts. */
static fh_err merge_branches(struct fh_arena *a, struct wire_branches *packed, struct wire_branches *loose,
                             struct wire_branches *out, struct fh_error *e)
{
    if (packed->n)
        qsort(packed->items, packed->n, sizeof *packed->items, by_name);
    if (loose->n)
        qsort(loose->items, loose->n, sizeof *loose->items, by_name);
    for (size_t i = 0; i < loose->n; i++)
        wire_branches_add(a, out, &loose->items[i]);
    for (size_t i = 0; i < packed->n; i++)
        if (!find_branch(loose, packed->items[i].name))
            wire_branches_add(a, out, &packed->items[i]);
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, by_name);
    for (size_t i = 0; i < out->n; i++) {
        const struct wire_branch *b = &out->items[i];
        for (int hops = 0; b && b->target && hops < MAX_HOPS; hops++)
            b = find_branch(out, b->target);
        if (!b || b->target)
            return FH_FAIL(e, FH_INVALID, "The branch %s of the repository points to no branch.",
                           out->items[i].name);
        out->items[i].tip = b->tip;
    }
    return FH_OK;
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* "<word>: path" or a bare path of a one-line file, relative to where the file stands. */
static fh_err read_pointer(struct fh_arena *a, const char *folder, const char *name, const char *word,
                           char **out, struct fh_error *e)
{
    char *text;
    size_t n, skip = strlen(word);
    FH_TRY(wire_foreign_slurp(a, fh_sprintf(a, "%s/%s", folder, name), MAX_SMALL, &text, &n, e));
    text[strcspn(text, "\r\n")] = '\0';
    if (strncmp(text, word, skip) != 0 || !text[skip])
        return FH_FAIL(e, FH_INVALID, "%s/%s points nowhere.", folder, name);
    text += skip;
    *out = *text == '/' ? text : fh_sprintf(a, "%s/%s", folder, text);
    return FH_OK;
}

static fh_err find_repository(struct fh_arena *a, const char *dir, char **out, struct fh_error *e)
{
    char *inner = fh_sprintf(a, "%s/.git", dir);
    struct stat st;
    *out = fh_strdup(a, dir);
    if (stat(inner, &st) == 0) {
        *out = inner;
        if (!S_ISDIR(st.st_mode))
            FH_TRY(read_pointer(a, dir, ".git", "gitdir: ", out, e));
    }
    /* A linked work tree's folder has its own HEAD only; refs and objects are in the common one. */
    if (exists(fh_sprintf(a, "%s/commondir", *out)))
        FH_TRY(read_pointer(a, *out, "commondir", "", out, e));
    if (!exists(fh_sprintf(a, "%s/objects", *out)) || !exists(fh_sprintf(a, "%s/HEAD", *out)))
        return FH_FAIL(e, FH_NOT_FOUND, "%s is not a git repository.", dir);
    if (exists(fh_sprintf(a, "%s/shallow", *out)))
        return FH_FAIL(
            e, FH_INVALID,
            "%s is a shallow clone and has a part of the history alone: run \"git fetch --unshallow\" "
            "in it.",
            dir);
    if (exists(fh_sprintf(a, "%s/reftable", *out)))
        return FH_FAIL(e, FH_INVALID,
                       "%s keeps its refs in the reftable format, which is not read here: run \"git refs "
                       "migrate --ref-format=files\" in it, or import a \"git clone --mirror\" of it.",
                       dir);
    return FH_OK;
}

static fh_err add_folder(struct fh_arena *a, struct wire_foreign *f, const char *folder, struct fh_error *e)
{
    char *text, *line, *rest;
    size_t n;
    for (size_t i = 0; i < f->nfolders; i++)
        if (strcmp(f->folders[i], folder) == 0)
            return FH_OK;
    if (f->nfolders == MAX_FOLDERS)
        return FH_FAIL(e, FH_INVALID, "The repository borrows from over %d others.", MAX_FOLDERS);
    f->folders[f->nfolders++] = folder;
    fh_err rc = wire_foreign_slurp(a, fh_sprintf(a, "%s/info/alternates", folder), MAX_SMALL, &text, &n, e);
    if (rc == FH_NOT_FOUND)
        return FH_OK;
    for (rest = text; rc == FH_OK && (line = strsep(&rest, "\n"));)
        if (*line && *line != '#')
            rc = add_folder(a, f, *line == '/' ? line : fh_sprintf(a, "%s/%s", folder, line), e);
    return rc;
}

fh_err wire_foreign_open(struct fh_arena *a, const char *dir, struct wire_foreign *out, struct fh_error *e)
{
    struct wire_branches packed = {0}, loose = {0};
    struct wire_foreign f = {.folders = fh_alloc(a, MAX_FOLDERS * sizeof *f.folders)};
    char *text;
    size_t n;
    FH_TRY(find_repository(a, dir, &f.dir, e));
    /* Loose refs first: one that git packs meanwhile is then seen twice rather than not at all. */
    FH_TRY(read_loose_refs(a, fh_sprintf(a, "%s/refs/heads", f.dir), "", 0, &loose, e));
    fh_err rc = wire_foreign_slurp(a, fh_sprintf(a, "%s/packed-refs", f.dir), MAX_PACKED, &text, &n, e);
    if (rc == FH_OK)
        rc = wire_foreign_parse_packed(a, text, n, &packed, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    FH_TRY(merge_branches(a, &packed, &loose, &f.branches, e));
    FH_TRY(add_folder(a, &f, fh_sprintf(a, "%s/objects", f.dir), e));
    *out = f;
    return FH_OK;
}
