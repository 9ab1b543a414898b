/* The body of a resolve. See resolve_request.h.
 *
 * Whatever is wrong is FH_MISMATCH, which is 422: the status that the protocol has for it. */
#include "server/catalog/resolve_request.h"

#include "common/ceilings.h"
#include "common/json_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 80 };

/* Where it is read. */
struct reading {
    struct fh_arena *arena;
    struct fh_scan scan;
    const char *body;
    struct resolve_request *request;
    size_t group, descriptor;
    bool in_descriptor;
};

/* For sentences: "items[0].descriptors[2]". */
static const char *at(const struct reading *r)
{
    return r->in_descriptor ? fh_sprintf(r->arena, "items[%zu].descriptors[%zu]", r->group, r->descriptor)
                            : fh_sprintf(r->arena, "items[%zu]", r->group);
}

/* A text of the request for a sentence: short, and without what moves a cursor. */
static const char *shown(struct fh_arena *a, const char *text)
{
    size_t n = strlen(text), kept = n < SHOWN ? n : SHOWN;
    while (kept < n && kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    char *copy = fh_sprintf(a, "%.*s%s", (int)kept, text, kept < n ? "…" : "");
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return copy;
}

static fh_err not_json(const struct reading *r, struct fh_error *e)
{
    return FH_FAIL(e, FH_MISMATCH, "The request's body is no JSON that can be read: %s, at byte %zu.",
                   r->scan.why ? r->scan.why : "it is no object", (size_t)(r->scan.at - r->body));
}

static fh_err wrong(const struct reading *r, const char *key, const char *what, struct fh_error *e)
{
    return FH_FAIL(e, FH_MISMATCH, "\"%s\" of %s must be %s.", key, at(r), what);
}

static fh_err take_text(struct reading *r, const char *key, size_t max, const char **out, struct fh_error *e)
{
    struct fh_scan_value v;
    if (fh_scan_peek(&r->scan) != '"')
        return wrong(r, key, "a string", e);
    if (!fh_scan_scalar(&r->scan, &v))
        return not_json(r, e);
    if (v.len > max)
        return FH_FAIL(e, FH_MISMATCH, "\"%s\" of %s has more than %zu bytes.", key, at(r), max);
    *out = v.text;
    return FH_OK;
}

static fh_err take_bool(struct reading *r, const char *key, bool *out, struct fh_error *e)
{
    struct fh_scan_value v;
    char first = fh_scan_peek(&r->scan);
    if (first != 't' && first != 'f')
        return wrong(r, key, "true or false", e);
    if (!fh_scan_scalar(&r->scan, &v))
        return not_json(r, e);
    *out = v.kind == FH_SCAN_TRUE;
    return FH_OK;
}

/* A list of at most max strings. */
static fh_err take_texts(struct reading *r, const char *key, size_t max, const char ***out, size_t *n,
                         struct fh_error *e)
{
    const char **texts = fh_alloc(r->arena, (max + 1) * sizeof *texts);
    *n = 0;
    if (fh_scan_peek(&r->scan) != '[')
        return wrong(r, key, "a list", e);
    fh_scan_open(&r->scan, '[');
    while (fh_scan_item(&r->scan)) {
        if (*n == max)
            return FH_FAIL(e, FH_MISMATCH, "\"%s\" of %s has more than %zu entries.", key, at(r), max);
        FH_TRY(take_text(r, key, FH_MAX_RESOLVE_TEXT, &texts[(*n)++], e));
    }
    *out = texts;
    return FH_OK;
}

static fh_err take_systems(struct reading *r, const char *key, struct resolve_descriptor *d,
                           struct fh_error *e)
{
    const char **names;
    FH_TRY(take_texts(r, key, FH_MAX_RESOLVE_SYSTEMS, &names, &d->nsystems, e));
    enum fh_system *systems = fh_alloc(r->arena, (d->nsystems + 1) * sizeof *systems);
    for (size_t i = 0; i < d->nsystems; i++) {
        systems[i] = fh_system_find(names[i]);
        if (systems[i] == FH_SYSTEM_NONE)
            return FH_FAIL(
                e, FH_MISMATCH,
                "\"%s\" of %s must be of aarch64-darwin, aarch64-linux, x86_64-darwin and x86_64-linux, "
                "not %s.",
                key, at(r), shown(r->arena, names[i]));
    }
    d->systems = systems;
    return FH_OK;
}

static fh_err take_licenses(struct reading *r, const char *key, struct resolve_descriptor *d,
                            struct fh_error *e)
{
    const char **licenses;
    FH_TRY(take_texts(r, key, FH_MAX_RESOLVE_LICENSES, &licenses, &d->nlicenses, e));
    d->licenses = licenses;
    return FH_OK;
}

enum member {
    INSTALL_ID,
    ATTR_PATH,
    SYSTEMS,
    VERSION,
    DERIVATION,
    PRE_RELEASES,
    UNFREE,
    BROKEN,
    INSECURE,
    MISSING_BUILDS,
    LICENSES,
    MEMBERS,
};
static const char *const member_names[MEMBERS] = {
    [INSTALL_ID] = "install_id",     [ATTR_PATH] = "attr_path",
    [SYSTEMS] = "systems",           [VERSION] = "version",
    [DERIVATION] = "derivation",     [PRE_RELEASES] = "allow_pre_releases",
    [UNFREE] = "allow_unfree",       [BROKEN] = "allow_broken",
    [INSECURE] = "allow_insecure",   [MISSING_BUILDS] = "allow_missing_builds",
    [LICENSES] = "allowed_licenses",
};

/* Which of names a key is; n: none of them. */
static size_t which(const struct fh_scan_value *key, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], key->text) == 0)
            return i;
    return n;
}

