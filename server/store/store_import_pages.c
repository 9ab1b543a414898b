/* The pages that an import's rows are on. See catalog_import_parts.h. */
#include "server/store/catalog_import_parts.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4 * FH_MAX_IMPORT_PAGES };

static size_t *slot_of(struct store_import *s, int64_t rev_count)
{
    uint64_t h = (uint64_t)rev_count * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(h >> 40) & (SLOTS - 1);
    while (s->page_slots[i] && s->pages[s->page_slots[i] - 1].rev_count != rev_count)
        i = (i + 1) & (SLOTS - 1);
    return &s->page_slots[i];
}

/* Why a page that is there, or that an earlier row told of, is not the one this row means; NULL: it is. */
static char *contradiction(const char *rev, int64_t rev_count, const char *other_rev, int64_t other_count)
{
    char text[256];
    if (strcmp(rev, other_rev) != 0)
        snprintf(text, sizeof text, "page %lld is revision %s, not %s", (long long)rev_count, other_rev, rev);
    else if (rev_count != other_count)
        snprintf(text, sizeof text, "revision %s is page %lld, not %lld", rev, (long long)other_count,
                 (long long)rev_count);
    else
        return NULL;
    return fh_xstrdup(text);
}

fh_err store_import_page_again(struct store_import *s, struct store_import_page *page, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(s->c, a,
                         "SELECT id, rev, rev_count, complete_at IS NOT NULL FROM catalog_page "
                         "WHERE rev_count = $1 OR rev = $2 ORDER BY rev_count = $1 DESC",
                         DB_PARAMS(DB_I64(page->rev_count), DB_TEXT(page->rev)), &rows, e);
    if (rc == FH_OK) { /* one that was there may have been removed since */
        bool there = db_count(rows) > 0;
        free(page->why);
        page->why =
            there ? contradiction(page->rev, page->rev_count, db_get_text(rows, 0, 1), db_get_i64(rows, 0, 2))
                  : NULL;
        page->id = there ? db_get_i64(rows, 0, 0) : 0;
        page->complete = there && db_get_bool(rows, 0, 3);
    }
    fh_arena_free(a);
    return rc;
}

static fh_err add_page(struct store_import *s, const struct store_import_row *row, struct fh_error *e)
{
    if (s->npages == FH_MAX_IMPORT_PAGES)
        return FH_FAIL(e, FH_TOO_LARGE, "One import takes rows of %d pages at most; import them in parts.",
                       FH_MAX_IMPORT_PAGES);
    struct store_import_page *page = &s->pages[s->npages];
    *page = (struct store_import_page){.rev_count = row->rev_count, .rev_date = row->rev_date / 1000000};
    memcpy(page->rev, row->rev, sizeof page->rev);
    FH_TRY(store_import_page_again(s, page, e));
    for (size_t i = 0; !page->why && i < s->npages; i++)
        if (strcmp(s->pages[i].rev, page->rev) == 0)
            page->why = contradiction(page->rev, page->rev_count, s->pages[i].rev, s->pages[i].rev_count);
    *slot_of(s, row->rev_count) = ++s->npages;
    return FH_OK;
}

static fh_err check_again(const struct store_import_page *page, const struct store_import_row *row,
                          struct fh_error *e)
{
    if (page->why)
        return FH_FAIL(e, FH_MISMATCH, "%s", page->why);
    if (memcmp(page->rev, row->rev, 40) == 0)
        return FH_OK;
    char *why = contradiction(row->rev, row->rev_count, page->rev, page->rev_count);
    fh_error_set(e, FH_MISMATCH, __FILE__, __LINE__, "%s", why ? why : "");
    free(why);
    return FH_MISMATCH;
}

static fh_err add_tags(struct store_import_page *page, const struct store_import_row *row, struct fh_error *e)
{
    page->tags_given = page->tags_given || row->tags_given;
    for (size_t i = 0; i < row->ntags; i++) {
        size_t at = 0;
        while (at < page->ntags && strcmp(page->tags[at], row->tags[i]) != 0)
            at++;
        if (at < page->ntags)
            continue;
        if (at == FH_MAX_PAGE_TAGS)
            return FH_FAIL(e, FH_MISMATCH, "page %lld has more than %d stabilities",
                           (long long)page->rev_count, FH_MAX_PAGE_TAGS);
        if (!page->tags)
            page->tags = fh_xcalloc(FH_MAX_PAGE_TAGS, sizeof *page->tags);
        snprintf(page->tags[page->ntags++], sizeof *page->tags, "%s", row->tags[i]);
    }
    return FH_OK;
}

fh_err store_import_page_of(struct store_import *s, const struct store_import_row *row, size_t *page,
                            struct fh_error *e)
{
    if (s->npages == 0 || s->pages[s->last_page].rev_count != row->rev_count) {
        if (!*slot_of(s, row->rev_count))
            FH_TRY(add_page(s, row, e));
        s->last_page = *slot_of(s, row->rev_count) - 1;
    }
    struct store_import_page *p = &s->pages[s->last_page];
    FH_TRY(check_again(p, row, e));
    FH_TRY(add_tags(p, row, e));
    /* What names a page is its revision. Of several dates the last one, in whatever order they come. */
    if (p->rev_date < row->rev_date / 1000000)
        p->rev_date = row->rev_date / 1000000;
    if (p->rows[row->system]++ == 0)
        p->scraped_at[row->system] = row->scraped_at;
    *page = s->last_page;
    return FH_OK;
}
