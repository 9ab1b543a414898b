/* Changes to a manifest's text. See manifest_edit.h.
 *
 * A change is a list of cuts: places of the text that get other bytes. They are found by the places of the
 * document's statements (toml_lines.h) and proven afterwards: the new text is parsed, and apart from the one
 * path it has to mean what the old one meant. So a way of writing that the places do not foresee ends in a
 * refusal, never in another change than was asked for.
 */
#include "common/manifest_edit.h"

#include "common/arena.h"
#include "common/ceilings.h"
#include "common/toml_json.h"
#include "common/toml_lines.h"

enum verb { SET, REMOVE, RENAME };

/* [from, to) becomes text */
struct cut {
    size_t from, to;
    const char *text;
};

struct edit {
    struct fh_arena *arena;
    const char *text;
    size_t n;
    const char *whole;    /* table and key as one dotted key */
    const char *argument; /* the value, or the new name */
    struct fh_toml_path path, table_path;
    const struct fh_toml_statement *statements;
    size_t count;
    struct cut *cuts; /* in the order of the text */
    size_t ncuts, room;
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

static struct fh_toml_path below(struct fh_toml_path path, size_t skipped)
{
    return (struct fh_toml_path){.count = path.count - skipped, .parts = path.parts + skipped};
}

static void cut(struct edit *ed, size_t from, size_t to, const char *text)
{
    if (ed->ncuts == ed->room) {
        size_t room = ed->room > 0 ? 2 * ed->room : 8;
        struct cut *more = fh_alloc(ed->arena, room * sizeof *more);
        for (size_t i = 0; i < ed->ncuts; i++)
            more[i] = ed->cuts[i];
        ed->cuts = more;
        ed->room = room;
    }
    ed->cuts[ed->ncuts++] = (struct cut){.from = from, .to = to, .text = text};
}

/* The path from its skipped-th part on, as the caller wrote it. */
static const char *key_text(const struct edit *ed, size_t skipped)
{
    size_t begin, end;
    fh_toml_key_part(ed->whole, strlen(ed->whole), skipped, &begin, &end);
    return ed->whole + begin;
}

/* -- proof */

/* Takes the key out of the tree, and tables that are empty without it. */
static void drop_path(json_t *object, struct fh_toml_path path)
{
    if (path.count == 0 || !json_is_object(object))
        return;
    json_t *value = json_object_get(object, path.parts[0]);
    drop_path(value, below(path, 1));
    if (path.count == 1 || (json_is_object(value) && json_object_size(value) == 0))
        json_object_del(object, path.parts[0]);
}

static json_t *at_path(json_t *object, struct fh_toml_path path)
{
    for (size_t i = 0; i < path.count; i++)
        object = json_object_get(object, path.parts[i]);
    return object;
}

/* Is it the value that was to be set, and nothing else? */
static bool is_argument(const struct edit *ed, json_t *value)
{
    const struct fh_toml *root;
    const char *line = fh_sprintf(ed->arena, "v = %s", ed->argument);
    if (fh_toml_parse(ed->arena, line, strlen(line), "value", &root, NULL) != FH_OK || root->count != 1)
        return false;
    return json_equal(value, fh_json_own(ed->arena, fh_json_from_toml(&root->entries[0].value)));
}

/* The old tree as it has to be after the change, but for what drop_path takes out of both. */
static bool foresee(const struct edit *ed, enum verb verb, json_t *before, json_t *after_there)
{
    if (verb == SET)
        return after_there && is_argument(ed, after_there);
    if (verb == REMOVE)
        return !after_there;
    struct fh_toml_path name = fh_toml_key_path(ed->arena, ed->argument, strlen(ed->argument));
    struct fh_toml_path parent_path = {.count = ed->path.count - 1, .parts = ed->path.parts};
    json_t *parent = at_path(before, parent_path), *value = at_path(before, ed->path);
    if (name.count != 1 || !value || json_object_get(parent, name.parts[0]) || after_there)
        return false;
    fh_json_set(parent, name.parts[0], json_incref(value));
    return true;
}

static fh_err check_change(const struct edit *ed, enum verb verb, const struct fh_buf *changed)
{
    const struct fh_toml *old, *new;
    const char *text = changed->data ? changed->data : "";
    FH_TRY(fh_toml_parse(ed->arena, ed->text, ed->n, "manifest.toml", &old, ed->e));
    bool proven = fh_toml_parse(ed->arena, text, changed->len, "manifest.toml", &new, NULL) == FH_OK;
    if (proven) {
        json_t *before = fh_json_own(ed->arena, fh_json_from_toml(old));
        json_t *after = fh_json_own(ed->arena, fh_json_from_toml(new));
        proven = foresee(ed, verb, before, at_path(after, ed->path));
        drop_path(before, ed->path);
        drop_path(after, ed->path);
        proven = proven && json_equal(before, after);
    }
    if (!proven)
        return FH_FAIL(ed->e, FH_CONFLICT, "'%s' cannot be changed in the way this manifest.toml is written.",
                       ed->whole);
    return FH_OK;
}

/* -- inline tables */

/* An inline table that the path leads into: its items, and which part of the path is looked for in it. */
struct braces {
    const struct fh_toml_statement *items;
    size_t count;
    size_t open, close;
    size_t skipped; /* parts of the path that lead here */
};

/* The innermost inline table on the way to the path, below a pair of the document; false when there is none.
 */
static bool find_braces(const struct edit *ed, struct braces *out)
{
    const struct fh_toml_statement *items = ed->statements;
    size_t count = ed->count, skipped = 0;
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        const struct fh_toml_statement *s = &items[i];
        struct fh_toml_path rest = below(ed->path, skipped);
        if (s->kind != FH_TOML_PAIR || s->path.count >= rest.count || !starts_with(rest, s->path) ||
            ed->text[s->value_begin] != '{')
            continue;
        skipped += s->path.count;
        out->open = s->value_begin;
        out->skipped = skipped;
        out->items = items =
            fh_toml_inline_items(ed->arena, ed->text, ed->n, s->value_begin, &count, &out->close);
        out->count = count;
        found = true;
        i = (size_t)-1;
    }
    return found;
}

