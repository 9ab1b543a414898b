/* Changes to a manifest's text. See manifest_edit.h.
 *
 * A change is found by the places of the document's statements (toml_lines.h) and proven afterwards: the new
 * text is parsed, and apart from the one key it has to mean what the old one meant. So a way of writing that
 * the places do not foresee ends in a refusal, never in another change than was asked for.
 */
#include "common/manifest_edit.h"

#include "common/arena.h"
#include "common/ceilings.h"
#include "common/toml_json.h"
#include "common/toml_lines.h"

struct edit {
    struct fh_arena *arena;
    const char *text;
    size_t n;
    const char *table, *key;
    struct fh_toml_path table_path;
    struct fh_toml_path path; /* table and key */
    const struct fh_toml_statement *statements;
    size_t count;
    struct fh_error *e;
};

static bool starts_with(struct fh_toml_path path, struct fh_toml_path head)
{
    if (path.count < head.count)
        return false;
    for (size_t i = 0; i < head.count; i++)
        if (strcmp(path.parts[i], head.parts[i]) != 0)
            return false;
    return true;
}

static bool same_path(struct fh_toml_path a, struct fh_toml_path b)
{
    return a.count == b.count && starts_with(a, b);
}

static const struct fh_toml_statement *find_pair(const struct edit *ed)
{
    for (size_t i = 0; i < ed->count; i++)
        if (ed->statements[i].kind == FH_TOML_PAIR && same_path(ed->statements[i].path, ed->path))
            return &ed->statements[i];
    return NULL;
}

/* The last statement of the table behind which a new pair may stand: its last pair, else its header. */
static const struct fh_toml_statement *find_place(const struct edit *ed)
{
    const struct fh_toml_statement *place = NULL;
    bool inside = ed->table_path.count == 0;
    for (size_t i = 0; i < ed->count; i++) {
        const struct fh_toml_statement *s = &ed->statements[i];
        if (s->kind == FH_TOML_HEADER)
            inside = !s->is_array && same_path(s->path, ed->table_path);
        if (inside && s->kind != FH_TOML_OTHER)
            place = s;
    }
    return place;
}

/* Takes the key out of the tree, and tables that are empty without it. */
static void drop_path(json_t *object, struct fh_toml_path path)
{
    if (path.count == 0 || !json_is_object(object))
        return;
    json_t *value = json_object_get(object, path.parts[0]);
    struct fh_toml_path rest = {.count = path.count - 1, .parts = path.parts + 1};
    drop_path(value, rest);
    if (path.count == 1 || (json_is_object(value) && json_object_size(value) == 0))
        json_object_del(object, path.parts[0]);
}

static bool has_path(const json_t *object, struct fh_toml_path path)
{
    for (size_t i = 0; i < path.count; i++)
        object = json_object_get(object, path.parts[i]);
    return object != NULL;
}

static fh_err check_change(const struct edit *ed, const struct fh_buf *changed, bool there)
{
    const struct fh_toml *old, *new;
    FH_TRY(fh_toml_parse(ed->arena, ed->text, ed->n, "manifest.toml", &old, ed->e));
    bool proven = fh_toml_parse(ed->arena, changed->data, changed->len, "manifest.toml", &new, NULL) == FH_OK;
    if (proven) {
        json_t *before = fh_json_own(ed->arena, fh_json_from_toml(old));
        json_t *after = fh_json_own(ed->arena, fh_json_from_toml(new));
        proven = has_path(after, ed->path) == there;
        drop_path(before, ed->path);
        drop_path(after, ed->path);
        proven = proven && json_equal(before, after);
    }
    if (!proven)
        return FH_FAIL(ed->e, FH_CONFLICT, "'%s' cannot be changed in the way this manifest.toml is written.",
                       ed->key);
    return FH_OK;
}

/* text with [from, to) replaced by the middle parts */
static fh_err splice(const struct edit *ed, size_t from, size_t to, const char *const *middle,
                     struct fh_buf *out)
{
    FH_TRY(fh_buf_add(out, ed->text, from, ed->e));
    for (; *middle; middle++)
        FH_TRY(fh_buf_add_str(out, *middle, ed->e));
    return fh_buf_add(out, ed->text + to, ed->n - to, ed->e);
}

static const char *line_break(const struct edit *ed)
{
    const char *newline = memchr(ed->text, '\n', ed->n);
    return newline && newline > ed->text && newline[-1] == '\r' ? "\r\n" : "\n";
}

