/* A search whose base catalog is upstream's. See upstream_search.h. */
#include "server/catalog/upstream_search.h"

#include "common/ceilings.h"
#include "server/catalog/catalog_scope.h"
#include "server/catalog/search_text.h"

#include <string.h>

struct catalog_window catalog_window_of(size_t first, size_t most, size_t ours)
{
    static const size_t sizes[] = {10, 25, 50, 100, 250, 500, 1000};
    size_t from = first > ours ? first - ours : 0, past = first + most;
    if (ours == 0 && most > 0 && first % most == 0)
        return (struct catalog_window){first / most, most, 1}; /* the very page */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (past > from && from / sizes[i] == (past - 1) / sizes[i])
            return (struct catalog_window){from / sizes[i], sizes[i], 1};
    size_t size = 1000;
    while (past > from && past - from > size)
        size *= 2;
    return (struct catalog_window){from / size, size, past > from && (past - 1) / size > from / size ? 2 : 1};
}

/* Is it in the path, not in the description alone? */
static bool is_by_path(struct fh_arena *a, const char *attr_path, const char *term)
{
    const char *text = strpbrk(term, "./") ? attr_path : catalog_last_component(attr_path);
    size_t n = strlen(text), size = strlen(term);
    char *folded = fh_alloc(a, 2 * n + 1), *needle = fh_alloc(a, 2 * size + 1);
    n = catalog_fold(text, n, folded);
    size = catalog_fold(term, size, needle);
    return memmem(folded, n, needle, size) != NULL;
}

struct place {
    bool by_path;
    size_t length;
};

static struct place place_of_theirs(struct fh_arena *a, const char *attr_path, const char *term)
{
    return (struct place){is_by_path(a, attr_path, term), strlen(attr_path)};
}

static struct place place_of_ours(struct fh_arena *a, const struct catalog_hit *hit, const char *term)
{
    struct catalog_row row;
    catalog_part_row(hit->in->part, hit->row, &row);
    const char *owner = hit->in->owner;
    const char *path = owner ? fh_sprintf(a, "%s/%s", owner, row.attr_path) : row.attr_path;
    bool whole = strchr(term, '/') != NULL;
    return (struct place){is_by_path(a, whole ? path : row.attr_path, term), strlen(path)};
}

/* Of two that are as long the base catalog's comes first. */
static bool is_ours_first(struct place ours, struct place theirs)
{
    return ours.by_path != theirs.by_path ? ours.by_path : ours.length < theirs.length;
}

/* An owner's row is ours alone: what another hub says is of "acme", or stands under acme's name, is not the
 * acme that is meant here. */
static bool is_of_base(struct fh_arena *a, const json_t *row)
{
    const char *path = fh_json_string(row, "attr_path"), *pkg_path = fh_json_string(row, "pkg_path");
    const char *catalog = fh_json_string(row, "catalog"), *owner, *rest;
    if (!path || strlen(path) > FH_MAX_ATTR_PATH || (catalog && strcmp(catalog, "nixpkgs") != 0) ||
        (pkg_path && strcmp(pkg_path, path) != 0))
        return false;
    catalog_path_split(a, path, &owner, &rest);
    return owner == NULL;
}

void catalog_merge(struct fh_arena *a, const char *term, const json_t *theirs, size_t from,
                   const struct catalog_hit *ours, size_t nours, size_t first, size_t most,
                   struct catalog_merged **out, size_t *n)
{
    size_t i = 0, k = 0, count = json_array_size(theirs), at = from;
    *out = fh_alloc(a, (most + 1) * sizeof **out);
    *n = 0;
    while (*n < most && (i < count || k < nours)) {
        const json_t *row = i < count ? json_array_get(theirs, i) : NULL;
        if (row && !is_of_base(a, row)) {
            i++;
            continue;
        }
        bool take_ours =
            k < nours && (!row || is_ours_first(place_of_ours(a, &ours[k], term),
                                                place_of_theirs(a, fh_json_string(row, "attr_path"), term)));
        if (at >= first)
            (*out)[(*n)++] = take_ours ? (struct catalog_merged){.ours = &ours[k]}
                                       : (struct catalog_merged){.theirs = row};
        at++;
        k += take_ours;
        i += !take_ours;
    }
}
