/* floe-server catalog page …: the base catalog's pages. */
#include "server/admin.h"

#include "common/ceilings.h"
#include "server/store/catalog_pages.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

struct page_work {
    char **names;
    int nnames;
    const char *const *tags;
    const char *tagged; /* what came of them */
    size_t ntags;
    bool add, remove, swept;
    struct store_page_info *pages;
    size_t n;
    int64_t version;
};

static fh_err tell(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct page_work *w = a->arg;
    return store_catalog_version(c, &w->version, e);
}

static fh_err change(struct admin *a, db_work *work, struct fh_error *e)
{
    struct page_work *w = a->arg;
    FH_TRY(db_transaction(a->pool, work, a, e));
    FH_TRY(admin_read(a, tell, e));
    admin_tell(a, ADMIN_CATALOG, fh_sprintf(a->arena, "%lld", (long long)w->version));
    return FH_OK;
}

static fh_err find_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct page_work *w = a->arg;
    w->n = (size_t)w->nnames;
    w->pages = fh_alloc(a->arena, w->n * sizeof *w->pages);
    for (size_t i = 0; i < w->n; i++)
        FH_TRY(store_page_find(c, a->arena, w->names[i], &w->pages[i], e));
    return FH_OK;
}

static fh_err list_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct page_work *w = a->arg;
    return store_page_list(c, a->arena, &w->pages, &w->n, e);
}

static const char *tags_text(struct fh_arena *a, const struct store_catalog_page *p)
{
    const char *text = "";
    for (size_t i = 0; i < p->ntags; i++)
        text = fh_sprintf(a, "%s%s%s", text, i ? " " : "", p->tags[i]);
    return text;
}

static const char *systems_text(struct fh_arena *a, const struct store_page_info *p)
{
    const char *text = "";
    for (int s = 1; s < FH_SYSTEM_END; s++)
        if (p->systems[s])
            text = fh_sprintf(a, "%s%s%s", text, *text ? " " : "", fh_system_name((enum fh_system)s));
    return text;
}

static json_t *page_json(const struct store_page_info *p, bool rows)
{
    json_t *tags = json_array(), *systems = rows ? json_object() : json_array();
    for (size_t i = 0; i < p->page.ntags; i++)
        json_array_append_new(tags, json_string(p->page.tags[i]));
    for (int s = 1; s < FH_SYSTEM_END; s++) {
        const char *name = fh_system_name((enum fh_system)s);
        if (p->systems[s] && rows)
            json_object_set_new(systems, name, json_integer((json_int_t)p->rows[s]));
        else if (p->systems[s])
            json_array_append_new(systems, json_string(name));
    }
    return json_pack("{s:I, s:s, s:o, s:b, s:o, s:o, s:o}", "page", (json_int_t)p->page.rev_count, "rev",
                     p->page.rev, "rev_date", admin_json_time(p->page.rev_date), "complete",
                     p->complete_at != 0, "stabilities", tags, rows ? "rows" : "systems", systems,
                     "imported_at", admin_json_time(p->complete_at));
}

static fh_err list(struct admin *a, struct fh_error *e)
{
    const struct page_work *w = a->arg;
    FH_TRY(admin_read(a, list_rows, e));
    if (admin_wants_json(a)) {
        json_t *all = json_array();
        for (size_t i = 0; i < w->n; i++)
            json_array_append_new(all, page_json(&w->pages[i], false));
        return admin_print_json(all, e);
    }
    static const char *const titles[] = {"PAGE", "REVISION", "OF", "STABILITIES", "SYSTEMS", ""};
    struct fh_table *t = fh_table_new(titles, 6);
    for (size_t i = 0; i < w->n; i++) {
        const struct store_page_info *p = &w->pages[i];
        fh_table_row(t, (const char *const[]){fh_sprintf(a->arena, "%lld", (long long)p->page.rev_count),
                                              fh_strndup(a->arena, p->page.rev, 12),
                                              admin_time(a, p->page.rev_date, ""),
                                              tags_text(a->arena, &p->page), systems_text(a->arena, p),
                                              p->complete_at ? "" : "not complete: seen by nobody"});
    }
    fh_table_print(t, STDOUT_FILENO);
    return FH_OK;
}

static int run_list(struct fh_cli *cli)
{
    struct page_work w = {0};
    return admin_run(cli, ADMIN_READY, list, &w);
}

static fh_err show(struct admin *a, struct fh_error *e)
{
    const struct page_work *w = a->arg;
    FH_TRY(admin_read(a, find_rows, e));
    const struct store_page_info *p = w->pages;
    if (admin_wants_json(a))
        return admin_print_json(page_json(p, true), e);
    printf("page           %lld\nrevision       %s\nof             %s\n", (long long)p->page.rev_count,
           p->page.rev, admin_time(a, p->page.rev_date, ""));
    printf("imported       %s\nstabilities    %s\n",
           admin_time(a, p->complete_at, "not complete: seen by nobody"),
           p->page.ntags ? tags_text(a->arena, &p->page) : "none: it answers nothing but a pin");
    for (int s = 1; s < FH_SYSTEM_END; s++)
        if (p->systems[s])
            printf("%-14s %lld packages\n", fh_system_name((enum fh_system)s), (long long)p->rows[s]);
    return FH_OK;
}

static int run_show(struct fh_cli *cli)
{
    struct page_work w = {.names = cli->args, .nnames = 1};
    return admin_run(cli, ADMIN_READY, show, &w);
}

static bool has(const char *const *tags, size_t n, const char *tag)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(tags[i], tag) == 0)
            return true;
    return false;
}