static fh_err take_member(struct reading *r, enum member m, struct resolve_descriptor *d, struct fh_error *e)
{
    const char *key = member_names[m];
    bool fine = false;
    switch (m) {
    case INSTALL_ID:
        return take_text(r, key, FH_MAX_RESOLVE_TEXT, &d->install_id, e);
    case ATTR_PATH:
        return take_text(r, key, FH_MAX_RESOLVE_TEXT, &d->attr_path, e);
    case DERIVATION:
        return take_text(r, key, FH_MAX_RESOLVE_TEXT, &d->derivation, e);
    case VERSION:
        return take_text(r, key, FH_MAX_VERSION_TEXT, &d->version, e);
    case SYSTEMS:
        return take_systems(r, key, d, e);
    case LICENSES:
        return take_licenses(r, key, d, e);
    case PRE_RELEASES:
        return take_bool(r, key, &d->pre_releases, e);
    case UNFREE:
        return take_bool(r, key, &d->unfree, e);
    case BROKEN:
        return take_bool(r, key, &d->broken, e);
    case INSECURE:
        return take_bool(r, key, &d->insecure, e);
    case MISSING_BUILDS:
        FH_TRY(take_bool(r, key, &fine, e));
        d->missing = fine ? RESOLVE_MISSING_FINE : RESOLVE_MISSING_NEVER;
        return FH_OK;
    case MEMBERS:
        break;
    }
    return FH_OK;
}

/* The next key of an object that is one of names, and not null: *out is which. FH_OK with n at the object's
 * end. */
static fh_err next_member(struct reading *r, const char *const *names, size_t n, unsigned *seen, size_t *out,
                          struct fh_error *e)
{
    struct fh_scan_value key;
    while (fh_scan_key(&r->scan, &key)) {
        *out = which(&key, names, n);
        if (*out == n) {
            fh_scan_skip(&r->scan);
            continue;
        }
        if (*seen >> *out & 1)
            return FH_FAIL(e, FH_MISMATCH, "\"%s\" of %s is there twice.", names[*out], at(r));
        *seen |= 1U << *out;
        if (fh_scan_peek(&r->scan) != 'n')
            return FH_OK;
        fh_scan_skip(&r->scan);
    }
    *out = n;
    return r->scan.why ? not_json(r, e) : FH_OK;
}

static fh_err parse_version(struct reading *r, struct resolve_descriptor *d, struct fh_error *e)
{
    struct fh_error why;
    struct fh_version_range *range;
    if (fh_version_range_parse(r->arena, d->version, &range, &why) != FH_OK)
        return FH_FAIL(
            e, FH_MISMATCH,
            "The descriptor with install_id '%s', attr_path '%s' and version '%s' cannot be resolved: bad "
            "version spec: %s",
            shown(r->arena, d->install_id), shown(r->arena, d->attr_path), shown(r->arena, d->version),
            why.msg);
    d->range = range;
    return FH_OK;
}

static fh_err take_descriptor(struct reading *r, struct resolve_descriptor *d, struct fh_error *e)
{
    unsigned seen = 0;
    size_t m;
    *d = (struct resolve_descriptor){.unfree = true};
    if (fh_scan_peek(&r->scan) != '{')
        return FH_FAIL(e, FH_MISMATCH, "%s must be an object.", at(r));
    fh_scan_open(&r->scan, '{');
    for (;;) {
        FH_TRY(next_member(r, member_names, MEMBERS, &seen, &m, e));
        if (m == MEMBERS)
            break;
        FH_TRY(take_member(r, (enum member)m, d, e));
    }
    if (!d->install_id || !d->attr_path || !d->systems)
        return FH_FAIL(e, FH_MISMATCH, "%s must have \"%s\".", at(r),
                       !d->install_id  ? "install_id"
                       : !d->attr_path ? "attr_path"
                                       : "systems");
    FH_TRY(parse_version(r, d, e));
    r->request->ndescriptors++;
    r->request->nrows += d->nsystems;
    if (r->request->nrows > FH_MAX_RESOLVE_ROWS || r->request->ndescriptors > FH_MAX_RESOLVE_ROWS)
        return FH_FAIL(e, FH_MISMATCH, "A request may ask for at most %d packages, each system counted.",
                       FH_MAX_RESOLVE_ROWS);
    return FH_OK;
}

