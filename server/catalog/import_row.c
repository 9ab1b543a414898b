/* One line of a rows file. See import_row.h. */
#include "server/catalog/import_row.h"

#include "common/cli.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/json_scan.h"
#include "common/mem.h"
#include "common/storepath.h"
#include "server/store/catalog_pages.h"

#include <stdlib.h>
#include <string.h>

enum { STRINGS = FH_MAX_IMPORT_LINE + 64, TEXTS = 2 * FH_MAX_IMPORT_LINE };

struct catalog_row_memory {
    char *strings;                                  /* unescaped */
    struct fh_buf outputs, to_install, deprecation; /* JSON written anew */
};

struct catalog_row_memory *catalog_row_memory_new(void)
{
    struct catalog_row_memory *m = fh_xcalloc(1, sizeof *m);
    m->strings = fh_xmalloc(STRINGS);
    fh_buf_init(&m->outputs, TEXTS);
    fh_buf_init(&m->to_install, TEXTS);
    fh_buf_init(&m->deprecation, TEXTS);
    return m;
}

void catalog_row_memory_free(struct catalog_row_memory *m)
{
    if (!m)
        return;
    free(m->strings);
    fh_buf_free(&m->outputs);
    fh_buf_free(&m->to_install);
    fh_buf_free(&m->deprecation);
    free(m);
}

enum key {
    ATTR_PATH,
    BASE_REV_COUNT,
    BASE_URL,
    BROKEN,
    CACHE_URI,
    CATALOG,
    DEPRECATION,
    DERIVATION,
    DESCRIPTION,
    INSECURE,
    LICENSE,
    LOCKED_URL,
    MISSING_BUILDS,
    NAME,
    OUTPUTS,
    OUTPUTS_TO_INSTALL,
    REV,
    REV_COUNT,
    REV_DATE,
    SCRAPE_DATE,
    STABILITIES,
    SYSTEM,
    UNFREE,
    VERSION,
    KEYS,
};

/* What a key's value may be. */
enum shape { TEXT, FLAG, COUNT, OTHER };

static const struct key_row {
    const char *name;
    enum shape shape;
    bool needed;
} keys[KEYS] = {
    [ATTR_PATH] = {"attr_path", TEXT, true},
    [BASE_REV_COUNT] = {"base_rev_count", COUNT, false},
    [BASE_URL] = {"locked_base_catalog_url", TEXT, false},
    [BROKEN] = {"broken", FLAG, false},
    [CACHE_URI] = {"cache_uri", TEXT, false},
    [CATALOG] = {"catalog", TEXT, false},
    [DEPRECATION] = {"deprecation", OTHER, false},
    [DERIVATION] = {"derivation", TEXT, true},
    [DESCRIPTION] = {"description", TEXT, false},
    [INSECURE] = {"insecure", FLAG, false},
    [LICENSE] = {"license", TEXT, false},
    [LOCKED_URL] = {"locked_url", TEXT, false},
    [MISSING_BUILDS] = {"missing_builds", FLAG, false},
    [NAME] = {"name", TEXT, true},
    [OUTPUTS] = {"outputs", OTHER, true},
    [OUTPUTS_TO_INSTALL] = {"outputs_to_install", OTHER, false},
    [REV] = {"rev", TEXT, true},
    [REV_COUNT] = {"rev_count", COUNT, true},
    [REV_DATE] = {"rev_date", TEXT, true},
    [SCRAPE_DATE] = {"scrape_date", TEXT, false},
    [STABILITIES] = {"stabilities", OTHER, false},
    [SYSTEM] = {"system", TEXT, true},
    [UNFREE] = {"unfree", FLAG, false},
    [VERSION] = {"version", TEXT, true},
};

struct parse {
    struct catalog_row_memory *m;
    struct fh_scan scan;
    unsigned seen, null;     /* bits by key */
    const char *texts[KEYS]; /* NULL: absent or null */
    size_t lengths[KEYS];
    int64_t counts[KEYS];
    unsigned true_flags;
    struct store_import_row *row;
};

static int key_of(const struct fh_scan_value *key)
{
    for (int i = 0; i < KEYS; i++)
        if (keys[i].name[0] == key->text[0] && strcmp(keys[i].name, key->text) == 0)
            return i;
    return KEYS;
}

