/* Pages as numbers and sets of them. See calendar.h. */
#include "server/catalog/calendar.h"

#include <string.h>

enum { BITS = 64 };

void calendar_put(page_set *set, size_t page)
{
    set[page / BITS] |= (page_set)1 << (page % BITS);
}

bool calendar_has(const page_set *set, size_t page)
{
    return set[page / BITS] >> (page % BITS) & 1;
}

page_set *calendar_set(struct fh_arena *a, const struct calendar *c)
{
    return fh_alloc(a, c->words * sizeof(page_set));
}

static void add_columns(struct fh_arena *a, struct calendar *c, const struct store_catalog_layout *layout,
                        int system)
{
    size_t n = layout->systems[system].n;
    struct calendar_column *columns = fh_alloc(a, (n + 1) * sizeof *columns);
    const struct calendar_column **of_page = fh_alloc(a, (c->pages.n + 1) * sizeof(struct calendar_column *));
    for (size_t i = 0; i < n; i++) {
        const struct store_column *column = &layout->systems[system].items[i];
        size_t page = (size_t)(column->page - layout->pages.items);
        columns[i] = (struct calendar_column){column->place, (uint32_t)page, column->scraped_at};
        of_page[page] = &columns[i];
    }
    c->systems[system].columns = columns;
    c->systems[system].n = n;
    c->systems[system].of_page = of_page;
}

struct calendar *catalog_calendar(struct fh_arena *a, const struct store_catalog_layout *layout)
{
    struct calendar *c = fh_alloc(a, sizeof *c);
    c->pages = layout->pages;
    c->tags = layout->tags;
    c->words = (c->pages.n + BITS - 1) / BITS + 1;
    page_set *all = calendar_set(a, c), *tagged = calendar_set(a, c);
    for (size_t i = 0; i < c->pages.n; i++) {
        calendar_put(all, i);
        if (c->pages.items[i].ntags > 0)
            calendar_put(tagged, i);
    }
    c->all = all;
    c->tagged = tagged;
    for (int s = 0; s < FH_SYSTEM_END; s++)
        add_columns(a, c, layout, s);
    return c;
}

void calendar_add_run(const struct calendar *c, const struct store_run *run, page_set *to)
{
    const struct calendar_column *columns = c->systems[run->system].columns;
    size_t low = 0, high = c->systems[run->system].n, end = high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (columns[middle].place < run->first)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < end && columns[i].place < run->past; i++)
        calendar_put(to, columns[i].page);
}

void calendar_add_from(const struct calendar *c, int64_t rev_count, page_set *to)
{
    for (size_t i = 0; i < c->pages.n && c->pages.items[i].rev_count >= rev_count; i++)
        calendar_put(to, i);
}

void calendar_or(const struct calendar *c, page_set *to, const page_set *from)
{
    for (size_t i = 0; i < c->words; i++)
        to[i] |= from[i];
}

void calendar_and(const struct calendar *c, page_set *to, const page_set *from)
{
    for (size_t i = 0; i < c->words; i++)
        to[i] &= from[i];
}

bool calendar_meet(const struct calendar *c, const page_set *x, const page_set *y)
{
    for (size_t i = 0; i < c->words; i++)
        if (x[i] & y[i])
            return true;
    return false;
}

long calendar_next(const struct calendar *c, const page_set *set, long after)
{
    size_t from = (size_t)(after + 1);
    for (size_t i = from / BITS; i < c->words; i++) {
        page_set word = set[i];
        if (i == from / BITS)
            word &= ~(page_set)0 << (from % BITS);
        if (word)
            return (long)(i * BITS) + __builtin_ctzll(word);
    }
    return CALENDAR_NO_PAGE;
}

const page_set *calendar_with_tag(struct fh_arena *a, const struct calendar *c, const char *tag)
{
    if (!tag)
        return c->tagged;
    page_set *set = calendar_set(a, c);
    for (size_t i = 0; i < c->pages.n; i++)
        for (size_t t = 0; t < c->pages.items[i].ntags; t++)
            if (strcmp(c->pages.items[i].tags[t], tag) == 0)
                calendar_put(set, i);
    return set;
}
