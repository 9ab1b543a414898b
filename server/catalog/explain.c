/* Why a group was resolved as it was. See explain.h. */
#include "server/catalog/explain.h"

#include "server/catalog/resolve_message.h"

#include <string.h>

const char *explain_reason_name(enum explain_reason reason)
{
    static const char *const names[] = {
        [EXPLAIN_INSECURE] = "insecure", [EXPLAIN_BROKEN] = "broken",   [EXPLAIN_UNFREE] = "unfree",
        [EXPLAIN_LICENSE] = "license",   [EXPLAIN_VERSION] = "version", [EXPLAIN_PIN] = "pin",
        [EXPLAIN_BUILDS] = "builds",     [EXPLAIN_ABSENT] = "absent",   [EXPLAIN_FITS] = "fits",
    };
    return names[reason];
}

/* What of its demands a row meets, as bits of enum explain_reason. */
static unsigned meets(const struct resolve_descriptor *d, const char *version, const char *license, int flags,
                      const char *drv_path, bool pins)
{
    unsigned bits =
        resolve_passes(d, version, license, flags); /* the same numbers: see enum resolve_filter */
    if (!pins || !d->derivation || (drv_path && strcmp(d->derivation, drv_path) == 0))
        bits |= 1U << EXPLAIN_PIN;
    if (d->missing == RESOLVE_MISSING_FINE || !resolve_lacks_builds(flags))
        bits |= 1U << EXPLAIN_BUILDS;
    return bits;
}

static enum explain_reason first_unmet(unsigned met)
{
    for (int i = 0; i < EXPLAIN_CONSTRAINTS; i++)
        if (!(met >> i & 1))
            return (enum explain_reason)i;
    return EXPLAIN_FITS;
}

/* --- one system of one package */

struct look {
    const struct resolve_field *f;
    struct explain_system *system;
    long best[EXPLAIN_CONSTRAINTS]; /* where each demand is met */
    unsigned newest_meets;
    page_set *scratch;
};

static bool is_newer(long page, long than)
{
    return page != CALENDAR_NO_PAGE && (than == CALENDAR_NO_PAGE || page < than);
}

/* A row, and the newest page of the group's that has it. */
static void look_at(struct look *l, long page, unsigned met, const char *version)
{
    if (page == CALENDAR_NO_PAGE)
        return;
    if (is_newer(page, l->system->newest)) {
        l->system->newest = page;
        l->system->newest_version = version;
        l->newest_meets = met;
    }
    for (int i = 0; i < EXPLAIN_CONSTRAINTS; i++)
        if (met >> i & 1 && is_newer(page, l->best[i]))
            l->best[i] = page;
}

static long newest_of(struct look *l)
{
    calendar_and(l->f->calendar, l->scratch, l->f->pages);
    return calendar_next(l->f->calendar, l->scratch, CALENDAR_NO_PAGE);
}

static void look_at_all(struct look *l)
{
    const struct resolve_slot *s = l->system->slot;
    const struct calendar *c = l->f->calendar;
    for (size_t i = 0; i < s->package->systems[s->system].nruns; i++) {
        const struct store_run *r = &s->package->systems[s->system].runs[i];
        memset(l->scratch, 0, c->words * sizeof(page_set));
        calendar_add_run(c, r, l->scratch);
        look_at(l, newest_of(l), meets(s->descriptor, r->version, r->license, r->flags, r->drv_path, true),
                r->version);
    }
    for (size_t i = 0; i < s->package->systems[s->system].nbuilds; i++) {
        const struct store_build *b = &s->package->systems[s->system].builds[i];
        if (b->is_yanked)
            continue;
        memset(l->scratch, 0, c->words * sizeof(page_set));
        resolve_build_pages(l->f, b, l->scratch);
        look_at(l, newest_of(l), meets(s->descriptor, b->version, b->license, b->flags, b->drv_path, true),
                b->version);
    }
}

