/* What the catalog is asked to make a lock, and the entries of a lock that its answer gives
 * (manifest-lockfile-client §4.2, §5.1, §5.2; catalog-read-api §3.4, §7, §8). See locking_parts.h.
 *
 * A group is good when its page is there and complete. Anything else is a failure, told by the group's
 * messages of level error: the lock is all or nothing.
 */
#include "common/cli.h"
#include "common/clock.h"
#include "common/json_model.h"
#include "common/locking_parts.h"
#include "common/storepath.h"

enum { MOST_FAILURES = 100, MOST_SYSTEMS = 16 }; /* that are told */

/* -- the question */

static void set_flag(json_t *object, const char *key, int value)
{
    fh_json_set(object, key, value < 0 ? json_null() : json_boolean(value));
}

static json_t *text_list(const struct fh_strings *strings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < strings->count; i++)
        fh_json_push(list, fh_json_text(strings->items[i]));
    return list;
}

static json_t *descriptor_json(const struct fh_locking *l, const struct lock_descriptor *d)
{
    const struct fh_manifest *m = l->manifest;
    json_t *json = json_object(), *systems = json_array();
    set_flag(json, "allow_broken", m->allow_broken);
    set_flag(json, "allow_insecure", -1);
    set_flag(json, "allow_pre_releases", m->allow_pre_releases);
    set_flag(json, "allow_unfree", m->allow_unfree);
    if (m->licenses.count > 0)
        fh_json_set(json, "allowed_licenses", text_list(&m->licenses));
    fh_json_set(json, "attr_path", fh_json_text(d->package->path));
    if (d->locked)
        fh_json_set(json, "derivation", fh_json_text(d->locked->derivation));
    fh_json_set(json, "install_id", fh_json_text(d->package->id));
    fh_json_push(systems, fh_json_text(d->system));
    fh_json_set(json, "systems", systems);
    if (d->package->version)
        fh_json_set(json, "version", fh_json_text(d->package->version));
    return json;
}

json_t *lock_question(const struct fh_locking *l)
{
    json_t *question = json_object(), *items = json_array();
    for (size_t i = 0; i < l->nasked; i++) {
        json_t *group = json_object(), *descriptors = json_array();
        for (size_t k = 0; k < l->asked[i].ndescriptors; k++)
            fh_json_push(descriptors, descriptor_json(l, &l->asked[i].descriptors[k]));
        fh_json_set(group, "name", fh_json_text(l->asked[i].name));
        fh_json_set(group, "descriptors", descriptors);
        fh_json_push(items, group);
    }
    fh_json_set(question, "items", items);
    return question;
}

/* -- entries */

static fh_err refuse_row(const struct fh_locking *l, const json_t *row, const char *key)
{
    const char *id = fh_json_string(row, "install_id");
    return FH_FAIL(l->e, FH_UNAVAILABLE, "The catalog's answer about '%s' has no usable '%s'.",
                   fh_json_shown(l->arena, id ? id : "?"), key);
}

enum field_kind { TEXT, WORD, PATH, COUNT, TIME, TEXT_OR_NOTHING, FLAG_OR_NOTHING, LIST_OR_NOTHING, SCRAPED };
static const struct field {
    const char *name;
    enum field_kind kind;
} fields[] = {
    {"attr_path", WORD},
    {"broken", FLAG_OR_NOTHING},
    {"derivation", PATH},
    {"description", TEXT_OR_NOTHING},
    {"install_id", TEXT},
    {"license", TEXT_OR_NOTHING},
    {"locked_url", WORD},
    {"name", TEXT},
    {"pname", TEXT},
    {"rev", TEXT},
    {"rev_count", COUNT},
    {"rev_date", TIME},
    {"scrape_date", SCRAPED},
    {"stabilities", LIST_OR_NOTHING},
    {"unfree", FLAG_OR_NOTHING},
    {"version", TEXT},
    {"outputs_to_install", LIST_OR_NOTHING},
};

