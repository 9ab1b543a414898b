/* What the catalog's tests share: rows that go into a real database as an operator's would. Behind
 * test_storebox.h. */
#ifndef TEST_CATALOGBOX_H
#define TEST_CATALOGBOX_H

#include "tests/unit/test_storebox.h"

#include "common/digest.h"
#include "server/store/catalog.h"
#include "server/store/catalog_import.h"

/* What tests say of a row; the rest follows from it. */
struct box_row {
    const char *attr, *version; /* version "1.0" for NULL */
    enum fh_system system;      /* 0: x86_64-linux */
    int page;                   /* rev_count; its revision is its number in hexadecimal, forty digits */
    unsigned flags;
    const char *tags[4]; /* NULL: "unstable"; "": none */
    const char *description, *license, *deprecation;
    const char *drv; /* NULL: by attribute, version and system */
};

static struct store_import *box_import;
static int64_t box_line, box_refused;
static char box_why[512];

static inline void box_on_refused(void *arg, int64_t line, const char *why)
{
    (void)arg;
    (void)line;
    box_refused++;
    snprintf(box_why, sizeof box_why, "%s", why);
}

static inline void box_begin(int64_t owner_id, bool strict)
{
    struct db_conn *c;
    MUST(db_take(cluster.pool, &c, &e));
    const struct store_import_config config = {
        .owner_id = owner_id, .visibility = STORE_PRIVATE, .strict = strict, .refused = box_on_refused};
    MUST(store_import_begin(c, &config, &box_import, &e));
    box_line = box_refused = 0;
}

static inline void box_hash(const char *prefix, const struct box_row *r, char out[33])
{
    static const char nix[] = "0123456789abcdfghijklmnpqrsvwxyz";
    uint8_t full[FH_SHA256_SIZE];
    const char *text =
        fh_sprintf(a, "%s %s %s %d", prefix, r->attr, r->version ? r->version : "1.0", (int)r->system);
    fh_sha256(text, strlen(text), full);
    for (int i = 0; i < 32; i++)
        out[i] = nix[full[i] & 31];
    out[32] = '\0';
}

static inline fh_err box_add(const struct box_row *r)
{
    char drv[33], out[33];
    struct box_row own = *r;
    own.system = r->system ? r->system : FH_X86_64_LINUX;
    box_hash("drv", &own, drv);
    box_hash("out", &own, out);
    const char *last = strrchr(r->attr, '.'), *version = r->version ? r->version : "1.0";
    const char *name = fh_sprintf(a, "%s-%s", last ? last + 1 : r->attr, version);
    struct store_import_row row = {
        .attr_path = r->attr,
        .drv_path = r->drv ? r->drv : fh_sprintf(a, "/nix/store/%s-%s.drv", drv, name),
        .name = name,
        .version = version,
        .outputs = fh_sprintf(a, "[{\"name\":\"out\",\"store_path\":\"/nix/store/%s-%s\"}]", out, name),
        .outputs_to_install = "[\"out\"]",
        .description = r->description,
        .license = r->license,
        .system = own.system,
        .flags = r->flags,
        .scraped_at = (int64_t)1000000 * 1000 * r->page,
        .rev = fh_sprintf(a, "%040x", r->page),
        .rev_count = r->page,
        .rev_date = (int64_t)1000000 * 86400 * r->page,
        .tags_given = true,
        .deprecation_given = r->deprecation != NULL,
        .deprecation = r->deprecation,
        .locked_url = fh_sprintf(a, "https://git.example.com/r.git?rev=%040x", r->page),
    };
    if (!r->tags[0])
        row.tags[row.ntags++] = "unstable";
    for (int i = 0; i < 4 && r->tags[i] && *r->tags[i]; i++)
        row.tags[row.ntags++] = r->tags[i];
    return store_import_add(box_import, &row, ++box_line, &e);
}

/* The result; the connection goes back. */
static inline fh_err box_finish(struct store_import_result *result)
{
    struct store_import_result mine;
    struct db_conn *c = store_import_conn(box_import);
    fh_err rc = store_import_finish(box_import, result ? result : &mine, &e);
    store_import_end(box_import);
    db_give(c);
    return rc;
}

/* Rows up to one without an attribute, into the base catalog. */
static inline struct store_import_result box_put(const struct box_row *rows)
{
    struct store_import_result result;
    box_begin(0, false);
    for (; rows->attr; rows++)
        MUST(box_add(rows));
    MUST(box_finish(&result));
    return result;
}

/* "hello@2.12 fish@3.0": what a page has of a system, by attribute. */
static inline const char *box_page(int page, enum fh_system system)
{
    struct db_conn *c = begin();
    struct db_rows *rows;
    MUST(db_query(
        c, a,
        "SELECT coalesce(string_agg(p.attr_path || '@' || d.version, ' ' ORDER BY p.attr_path), '') "
        "FROM page_package m JOIN catalog_page g ON g.id = m.page_id JOIN package p ON p.id = "
        "m.package_id JOIN derivation d ON d.id = m.derivation_id WHERE g.rev_count = $1 AND m.system = $2",
        DB_PARAMS(DB_I64(page), DB_I64(system)), &rows, &e));
    const char *text = fh_strdup(a, db_get_text(rows, 0, 0));
    commit(c);
    return text;
}

static inline const char *box_newest(const char *attr)
{
    struct db_conn *c = begin();
    struct db_rows *rows;
    MUST(db_query(
        c, a, "SELECT d.version FROM package p JOIN derivation d ON d.id = p.newest WHERE p.attr_path = $1",
        DB_PARAMS(DB_TEXT(attr)), &rows, &e));
    const char *text = db_count(rows) ? fh_strdup(a, db_get_text(rows, 0, 0)) : "";
    commit(c);
    return text;
}

#endif
