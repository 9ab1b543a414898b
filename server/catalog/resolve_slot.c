/* Slots. See resolve_slot.h. */
#include "server/catalog/resolve_slot.h"

#include <string.h>

static bool license_passes(const struct resolve_descriptor *d, const char *license)
{
    if (!d->licenses || !license)
        return true;
    for (size_t i = 0; i < d->nlicenses; i++)
        if (strcmp(d->licenses[i], license) == 0)
            return true;
    return false;
}

unsigned resolve_passes(const struct resolve_descriptor *d, const char *version, const char *license,
                        int flags)
{
    bool passes[RESOLVE_FILTERS] = {
        [RESOLVE_INSECURE] = d->insecure || !(flags & STORE_INSECURE),
        [RESOLVE_BROKEN] = d->broken || !(flags & STORE_BROKEN),
        [RESOLVE_UNFREE] = d->unfree || !(flags & STORE_UNFREE),
        [RESOLVE_LICENSE] = license_passes(d, license),
        [RESOLVE_VERSION] = fh_version_range_fits(d->range, version, d->pre_releases),
    };
    unsigned bits = 0;
    for (int i = 0; i < RESOLVE_FILTERS; i++)
        bits |= passes[i] ? 1U << i : 0;
    return bits;
}

bool resolve_lacks_builds(int flags)
{
    const int exempt = STORE_BROKEN | STORE_UNFREE | STORE_INSECURE;
    return (flags & STORE_MISSING_BUILDS) && !(flags & exempt);
}

static bool counts_as_built(const struct resolve_descriptor *d, int flags)
{
    return d->missing == RESOLVE_MISSING_FINE || !resolve_lacks_builds(flags);
}

static bool is_pinned_to(const struct resolve_descriptor *d, const char *drv_path)
{
    return d->derivation && drv_path && strcmp(d->derivation, drv_path) == 0;
}

/* Puts pages into the sets that a row belongs to. */
static void note(const struct resolve_field *f, struct resolve_slot *s, const page_set *pages,
                 const char *version, const char *license, int flags, bool is_yanked, bool is_pinned)
{
    const struct calendar *c = f->calendar;
    unsigned passes = resolve_passes(s->descriptor, version, license, flags);
    bool fits = passes == RESOLVE_PASSES_ALL, built = fits && counts_as_built(s->descriptor, flags);
    if (built && is_pinned)
        calendar_or(c, s->pinned, pages);
    if (is_yanked)
        return;
    calendar_or(c, s->exists, pages);
    if (fits)
        calendar_or(c, s->fits, pages);
    if (built)
        calendar_or(c, s->built, pages);
    if (!calendar_meet(c, pages, f->pages))
        return;
    s->is_there = true;
    s->alone |= passes;
    s->built_somewhere = s->built_somewhere || counts_as_built(s->descriptor, flags);
}

void resolve_build_pages(const struct resolve_field *f, const struct store_build *b, page_set *pages)
{
    if (f->only_builds)
        calendar_put(pages, 0);
    else
        calendar_add_from(f->calendar, b->base_rev_count, pages);
}

static void fill(const struct resolve_field *f, struct resolve_slot *s)
{
    const struct calendar *c = f->calendar;
    const size_t size = c->words * sizeof(page_set);
    page_set *pages = calendar_set(f->arena, c);
    s->exists = calendar_set(f->arena, c);
    s->fits = calendar_set(f->arena, c);
    s->built = calendar_set(f->arena, c);
    s->pinned = calendar_set(f->arena, c);
    for (size_t i = 0; i < s->package->systems[s->system].nruns; i++) {
        const struct store_run *r = &s->package->systems[s->system].runs[i];
        memset(pages, 0, size);
        calendar_add_run(c, r, pages);
        note(f, s, pages, r->version, r->license, r->flags, false, is_pinned_to(s->descriptor, r->drv_path));
    }
    for (size_t i = 0; i < s->package->systems[s->system].nbuilds; i++) {
        const struct store_build *b = &s->package->systems[s->system].builds[i];
        memset(pages, 0, size);
        resolve_build_pages(f, b, pages);
        note(f, s, pages, b->version, b->license, b->flags, b->is_yanked,
             is_pinned_to(s->descriptor, b->drv_path));
    }
}