/* What becomes a part of other programs' lines and files: one word, of what can be seen. */
static bool is_word(const char *text)
{
    char *safe = fh_term_safe(text);
    bool same = strcmp(safe, text) == 0 && strchr(text, ' ') == NULL;
    free(safe);
    return same;
}

static bool is_text_list(const json_t *value)
{
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) if (!json_is_string(item)) return false;
    return json_is_array(value);
}

/* A time as the official client writes it: in UTC, its fraction in three digits, six or nine. */
static json_t *time_json(const struct fh_locking *l, const json_t *value)
{
    char text[FH_RFC3339_SIZE];
    if (!json_is_string(value) || !fh_time_to_utc(json_string_value(value), text))
        return NULL;
    return fh_json_text(fh_strdup(l->arena, text));
}

/* The field's value in the lock; NULL: it is not written, or (*wrong) it is not what it has to be. */
static json_t *field_json(const struct fh_locking *l, const struct field *f, json_t *value, bool *wrong)
{
    bool nothing = !value || json_is_null(value);
    json_t *out = NULL;
    switch (f->kind) {
    case TEXT_OR_NOTHING:
    case FLAG_OR_NOTHING:
    case LIST_OR_NOTHING:
        if (nothing)
            return NULL;
        break;
    case SCRAPED:
        if (nothing)
            return fh_json_text(l->input.now);
        break;
    case TEXT:
    case WORD:
    case PATH:
    case COUNT:
    case TIME:
        break;
    }
    if (f->kind == WORD)
        out = json_is_string(value) && is_word(json_string_value(value)) ? json_incref(value) : NULL;
    else if (f->kind == PATH)
        out = json_is_string(value) && fh_store_path_is_valid(json_string_value(value)) ? json_incref(value)
                                                                                        : NULL;
    else if (f->kind == TEXT || f->kind == TEXT_OR_NOTHING)
        out = json_is_string(value) ? json_incref(value) : NULL;
    else if (f->kind == FLAG_OR_NOTHING)
        out = json_is_boolean(value) ? json_incref(value) : NULL;
    else if (f->kind == LIST_OR_NOTHING)
        out = is_text_list(value) ? json_incref(value) : NULL;
    else if (f->kind == COUNT)
        out = json_is_integer(value) ? json_incref(value) : NULL;
    else
        out = time_json(l, value);
    *wrong = out == NULL;
    return out;
}

struct output {
    const char *name, *path;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct output *)a)->name, ((const struct output *)b)->name);
}

/* [{"name", "store_path"}] as a map, sorted; NULL when it is no such list, or one of them is no path of the
 * store. */
static json_t *outputs_json(const struct fh_locking *l, const json_t *list)
{
    size_t n = json_array_size(list);
    struct output *outputs = fh_alloc(l->arena, (n + 1) * sizeof *outputs);
    if (!json_is_array(list))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        outputs[i].name = fh_json_string(json_array_get(list, i), "name");
        outputs[i].path = fh_json_string(json_array_get(list, i), "store_path");
        if (!outputs[i].name || !outputs[i].path || !is_word(outputs[i].name) ||
            !fh_store_path_is_valid(outputs[i].path))
            return NULL;
    }
    qsort(outputs, n, sizeof *outputs, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(outputs[i].name, outputs[i - 1].name) == 0)
            return NULL;
    json_t *map = json_object();
    for (size_t i = 0; i < n; i++)
        fh_json_set(map, outputs[i].name, fh_json_text(outputs[i].path));
    return map;
}

