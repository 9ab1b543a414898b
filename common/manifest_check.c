/* Holds a document against the tables of the manifest format and writes it as a lock has it: keys in the
 * tables' order, the user's own keys sorted. See manifest_check.h. */
#include "common/manifest_check.h"

#include "common/ceilings.h"
#include "common/toml_json.h"

enum { MAX_PATH_TEXT = 240 };

struct checker {
    const char *name;
    enum fh_schema schema;
    char path[MAX_PATH_TEXT]; /* of the value looked at: install.hello.version */
    size_t path_len;
    struct fh_error *e;
};

fh_err fh_manifest_fail(const char *name, unsigned line, unsigned column, struct fh_error *e,
                        const char *format, ...)
{
    char sentence[640];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (line > 0)
        return FH_FAIL(e, FH_INVALID, "%s:%u:%u: %s", name, line, column, sentence);
    return FH_FAIL(e, FH_INVALID, "%s: %s", name, sentence);
}

/* Text of the file as it may be shown: no control characters. */
static void show_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
}

/* A key as it may be shown: bare where TOML lets it be, else in quotes. */
static void show_key(char *out, size_t size, const char *key)
{
    char text[MAX_PATH_TEXT];
    show_text(text, sizeof text, key);
    bool bare = key[0] != '\0';
    for (const char *p = key; *p; p++)
        bare = bare && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", *p) != NULL;
    snprintf(out, size, bare ? "%s" : "\"%s\"", text);
}

/* Returns the length to go back to with leave(). A path that grows too long is cut. */
static size_t enter(struct checker *c, const char *key)
{
    size_t before = c->path_len;
    char shown[MAX_PATH_TEXT];
    show_key(shown, sizeof shown, key);
    snprintf(c->path + before, sizeof c->path - before, before > 0 ? ".%s" : "%s", shown);
    c->path_len = strlen(c->path);
    return before;
}

static void leave(struct checker *c, size_t before)
{
    c->path_len = before;
    c->path[before] = '\0';
}

static fh_err wrong_type(struct checker *c, const struct fh_toml *v, const char *expected)
{
    return fh_manifest_fail(c->name, v->line, v->column, c->e, "'%s': invalid type: %s, expected %s.",
                            c->path, fh_toml_kind_name(v->kind), expected);
}

static bool is_known(const struct checker *c, const struct fh_key_rule *rule)
{
    return c->schema >= rule->since && c->schema <= rule->until;
}

/* "expected `a`", "expected `a` or `b`", "expected one of `a`, `b`, `c`" */
static void list_words(char *out, size_t size, const char *const *words, size_t n)
{
    size_t used = (size_t)snprintf(out, size, n > 2 ? "expected one of " : "expected ");
    for (size_t i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s`%s`",
                                 i == 0   ? ""
                                 : n == 2 ? " or "
                                          : ", ",
                                 words[i]);
}

static fh_err unknown_key(struct checker *c, const struct fh_table_rule *rule,
                          const struct fh_toml_entry *entry)
{
    const char *known[48];
    size_t n = 0;
    for (const struct fh_key_rule *k = rule->keys; k->key; k++)
        if (is_known(c, k) && n < sizeof known / sizeof *known)
            known[n++] = k->key;
    char list[400], shown[100];
    list_words(list, sizeof list, known, n);
    show_key(shown, sizeof shown, entry->key);
    size_t before = enter(c, entry->key);
    fh_err rc = fh_manifest_fail(c->name, entry->line, entry->column, c->e, "'%s': unknown field `%s`, %s.",
                                 c->path, shown, list);
    leave(c, before);
    return rc;
}

/* MAJOR.MINOR.PATCH with an optional -PRE and +BUILD (semver.org 2.0.0). */
static bool is_semver(const char *s)
{
    for (int part = 0; part < 3; part++) {
        size_t digits = strspn(s, "0123456789");
        if (digits == 0 || (digits > 1 && s[0] == '0'))
            return false;
        s += digits;
        if (part < 2 && *s++ != '.')
            return false;
    }
    for (char mark = '-'; mark; mark = mark == '-' ? '+' : '\0') {
        if (*s != mark)
            continue;
        size_t n;
        do {
            s++;
            n = strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");
            if (n == 0 || (mark == '-' && n > 1 && s[0] == '0' && strspn(s, "0123456789") == n))
                return false;
            s += n;
        } while (*s == '.');
    }
    return *s == '\0';
}