/* The newest page on which these are taken without the others of the group: built, or else any that fit. */
static long alone_on(const struct resolve_field *f, const struct resolve_part *parts, size_t n)
{
    long page = CALENDAR_NO_PAGE;
    for (int relaxed = 0; relaxed < 2 && page == CALENDAR_NO_PAGE; relaxed++) {
        const struct resolve_attempt attempt = {.relaxed = relaxed};
        page_set *pages = calendar_set(f->arena, f->calendar);
        calendar_or(f->calendar, pages, f->pages);
        for (size_t i = 0; i < n; i++)
            calendar_and(f->calendar, pages, resolve_slot_set(parts[i].slot, &attempt));
        page = calendar_next(f->calendar, pages, CALENDAR_NO_PAGE);
    }
    return page;
}

static void explain_system(const struct resolve_field *f, const struct resolve_part *part,
                           const struct resolve_group_answer *answer, struct explain_system *out)
{
    struct look look = {.f = f, .system = out, .scratch = calendar_set(f->arena, f->calendar)};
    for (int i = 0; i < EXPLAIN_CONSTRAINTS; i++)
        look.best[i] = CALENDAR_NO_PAGE;
    *out = (struct explain_system){.slot = part->slot, .newest = CALENDAR_NO_PAGE};
    out->alone = alone_on(f, part, 1);
    out->is_anywhere = part->slot->is_there;
    if (answer->is_found) {
        const struct resolve_row *row = &answer->rows[part->at];
        out->chosen = row->run ? row->run->version : row->build->version;
    }
    look_at_all(&look);
    for (int i = 0; i < EXPLAIN_CONSTRAINTS && out->newest != CALENDAR_NO_PAGE; i++)
        if (!(look.newest_meets >> i & 1))
            out->unmet[out->nunmet++] = (struct explain_constraint){(enum explain_reason)i, look.best[i]};
}

static void explain_package(const struct resolve_field *f, const struct resolve_packaged *p,
                            const struct resolve_group_answer *answer, struct explain_package *out)
{
    *out = (struct explain_package){.descriptor = p->descriptor,
                                    .is_in_catalog = resolve_is_in_catalog(f, p->descriptor),
                                    .alone = alone_on(f, p->parts, p->nparts),
                                    .systems = fh_alloc(f->arena, (p->nparts + 1) * sizeof *out->systems),
                                    .nsystems = p->nparts};
    for (size_t i = 0; i < p->nparts; i++)
        explain_system(f, &p->parts[i], answer, &out->systems[i]);
}

/* --- the pages that the group did not get */

static enum explain_reason reason_on(const struct resolve_field *f, const struct resolve_slot *s, long page,
                                     const struct resolve_group_answer *answer)
{
    if (!s->package->of_owner) {
        const struct store_run *r = resolve_run_on(f->calendar, s, (size_t)page);
        unsigned met =
            r ? meets(s->descriptor, r->version, r->license, r->flags, r->drv_path, answer->pins_kept) : 0;
        if (answer->is_found && answer->builds_relaxed && s->descriptor->missing == RESOLVE_MISSING_LAST)
            met |= 1U << EXPLAIN_BUILDS;
        return r ? first_unmet(met) : EXPLAIN_ABSENT;
    }
    if (calendar_has(answer->builds_relaxed ? s->fits : s->built, (size_t)page))
        return EXPLAIN_FITS;
    return calendar_has(s->exists, (size_t)page) ? EXPLAIN_VERSION : EXPLAIN_ABSENT;
}

static void explain_page(const struct resolve_field *f, long page, const struct resolve_group_answer *answer,
                         struct explain_page *out)
{
    *out = (struct explain_page){.page = page};
    for (size_t i = 0; i < f->nslots; i++) {
        enum explain_reason reason = reason_on(f, &f->slots[i], page, answer);
        if (reason == EXPLAIN_FITS)
            continue;
        if (out->n < EXPLAIN_BLOCKERS)
            out->blockers[out->n++] = (struct explain_blocker){&f->slots[i], reason};
        out->all++;
    }
}