static fh_err make_entry(const struct fh_locking *l, const json_t *row, const struct lock_descriptor *d,
                         json_t **out)
{
    json_t *entry = fh_json_own(l->arena, json_object());
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        bool wrong = false;
        json_t *value = field_json(l, &fields[i], json_object_get(row, fields[i].name), &wrong);
        if (wrong)
            return refuse_row(l, row, fields[i].name);
        if (value)
            fh_json_set(entry, fields[i].name, value);
    }
    json_t *outputs = outputs_json(l, json_object_get(row, "outputs"));
    if (!outputs)
        return refuse_row(l, row, "outputs");
    fh_json_set(entry, "outputs", outputs);
    fh_json_set(entry, "system", fh_json_text(d->system));
    fh_json_set(entry, "group", fh_json_text(d->package->group));
    fh_json_set(entry, "priority", json_integer(d->package->priority));
    *out = entry;
    return lock_check_allowed(l, entry);
}

/* What a row answers; NULL: nothing that was asked, or what another row has answered. Rows come in the order
 * of the question, so that it is mostly the one at `next`. */
static struct lock_descriptor *find_asked(const struct lock_group *group, size_t next, const json_t *row)
{
    const char *id = fh_json_string(row, "install_id"), *system = fh_json_string(row, "system");
    for (size_t i = 0; id && system && i < group->ndescriptors; i++) {
        struct lock_descriptor *d = &group->descriptors[(next + i) % group->ndescriptors];
        if (!d->answered && strcmp(d->package->id, id) == 0 && strcmp(d->system, system) == 0)
            return d;
    }
    return NULL;
}

static fh_err take_group(const struct fh_locking *l, const struct lock_group *group, const json_t *rows,
                         json_t *packages)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        struct lock_descriptor *d = find_asked(group, i, row);
        json_t *entry;
        if (!d)
            continue;
        d->answered = true;
        FH_TRY(make_entry(l, row, d, &entry));
        fh_json_push(packages, json_incref(entry));
    }
    for (size_t i = 0; i < group->ndescriptors; i++)
        if (!group->descriptors[i].answered)
            return FH_FAIL(l->e, FH_UNAVAILABLE, "The catalog's answer does not have '%s' for %s.",
                           fh_json_shown(l->arena, group->descriptors[i].package->id),
                           group->descriptors[i].system);
    return FH_OK;
}

/* -- failures */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *context_text(const json_t *message, const char *key)
{
    const char *text = fh_json_string(json_object_get(message, "context"), key);
    return text ? text : "";
}

/* Words between commas, sorted. */
static struct fh_strings split_words(struct fh_arena *a, const char *text)
{
    const char **words = fh_alloc(a, MOST_SYSTEMS * sizeof *words);
    size_t n = 0;
    for (const char *at = text; *at && n < MOST_SYSTEMS;) {
        size_t len = strcspn(at, ",");
        if (len > 0)
            words[n++] = fh_strndup(a, at, len);
        at += len + (at[len] == ',');
    }
    qsort(words, n, sizeof *words, by_text);
    return (struct fh_strings){.count = n, .items = words};
}

/* The systems that the package was asked for, without the valid ones. */
static struct fh_strings invalid_systems(const struct fh_locking *l, const struct lock_group *group,
                                         const struct fh_lock_failure *f)
{
    const char **left = fh_alloc(l->arena, (group->ndescriptors + 1) * sizeof *left);
    size_t n = 0;
    for (size_t i = 0; i < group->ndescriptors; i++) {
        const struct lock_descriptor *d = &group->descriptors[i];
        bool valid = strcmp(d->package->id, f->install_id) != 0;
        for (size_t k = 0; k < f->valid.count; k++)
            valid = valid || strcmp(f->valid.items[k], d->system) == 0;
        if (!valid)
            left[n++] = d->system;
    }
    return (struct fh_strings){.count = n, .items = left};
}

/* Somebody else's sentence: one line, and no control characters. */
static const char *harmless(struct fh_arena *a, const char *text)
{
    char *safe = fh_term_safe(text);
    const char *kept = fh_strdup(a, safe);
    free(safe);
    return kept;
}