static fh_err not_json(const struct parse *p, const char *line, struct fh_error *e)
{
    return FH_FAIL(e, FH_INVALID, "it is not JSON of that shape: %s (byte %zu)", p->scan.why,
                   (size_t)(p->scan.at - line) + 1);
}

bool catalog_row_is_plain(const char *s)
{
    bool ascii = true;
    for (const char *c = s; *c; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            return false;
        ascii = ascii && (unsigned char)*c < 0x80;
    }
    char *safe = ascii ? NULL : fh_term_safe(s);
    bool same = ascii || strcmp(safe, s) == 0;
    free(safe);
    return same;
}

/* Text for people: as it is, but for what moves a cursor. There are clients that show it as it comes. */
static bool is_prose(const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];
        if ((c < ' ' && c != '\n' && c != '\t' && c != '\r') || c == 0x7f || (c == 0xc2 && next < 0xa0))
            return false;
    }
    return true;
}

/* [{"name": "out", "store_path": "/nix/store/…"}], written anew so that spaces make no other row. */
static fh_err read_output(struct parse *p, size_t at, struct fh_error *e)
{
    struct fh_scan_value key, name = {0}, path = {0};
    struct fh_buf *b = &p->m->outputs;
    fh_scan_open(&p->scan, '{');
    while (fh_scan_key(&p->scan, &key)) {
        if (strcmp(key.text, "name") == 0)
            fh_scan_scalar(&p->scan, &name);
        else if (strcmp(key.text, "store_path") == 0)
            fh_scan_scalar(&p->scan, &path);
        else
            fh_scan_skip(&p->scan);
    }
    if (p->scan.why)
        return FH_OK; /* said at the end */
    if (name.kind != FH_SCAN_STRING || path.kind != FH_SCAN_STRING)
        return FH_FAIL(e, FH_INVALID, "an output wants \"name\" and \"store_path\"");
    if (name.len == 0 || name.len > FH_MAX_OUTPUT_NAME)
        return FH_FAIL(e, FH_INVALID, "an output's name is too long, or empty");
    if (!catalog_row_is_plain(name.text) || !fh_store_path_is_valid(path.text))
        return FH_FAIL(e, FH_INVALID,
                       "an output is at no store path, or its name holds a space or a control character");
    FH_TRY(fh_buf_add_str(b, at ? ",{\"name\":" : "{\"name\":", e));
    FH_TRY(fh_json_write_string(name.text, name.len, b, e));
    FH_TRY(fh_buf_add_str(b, ",\"store_path\":", e));
    FH_TRY(fh_json_write_string(path.text, path.len, b, e));
    return fh_buf_add_char(b, '}', e);
}

static fh_err read_outputs(struct parse *p, struct fh_error *e)
{
    size_t n = 0;
    fh_buf_clear(&p->m->outputs);
    FH_TRY(fh_buf_add_char(&p->m->outputs, '[', e));
    fh_scan_open(&p->scan, '[');
    for (; fh_scan_item(&p->scan); n++) {
        if (n == FH_MAX_OUTPUTS)
            return FH_FAIL(e, FH_INVALID, "it has more than %d outputs", FH_MAX_OUTPUTS);
        FH_TRY(read_output(p, n, e));
    }
    FH_TRY(fh_buf_add_char(&p->m->outputs, ']', e));
    p->row->outputs = p->m->outputs.data;
    return FH_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A list of at most max texts; is_whole false when there are more, or others. */
static size_t read_texts(struct parse *p, const char **out, size_t max, bool *is_whole)
{
    size_t n = 0;
    struct fh_scan_value v;
    *is_whole = true;
    fh_scan_open(&p->scan, '[');
    while (fh_scan_item(&p->scan)) {
        char first = fh_scan_peek(&p->scan);
        if (first != '"' || n == max) {
            *is_whole = false;
            fh_scan_skip(&p->scan);
        } else if (fh_scan_scalar(&p->scan, &v)) {
            out[n++] = v.text;
        }
    }
    return n;
}

static fh_err read_to_install(struct parse *p, struct fh_error *e)
{
    const char *names[FH_MAX_OUTPUTS * 2]; /* the service repeats some */
    struct fh_buf *b = &p->m->to_install;
    bool is_whole;
    size_t n = read_texts(p, names, FH_MAX_OUTPUTS * 2, &is_whole);
    if (!is_whole)
        return FH_FAIL(e, FH_INVALID, "\"outputs_to_install\" is no list of at most %d names",
                       FH_MAX_OUTPUTS);
    qsort(names, n, sizeof *names, by_text);
    fh_buf_clear(b);
    FH_TRY(fh_buf_add_char(b, '[', e));
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
            continue;
        if (i > 0)
            FH_TRY(fh_buf_add_char(b, ',', e));
        FH_TRY(fh_json_write_string(names[i], strlen(names[i]), b, e));
    }
    FH_TRY(fh_buf_add_char(b, ']', e));
    p->row->outputs_to_install = b->data;
    return FH_OK;
}

