/* Explanations as JSON. See explain_json.h. */
#include "server/catalog/explain_json.h"

#include "common/clock.h"
#include "server/catalog/catalog_http.h"
#include "server/catalog/resolve_json.h"

struct put {
    struct fh_buf *b;
    const struct calendar *calendar;
    bool only_builds; /* then pages are no answer, and null */
    struct fh_error *e;
};

static fh_err put_page_number(const struct put *p, const char *key, long page)
{
    if (page == CALENDAR_NO_PAGE || p->only_builds)
        return catalog_put_json(p->b, key, NULL, p->e);
    return catalog_put_int(p->b, key, p->calendar->pages.items[page].rev_count, p->e);
}

static fh_err put_page(const struct put *p, const struct resolve_group_answer *answer)
{
    if (!answer->is_found || answer->page == CALENDAR_NO_PAGE)
        return catalog_put_json(p->b, "page", NULL, p->e);
    const struct store_catalog_page *page = &p->calendar->pages.items[answer->page];
    char date[FH_RFC3339_SIZE];
    fh_time_format(page->rev_date, date);
    FH_TRY(catalog_put_json(p->b, "page", "{", p->e));
    FH_TRY(catalog_put_int(p->b, "page", page->rev_count, p->e));
    FH_TRY(catalog_put_text(p->b, "rev", page->rev, p->e));
    FH_TRY(catalog_put_text(p->b, "rev_date", date, p->e));
    FH_TRY(catalog_put_json(p->b, "stabilities", "[", p->e));
    for (size_t i = 0; i < page->ntags; i++)
        FH_TRY(catalog_put_text(p->b, NULL, page->tags[i], p->e));
    return catalog_put(p->b, "]}", p->e);
}

static fh_err put_system(const struct put *p, const struct explain_system *s)
{
    FH_TRY(catalog_put_json(p->b, NULL, "{", p->e));
    FH_TRY(catalog_put_text(p->b, "system", fh_system_name(s->slot->system), p->e));
    FH_TRY(catalog_put_text(p->b, "version", s->chosen, p->e));
    FH_TRY(put_page_number(p, "newest_page", s->newest));
    FH_TRY(catalog_put_text(p->b, "newest_version", s->newest_version, p->e));
    FH_TRY(put_page_number(p, "alone_page", s->alone));
    FH_TRY(catalog_put_json(p->b, "unmet", "[", p->e));
    for (size_t i = 0; i < s->nunmet; i++) {
        FH_TRY(catalog_put_json(p->b, NULL, "{", p->e));
        FH_TRY(catalog_put_text(p->b, "constraint", explain_reason_name(s->unmet[i].reason), p->e));
        FH_TRY(catalog_put_json(p->b, "possible", s->unmet[i].alone == CALENDAR_NO_PAGE ? "false" : "true",
                                p->e));
        FH_TRY(put_page_number(p, "page", s->unmet[i].alone));
        FH_TRY(catalog_put(p->b, "}", p->e));
    }
    return catalog_put(p->b, "]}", p->e);
}

static fh_err put_package(const struct put *p, const struct explain_package *package)
{
    FH_TRY(catalog_put_json(p->b, NULL, "{", p->e));
    FH_TRY(catalog_put_text(p->b, "install_id", package->descriptor->install_id, p->e));
    FH_TRY(catalog_put_text(p->b, "attr_path", package->descriptor->attr_path, p->e));
    FH_TRY(catalog_put_json(p->b, "in_catalog", package->is_in_catalog ? "true" : "false", p->e));
    FH_TRY(put_page_number(p, "alone_page", package->alone));
    FH_TRY(catalog_put_json(p->b, "systems", "[", p->e));
    for (size_t i = 0; i < package->nsystems; i++)
        FH_TRY(put_system(p, &package->systems[i]));
    FH_TRY(catalog_put(p->b, "]", p->e));
    FH_TRY(catalog_put_json(p->b, "similar", "[", p->e));
    for (size_t i = 0; i < package->near.n; i++)
        FH_TRY(catalog_put_text(p->b, NULL, package->near.found[i].name, p->e));
    return catalog_put(p->b, "]}", p->e);
}

static fh_err put_newer(const struct put *p, const struct explain_page *page)
{
    FH_TRY(catalog_put_json(p->b, NULL, "{", p->e));
    FH_TRY(put_page_number(p, "page", page->page));
    FH_TRY(catalog_put_json(p->b, "prevented_by", "[", p->e));
    for (size_t i = 0; i < page->n; i++) {
        const struct resolve_slot *s = page->blockers[i].slot;
        FH_TRY(catalog_put_json(p->b, NULL, "{", p->e));
        FH_TRY(catalog_put_text(p->b, "install_id", s->descriptor->install_id, p->e));
        FH_TRY(catalog_put_text(p->b, "attr_path", s->descriptor->attr_path, p->e));
        FH_TRY(catalog_put_text(p->b, "system", fh_system_name(s->system), p->e));
        FH_TRY(catalog_put_text(p->b, "reason", explain_reason_name(page->blockers[i].reason), p->e));
        FH_TRY(catalog_put(p->b, "}", p->e));
    }
    FH_TRY(catalog_put(p->b, "]", p->e));
    FH_TRY(catalog_put_int(p->b, "prevented", (int64_t)page->all, p->e));
    return catalog_put(p->b, "}", p->e);
}

static fh_err put_group(const struct put *p, const struct explain_group *g)
{
    FH_TRY(catalog_put_json(p->b, NULL, "{", p->e));
    FH_TRY(catalog_put_text(p->b, "name", g->answer->group->name, p->e));
    FH_TRY(catalog_put_json(p->b, "resolved", g->answer->is_found ? "true" : "false", p->e));
    FH_TRY(catalog_put_text(p->b, "why", g->why, p->e));
    FH_TRY(put_page(p, g->answer));
    FH_TRY(catalog_put_json(p->b, "pins_kept", g->answer->pins_kept ? "true" : "false", p->e));
    FH_TRY(catalog_put_json(p->b, "builds_missing", g->answer->page_messages.n > 0 ? "true" : "false", p->e));
    FH_TRY(catalog_put_json(p->b, "packages", "[", p->e));
    for (size_t i = 0; i < g->n; i++)
        FH_TRY(put_package(p, &g->packages[i]));
    FH_TRY(catalog_put(p->b, "]", p->e));
    FH_TRY(catalog_put_json(p->b, "newer_pages", "[", p->e));
    for (size_t i = 0; i < g->nnewer; i++)
        FH_TRY(put_newer(p, &g->newer[i]));
    FH_TRY(catalog_put(p->b, "]", p->e));
    FH_TRY(resolve_put_messages(p->b, "messages", &g->answer->messages, p->e));
    return catalog_put(p->b, "}", p->e);
}

fh_err explain_put(struct fh_buf *b, const struct resolve_question *q, const struct explain_group *groups,
                   struct fh_error *e)
{
    FH_TRY(catalog_put(b, "{\"items\":[", e));
    for (size_t i = 0; i < q->answer->n; i++) {
        const struct put p = {b, q->calendar, groups[i].only_builds, e};
        FH_TRY(put_group(&p, &groups[i]));
    }
    return catalog_put(b, "]}", e);
}
