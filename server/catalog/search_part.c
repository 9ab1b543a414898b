/* One catalog's packages as search has them. See search_part.h. */
#include "server/catalog/search_part.h"

#include "common/mem.h"
#include "server/catalog/search_text.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where the strings of a row begin in the text that is shown; 0 for the optional ones: none (a NUL stands
 * there). */
struct catalog_shown {
    uint32_t attr_path, name, version, description, deprecation;
    uint16_t length;    /* of the attribute path */
    uint16_t component; /* where its last component begins */
};

struct part {
    struct catalog_part public; /* first */
    atomic_uint holders;
};

struct catalog_maker {
    struct catalog_part *part;
    size_t cap, used, room; /* rows that there is room for; bytes of shown, used and allocated */
};

enum { FIRST_ROWS = 64, FIRST_BYTES = 4096, MOST_PATH = UINT16_MAX, WORTH_GRAMS = 256 * 1024 };
static const size_t most_bytes = UINT32_MAX - 4 * (size_t)MOST_PATH;

const char *catalog_last_component(const char *attr_path)
{
    const char *last = attr_path;
    bool quoted = false;
    for (const char *c = attr_path; *c; c++) {
        quoted ^= *c == '"';
        if (*c == '.' && !quoted)
            last = c + 1;
    }
    return last;
}

struct catalog_maker *catalog_maker_new(int64_t catalog_id, int64_t changed)
{
    struct catalog_maker *m = fh_xcalloc(1, sizeof *m);
    struct part *p = fh_xcalloc(1, sizeof *p);
    atomic_init(&p->holders, 1);
    m->part = &p->public;
    m->part->catalog_id = catalog_id;
    m->part->changed = changed;
    m->cap = FIRST_ROWS;
    m->room = FIRST_BYTES;
    m->part->rows = fh_xmalloc(m->cap * sizeof *m->part->rows);
    m->part->shown = fh_xmalloc(m->room);
    m->part->shown[0] = '\0';
    m->used = 1;
    return m;
}

void catalog_maker_free(struct catalog_maker *m)
{
    if (!m)
        return;
    catalog_part_drop(m->part);
    free(m);
}

static uint32_t put(struct catalog_maker *m, const char *text)
{
    if (!text)
        return 0;
    size_t n = strlen(text) + 1;
    if (m->used + n > m->room) {
        m->room = (m->used + n) * 3 / 2;
        m->part->shown = fh_xrealloc(m->part->shown, m->room);
    }
    memcpy(m->part->shown + m->used, text, n);
    m->used += n;
    return (uint32_t)(m->used - n);
}

/* Mostly the end of the name: "hello-2.12.3". */
static uint32_t put_version(struct catalog_maker *m, uint32_t name, const char *version)
{
    const char *shown = m->part->shown + name;
    size_t n = strlen(shown), v = strlen(version);
    return v <= n && strcmp(shown + n - v, version) == 0 ? name + (uint32_t)(n - v) : put(m, version);
}

void catalog_maker_add(struct catalog_maker *m, const struct catalog_row *row)
{
    struct catalog_part *p = m->part;
    size_t length = strlen(row->attr_path);
    if (length > MOST_PATH || m->used > most_bytes)
        return; /* no attribute path is as long, and no catalog as large */
    if (p->n == m->cap) {
        m->cap = m->cap * 3 / 2;
        p->rows = fh_xrealloc(p->rows, m->cap * sizeof *p->rows);
    }
    struct catalog_shown *s = &p->rows[p->n++];
    *s = (struct catalog_shown){.length = (uint16_t)length};
    s->component = (uint16_t)(catalog_last_component(row->attr_path) - row->attr_path);
    s->attr_path = put(m, row->attr_path);
    s->name = put(m, row->name);
    s->version = put_version(m, s->name, row->version);
    s->description = put(m, row->description);
    s->deprecation = put(m, row->deprecation);
}

