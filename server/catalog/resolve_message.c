/* Why a group has no page, in the words of catalog-read-api 7. See resolve_message.h.
 *
 * Packages come as requested, systems by name, and for one system what is wrong in the order of enum
 * resolve_filter. Each filter is judged alone: that nothing passes two of them together is said of no single
 * package. */
#include "server/catalog/resolve_message.h"

#include "server/catalog/resolve_packages.h"

#include <stdlib.h>
#include <string.h>

/* What a person sees who asks a hub that has nothing yet. */
const char resolve_empty_catalog[] = "This hub has no pages of the base catalog yet: its operator "
                                     "imports some with \"floe-server catalog import\", or "
                                     "sets catalog_upstream.";

static struct resolve_message *say(struct fh_arena *a, struct resolve_messages *list,
                                   enum resolve_level level, const char *type, const char *text)
{
    if (list->n == list->room) {
        size_t room = list->room ? 2 * list->room : 4;
        struct resolve_message *items = fh_alloc(a, room * sizeof *items);
        if (list->n > 0)
            memcpy(items, list->items, list->n * sizeof *items);
        list->items = items;
        list->room = room;
    }
    struct resolve_message *m = &list->items[list->n++];
    *m = (struct resolve_message){.level = level, .type = type, .text = text};
    return m;
}

static void with(struct resolve_message *m, const char *key, const char *value)
{
    m->context[m->ncontext].key = key;
    m->context[m->ncontext++].value = value;
}

static struct resolve_message *say_of(struct fh_arena *a, struct resolve_messages *list, const char *type,
                                      const struct resolve_descriptor *d, const char *text)
{
    struct resolve_message *m = say(a, list, RESOLVE_ERROR, type, text);
    with(m, "attr_path", d->attr_path);
    with(m, "install_id", d->install_id);
    return m;
}

/* --- where it is */

static bool build_is_there(const struct resolve_package *p, enum fh_system system)
{
    for (size_t i = 0; i < p->systems[system].nbuilds; i++)
        if (!p->systems[system].builds[i].is_yanked)
            return true;
    return false;
}

bool resolve_is_in_catalog(const struct resolve_field *f, const struct resolve_descriptor *d)
{
    const struct resolve_package *p = &f->candidates->packages[d->key];
    page_set *pages = calendar_set(f->arena, f->calendar);
    for (int s = FH_SYSTEM_NONE + 1; s < FH_SYSTEM_END; s++) {
        if (build_is_there(p, (enum fh_system)s))
            return true;
        for (size_t i = 0; i < p->systems[s].nruns; i++)
            calendar_add_run(f->calendar, &p->systems[s].runs[i], pages);
    }
    return calendar_meet(f->calendar, pages, f->calendar->tagged);
}

static bool is_anywhere(const struct resolve_field *f, const struct resolve_slot *s)
{
    return s->package->of_owner ? build_is_there(s->package, s->system)
                                : calendar_meet(f->calendar, s->exists, f->tagged);
}

static const char *names(struct fh_arena *a, unsigned systems)
{
    const char *list = "";
    for (int s = FH_SYSTEM_NONE + 1; s < FH_SYSTEM_END; s++)
        if (systems >> s & 1)
            list = fh_sprintf(a, "%s%s%s", list, *list ? "," : "", fh_system_name((enum fh_system)s));
    return list;
}

static bool not_for_all_systems(const struct resolve_field *f, const struct resolve_packaged *p,
                                struct resolve_messages *out)
{
    unsigned wanted = 0, valid = 0;
    for (size_t i = 0; i < p->nparts; i++) {
        wanted |= 1U << p->parts[i].slot->system;
        if (is_anywhere(f, p->parts[i].slot))
            valid |= 1U << p->parts[i].slot->system;
    }
    if (wanted == valid)
        return false;
    const char *list = names(f->arena, valid);
    with(say_of(f->arena, out, "attr_path_not_found.not_found_for_all_systems", p->descriptor,
                fh_sprintf(f->arena,
                           "The package '%s' is not found for all the requested systems, suggest limiting "
                           "systems to (%s).",
                           p->descriptor->attr_path, list)),
         "valid_systems", list);
    return true;
}

/* --- on which pages together */

struct grouping {
    unsigned systems;
    const char *names;
};

static int by_size(const void *left, const void *right)
{
    const struct grouping *x = left, *y = right;
    int order = __builtin_popcount(y->systems) - __builtin_popcount(x->systems);
    return order ? order : strcmp(x->names, y->names);
}

/* The sets of systems that pages have together: "(a,b), (c)", the largest first, then by name. *all: some
 * page has every one of them. */