static void explain_newer(const struct resolve_field *f, const struct resolve_group_answer *answer,
                          struct explain_group *out)
{
    long pages[EXPLAIN_PAGES], next = CALENDAR_NO_PAGE;
    size_t n = 0;
    while (!f->only_builds && (next = calendar_next(f->calendar, f->pages, next)) != CALENDAR_NO_PAGE) {
        if (answer->is_found ? next >= answer->page : n == EXPLAIN_PAGES)
            break;
        if (n == EXPLAIN_PAGES) /* keeps the last ones, which are the nearest */
            memmove(pages, pages + 1, (EXPLAIN_PAGES - 1) * sizeof *pages);
        pages[n < EXPLAIN_PAGES ? n++ : n - 1] = next;
    }
    for (size_t i = 0; i < n; i++)
        explain_page(f, pages[answer->is_found ? n - 1 - i : i], answer, &out->newer[out->nnewer++]);
}

/* --- the sentence */

static const char *number_of(const struct resolve_field *f, long page)
{
    return fh_sprintf(f->arena, "%lld", (long long)f->calendar->pages.items[page].rev_count);
}

static const char *why_found(const struct resolve_field *f, const struct explain_group *g)
{
    const struct resolve_group_answer *answer = g->answer;
    if (f->only_builds)
        return "These are the newest builds that fit; none of them depends on a page.";
    const char *number = number_of(f, answer->page);
    if (answer->pins_kept)
        return fh_sprintf(
            f->arena, "Page %s is the newest that has what is locked and everything else that is asked for.",
            number);
    if (g->nnewer == 0)
        return fh_sprintf(f->arena, "Page %s is the newest page, and everything fits on it.", number);
    for (size_t i = 0; i < g->n; i++)
        if (g->packages[i].alone == answer->page)
            return fh_sprintf(
                f->arena, "Page %s is the newest on which everything fits: '%.200s' fits on no newer one.",
                number, g->packages[i].descriptor->attr_path);
    return fh_sprintf(
        f->arena,
        "Page %s is the newest on which everything fits: each package fits on a newer one, but not all "
        "on the same.",
        number);
}

static const char *why_not(const struct resolve_field *f, const struct explain_group *g)
{
    if (f->calendar->pages.n == 0 && !f->only_builds)
        return resolve_empty_catalog;
    const struct resolve_messages *m = &g->answer->messages;
    if (m->n > 0 && strcmp(m->items[0].type, "constraints_too_tight") != 0)
        return m->items[0].text;
    for (size_t i = 0; i < g->n; i++)
        if (g->packages[i].alone == CALENDAR_NO_PAGE)
            return "No row meets all demands on one package at once, though each demand is met somewhere.";
    return "Each package fits on some page, but no page has all of them; those that need not be of one page "
           "can be put "
           "into groups of their own.";
}

struct explain_group *catalog_explain(struct fh_arena *a, const struct calendar *calendar,
                                      const struct resolve_candidates *candidates,
                                      const struct resolve_answer *answer)
{
    struct explain_group *groups = fh_alloc(a, (answer->n + 1) * sizeof *groups);
    for (size_t i = 0; i < answer->n; i++) {
        struct explain_group *g = &groups[i];
        struct resolve_field field;
        g->answer = &answer->groups[i];
        resolve_field_open(a, calendar, candidates, g->answer->group, &field);
        const struct resolve_packaged *packages = resolve_packages(&field, &g->n);
        g->only_builds = field.only_builds;
        g->packages = fh_alloc(a, (g->n + 1) * sizeof *g->packages);
        for (size_t k = 0; k < g->n; k++)
            explain_package(&field, &packages[k], g->answer, &g->packages[k]);
        explain_newer(&field, g->answer, g);
        g->why = g->answer->is_found ? why_found(&field, g) : why_not(&field, g);
    }
    return groups;
}