/* By length, then bytewise. */
static int compare_rows(const void *a, const void *b, void *shown)
{
    const struct catalog_shown *x = a, *y = b;
    const char *text = shown;
    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return memcmp(text + x->attr_path, text + y->attr_path, x->length);
}

typedef const char *of_row(const struct catalog_part *p, const struct catalog_shown *s);

static const char *last_of(const struct catalog_part *p, const struct catalog_shown *s)
{
    return p->shown + s->attr_path + s->component;
}

static const char *path_of(const struct catalog_part *p, const struct catalog_shown *s)
{
    return p->shown + s->attr_path;
}

static const char *about_of(const struct catalog_part *p, const struct catalog_shown *s)
{
    return p->shown + s->description;
}

static void fill_blob(struct catalog_part *p, struct catalog_blob *blob, of_row *of, bool grams)
{
    size_t size = 1, at = 0;
    for (size_t i = 0; i < p->n; i++)
        size += 2 * strlen(of(p, &p->rows[i])) + 1;
    blob->text = fh_xmalloc(size);
    blob->starts = fh_xmalloc((p->n + 1) * sizeof *blob->starts);
    for (size_t i = 0; i < p->n; i++) {
        const char *text = of(p, &p->rows[i]);
        blob->starts[i] = (uint32_t)at;
        at += catalog_fold(text, strlen(text), blob->text + at);
        blob->text[at++] = '\0';
    }
    blob->starts[p->n] = (uint32_t)at;
    blob->text = fh_xrealloc(blob->text, at + CATALOG_SCAN_MOST);
    memset(blob->text + at, 0, CATALOG_SCAN_MOST);
    if (grams && at >= WORTH_GRAMS)
        catalog_grams_make(blob->text, blob->starts, p->n, &blob->grams);
    p->bytes +=
        at + CATALOG_SCAN_MOST + (p->n + 1) * sizeof *blob->starts + catalog_grams_bytes(&blob->grams);
}

struct catalog_part *catalog_maker_finish(struct catalog_maker *take_maker)
{
    struct catalog_part *p = take_maker->part;
    p->shown = fh_xrealloc(p->shown, take_maker->used);
    p->rows = fh_xrealloc(p->rows, (p->n + 1) * sizeof *p->rows);
    p->bytes = take_maker->used + p->n * sizeof *p->rows;
    qsort_r(p->rows, p->n, sizeof *p->rows, compare_rows, p->shown);
    fill_blob(p, &p->last, last_of, true);
    fill_blob(p, &p->paths, path_of, false);
    fill_blob(p, &p->about, about_of, true);
    free(take_maker);
    return p;
}

struct catalog_part *catalog_part_hold(struct catalog_part *p)
{
    atomic_fetch_add_explicit(&((struct part *)(void *)p)->holders, 1, memory_order_relaxed);
    return p;
}

static void free_blob(struct catalog_blob *blob)
{
    catalog_grams_free(&blob->grams);
    free(blob->text);
    free(blob->starts);
}

void catalog_part_drop(struct catalog_part *p)
{
    if (!p || atomic_fetch_sub_explicit(&((struct part *)(void *)p)->holders, 1, memory_order_acq_rel) != 1)
        return;
    free_blob(&p->last);
    free_blob(&p->paths);
    free_blob(&p->about);
    free(p->shown);
    free(p->rows);
    free(p);
}

void catalog_part_row(const struct catalog_part *p, size_t i, struct catalog_row *out)
{
    const struct catalog_shown *s = &p->rows[i];
    *out = (struct catalog_row){
        .attr_path = p->shown + s->attr_path,
        .pname = p->shown + s->attr_path + s->component,
        .name = p->shown + s->name,
        .version = p->shown + s->version,
        .description = s->description ? p->shown + s->description : NULL,
        .deprecation = s->deprecation ? p->shown + s->deprecation : NULL,
    };
}

size_t catalog_part_length(const struct catalog_part *p, size_t i)
{
    return p->rows[i].length;
}