/* An item goes with the comma in front of it, or, in front of the first that stays, with the one behind. */
static void remove_items(struct edit *ed, const struct braces *b, struct fh_toml_path rest)
{
    size_t kept = 0, left = 0;
    for (size_t i = 0; i < b->count; i++)
        left += !starts_with(b->items[i].path, rest);
    if (left == 0)
        cut(ed, b->open + 1, b->close, "");
    for (size_t i = 0; i < b->count && left > 0; i++) {
        if (!starts_with(b->items[i].path, rest))
            kept++;
        else if (kept > 0)
            cut(ed, b->items[i - 1].end, b->items[i].end, "");
        else
            cut(ed, b->items[i].begin, b->items[i + 1].begin, "");
    }
}

/* Cuts for what stands in braces; false when the path is not there. */
static bool change_inline(struct edit *ed, enum verb verb, const struct braces *b)
{
    struct fh_toml_path rest = below(ed->path, b->skipped);
    bool found = false;
    for (size_t i = 0; i < b->count; i++) {
        const struct fh_toml_statement *s = &b->items[i];
        size_t begin, end;
        if (!starts_with(s->path, rest))
            continue;
        found = true;
        fh_toml_key_part(ed->text + s->key_begin, s->key_end - s->key_begin, rest.count - 1, &begin, &end);
        if (verb == RENAME)
            cut(ed, s->key_begin + begin, s->key_begin + end, ed->argument);
        else if (verb == SET && same_path(s->path, rest))
            cut(ed, s->value_begin, s->value_end, ed->argument);
    }
    if (found && verb == REMOVE)
        remove_items(ed, b, rest);
    return found;
}

static void insert_inline(struct edit *ed, const struct braces *b)
{
    const char *pair = fh_sprintf(ed->arena, "%s = %s", key_text(ed, b->skipped), ed->argument);
    if (b->count == 0)
        cut(ed, b->open + 1, b->close, fh_sprintf(ed->arena, " %s ", pair));
    else
        cut(ed, b->items[b->count - 1].end, b->items[b->count - 1].end, fh_sprintf(ed->arena, ", %s", pair));
}

/* -- lines */

/* Where the lines at the end of a file without a line break there are removed, the break in front of them
 * goes, too. */