void resolve_field_open(struct fh_arena *a, const struct calendar *calendar,
                        const struct resolve_candidates *candidates, const struct resolve_group *group,
                        struct resolve_field *out)
{
    size_t n = 0;
    *out = (struct resolve_field){.arena = a,
                                  .calendar = calendar,
                                  .candidates = candidates,
                                  .group = group,
                                  .only_builds = group->n > 0};
    for (size_t i = 0; i < group->n; i++) {
        n += group->descriptors[i].nsystems;
        if (!candidates->packages[group->descriptors[i].key].of_owner)
            out->only_builds = false;
    }
    page_set *anywhere = calendar_set(a, calendar);
    calendar_put(anywhere, 0);
    out->tagged = out->only_builds ? anywhere : calendar->tagged;
    out->pages = out->only_builds ? anywhere : calendar_with_tag(a, calendar, group->stability);
    out->slots = fh_alloc(a, (n + 1) * sizeof *out->slots);
    for (size_t i = 0; i < group->n; i++)
        for (size_t k = 0; k < group->descriptors[i].nsystems; k++) {
            struct resolve_slot *s = &out->slots[out->nslots++];
            s->descriptor = &group->descriptors[i];
            s->system = s->descriptor->systems[k];
            s->package = &candidates->packages[s->descriptor->key];
            fill(out, s);
        }
}

const page_set *resolve_slot_set(const struct resolve_slot *slot, const struct resolve_attempt *attempt)
{
    if (attempt->pins && slot->descriptor->derivation)
        return slot->pinned;
    return attempt->relaxed && slot->descriptor->missing != RESOLVE_MISSING_NEVER ? slot->fits : slot->built;
}

const struct store_run *resolve_run_on(const struct calendar *c, const struct resolve_slot *slot, size_t page)
{
    const struct calendar_column *column = c->systems[slot->system].of_page[page];
    const struct store_run *runs = slot->package->systems[slot->system].runs;
    size_t low = 0, high = slot->package->systems[slot->system].nruns;
    if (!column)
        return NULL;
    while (low < high) { /* the first that begins behind the column */
        size_t middle = low + (high - low) / 2;
        if (runs[middle].first <= column->place)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && column->place < runs[low - 1].past ? &runs[low - 1] : NULL;
}

static bool is_taken(const struct resolve_slot *s, const struct store_build *b,
                     const struct resolve_attempt *attempt)
{
    const struct resolve_descriptor *d = s->descriptor;
    bool pinned = attempt->pins && d->derivation;
    bool relaxed = !pinned && attempt->relaxed && d->missing != RESOLVE_MISSING_NEVER;
    if (pinned ? !is_pinned_to(d, b->drv_path) : b->is_yanked)
        return false;
    return resolve_passes(d, b->version, b->license, b->flags) == RESOLVE_PASSES_ALL &&
           (relaxed || counts_as_built(d, b->flags));
}

struct resolve_row resolve_slot_row(const struct resolve_field *f, const struct resolve_slot *slot,
                                    size_t page, const struct resolve_attempt *attempt)
{
    struct resolve_row row = {.descriptor = slot->descriptor, .system = slot->system};
    if (!slot->package->of_owner) {
        row.run = resolve_run_on(f->calendar, slot, page);
        return row;
    }
    for (size_t i = 0; !row.build && i < slot->package->systems[slot->system].nbuilds; i++) {
        const struct store_build *b = &slot->package->systems[slot->system].builds[i];
        bool is_there = f->only_builds || b->base_rev_count <= f->calendar->pages.items[page].rev_count;
        if (is_there && is_taken(slot, b, attempt))
            row.build = b;
    }
    return row;
}