static fh_err read_tags(struct parse *p, struct fh_error *e)
{
    bool is_whole;
    p->row->ntags = read_texts(p, p->row->tags, FH_MAX_PAGE_TAGS, &is_whole);
    if (!is_whole)
        return FH_FAIL(e, FH_INVALID, "\"stabilities\" is no list of at most %d texts", FH_MAX_PAGE_TAGS);
    return FH_OK;
}

enum { KIND, REPLACEMENT, MESSAGE, DEPRECATION_MEMBERS };
static const char *const deprecation_members[] = {"kind", "replacement", "message"};

/* Of its members, v; what a client does not know is left out. */
static bool read_deprecation_members(struct parse *p, struct fh_scan_value v[DEPRECATION_MEMBERS])
{
    struct fh_scan_value key;
    bool good = true;
    if (fh_scan_peek(&p->scan) != '{')
        return false;
    fh_scan_open(&p->scan, '{');
    while (fh_scan_key(&p->scan, &key)) {
        int i = 0;
        while (i < DEPRECATION_MEMBERS && strcmp(key.text, deprecation_members[i]) != 0)
            i++;
        char first = fh_scan_peek(&p->scan);
        good = good && (i == DEPRECATION_MEMBERS || first == '"' || (first == 'n' && i != KIND));
        if (i < DEPRECATION_MEMBERS && good)
            fh_scan_scalar(&p->scan, &v[i]);
        else
            fh_scan_skip(&p->scan);
    }
    return good && v[KIND].text &&
           (strcmp(v[KIND].text, "renamed") == 0 || strcmp(v[KIND].text, "removed") == 0 ||
            strcmp(v[KIND].text, "deprecated") == 0);
}

/* Written anew: one of another shape would cost the client the whole answer that it is in. */
static fh_err read_deprecation(struct parse *p, struct fh_error *e)
{
    struct fh_scan_value v[DEPRECATION_MEMBERS] = {0};
    struct fh_buf *b = &p->m->deprecation;
    if (!read_deprecation_members(p, v) && !p->scan.why)
        return FH_FAIL(
            e, FH_INVALID,
            "\"deprecation\" is no object with a \"kind\" (renamed, removed or deprecated) and texts");
    fh_buf_clear(b);
    for (int i = 0; i < DEPRECATION_MEMBERS && !p->scan.why; i++) {
        FH_TRY(fh_buf_addf(b, e, "%s\"%s\":", i ? "," : "{", deprecation_members[i]));
        FH_TRY(v[i].text ? fh_json_write_string(v[i].text, v[i].len, b, e) : fh_buf_add_str(b, "null", e));
    }
    FH_TRY(fh_buf_add_char(b, '}', e));
    p->row->deprecation = b->data;
    return FH_OK;
}

static fh_err read_other(struct parse *p, int key, struct fh_error *e)
{
    switch (key) {
    case OUTPUTS:
        return read_outputs(p, e);
    case OUTPUTS_TO_INSTALL:
        return read_to_install(p, e);
    case STABILITIES:
        return read_tags(p, e);
    default:
        return read_deprecation(p, e);
    }
}