static fh_err insert_pair(const struct edit *ed, const char *value, struct fh_buf *out)
{
    const char *nl = line_break(ed);
    const struct fh_toml_statement *place = find_place(ed);
    bool ended = ed->n == 0 || ed->text[ed->n - 1] == '\n';
    if (place && place->end == ed->n &&
        !ended) /* the last line has no line break; the new last has none either */
        return splice(ed, ed->n, ed->n, (const char *[]){nl, ed->key, " = ", value, NULL}, out);
    if (place || ed->table_path.count == 0) {
        size_t mark = ed->n >= 3 && memcmp(ed->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */
        size_t at = place ? place->end : mark;
        return splice(ed, at, at, (const char *[]){ed->key, " = ", value, nl, NULL}, out);
    }
    const char *gap = ed->n > 0 ? nl : "";
    return splice(
        ed, ed->n, ed->n,
        (const char *[]){ended ? "" : nl, gap, "[", ed->table, "]", nl, ed->key, " = ", value, nl, NULL},
        out);
}

/* Without a line break behind the removed lines, the one in front of them goes. */
static fh_err remove_pair(const struct edit *ed, const struct fh_toml_statement *pair, struct fh_buf *out)
{
    size_t from = pair->begin;
    if (pair->end == ed->n && ed->text[ed->n - 1] != '\n' && from > 0) {
        from--;
        if (from > 0 && ed->text[from - 1] == '\r')
            from--;
    }
    return splice(ed, from, pair->end, (const char *[]){NULL}, out);
}

static fh_err open_edit(struct edit *ed)
{
    const struct fh_toml *root;
    FH_TRY(fh_toml_parse(ed->arena, ed->text, ed->n, "manifest.toml", &root, ed->e));
    ed->table_path = fh_toml_key_path(ed->arena, ed->table, strlen(ed->table));
    char *whole = fh_sprintf(ed->arena, "%s.%s", ed->table, ed->key);
    ed->path = fh_toml_key_path(ed->arena, whole, strlen(whole));
    ed->statements = fh_toml_statements(ed->arena, ed->text, ed->n, &ed->count);
    return FH_OK;
}

/* value: NULL removes */
static fh_err run_edit(struct edit *ed, const char *value, struct fh_buf *changed)
{
    FH_TRY(open_edit(ed));
    const struct fh_toml_statement *pair = find_pair(ed);
    if (!value && !pair)
        return FH_FAIL(ed->e, FH_NOT_FOUND, "There is no '%s' in [%s].", ed->key, ed->table);
    if (!value)
        FH_TRY(remove_pair(ed, pair, changed));
    else if (pair)
        FH_TRY(splice(ed, pair->value_begin, pair->value_end, (const char *[]){value, NULL}, changed));
    else
        FH_TRY(insert_pair(ed, value, changed));
    return check_change(ed, changed, value != NULL);
}

static fh_err edit(const char *text, size_t n, const char *table, const char *key, const char *value,
                   struct fh_buf *out, struct fh_error *e)
{
    struct edit ed = {.arena = fh_arena_new(), .text = text, .n = n, .table = table, .key = key, .e = e};
    struct fh_buf changed = FH_BUF_INIT(FH_MAX_MANIFEST);
    fh_err rc = run_edit(&ed, value, &changed);
    if (rc == FH_OK)
        rc = fh_buf_add(out, changed.data, changed.len, e);
    fh_buf_free(&changed);
    fh_arena_free(ed.arena);
    return rc;
}

fh_err fh_manifest_edit_set(const char *text, size_t n, const char *table, const char *key, const char *value,
                            struct fh_buf *out, struct fh_error *e)
{
    return edit(text, n, table, key, value, out, e);
}

fh_err fh_manifest_edit_remove(const char *text, size_t n, const char *table, const char *key,
                               struct fh_buf *out, struct fh_error *e)
{
    return edit(text, n, table, key, NULL, out, e);
}

fh_err fh_toml_quote(const char *s, struct fh_buf *out, struct fh_error *e)
{
    FH_TRY(fh_buf_add_char(out, '"', e));
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        const char *letter = strchr("\bb\tt\nn\ff\rr\"\"\\\\", c);
        if (letter && (c < 0x20 || c == '"' || c == '\\'))
            FH_TRY(fh_buf_addf(out, e, "\\%c", letter[1]));
        else if (c < 0x20 || c == 0x7f)
            FH_TRY(fh_buf_addf(out, e, "\\u%04X", c));
        else
            FH_TRY(fh_buf_add_char(out, *s, e));
    }
    return fh_buf_add_char(out, '"', e);
}