/* Room for one more behind n of a list that grows by doubling. */
static void *room_for(struct fh_arena *a, void *items, size_t n, size_t size)
{
    if (n > 0 && (n & (n - 1)) != 0)
        return items;
    void *more = fh_alloc(a, (n ? 2 * n : 1) * size);
    if (n > 0)
        memcpy(more, items, n * size);
    return more;
}

static fh_err take_descriptors(struct reading *r, struct resolve_group *g, struct fh_error *e)
{
    if (fh_scan_peek(&r->scan) != '[')
        return wrong(r, "descriptors", "a list", e);
    fh_scan_open(&r->scan, '[');
    r->in_descriptor = true;
    while (fh_scan_item(&r->scan)) {
        r->descriptor = g->n;
        g->descriptors = room_for(r->arena, g->descriptors, g->n, sizeof *g->descriptors);
        FH_TRY(take_descriptor(r, &g->descriptors[g->n++], e));
    }
    r->in_descriptor = false;
    return FH_OK;
}

static fh_err take_group(struct reading *r, struct resolve_group *g, struct fh_error *e)
{
    enum { NAME, STABILITY, DESCRIPTORS, GROUP_MEMBERS };
    static const char *const names[] = {"name", "stability", "descriptors"};
    unsigned seen = 0;
    size_t m;
    bool has_list = false;
    *g = (struct resolve_group){0};
    if (fh_scan_peek(&r->scan) != '{')
        return FH_FAIL(e, FH_MISMATCH, "%s must be an object.", at(r));
    fh_scan_open(&r->scan, '{');
    for (;;) {
        FH_TRY(next_member(r, names, GROUP_MEMBERS, &seen, &m, e));
        if (m == GROUP_MEMBERS)
            break;
        has_list = has_list || m == DESCRIPTORS;
        if (m == DESCRIPTORS)
            FH_TRY(take_descriptors(r, g, e));
        else
            FH_TRY(take_text(r, names[m], FH_MAX_RESOLVE_TEXT, m == NAME ? &g->name : &g->stability, e));
    }
    if (!g->name || !has_list)
        return FH_FAIL(e, FH_MISMATCH, "%s must have \"%s\".", at(r), g->name ? "descriptors" : "name");
    return FH_OK;
}

static fh_err take_groups(struct reading *r, struct fh_error *e)
{
    struct resolve_request *q = r->request;
    if (fh_scan_peek(&r->scan) != '[')
        return FH_FAIL(e, FH_MISMATCH, "\"items\" must be a list.");
    fh_scan_open(&r->scan, '[');
    while (fh_scan_item(&r->scan)) {
        if (q->n == FH_MAX_RESOLVE_GROUPS)
            return FH_FAIL(e, FH_MISMATCH, "A request may have at most %d groups.", FH_MAX_RESOLVE_GROUPS);
        r->group = q->n;
        q->groups = room_for(r->arena, q->groups, q->n, sizeof *q->groups);
        FH_TRY(take_group(r, &q->groups[q->n++], e));
    }
    return FH_OK;
}

fh_err resolve_request_parse(struct fh_arena *a, const char *body, size_t n, struct resolve_request **out,
                             struct fh_error *e)
{
    static const char *const names[] = {"items"};
    struct reading r = {.arena = a, .body = body, .request = fh_alloc(a, sizeof *r.request)};
    unsigned seen = 0;
    size_t m;
    bool has_items = false;
    fh_scan_begin(&r.scan, body, n, fh_alloc(a, n + 1));
    if (!fh_scan_open(&r.scan, '{'))
        return not_json(&r, e);
    for (;;) {
        FH_TRY(next_member(&r, names, 1, &seen, &m, e));
        if (m == 1)
            break;
        has_items = true;
        FH_TRY(take_groups(&r, e));
    }
    if (!fh_scan_end(&r.scan))
        return not_json(&r, e);
    if (!has_items)
        return FH_FAIL(e, FH_MISMATCH, "The request's body must be an object with a list \"items\".");
    *out = r.request;
    return FH_OK;
}

fh_err resolve_request_pages(const char *text, size_t *out, struct fh_error *e)
{
    char *end;
    *out = 0;
    if (!text || !*text)
        return FH_OK;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || *end || *text < '0' || *text > '9' || n > FH_MAX_CANDIDATE_PAGES)
        return FH_FAIL(e, FH_MISMATCH, "The parameter candidate_pages must be a whole number from 0 to %d.",
                       FH_MAX_CANDIDATE_PAGES);
    *out = (size_t)n;
    return FH_OK;
}