static fh_err read_value(struct parse *p, int key, struct fh_error *e)
{
    struct fh_scan_value v;
    if (p->seen & 1u << key)
        return FH_FAIL(e, FH_INVALID, "\"%s\" is there twice", keys[key].name);
    p->seen |= 1u << key;
    if (keys[key].shape == OTHER && fh_scan_peek(&p->scan) != 'n')
        return read_other(p, key, e);
    if (fh_scan_peek(&p->scan) == '{' || fh_scan_peek(&p->scan) == '[')
        return FH_FAIL(e, FH_INVALID, "\"%s\" is of a wrong kind", keys[key].name);
    if (!fh_scan_scalar(&p->scan, &v))
        return FH_OK;
    if (v.kind == FH_SCAN_NULL) {
        p->null |= 1u << key;
    } else if (keys[key].shape == TEXT && v.kind == FH_SCAN_STRING) {
        p->texts[key] = v.text;
        p->lengths[key] = v.len;
    } else if (keys[key].shape == COUNT && v.kind == FH_SCAN_INTEGER) {
        p->counts[key] = v.integer;
    } else if (keys[key].shape == FLAG && (v.kind == FH_SCAN_TRUE || v.kind == FH_SCAN_FALSE)) {
        p->true_flags |= v.kind == FH_SCAN_TRUE ? 1u << key : 0;
    } else {
        return FH_FAIL(e, FH_INVALID, "\"%s\" is of a wrong kind", keys[key].name);
    }
    return FH_OK;
}

static unsigned flag(const struct parse *p, int key, unsigned bit)
{
    bool is_known = (p->seen & 1u << key) && !(p->null & 1u << key);
    if (!is_known)
        return bit << STORE_FLAGS_KNOWN;
    return p->true_flags & 1u << key ? bit : 0;
}

static fh_err read_time(const struct parse *p, int key, int64_t *out, struct fh_error *e)
{
    if (p->texts[key] && !fh_time_parse_us(p->texts[key], out))
        return FH_FAIL(e, FH_INVALID, "\"%s\" is no time as RFC 3339 has it", keys[key].name);
    return FH_OK;
}

static fh_err take_row(struct parse *p, const char *owner, struct fh_error *e)
{
    struct store_import_row *r = p->row;
    for (int i = 0; i < KEYS; i++)
        if (keys[i].needed && (!(p->seen & 1u << i) || (p->null & 1u << i)))
            return FH_FAIL(e, FH_INVALID, "\"%s\" is missing", keys[i].name);
    if (p->texts[CATALOG] && strcmp(p->texts[CATALOG], owner ? owner : "nixpkgs") != 0)
        return FH_FAIL(e, FH_INVALID, "it is of another catalog than %s", owner ? owner : "nixpkgs");
    r->attr_path = p->texts[ATTR_PATH];
    r->drv_path = p->texts[DERIVATION];
    r->name = p->texts[NAME];
    r->version = p->texts[VERSION];
    r->description = p->texts[DESCRIPTION];
    r->license = p->texts[LICENSE];
    r->cache_uri = p->texts[CACHE_URI];
    r->system = fh_system_find(p->texts[SYSTEM]);
    r->rev = p->texts[REV];
    r->rev_count = p->counts[REV_COUNT];
    r->locked_url = p->texts[LOCKED_URL];
    r->base_rev_count = p->counts[BASE_REV_COUNT];
    r->tags_given = p->seen & 1u << STABILITIES;
    r->deprecation_given = p->seen & 1u << DEPRECATION;
    r->flags = flag(p, BROKEN, STORE_BROKEN) | flag(p, INSECURE, STORE_INSECURE) |
               flag(p, UNFREE, STORE_UNFREE) | flag(p, MISSING_BUILDS, STORE_MISSING_BUILDS);
    const char *base = p->texts[BASE_URL] ? strstr(p->texts[BASE_URL], "rev=") : NULL;
    if (p->texts[BASE_URL] && !base)
        return FH_FAIL(e, FH_INVALID, "\"locked_base_catalog_url\" names no revision");
    r->base_rev = base ? base + 4 : NULL;
    FH_TRY(read_time(p, REV_DATE, &r->rev_date, e));
    FH_TRY(read_time(p, SCRAPE_DATE, &r->scraped_at, e));
    return catalog_row_check(r, owner, e);
}