static void remove_last_break(struct edit *ed)
{
    size_t first = ed->ncuts;
    if (first == 0 || ed->cuts[first - 1].to != ed->n || ed->text[ed->n - 1] == '\n')
        return;
    do
        first--;
    while (first > 0 && ed->cuts[first - 1].to == ed->cuts[first].from);
    size_t from = ed->cuts[first].from;
    from -= from > 0 && ed->text[from - 1] == '\n';
    from -= from > 0 && from < ed->cuts[first].from && ed->text[from - 1] == '\r';
    ed->cuts[first].from = from;
}

/* Cuts for the statements of the path: its pair, or all that is below it. False when there is none. */
static bool change_lines(struct edit *ed, enum verb verb)
{
    bool done = false;
    for (size_t i = 0; i < ed->count; i++) {
        const struct fh_toml_statement *s = &ed->statements[i];
        if (s->kind == FH_TOML_OTHER || !starts_with(s->path, ed->path))
            continue;
        size_t written = s->kind == FH_TOML_PAIR ? s->nheader : 0; /* parts that stand in a header above */
        if (verb == SET && (s->kind != FH_TOML_PAIR || !same_path(s->path, ed->path)))
            continue;
        done = true;
        if (verb == REMOVE)
            cut(ed, s->begin, s->end, "");
        else if (verb == SET)
            cut(ed, s->value_begin, s->value_end, ed->argument);
        else if (written < ed->path.count) {
            size_t begin, end;
            fh_toml_key_part(ed->text + s->key_begin, s->key_end - s->key_begin, ed->path.count - 1 - written,
                             &begin, &end);
            cut(ed, s->key_begin + begin, s->key_begin + end, ed->argument);
        }
        if (verb == SET)
            break;
    }
    if (verb == REMOVE)
        remove_last_break(ed);
    return done;
}

/* Where a new pair goes: behind `place`, whose table's header gives so many parts of the path. */
struct place {
    const struct fh_toml_statement *after; /* NULL: at the beginning of the file */
    size_t nheader;
    size_t shared; /* parts that its neighbour's own key has in common with the path */
    bool exists;
};

/* A table that is written with dotted keys somewhere must not get a header as well, so that the neighbours'
 * section goes before one with a longer header. */
static bool is_better(const struct place *a, const struct place *b)
{
    size_t depth_a = a->nheader + a->shared, depth_b = b->nheader + b->shared;
    return !b->exists || depth_a > depth_b || (depth_a == depth_b && a->nheader >= b->nheader);
}

static struct place find_place(const struct edit *ed)
{
    struct place best = {.exists = false}, here = {.exists = true};
    bool inside = true; /* the section is one of the path's tables */
    for (size_t i = 0; i < ed->count; i++) {
        const struct fh_toml_statement *s = &ed->statements[i];
        if (s->kind == FH_TOML_OTHER)
            continue;
        if (s->kind == FH_TOML_HEADER) {
            inside = !s->is_array && s->path.count < ed->path.count && starts_with(ed->path, s->path);
            here = (struct place){.nheader = s->path.count, .exists = true};
        }
        if (!inside)
            continue;
        here.after = s;
        here.shared = 0;
        for (size_t k = here.nheader;
             s->kind == FH_TOML_PAIR && k + 1 < s->path.count && k + 1 < ed->path.count &&
             strcmp(s->path.parts[k], ed->path.parts[k]) == 0;
             k++)
            here.shared++;
        if (is_better(&here, &best))
            best = here;
    }
    return best;
}

static const char *line_break(const struct edit *ed, const struct fh_toml_statement *after)
{
    const char *newline = after && ed->text[after->end - 1] == '\n' ? ed->text + after->end - 1
                          : ed->n > 0                               ? memchr(ed->text, '\n', ed->n)
                                                                    : NULL;
    return newline && newline > ed->text && newline[-1] == '\r' ? "\r\n" : "\n";
}