static const char *groupings(const struct resolve_field *f, const struct resolve_packaged *p, bool *all)
{
    enum { SETS = 1 << FH_SYSTEM_END };
    bool seen[SETS] = {false};
    struct grouping sets[SETS];
    size_t n = 0;
    unsigned wanted = 0;
    const char *list = "";
    for (size_t i = 0; i < p->nparts; i++)
        wanted |= 1U << p->parts[i].slot->system;
    for (long page = CALENDAR_NO_PAGE;
         (page = calendar_next(f->calendar, f->pages, page)) != CALENDAR_NO_PAGE;) {
        unsigned set = 0;
        for (size_t i = 0; i < p->nparts; i++)
            if (calendar_has(p->parts[i].slot->exists, (size_t)page))
                set |= 1U << p->parts[i].slot->system;
        seen[set] = true;
    }
    for (unsigned set = 1; set < SETS; set++)
        if (seen[set])
            sets[n++] = (struct grouping){set, names(f->arena, set)};
    qsort(sets, n, sizeof *sets, by_size);
    for (size_t i = 0; i < n; i++)
        list = fh_sprintf(f->arena, "%s%s(%s)", list, i > 0 ? ", " : "", sets[i].names);
    *all = seen[wanted];
    return list;
}

static bool not_on_same_page(const struct resolve_field *f, const struct resolve_packaged *p,
                             struct resolve_messages *out)
{
    bool all;
    const char *list = groupings(f, p, &all);
    if (all)
        return false;
    with(say_of(
             f->arena, out, "attr_path_not_found.systems_not_on_same_page", p->descriptor,
             fh_sprintf(f->arena,
                        "The package '%s' is not found for all requested systems on the same page, consider "
                        "package groups with the following system groupings: %s.",
                        p->descriptor->attr_path, list)),
         "system_groupings", list);
    return true;
}

/* --- what it is */

static void say_of_system(const struct resolve_field *f, const struct resolve_slot *s, const char *type,
                          const char *text, struct resolve_messages *out)
{
    with(say_of(f->arena, out, type, s->descriptor, text), "system", fh_system_name(s->system));
}

static void say_filter(const struct resolve_field *f, const struct resolve_slot *s,
                       enum resolve_filter filter, struct resolve_messages *out)
{
    static const struct {
        const char *type, *what;
    } texts[RESOLVE_FILTERS] = {
        [RESOLVE_INSECURE] = {"insecure", "is insecure and insecure packages are not allowed"},
        [RESOLVE_BROKEN] = {"broken", "is broken and broken packages are not allowed"},
        [RESOLVE_UNFREE] = {"unfree", "is unfree and unfree packages are not allowed"},
        [RESOLVE_LICENSE] = {"unacceptable_licenses", "has a license that is not among the allowed licenses"},
    };
    const char *attr_path = s->descriptor->attr_path, *system = fh_system_name(s->system);
    if (filter == RESOLVE_VERSION)
        say_of_system(f, s, "version_not_found",
                      fh_sprintf(f->arena, "No version compatible with '%s' found for '%s' on '%s'.",
                                 s->descriptor->version, attr_path, system),
                      out);
    else
        say_of_system(
            f, s, texts[filter].type,
            fh_sprintf(f->arena, "The package '%s' for %s %s.", attr_path, system, texts[filter].what), out);
}

/* Two descriptors of a package that ask the same of one system are told the same once. */
static bool is_said(const struct resolve_messages *list, size_t from, const struct resolve_message *m)
{
    for (size_t i = from; i < list->n; i++)
        if (strcmp(list->items[i].text, m->text) == 0)
            return true;
    return false;
}

static void judge_slot(const struct resolve_field *f, const struct resolve_slot *s,
                       struct resolve_messages *out)
{
    const char *attr_path = s->descriptor->attr_path, *system = fh_system_name(s->system);
    if (!s->is_there) {
        say_of_system(f, s, "general",
                      fh_sprintf(f->arena, "The package '%s' for %s is on no page with the stability '%s'.",
                                 attr_path, system, f->group->stability ? f->group->stability : "any"),
                      out);
        return;
    }
    for (int i = 0; i < RESOLVE_FILTERS; i++)
        if (!(s->alone >> i & 1))
            say_filter(f, s, (enum resolve_filter)i, out);
    if (s->descriptor->missing == RESOLVE_MISSING_NEVER && !s->built_somewhere)
        say_of_system(
            f, s, "general",
            fh_sprintf(f->arena,
                       "The package '%s' for %s has no known build, and packages without one are not "
                       "allowed.",
                       attr_path, system),
            out);
}