static fh_err check_text(struct checker *c, const struct fh_key_rule *rule, enum fh_shape shape,
                         const struct fh_toml *v, json_t **out)
{
    if (v->kind != FH_TOML_STRING)
        return wrong_type(c, v, "a string");
    if (shape == FH_SHAPE_SEMVER && !is_semver(v->text))
        return fh_manifest_fail(c->name, v->line, v->column, c->e,
                                "'%s': expected a version such as \"1.11.0\".", c->path);
    if (shape == FH_SHAPE_REFERENCE) {
        const char *slash = strchr(v->text, '/');
        if (!slash || slash == v->text || !slash[1] || strchr(slash + 1, '/') || strchr(v->text, ' '))
            return fh_manifest_fail(c->name, v->line, v->column, c->e,
                                    "'%s': expected an environment as \"owner/name\".", c->path);
    }
    if (shape == FH_SHAPE_WORD) {
        size_t n = 0;
        bool known = false;
        for (; rule->words[n]; n++)
            known = known || strcmp(rule->words[n], v->text) == 0;
        char list[300], shown[100];
        list_words(list, sizeof list, rule->words, n);
        show_text(shown, sizeof shown, v->text);
        if (!known)
            return fh_manifest_fail(c->name, v->line, v->column, c->e, "'%s': unknown variant `%s`, %s.",
                                    c->path, shown, list);
    }
    *out = fh_json_text(v->text);
    return FH_OK;
}