static void insert_lines(struct edit *ed)
{
    struct place place = find_place(ed);
    const char *nl = line_break(ed, place.after);
    bool ended = ed->n == 0 || ed->text[ed->n - 1] == '\n';
    size_t mark = ed->n >= 3 && memcmp(ed->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */
    const char *pair = fh_sprintf(ed->arena, "%s = %s", key_text(ed, place.nheader), ed->argument);
    if (place.exists && place.nheader + place.shared >= ed->table_path.count) {
        size_t at = place.after->end;
        if (at == ed->n && !ended) /* the last line has no line break; the new last has none either */
            cut(ed, at, at, fh_sprintf(ed->arena, "%s%s", nl, pair));
        else
            cut(ed, at, at, fh_sprintf(ed->arena, "%s%s", pair, nl));
    } else if (ed->table_path.count == 0) {
        cut(ed, mark, mark, fh_sprintf(ed->arena, "%s%s", pair, nl));
    } else {
        const char *key = key_text(ed, ed->table_path.count);
        cut(ed, ed->n, ed->n,
            fh_sprintf(ed->arena, "%s%s[%.*s]%s%s = %s%s", ended ? "" : nl, ed->n > mark ? nl : "",
                       (int)(key - ed->whole - 1), ed->whole, nl, key, ed->argument, nl));
    }
}

/* -- an edit */

static fh_err write_cuts(const struct edit *ed, struct fh_buf *out)
{
    size_t at = 0;
    for (size_t i = 0; i < ed->ncuts; i++) {
        FH_TRY(fh_buf_add(out, ed->text + at, ed->cuts[i].from - at, ed->e));
        FH_TRY(fh_buf_add_str(out, ed->cuts[i].text, ed->e));
        at = ed->cuts[i].to;
    }
    return fh_buf_add(out, ed->text + at, ed->n - at, ed->e);
}

static fh_err run_edit(struct edit *ed, enum verb verb, struct fh_buf *changed)
{
    const struct fh_toml *root;
    struct braces braces;
    FH_TRY(fh_toml_parse(ed->arena, ed->text, ed->n, "manifest.toml", &root, ed->e));
    ed->path = fh_toml_key_path(ed->arena, ed->whole, strlen(ed->whole));
    ed->statements = fh_toml_statements(ed->arena, ed->text, ed->n, &ed->count);
    bool in_braces = find_braces(ed, &braces);
    bool found = in_braces ? change_inline(ed, verb, &braces) : change_lines(ed, verb);
    if (!found && verb != SET)
        return FH_FAIL(ed->e, FH_NOT_FOUND, "There is no '%s'.", ed->whole);
    if (!found && in_braces)
        insert_inline(ed, &braces);
    else if (!found)
        insert_lines(ed);
    FH_TRY(write_cuts(ed, changed));
    return check_change(ed, verb, changed);
}

static fh_err edit(const char *text, size_t n, const char *table, const char *key, enum verb verb,
                   const char *argument, struct fh_buf *out, struct fh_error *e)
{
    struct edit ed = {.arena = fh_arena_new(), .text = text, .n = n, .argument = argument, .e = e};
    struct fh_buf changed = FH_BUF_INIT(FH_MAX_MANIFEST);
    ed.whole = fh_sprintf(ed.arena, "%s%s%s", table, table[0] ? "." : "", key);
    ed.table_path = fh_toml_key_path(ed.arena, table, strlen(table));
    fh_err rc = run_edit(&ed, verb, &changed);
    if (rc == FH_OK)
        rc = fh_buf_add(out, changed.data, changed.len, e);
    fh_buf_free(&changed);
    fh_arena_free(ed.arena);
    return rc;
}

fh_err fh_manifest_edit_set(const char *text, size_t n, const char *table, const char *key, const char *value,
                            struct fh_buf *out, struct fh_error *e)
{
    return edit(text, n, table, key, SET, value, out, e);
}

fh_err fh_manifest_edit_remove(const char *text, size_t n, const char *table, const char *key,
                               struct fh_buf *out, struct fh_error *e)
{
    return edit(text, n, table, key, REMOVE, "", out, e);
}

fh_err fh_manifest_edit_rename(const char *text, size_t n, const char *table, const char *key,
                               const char *name, struct fh_buf *out, struct fh_error *e)
{
    return edit(text, n, table, key, RENAME, name, out, e);
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

fh_err fh_toml_quote_key(const char *s, struct fh_buf *out, struct fh_error *e)
{
    size_t bare = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    return s[0] && !s[bare] ? fh_buf_add_str(out, s, e) : fh_toml_quote(s, out, e);
}