static void judge_systems(const struct resolve_field *f, const struct resolve_packaged *p,
                          struct resolve_messages *out)
{
    size_t of_system = out->n;
    for (size_t i = 0; i < p->nparts; i++) {
        struct resolve_messages fresh = {0};
        if (i > 0 && p->parts[i].slot->system != p->parts[i - 1].slot->system)
            of_system = out->n;
        judge_slot(f, p->parts[i].slot, &fresh);
        for (size_t k = 0; k < fresh.n; k++)
            if (!is_said(out, of_system, &fresh.items[k]))
                *say(f->arena, out, RESOLVE_ERROR, "", "") = fresh.items[k];
    }
}

static bool all_are_there(const struct resolve_packaged *p)
{
    for (size_t i = 0; i < p->nparts; i++)
        if (!p->parts[i].slot->is_there)
            return false;
    return true;
}

static void judge(const struct resolve_field *f, const struct resolve_packaged *p,
                  struct resolve_messages *out)
{
    if (!resolve_is_in_catalog(f, p->descriptor))
        say_of(
            f->arena, out, "attr_path_not_found.not_in_catalog", p->descriptor,
            fh_sprintf(f->arena, "The package '%s' is not found in the catalog.", p->descriptor->attr_path));
    else if (!not_for_all_systems(f, p, out) && !(all_are_there(p) && not_on_same_page(f, p, out)))
        judge_systems(f, p, out);
}

static void trace(const struct resolve_field *f, struct resolve_messages *out)
{
    static const char *const stages[] = {
        "1: Only allow missing builds for packages without current locked derivations.",
        "2: Unlock existing derivations but require known builds.",
        "3: Unlock existing derivations and allow missing builds.",
    };
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        const char *text = fh_sprintf(f->arena, "Group '%s' could not be resolved with strategy: Stage %s",
                                      f->group->name, stages[i]);
        struct resolve_message *m = say(f->arena, out, RESOLVE_TRACE, "resolution_logic",
                                        fh_sprintf(f->arena, "TRACE (GROUP): %s", text));
        with(m, "install_id", "GROUP");
        with(m, "message", text);
    }
}

/* Descriptors without a system have no slot that could be judged. */
static void judge_without_systems(const struct resolve_field *f, struct resolve_messages *out)
{
    for (size_t i = 0; i < f->group->n; i++) {
        const struct resolve_descriptor *d = &f->group->descriptors[i];
        if (d->nsystems == 0 && !resolve_is_in_catalog(f, d))
            say_of(f->arena, out, "attr_path_not_found.not_in_catalog", d,
                   fh_sprintf(f->arena, "The package '%s' is not found in the catalog.", d->attr_path));
    }
}

void resolve_say_why(const struct resolve_field *f, struct resolve_group_answer *answer)
{
    struct resolve_messages *out = &answer->messages;
    const char *stability = f->group->stability;
    bool has_pages = calendar_next(f->calendar, f->pages, CALENDAR_NO_PAGE) != CALENDAR_NO_PAGE;
    if (stability && !has_pages) {
        with(say(f->arena, out, RESOLVE_ERROR, "general",
                 fh_sprintf(f->arena, "No page of the catalog has the stability '%s'.", stability)),
             "stability", stability);
    } else {
        size_t n;
        const struct resolve_packaged *packages = resolve_packages(f, &n);
        for (size_t i = 0; i < n; i++)
            judge(f, &packages[i], out);
        judge_without_systems(f, out);
    }
    if (out->n == 0)
        say(f->arena, out, RESOLVE_ERROR, "constraints_too_tight", "Resolution constraints are too tight.");
    trace(f, out);
    if (f->calendar->pages.n == 0 && !f->only_builds) /* no error of its own: clients know those above */
        say(f->arena, out, RESOLVE_TRACE, "general", resolve_empty_catalog);
}

/* --- a group that was found */

void resolve_warn(const struct resolve_field *f, const struct resolve_attempt *attempt,
                  struct resolve_group_answer *answer)
{
    for (size_t i = 0; i < answer->nrows; i++) {
        const struct resolve_row *row = &answer->rows[i];
        const struct resolve_descriptor *d = row->descriptor;
        int flags = row->run ? row->run->flags : row->build->flags;
        if (d->missing != RESOLVE_MISSING_LAST || (attempt->pins && d->derivation) ||
            !resolve_lacks_builds(flags))
            continue;
        with(say(f->arena, &answer->page_messages, RESOLVE_WARNING, "missing_builds",
                 fh_sprintf(
                     f->arena,
                     "The package for install_id = %s expected to have known build info, but no build can "
                     "be confirmed. Flox may attempt to build locally, possibly taking a long time, and "
                     "possibly still fail.",
                     d->install_id)),
             "install_id", d->install_id);
    }
}