static fh_err check_number(struct checker *c, enum fh_shape shape, const struct fh_toml *v, json_t **out)
{
    if (v->kind != FH_TOML_INTEGER)
        return wrong_type(c, v, "an unsigned integer");
    if (v->integer < 0 || (shape == FH_SHAPE_UNSIGNED_32 && v->integer > UINT32_MAX))
        return fh_manifest_fail(
            c->name, v->line, v->column, c->e, "'%s': invalid value: integer `%lld`, expected %s.", c->path,
            (long long)v->integer, shape == FH_SHAPE_UNSIGNED_32 ? "0 to 4294967295" : "zero or more");
    *out = json_integer(v->integer);
    return FH_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static fh_err check_strings(struct checker *c, enum fh_shape shape, const struct fh_toml *v, json_t **out)
{
    if (shape == FH_SHAPE_OUTPUTS && v->kind == FH_TOML_STRING && strcmp(v->text, "all") == 0) {
        *out = json_string("all");
        return FH_OK;
    }
    const char *expected =
        shape == FH_SHAPE_OUTPUTS ? "\"all\" or an array of strings" : "an array of strings";
    if (v->kind != FH_TOML_ARRAY)
        return wrong_type(c, v, expected);
    for (size_t i = 0; i < v->count; i++)
        if (v->items[i].kind != FH_TOML_STRING)
            return wrong_type(c, &v->items[i], expected);
    const char **texts = calloc(v->count + 1, sizeof *texts);
    if (!texts)
        abort();
    for (size_t i = 0; i < v->count; i++)
        texts[i] = v->items[i].text;
    if (shape == FH_SHAPE_STRING_SET)
        qsort(texts, v->count, sizeof *texts, by_text);
    *out = json_array();
    for (size_t i = 0; i < v->count; i++)
        if (shape != FH_SHAPE_STRING_SET || i == 0 || strcmp(texts[i - 1], texts[i]) != 0)
            fh_json_push(*out, fh_json_text(texts[i]));
    free(texts);
    return FH_OK;
}

static fh_err check_string_map(struct checker *c, const struct fh_toml *v, json_t **out)
{
    if (v->kind != FH_TOML_TABLE)
        return wrong_type(c, v, "a table");
    json_t *map = json_object();
    for (size_t i = 0; i < v->count; i++) {
        const struct fh_toml_entry *entry = &v->entries[i];
        if (entry->value.kind != FH_TOML_STRING) {
            json_decref(map);
            enter(c, entry->key);
            return wrong_type(c, &entry->value, "a string");
        }
        fh_json_set(map, entry->key, fh_json_text(entry->value.text));
    }
    *out = map;
    return FH_OK;
}

static fh_err check_table(struct checker *c, const struct fh_table_rule *rule, const struct fh_toml *v,
                          json_t **out);

static fh_err check_choice(struct checker *c, const struct fh_choice *choice, const struct fh_toml *v,
                           json_t **out)
{
    if (choice->has_text && v->kind == FH_TOML_STRING)
        return check_text(c, NULL, choice->text, v, out);
    for (size_t i = 0; v->kind == FH_TOML_TABLE && choice->tables[i]; i++) {
        const struct fh_key_rule *first = choice->tables[i]->keys;
        if (fh_toml_find(v, first->key) || (first->alias && fh_toml_find(v, first->alias)))
            return check_table(c, choice->tables[i], v, out);
    }
    return fh_manifest_fail(c->name, v->line, v->column, c->e, "'%s': %s", c->path, choice->expecting);
}

static fh_err check_choices(struct checker *c, const struct fh_choice *choice, const struct fh_toml *v,
                            json_t **out)
{
    if (v->kind != FH_TOML_ARRAY)
        return wrong_type(c, v, "an array of tables");
    json_t *array = json_array();
    for (size_t i = 0; i < v->count; i++) {
        json_t *item = NULL;
        fh_err rc = check_choice(c, choice, &v->items[i], &item);
        if (rc != FH_OK) {
            json_decref(array);
            return rc;
        }
        fh_json_push(array, item);
    }
    *out = array;
    return FH_OK;
}

static fh_err check_value(struct checker *c, const struct fh_key_rule *rule, const struct fh_toml *v,
                          json_t **out)
{
    switch (rule->shape) {
    case FH_SHAPE_STRING:
    case FH_SHAPE_SEMVER:
    case FH_SHAPE_WORD:
    case FH_SHAPE_REFERENCE:
        return check_text(c, rule, rule->shape, v, out);
    case FH_SHAPE_BOOLEAN:
        if (v->kind != FH_TOML_BOOLEAN)
            return wrong_type(c, v, "a boolean");
        *out = json_boolean(v->boolean);
        return FH_OK;
    case FH_SHAPE_UNSIGNED:
    case FH_SHAPE_UNSIGNED_32:
        return check_number(c, rule->shape, v, out);
    case FH_SHAPE_STRINGS:
    case FH_SHAPE_STRING_SET:
    case FH_SHAPE_OUTPUTS:
        return check_strings(c, rule->shape, v, out);
    case FH_SHAPE_STRING_MAP:
        return check_string_map(c, v, out);
    case FH_SHAPE_TABLE:
        return check_table(c, rule->table, v, out);
    case FH_SHAPE_CHOICE:
        return check_choice(c, rule->choice, v, out);
    case FH_SHAPE_CHOICES:
        return check_choices(c, rule->choice, v, out);
    case FH_SHAPE_FREE_MAP:
        if (v->kind != FH_TOML_TABLE)
            return wrong_type(c, v, "a table");
        *out = fh_json_from_toml(v);
        return FH_OK;
    }
    return FH_FAIL(c->e, FH_INTERNAL, "The manifest tables have a shape without a check.");
}

static const struct fh_key_rule *find_rule(const struct checker *c, const struct fh_table_rule *rule,
                                           const char *key)
{
    for (const struct fh_key_rule *k = rule->keys; k->key; k++)
        if (is_known(c, k) && (strcmp(k->key, key) == 0 || (k->alias && strcmp(k->alias, key) == 0)))
            return k;
    return NULL;
}

/* One key of the format, which may be absent. */
static fh_err check_key(struct checker *c, const struct fh_key_rule *rule, const struct fh_toml *table,
                        json_t *out)
{
    const struct fh_toml_entry *entry = fh_toml_find(table, rule->key);
    const struct fh_toml_entry *alias = rule->alias ? fh_toml_find(table, rule->alias) : NULL;
    if (entry && alias)
        return fh_manifest_fail(c->name, alias->line, alias->column, c->e, "'%s': duplicate field `%s`.",
                                c->path, rule->key);
    entry = entry ? entry : alias;
    if (!entry || entry->value.kind == FH_TOML_NULL) { /* in locks null means absent */
        if (rule->presence == FH_REQUIRED)
            return fh_manifest_fail(c->name, table->line, table->column, c->e, "'%s': missing field `%s`.",
                                    c->path, rule->key);
        if (rule->presence == FH_ALWAYS)
            fh_json_set(out, rule->key, json_object());
        return FH_OK;
    }
    size_t before = enter(c, entry->key);
    json_t *value = NULL;
    FH_TRY(check_value(c, rule, &entry->value, &value));
    leave(c, before);
    bool empty = json_is_array(value) ? json_array_size(value) == 0
                                      : json_is_object(value) && json_object_size(value) == 0;
    if (empty && rule->presence == FH_OMIT_EMPTY)
        json_decref(value);
    else
        fh_json_set(out, rule->key, value);
    return FH_OK;
}

static fh_err fill_table(struct checker *c, const struct fh_table_rule *rule, const struct fh_toml *v,
                         json_t *out)
{
    for (size_t i = 0; i < v->count; i++)
        if (!rule->others && !rule->other_choice && !find_rule(c, rule, v->entries[i].key))
            return unknown_key(c, rule, &v->entries[i]);
    for (const struct fh_key_rule *k = rule->keys; k->key; k++)
        if (is_known(c, k))
            FH_TRY(check_key(c, k, v, out));
    for (size_t i = 0; i < v->count && (rule->others || rule->other_choice); i++) {
        const struct fh_toml_entry *entry = &v->entries[i];
        if (find_rule(c, rule, entry->key))
            continue;
        json_t *value = NULL;
        size_t before = enter(c, entry->key);
        FH_TRY(rule->others ? check_table(c, rule->others, &entry->value, &value)
                            : check_choice(c, rule->other_choice, &entry->value, &value));
        leave(c, before);
        fh_json_set(out, entry->key, value);
    }
    return FH_OK;
}

static fh_err check_table(struct checker *c, const struct fh_table_rule *rule, const struct fh_toml *v,
                          json_t **out)
{
    if (v->kind != FH_TOML_TABLE)
        return wrong_type(c, v, "a table");
    json_t *object = json_object();
    fh_err rc = fill_table(c, rule, v, object);
    if (rc == FH_OK)
        *out = object;
    else
        json_decref(object);
    return rc;
}

/* The version decides which keys are known, so it is looked at first; 'version' goes before 'schema-version'
 * (manifest-lockfile-client §3.1). */
static fh_err find_schema(const struct fh_toml *root, const char *name, enum fh_schema *out,
                          struct fh_error *e)
{
    const struct fh_toml_entry *old = fh_toml_find(root, "version");
    const struct fh_toml_entry *entry = old ? old : fh_toml_find(root, "schema-version");
    if (!entry)
        return fh_manifest_fail(name, root->line, root->column, e,
                                "manifest 'schema-version' field is missing.");
    const struct fh_toml *v = &entry->value;
    if (old && v->kind != FH_TOML_INTEGER)
        return fh_manifest_fail(name, v->line, v->column, e, "'version' field must be an integer.");
    if (!old && v->kind != FH_TOML_STRING)
        return fh_manifest_fail(name, v->line, v->column, e,
                                "'schema-version' field must be a version string like \"X.Y.Z\".");
    if (old && v->integer == 1) {
        *out = FH_SCHEMA_V1;
        return FH_OK;
    }
    if (old)
        return fh_manifest_fail(name, v->line, v->column, e, "manifest had invalid schema version '%lld'.",
                                (long long)v->integer);
    for (enum fh_schema s = FH_SCHEMA_1_10; s <= FH_SCHEMA_NEWEST; s++)
        if (strcmp(v->text, fh_schema_text(s)) == 0) {
            *out = s;
            return FH_OK;
        }
    char shown[100];
    show_text(shown, sizeof shown, v->text);
    return fh_manifest_fail(name, v->line, v->column, e, "manifest had invalid schema version '%s'.", shown);
}

fh_err fh_manifest_check(const struct fh_toml *root, const char *name, enum fh_schema *schema, json_t **out,
                         struct fh_error *e)
{
    struct checker c = {.name = name, .e = e};
    FH_TRY(find_schema(root, name, &c.schema, e));
    FH_TRY(check_table(&c, &fh_manifest_rule, root, out));
    *schema = c.schema;
    return FH_OK;
}