static struct fh_lock_failure read_failure(const struct fh_locking *l, const struct lock_group *group,
                                           const json_t *message)
{
    const char *type = fh_json_string(message, "type"), *text = fh_json_string(message, "message");
    struct fh_lock_failure f = {
        .kind = FH_FAILURE_OTHER,
        .group = group->name,
        .install_id = context_text(message, "install_id"),
        .attr_path = context_text(message, "attr_path"),
        .message = text ? harmless(l->arena, text) : "",
    };
    if (!type)
        return f;
    if (strcmp(type, "attr_path_not_found.not_in_catalog") == 0 && *f.attr_path)
        f.kind = FH_FAILURE_NOT_FOUND;
    else if (strcmp(type, "constraints_too_tight") == 0)
        f.kind = FH_FAILURE_TOO_TIGHT;
    else if (strcmp(type, "attr_path_not_found.not_found_for_all_systems") == 0 && *f.attr_path) {
        f.kind = FH_FAILURE_SOME_SYSTEMS;
        f.valid = split_words(l->arena, context_text(message, "valid_systems"));
        f.invalid = invalid_systems(l, group, &f);
    }
    return f;
}

struct failure_list {
    struct fh_lock_failure *items; /* room for MOST_FAILURES */
    size_t n;
    const char *note;
};

static void add_failure(struct failure_list *list, const struct fh_lock_failure *f)
{
    if (list->n < MOST_FAILURES)
        list->items[list->n++] = *f;
}

/* A group that failed without a word is told, too: else its packages would be missing silently. */
static void collect_failures(const struct fh_locking *l, const struct lock_group *group, const json_t *item,
                             struct failure_list *list)
{
    const json_t *messages = json_object_get(item, "messages");
    size_t before = list->n;
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);
        const char *level = fh_json_string(message, "level"), *type = fh_json_string(message, "type");
        const char *text = fh_json_string(message, "message");
        if (level && type && text && strcmp(level, "trace") == 0 && strcmp(type, "general") == 0)
            list->note = harmless(l->arena, text);
        if (!level || strcmp(level, "error") != 0)
            continue;
        struct fh_lock_failure f = read_failure(l, group, message);
        add_failure(list, &f);
    }
    struct fh_lock_failure silent = {
        .kind = FH_FAILURE_OTHER,
        .group = group->name,
        .install_id = "",
        .attr_path = "",
        .message = fh_sprintf(l->arena, "The catalog could not resolve the group '%s', and does not say why.",
                              fh_json_shown(l->arena, group->name)),
    };
    if (list->n == before)
        add_failure(list, &silent);
}

fh_err lock_take_answer(struct fh_locking *l, const json_t *answer, json_t *packages,
                        const struct fh_lock_failures **failures)
{
    const json_t *items = json_object_get(answer, "items");
    struct failure_list list = {.items = fh_alloc(l->arena, MOST_FAILURES * sizeof *list.items)};
    if (json_array_size(items) != l->nasked)
        return FH_FAIL(l->e, FH_UNAVAILABLE, "The catalog was asked for %zu groups and answered %zu.",
                       l->nasked, json_array_size(items));
    for (size_t i = 0; i < l->nasked; i++) {
        const json_t *item = json_array_get(items, i), *page = json_object_get(item, "page");
        if (!json_is_object(page) || !json_is_true(json_object_get(page, "complete")))
            collect_failures(l, &l->asked[i], item, &list);
    }
    if (list.n > 0) {
        struct fh_lock_failures *out = fh_alloc(l->arena, sizeof *out);
        *out = (struct fh_lock_failures){.count = list.n, .items = list.items, .note = list.note};
        *failures = out;
        return FH_FAIL(l->e, FH_CONFLICT, "%s", fh_lock_failures_text(l->arena, out));
    }
    for (size_t i = 0; i < l->nasked; i++)
        FH_TRY(take_group(l, &l->asked[i],
                          json_object_get(json_object_get(json_array_get(items, i), "page"), "packages"),
                          packages));
    return FH_OK;
}
