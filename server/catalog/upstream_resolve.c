/* A resolve of which a part is the upstream's. See upstream_resolve.h. */
#include "server/catalog/upstream_resolve.h"

#include "common/ceilings.h"
#include "server/catalog/catalog_scope.h"
#include "server/catalog/resolve_message.h"

#include <string.h>

static bool is_owned(struct fh_arena *a, const json_t *descriptor)
{
    const char *owner, *attr_path, *path = fh_json_string(descriptor, "attr_path");
    catalog_path_split(a, path ? path : "", &owner, &attr_path);
    return owner != NULL;
}

/* What a group is called upstream: nothing that would stand in a message by chance. */
static const char *alias_of(struct fh_arena *a, size_t number)
{
    return fh_sprintf(a, "group-%zu-of-a-floe", number);
}

/* A copy of the group with those of its descriptors that are owned, or are not; NULL: it has none. A group
 * without any descriptor is a question to the base catalog. */
static json_t *half_of(struct fh_arena *a, const json_t *group, bool owned, size_t number)
{
    const json_t *descriptors = json_object_get(group, "descriptors");
    json_t *some = json_array(), *copy;
    for (size_t i = 0; i < json_array_size(descriptors); i++)
        if (is_owned(a, json_array_get(descriptors, i)) == owned)
            json_array_append(some, json_array_get(descriptors, i));
    if (json_array_size(some) == 0 && (owned || json_array_size(descriptors) > 0)) {
        json_decref(some);
        return NULL;
    }
    copy = json_copy((json_t *)(uintptr_t)group);
    fh_json_set(copy, "descriptors", some);
    if (!owned)
        fh_json_set(copy, "name", json_string(alias_of(a, number)));
    return copy;
}

static json_t *half_of_all(struct fh_arena *a, const json_t *groups, bool owned)
{
    json_t *items = json_array(), *body;
    for (size_t i = 0; i < json_array_size(groups); i++) {
        json_t *half = half_of(a, json_array_get(groups, i), owned, i);
        if (half)
            fh_json_push(items, half);
    }
    if (json_array_size(items) == 0) {
        json_decref(items);
        return NULL;
    }
    body = fh_json_own(a, json_object());
    fh_json_set(body, "items", items);
    return body;
}

void catalog_split_request(struct fh_arena *a, const json_t *request, struct catalog_halves *out)
{
    out->groups = json_object_get(request, "items");
    out->theirs = half_of_all(a, out->groups, false);
    out->ours = half_of_all(a, out->groups, true);
}

/* --- answers */

static void add_messages(json_t *to, const json_t *from, bool errors)
{
    for (size_t i = 0; i < json_array_size(from); i++) {
        const char *level = fh_json_string(json_array_get(from, i), "level");
        if ((level && strcmp(level, "error") == 0) == errors)
            json_array_append(to, json_array_get(from, i));
    }
}

/* Errors before the rest. */
static json_t *both_messages(const json_t *x, const json_t *y)
{
    json_t *all = json_array();
    for (int errors = 1; errors >= 0; errors--) {
        add_messages(all, json_object_get(x, "messages"), errors);
        add_messages(all, json_object_get(y, "messages"), errors);
    }
    return all;
}

/* The rows of both in the order in which they were asked for: a descriptor has one for each of its systems.
 */
static json_t *both_packages(struct fh_arena *a, const json_t *group, const json_t *theirs,
                             const json_t *ours)
{
    const json_t *descriptors = json_object_get(group, "descriptors");
    const json_t *rows[] = {json_object_get(theirs, "packages"), json_object_get(ours, "packages")};
    json_t *all = json_array();
    size_t at[2] = {0};
    for (size_t i = 0; i < json_array_size(descriptors); i++) {
        const json_t *d = json_array_get(descriptors, i);
        int which = is_owned(a, d);
        for (size_t s = 0; s < json_array_size(json_object_get(d, "systems")); s++)
            json_array_append(all, json_array_get(rows[which], at[which]++));
    }
    return all;
}

/* An answer to a group of both. */
static json_t *join(struct fh_arena *a, const json_t *group, json_t *theirs, json_t *ours)
{
    const json_t *page = json_object_get(theirs, "page"), *our_page = json_object_get(ours, "page");
    json_t *answer = json_copy(theirs);
    fh_json_set(answer, "messages", both_messages(theirs, ours));
    fh_json_set(answer, "candidate_pages", json_null());
    if (!json_is_object(page) || !json_is_object(our_page)) {
        fh_json_set(answer, "page", json_null());
        return answer;
    }
    json_t *whole = json_copy((json_t *)(uintptr_t)page);
    fh_json_set(whole, "packages", both_packages(a, group, page, our_page));
    fh_json_set(whole, "messages", both_messages(page, our_page));
    fh_json_set(answer, "page", whole);
    return answer;
}