static fh_err tag_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct page_work *w = a->arg;
    FH_TRY(find_rows(c, a, e));
    struct store_catalog_page *p = &w->pages->page;
    const char **tags = fh_alloc(a->arena, (p->ntags + w->ntags) * sizeof *tags + 1);
    size_t n = 0;
    for (size_t i = 0; (w->add || w->remove) && i < p->ntags; i++)
        if (!w->remove || !has(w->tags, w->ntags, p->tags[i]))
            tags[n++] = p->tags[i];
    for (size_t i = 0; !w->remove && i < w->ntags; i++)
        if (!has(tags, n, w->tags[i]))
            tags[n++] = w->tags[i];
    if (n > FH_MAX_PAGE_TAGS)
        return FH_FAIL(e, FH_TOO_LARGE, "A page has at most %d stabilities.", FH_MAX_PAGE_TAGS);
    FH_TRY(store_page_set_tags(c, a->arena, p->id, tags, n, e));
    const char *text = "";
    for (size_t i = 0; i < n; i++)
        text = fh_sprintf(a->arena, "%s%s%s", text, i ? " " : "", tags[i]);
    w->tagged = text;
    return store_audit(c, &a->by, "catalog.tag", 0,
                       fh_sprintf(a->arena, "page %lld", (long long)p->rev_count),
                       fh_sprintf(a->arena, "{\"to\":\"%s\"}", text), e);
}

static fh_err tag(struct admin *a, struct fh_error *e)
{
    const struct page_work *w = a->arg;
    FH_TRY(change(a, tag_rows, e));
    if (*w->tagged)
        admin_say("Page %lld is %s.", (long long)w->pages->page.rev_count, w->tagged);
    else
        admin_say("Page %lld has no stability now: it answers nothing but a pin.",
                  (long long)w->pages->page.rev_count);
    return FH_OK;
}

static int run_tag(struct fh_cli *cli)
{
    const char *tags[FH_MAX_PAGE_TAGS + 1] = {""};
    struct page_work w = {.names = cli->args,
                          .nnames = 1,
                          .tags = tags,
                          .ntags = (size_t)cli->nargs - 1,
                          .add = fh_cli_flag(cli, "add"),
                          .remove = fh_cli_flag(cli, "remove")};
    if (w.add && w.remove)
        return fh_cli_usage(cli, "Either --add or --remove.");
    if (w.ntags > FH_MAX_PAGE_TAGS)
        return fh_cli_usage(cli, "A page has at most %d stabilities.", FH_MAX_PAGE_TAGS);
    for (size_t i = 0; i < w.ntags; i++) {
        tags[i] = cli->args[i + 1];
        if (!store_page_tag_is_valid(tags[i]))
            return fh_cli_usage(cli, "A stability is a word of small letters, digits, '.', '_' and '-'.");
    }
    return admin_run(cli, ADMIN_READY, tag, &w);
}

static fh_err remove_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct page_work *w = a->arg;
    FH_TRY(find_rows(c, a, e));
    int64_t *ids = fh_alloc(a->arena, w->n * sizeof *ids);
    for (size_t i = 0; i < w->n; i++)
        ids[i] = w->pages[i].page.id;
    FH_TRY(store_page_remove(c, ids, w->n, &w->swept, e));
    for (size_t i = 0; i < w->n; i++)
        FH_TRY(store_audit(c, &a->by, "catalog.remove", 0,
                           fh_sprintf(a->arena, "page %lld", (long long)w->pages[i].page.rev_count), NULL,
                           e));
    return FH_OK;
}

static fh_err remove_pages(struct admin *a, struct fh_error *e)
{
    const struct page_work *w = a->arg;
    FH_TRY(change(a, remove_rows, e));
    for (size_t i = 0; i < w->n; i++)
        admin_say("Page %lld is gone. Lock files that name it stay as they are.",
                  (long long)w->pages[i].page.rev_count);
    if (!w->swept)
        admin_say("An import is running, so what only this had is taken away with the next removal.");
    return FH_OK;
}

static int run_remove(struct fh_cli *cli)
{
    struct page_work w = {.names = cli->args, .nnames = cli->nargs};
    return admin_run(cli, ADMIN_READY, remove_pages, &w);
}

static const struct fh_opt json_opts[] = {ADMIN_JSON_OPT, {0}};
static const struct fh_opt tag_opts[] = {{.name = "add", .help = "Keep those that the page has."},
                                         {.name = "remove", .help = "Take these away and keep the others."},
                                         {0}};

const struct fh_verb admin_catalog_page_verbs[] = {
    {.path = "catalog page list",
     .summary = "List the pages: revisions of nixpkgs, newest first.",
     .opts = json_opts,
     .run = run_list},
    {.path = "catalog page show",
     .args = "PAGE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Say what a page has; PAGE is its number or revision.",
     .opts = json_opts,
     .run = run_show},
    {.path = "catalog page tag",
     .args = "PAGE [STABILITY…]",
     .min_args = 1,
     .max_args = -1,
     .summary = "Set the stabilities of a page.",
     .text =
         "They are exactly those given, unless --add or --remove is. A page without any answers nothing but "
         "a pin.",
     .opts = tag_opts,
     .run = run_tag},
    {.path = "catalog page remove",
     .args = "PAGE…",
     .min_args = 1,
     .max_args = -1,
     .summary = "Take pages away, with what only they had.",
     .text =
         "For pages that nobody should get packages from any more, and for one that was left half imported "
         "(--more). Lock files stay valid: they name derivations, not pages.",
     .run = run_remove},
    {0}};
