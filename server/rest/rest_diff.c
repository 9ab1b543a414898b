/* The difference of two generations. See rest_diff.h. */
#include "server/rest/rest_diff.h"

#include "common/linediff.h"
#include "common/lock.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DIFF = 256 * 1024 };

/* --- manifests */

static json_t *manifest_json(const struct wire_file *from, const struct wire_file *to)
{
    struct fh_buf diff = FH_BUF_INIT(MAX_DIFF);
    struct fh_error none;
    bool complete = false;
    if (from->bytes && to->bytes &&
        fh_linediff(from->bytes, from->n, to->bytes, to->n, &diff, &complete, &none) != FH_OK)
        complete = false;
    json_t *text = complete ? json_stringn(diff.data ? diff.data : "", diff.len) : NULL;
    complete = text != NULL; /* not UTF-8 */
    fh_buf_free(&diff);
    return json_pack("{s:o, s:b}", "diff", complete ? text : json_null(), "complete", complete);
}

/* --- packages */

struct packages {
    const struct fh_lock_package **items; /* by id and system */
    size_t n;
};

static int compare(const struct fh_lock_package *x, const struct fh_lock_package *y)
{
    int order = strcmp(x->install_id, y->install_id);
    return order ? order : strcmp(x->system, y->system);
}

static int by_id(const void *x, const void *y)
{
    return compare(*(const struct fh_lock_package *const *)x, *(const struct fh_lock_package *const *)y);
}

static bool read_packages(struct fh_arena *a, const struct wire_file *file, struct packages *out)
{
    const struct fh_lock *lock;
    struct fh_error none;
    if (!file->bytes || fh_lock_parse(a, file->bytes, file->n, "manifest.lock", &lock, &none) != FH_OK)
        return false;
    out->items = fh_alloc(a, (lock->npackages + 1) * sizeof *out->items);
    for (size_t i = 0; i < lock->npackages; i++)
        out->items[i] = &lock->packages[i];
    qsort(out->items, lock->npackages, sizeof *out->items, by_id);
    for (size_t i = 0; i < lock->npackages; i++) /* a second entry of one says nothing new */
        if (out->n == 0 || compare(out->items[out->n - 1], out->items[i]) != 0)
            out->items[out->n++] = out->items[i];
    return true;
}

static json_t *text_or_null(const char *text)
{
    return text ? fh_json_text(text) : json_null();
}

static json_t *package_json(const struct fh_lock_package *p)
{
    static const char *const kinds[] = {[FH_PACKAGE_CATALOG] = "catalog",
                                        [FH_PACKAGE_FLAKE] = "flake",
                                        [FH_PACKAGE_STORE_PATH] = "store_path"};
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "id", fh_json_text(p->install_id), "system",
                     fh_json_text(p->system), "kind", kinds[p->kind], "attr_path", text_or_null(p->attr_path),
                     "version", text_or_null(p->version), "derivation", text_or_null(p->derivation),
                     "store_path", text_or_null(p->store_path));
}

static json_t *changed_json(const struct fh_lock_package *from, const struct fh_lock_package *to)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "id", fh_json_text(to->install_id), "system",
                     fh_json_text(to->system), "from", package_json(from), "to", package_json(to));
}

static json_t *packages_json(struct fh_arena *a, const struct wire_file *from, const struct wire_file *to)
{
    struct packages old = {0}, new = {0};
    if (!read_packages(a, from, &old) || !read_packages(a, to, &new))
        return json_null();
    json_t *added = json_array(), *removed = json_array(), *changed = json_array();
    for (size_t i = 0, k = 0; i < old.n || k < new.n;) {
        int order = i == old.n ? 1 : k == new.n ? -1 : compare(old.items[i], new.items[k]);
        if (order < 0)
            fh_json_push(removed, package_json(old.items[i++]));
        else if (order > 0)
            fh_json_push(added, package_json(new.items[k++]));
        else {
            if (!json_equal(old.items[i]->json, new.items[k]->json))
                fh_json_push(changed, changed_json(old.items[i], new.items[k]));
            i++, k++;
        }
    }
    return json_pack("{s:o, s:o, s:o}", "added", added, "removed", removed, "changed", changed);
}

fh_err rest_diff_json(struct fh_arena *a, const struct wire_files *from, const struct wire_files *to,
                      json_t **out, struct fh_error *e)
{
    json_t *packages = packages_json(a, &from->lock, &to->lock);
    *out = json_pack("{s:o, s:o}", "manifest", manifest_json(&from->manifest, &to->manifest), "packages",
                     packages);
    return *out ? FH_OK : FH_FAIL(e, FH_INTERNAL, "A difference could not be written as JSON.");
}