fh_err catalog_row_parse(struct catalog_row_memory *m, const char *owner, const char *line, size_t n,
                         struct store_import_row *out, struct fh_error *e)
{
    struct parse p = {.m = m, .row = out};
    struct fh_scan_value key;
    *out = (struct store_import_row){0};
    FH_ASSERT(e, n <= FH_MAX_IMPORT_LINE);
    fh_scan_begin(&p.scan, line, n, m->strings);
    fh_scan_open(&p.scan, '{');
    while (fh_scan_key(&p.scan, &key)) {
        int k = key_of(&key);
        if (k == KEYS)
            fh_scan_skip(&p.scan);
        else
            FH_TRY(read_value(&p, k, e));
    }
    if (!fh_scan_end(&p.scan))
        return not_json(&p, line, e);
    return take_row(&p, owner, e);
}

static bool is_rev(const char *s)
{
    size_t n = strspn(s, "0123456789abcdef");
    return n == 40 && s[n] == '\0';
}

static fh_err check_text(const char *what, const char *s, size_t max, bool plain, struct fh_error *e)
{
    if (s && strlen(s) > max)
        return FH_FAIL(e, FH_INVALID, "its %s is longer than %zu bytes", what, max);
    if (s && plain && !catalog_row_is_plain(s))
        return FH_FAIL(e, FH_INVALID, "its %s holds a space or a control character", what);
    if (s && !is_prose(s))
        return FH_FAIL(e, FH_INVALID, "its %s holds a control character", what);
    return FH_OK;
}

/* In front of a slash that comes before any dot stands an owner's name, wherever a package is named. */
static fh_err check_attr_path(const char *attr, struct fh_error *e)
{
    FH_TRY(check_text("attr_path", attr, FH_MAX_ATTR_PATH, true, e));
    if (attr[0] == '\0' || attr[0] == '.' || attr[strlen(attr) - 1] == '.' || strstr(attr, ".."))
        return FH_FAIL(e, FH_INVALID, "its attr_path has an empty part");
    if (attr[strcspn(attr, "./")] == '/')
        return FH_FAIL(e, FH_INVALID, "its attr_path begins like that of an owner's package");
    return FH_OK;
}

fh_err catalog_row_check(const struct store_import_row *r, const char *owner, struct fh_error *e)
{
    FH_TRY(check_attr_path(r->attr_path, e));
    /* Of an owner's builds some were published with a word in its place, which names nothing. */
    bool is_word = owner && !strchr(r->drv_path, '/') && catalog_row_is_plain(r->drv_path);
    if (r->drv_path[0] != '\0' && !is_word && !fh_store_path_is_valid(r->drv_path))
        return FH_FAIL(e, FH_INVALID, "its derivation is no store path");
    FH_TRY(check_text("derivation", r->drv_path, FH_MAX_STORE_PATH, true, e));
    FH_TRY(check_text("name", r->name, FH_MAX_PACKAGE_NAME, false, e));
    FH_TRY(check_text("version", r->version, FH_MAX_PACKAGE_NAME, false, e));
    FH_TRY(check_text("description", r->description, FH_MAX_DESCRIPTION, false, e));
    FH_TRY(check_text("license", r->license, FH_MAX_LICENSE, false, e));
    FH_TRY(check_text("cache_uri", r->cache_uri, FH_MAX_CATALOG_URL, true, e));
    FH_TRY(check_text("locked_url", r->locked_url, FH_MAX_CATALOG_URL, true, e));
    FH_TRY(check_text("deprecation", r->deprecation, FH_MAX_DEPRECATION, false, e));
    if (r->system == FH_SYSTEM_NONE)
        return FH_FAIL(e, FH_INVALID, "its system is none of those that packages are built for");
    for (size_t i = 0; i < r->ntags; i++)
        if (!store_page_tag_is_valid(r->tags[i]))
            return FH_FAIL(e, FH_INVALID, "one of its stabilities is no word of small letters and digits");
    if (r->base_rev && !is_rev(r->base_rev))
        return FH_FAIL(e, FH_INVALID, "its base revision is not 40 hexadecimal digits");
    if (r->base_rev_count < 0 || r->rev_count < 0)
        return FH_FAIL(e, FH_INVALID, "a revision's count is below 0");
    if (owner)
        return check_text("rev", r->rev, 128, true, e);
    if (!is_rev(r->rev))
        return FH_FAIL(e, FH_INVALID, "its rev is not 40 hexadecimal digits");
    if (r->drv_path[0] == '\0' || r->name[0] == '\0')
        return FH_FAIL(e, FH_INVALID, "its derivation or name is empty");
    return FH_OK;
}
