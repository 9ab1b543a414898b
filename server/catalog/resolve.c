/* The choice of pages. See resolve.h.
 *
 * A slot is a set of pages, so a group is their intersection, and the newest page of it wins. The attempts
 * of 6.6 differ only in which of its sets a slot puts in. */
#include "server/catalog/resolve.h"

#include "server/catalog/resolve_message.h"
#include "server/catalog/resolve_slot.h"

struct resolve_package *resolve_packages_of(struct fh_arena *a, const struct store_resolve_key *keys,
                                            size_t nkeys, const struct store_candidates *found)
{
    struct resolve_package *packages = fh_alloc(a, (nkeys + 1) * sizeof *packages);
    for (size_t i = 0; i < nkeys; i++)
        packages[i].of_owner = keys[i].owner != NULL;
    for (size_t i = 0; i < found->nruns; i++) {
        const struct store_run *run = &found->runs[i];
        struct resolve_package *p = &packages[run->key];
        if (p->systems[run->system].nruns++ == 0)
            p->systems[run->system].runs = run;
    }
    for (size_t i = 0; i < found->nbuilds; i++) {
        const struct store_build *build = &found->builds[i];
        struct resolve_package *p = &packages[build->key];
        if (p->systems[build->system].nbuilds++ == 0)
            p->systems[build->system].builds = build;
    }
    return packages;
}

/* The pages on which an attempt succeeds. */
static page_set *found_on(const struct resolve_field *f, const struct resolve_attempt *attempt)
{
    page_set *pages = calendar_set(f->arena, f->calendar);
    calendar_or(f->calendar, pages, attempt->untagged ? f->calendar->all : f->pages);
    for (size_t i = 0; i < f->nslots; i++)
        calendar_and(f->calendar, pages, resolve_slot_set(&f->slots[i], attempt));
    return pages;
}

static bool has_pins(const struct resolve_group *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->descriptors[i].derivation)
            return true;
    return false;
}

/* In a group of owners' packages the page is the newest that one of them was built on. */
static void number_of_builds(const struct calendar *c, struct resolve_group_answer *answer)
{
    int64_t newest = -1;
    for (size_t i = 0; i < answer->nrows; i++)
        if (answer->rows[i].build->base_rev_count > newest)
            newest = answer->rows[i].build->base_rev_count;
    answer->page = CALENDAR_NO_PAGE;
    for (size_t i = 0; i < c->pages.n && answer->page == CALENDAR_NO_PAGE; i++)
        if (c->pages.items[i].rev_count == newest)
            answer->page = (long)i;
    if (newest < 0)
        answer->page = calendar_next(c, c->tagged, CALENDAR_NO_PAGE);
    answer->number = newest >= 0                        ? newest
                     : answer->page == CALENDAR_NO_PAGE ? 0
                                                        : c->pages.items[answer->page].rev_count;
}

static void take(const struct resolve_field *f, const page_set *pages, const struct resolve_attempt *attempt,
                 size_t candidate_pages, struct resolve_group_answer *answer)
{
    const struct calendar *c = f->calendar;
    long page = calendar_next(c, pages, CALENDAR_NO_PAGE);
    answer->is_found = true;
    answer->pins_kept = attempt->pins;
    answer->builds_relaxed = attempt->relaxed;
    answer->rows = fh_alloc(f->arena, (f->nslots + 1) * sizeof *answer->rows);
    answer->nrows = f->nslots;
    for (size_t i = 0; i < f->nslots; i++)
        answer->rows[i] = resolve_slot_row(f, &f->slots[i], (size_t)page, attempt);
    if (f->only_builds) {
        number_of_builds(c, answer);
    } else {
        answer->page = page;
        answer->number = c->pages.items[page].rev_count;
    }
    answer->further = fh_alloc(f->arena, ((candidate_pages < c->pages.n ? candidate_pages : c->pages.n) + 1) *
                                             sizeof(long));
    for (long next = page; !f->only_builds && answer->nfurther < candidate_pages;) {
        next = calendar_next(c, pages, next);
        if (next == CALENDAR_NO_PAGE)
            break;
        answer->further[answer->nfurther++] = next;
    }
    if (attempt->relaxed)
        resolve_warn(f, attempt, answer);
}

/* Its descriptors without a system find a page anywhere, but for what no catalog has. */
static bool names_nothing(const struct resolve_field *f)
{
    for (size_t i = 0; i < f->group->n; i++)
        if (f->group->descriptors[i].nsystems == 0 && !resolve_is_in_catalog(f, &f->group->descriptors[i]))
            return true;
    return false;
}

static void resolve_group(struct resolve_field *f, size_t candidate_pages,
                          struct resolve_group_answer *answer)
{
    static const struct resolve_attempt attempts[] = {
        {.pins = true},
        {.pins = true, .relaxed = true},
        {.pins = true, .untagged = true},
        {.pins = true, .relaxed = true, .untagged = true},
        {.pins = false},
        {.relaxed = true},
    };
    bool pinned = has_pins(f->group);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts && !names_nothing(f); i++) {
        const struct resolve_attempt *attempt = &attempts[i];
        if ((attempt->pins && !pinned) || (attempt->untagged && (f->only_builds || f->group->stability)))
            continue;
        const page_set *pages = found_on(f, attempt);
        if (calendar_next(f->calendar, pages, CALENDAR_NO_PAGE) != CALENDAR_NO_PAGE) {
            take(f, pages, attempt, candidate_pages, answer);
            return;
        }
    }
    resolve_say_why(f, answer);
}

struct resolve_answer *catalog_resolve(struct fh_arena *a, const struct calendar *calendar,
                                       const struct resolve_candidates *candidates,
                                       const struct resolve_request *request)
{
    struct resolve_answer *answer = fh_alloc(a, sizeof *answer);
    answer->groups = fh_alloc(a, (request->n + 1) * sizeof *answer->groups);
    answer->n = request->n;
    for (size_t i = 0; i < request->n; i++) {
        struct resolve_field field;
        answer->groups[i] =
            (struct resolve_group_answer){.group = &request->groups[i], .page = CALENDAR_NO_PAGE};
        resolve_field_open(a, calendar, candidates, &request->groups[i], &field);
        resolve_group(&field, request->candidate_pages, &answer->groups[i]);
    }
    return answer;
}