/* What stands upstream for a group's name, and that name. */
struct naming {
    struct fh_arena *arena;
    const char *alias, *name;
    size_t *left; /* bytes that may still be made of this answer's texts */
    bool is_over; /* there was no room */
};

/* A name may be much longer than its alias, so that a text of nothing but aliases, which an upstream may send
 * and a caller may have it repeat, would become one without bounds. */
static json_t *renamed_text(struct naming *n, const char *text)
{
    size_t from = strlen(n->alias), to = strlen(n->name), count = 0;
    for (const char *p = text; (p = strstr(p, n->alias)); p += from)
        count++;
    size_t size = strlen(text) - count * from + count * to;
    if (size > *n->left) {
        n->is_over = true;
        return json_null();
    }
    *n->left -= size;
    char *out = fh_alloc(n->arena, size + 1), *at = out;
    for (const char *found; (found = strstr(text, n->alias)); text = found + from) {
        memcpy(at, text, (size_t)(found - text));
        at += found - text;
        memcpy(at, n->name, to);
        at += to;
    }
    memcpy(at, text, strlen(text) + 1);
    return fh_json_text(out);
}

/* A copy of what messages say, with the group's own name in them. Messages are a list of objects of objects
 * of strings. */
static json_t *renamed(struct naming *n, json_t *value, int depth)
{
    const char *key;
    json_t *member, *copy;
    size_t i;
    if (json_is_string(value) && strstr(json_string_value(value), n->alias))
        return renamed_text(n, json_string_value(value));
    if (depth == 0 || !(json_is_object(value) || json_is_array(value)))
        return json_incref(value);
    copy = json_is_object(value) ? json_object() : json_array();
    if (json_is_object(value))
        json_object_foreach(value, key, member) fh_json_set(copy, key, renamed(n, member, depth - 1));
    else
        json_array_foreach(value, i, member) fh_json_push(copy, renamed(n, member, depth - 1));
    return copy;
}

/* That no page was imported here is no news where another hub has them. */
static void drop_hint(json_t *answer)
{
    json_t *messages = json_object_get(answer, "messages");
    for (size_t i = json_array_size(messages); i-- > 0;) {
        const char *text = fh_json_string(json_array_get(messages, i), "message");
        if (text && strcmp(text, resolve_empty_catalog) == 0)
            json_array_remove(messages, i);
    }
}

/* Has it an answer for each group that was asked for? */
static bool fits(const json_t *question, const json_t *answer)
{
    const json_t *items = json_object_get(answer, "items");
    if (!question)
        return true;
    if (!json_is_array(items) ||
        json_array_size(items) != json_array_size(json_object_get(question, "items")))
        return false;
    for (size_t i = 0; i < json_array_size(items); i++)
        if (!json_is_object(json_array_get(items, i)))
            return false;
    return true;
}

fh_err catalog_join_answers(struct fh_arena *a, const struct catalog_halves *h, json_t *theirs, json_t *ours,
                            json_t **out, struct fh_error *e)
{
    const json_t *them = json_object_get(theirs, "items"), *us = json_object_get(ours, "items");
    size_t t = 0, o = 0, left = FH_MAX_UPSTREAM_NAMED;
    if (!fits(h->theirs, theirs) || !fits(h->ours, ours))
        return FH_FAIL(e, FH_UNAVAILABLE,
                       "The hub that this one asks for packages gave an answer to another question.");
    *out = fh_json_own(a, json_object());
    json_t *items = json_array();
    fh_json_set(*out, "items", items);
    for (size_t i = 0; i < json_array_size(h->groups); i++) {
        const json_t *group = json_array_get(h->groups, i),
                     *descriptors = json_object_get(group, "descriptors");
        size_t owned = 0, n = json_array_size(descriptors);
        for (size_t k = 0; k < n; k++)
            owned += is_owned(a, json_array_get(descriptors, k));
        json_t *theirs_of_it = owned < n || n == 0 ? json_array_get(them, t++) : NULL;
        json_t *ours_of_it = owned > 0 ? json_array_get(us, o++) : NULL;
        drop_hint(ours_of_it);
        json_t *answer = theirs_of_it && ours_of_it ? join(a, group, theirs_of_it, ours_of_it)
                                                    : json_copy(theirs_of_it ? theirs_of_it : ours_of_it);
        const char *name = fh_json_string(group, "name");
        json_t *messages = json_object_get(answer, "messages");
        struct naming naming = {a, alias_of(a, i), name ? name : "", &left, false};
        if (theirs_of_it && messages)
            fh_json_set(answer, "messages", renamed(&naming, messages, 3));
        fh_json_set(answer, "name", fh_json_text(name ? name : ""));
        fh_json_push(items, answer);
        if (naming.is_over)
            return FH_FAIL(e, FH_UNAVAILABLE,
                           "The hub that this one asks for packages gave an answer that is too large.");
    }
    return FH_OK;
}
