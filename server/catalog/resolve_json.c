/* Answers of resolve as JSON (catalog-read-api 3.4). See resolve_json.h. */
#include "server/catalog/resolve_json.h"

#include "server/catalog/catalog_http.h"

static const char *level_name(enum resolve_level level)
{
    static const char *const names[] = {
        [RESOLVE_TRACE] = "trace", [RESOLVE_WARNING] = "warning", [RESOLVE_ERROR] = "error"};
    return names[level];
}

fh_err resolve_put_messages(struct fh_buf *b, const char *key, const struct resolve_messages *messages,
                            struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, key, "[", e));
    for (size_t i = 0; i < messages->n; i++) {
        const struct resolve_message *m = &messages->items[i];
        FH_TRY(catalog_put_json(b, NULL, "{", e));
        FH_TRY(catalog_put_text(b, "level", level_name(m->level), e));
        FH_TRY(catalog_put_text(b, "type", m->type, e));
        FH_TRY(catalog_put_text(b, "message", m->text, e));
        FH_TRY(catalog_put_json(b, "context", "{", e));
        for (size_t k = 0; k < m->ncontext; k++)
            FH_TRY(catalog_put_text(b, m->context[k].key, m->context[k].value, e));
        FH_TRY(catalog_put(b, "}}", e));
    }
    return catalog_put(b, "]", e);
}

/* The row as it is shown everywhere, and what it was asked for as behind it. */
static fh_err put_packages(struct fh_buf *b, const struct resolve_group_answer *g,
                           const struct resolve_shown *shown, struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, "packages", "[", e));
    for (size_t i = 0; i < g->nrows; i++) {
        FH_TRY(catalog_put_json(b, NULL, "", e));
        FH_TRY(fh_buf_add(b, shown[i].text, shown[i].n - 1, e));
        FH_TRY(catalog_put_text(b, "install_id", g->rows[i].descriptor->install_id, e));
        FH_TRY(catalog_put(b, "}", e));
    }
    return catalog_put(b, "]", e);
}

static fh_err put_page_head(struct fh_buf *b, int64_t number, struct fh_error *e)
{
    FH_TRY(catalog_put_int(b, "page", number, e));
    return catalog_put_text(b, "url", "", e);
}

static fh_err put_page(struct fh_buf *b, const struct resolve_group_answer *g,
                       const struct resolve_shown *shown, struct fh_error *e)
{
    if (!g->is_found)
        return catalog_put_json(b, "page", NULL, e);
    FH_TRY(catalog_put_json(b, "page", "{", e));
    FH_TRY(put_page_head(b, g->number, e));
    FH_TRY(put_packages(b, g, shown, e));
    FH_TRY(resolve_put_messages(b, "messages", &g->page_messages, e));
    FH_TRY(catalog_put_json(b, "complete", "true", e));
    return catalog_put(b, "}", e);
}

/* null where none were asked for. */
static fh_err put_further(struct fh_buf *b, const struct resolve_question *q,
                          const struct resolve_group_answer *g, struct fh_error *e)
{
    if (q->request->candidate_pages == 0 || !g->is_found)
        return catalog_put_json(b, "candidate_pages", NULL, e);
    FH_TRY(catalog_put_json(b, "candidate_pages", "[", e));
    for (size_t i = 0; i < g->nfurther; i++) {
        FH_TRY(catalog_put_json(b, NULL, "{", e));
        FH_TRY(put_page_head(b, q->calendar->pages.items[g->further[i]].rev_count, e));
        FH_TRY(catalog_put(b, ",\"packages\":null,\"messages\":[],\"complete\":true}", e));
    }
    return catalog_put(b, "]", e);
}

fh_err resolve_put_answer(struct fh_buf *b, const struct resolve_question *q, struct fh_error *e)
{
    const struct resolve_shown *shown = q->shown;
    FH_TRY(catalog_put(b, "{\"items\":[", e));
    for (size_t i = 0; i < q->answer->n; i++) {
        const struct resolve_group_answer *g = &q->answer->groups[i];
        FH_TRY(catalog_put_json(b, NULL, "{", e));
        FH_TRY(catalog_put_text(b, "name", g->group->name, e));
        FH_TRY(put_page(b, g, shown, e));
        FH_TRY(put_further(b, q, g, e));
        FH_TRY(resolve_put_messages(b, "messages", &g->messages, e));
        FH_TRY(catalog_put(b, "}", e));
        shown += g->nrows;
    }
    return catalog_put(b, "]}", e);
}
