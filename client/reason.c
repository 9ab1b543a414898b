/* Explanations. See reason.h. */
#include "client/reason.h"

#include "client/ask.h"
#include "client/ask_catalog.h"
#include "client/say.h"

#include <string.h>

enum { MOST_LINES = 40 }; /* of packages, and of pages, in a group */

static fh_err ask(struct client *c, const json_t *question, const json_t **items, struct fh_error *e)
{
    struct ask_answer answer;
    const struct ask_request request = {
        .method = "POST", .path = "/explain", .body = question, .only_asks = true, .of_catalog = true};
    FH_TRY(ask_send(c, &request, &answer, e));
    *items = json_object_get(answer.json, "items");
    return json_is_array(*items) ? FH_OK : FH_FAIL(e, FH_UNAVAILABLE, "The hub sent no explanation.");
}

/* -- similar names */

const char *const *reason_similar(struct client *c, const char *attr_path, size_t max, size_t *n)
{
    const char **names = fh_alloc(c->arena, (max + 1) * sizeof *names);
    const char *host = settings_system(c->arena);
    const json_t *items;
    struct fh_error ignored;
    json_t *question = fh_json_own(c->arena, json_pack("{s:[{s:s, s:[{s:s, s:s, s:[s]}]}]}", "items", "name",
                                                       "toplevel", "descriptors", "install_id", "it",
                                                       "attr_path", attr_path, "systems", host));
    *n = 0;
    if (question == NULL || ask(c, question, &items, &ignored) != FH_OK)
        return names;
    const json_t *packages = json_object_get(json_array_get(items, 0), "packages");
    const json_t *similar = json_object_get(json_array_get(packages, 0), "similar");
    for (size_t i = 0; i < json_array_size(similar) && *n < max; i++) {
        const char *name = json_string_value(json_array_get(similar, i));
        if (name != NULL)
            names[(*n)++] = say_safe(c->arena, name);
    }
    return names;
}

/* -- the whole of it */

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static const char *text(struct client *c, const json_t *object, const char *key)
{
    const char *value = ask_line(c, object, key);
    return value != NULL ? value : "?";
}

static const char *join(struct fh_arena *a, const char *list, const char *more)
{
    return fh_sprintf(a, "%s%s%s", list, *list != '\0' ? ", " : "", more);
}

/* What the system has of a package: "2.10 (newest 2.12; not that for its version)". */
static const char *system_text(struct client *c, const json_t *system)
{
    struct fh_arena *a = c->arena;
    const json_t *unmet = json_object_get(system, "unmet");
    const char *newest = ask_line(c, system, "newest_version"), *chosen = ask_line(c, system, "version");
    const char *kept = "";
    if (newest == NULL)
        return "nothing";
    for (size_t i = 0; i < json_array_size(unmet) && i < MOST_LINES; i++)
        kept = join(a, kept, text(c, json_array_get(unmet, i), "constraint"));
    if (*kept != '\0')
        kept = fh_sprintf(a, "; not that for its %s", kept);
    if (chosen == NULL)
        return fh_sprintf(a, "newest is %s%s", newest, kept);
    return strcmp(chosen, newest) == 0 && *kept == '\0'
               ? chosen
               : fh_sprintf(a, "%s (newest %s%s)", chosen, newest, kept);
}

/* What is told of an item of a list besides its system. */
typedef const char *item_text(struct client *c, const json_t *item);

/* "aarch64-linux, x86_64-linux": the systems of all items that are told as this one; NULL where an earlier
 * one has told them. */
static const char *systems_of(struct client *c, const json_t *list, size_t index, item_text *tell)
{
    const char *told = tell(c, json_array_get(list, index)), *systems = "";
    for (size_t i = 0; i < json_array_size(list) && i < MOST_LINES; i++) {
        const json_t *item = json_array_get(list, i);
        if (strcmp(tell(c, item), told) != 0)
            continue;
        if (i < index)
            return NULL;
        systems = join(c->arena, systems, text(c, item, "system"));
    }
    return systems;
}

static const char *package_text(struct client *c, const json_t *package)
{
    struct fh_arena *a = c->arena;
    const json_t *systems = json_object_get(package, "systems"),
                 *alone = json_object_get(package, "alone_page");
    const char *lines =
        fh_sprintf(a, "'%s' (%s)", text(c, package, "install_id"), text(c, package, "attr_path"));
    if (json_is_false(json_object_get(package, "in_catalog")))
        return fh_sprintf(a, "%s is not in the catalog", lines);
    if (json_is_integer(alone))
        lines = fh_sprintf(a, "%s would be of page %lld by itself", lines, number(package, "alone_page"));
    for (size_t i = 0; i < json_array_size(systems) && i < MOST_LINES; i++) {
        const char *names = systems_of(c, systems, i, system_text);
        if (names != NULL)
            lines =
                fh_sprintf(a, "%s\n      %s: %s", lines, names, system_text(c, json_array_get(systems, i)));
    }
    return lines;
}

static const char *blocker_text(struct client *c, const json_t *blocker)
{
    return fh_sprintf(c->arena, "'%s' (%s", text(c, blocker, "install_id"), text(c, blocker, "reason"));
}

/* "page 2: 'old' (absent on aarch64-linux, x86_64-linux)" */
static const char *page_text(struct client *c, const json_t *page)
{
    struct fh_arena *a = c->arena;
    const json_t *blockers = json_object_get(page, "prevented_by");
    const char *line = "";
    size_t n = json_array_size(blockers);
    for (size_t i = 0; i < n && i < MOST_LINES; i++) {
        const char *systems = systems_of(c, blockers, i, blocker_text);
        if (systems != NULL)
            line = join(a, line,
                        fh_sprintf(a, "%s on %s)", blocker_text(c, json_array_get(blockers, i)), systems));
    }
    if (number(page, "prevented") > (long long)n)
        line = fh_sprintf(a, "%s, … %lld in all", line, number(page, "prevented"));
    return fh_sprintf(a, "page %lld: %s", number(page, "page"), line);
}

static void say_group(struct client *c, const json_t *group)
{
    struct fh_arena *a = c->arena;
    const json_t *packages = json_object_get(group, "packages"),
                 *newer = json_object_get(group, "newer_pages"), *page = json_object_get(group, "page");
    const char *lines = fh_sprintf(a, "Group '%s': %s", text(c, group, "name"), text(c, group, "why"));
    if (json_is_object(page))
        lines = fh_sprintf(a, "%s\n  Taken from page %lld of %.10s.", lines, number(page, "page"),
                           text(c, page, "rev_date"));
    if (json_array_size(packages) > 0)
        lines = fh_sprintf(a, "%s\n  Packages:", lines);
    for (size_t i = 0; i < json_array_size(packages) && i < MOST_LINES; i++)
        lines = fh_sprintf(a, "%s\n    %s", lines, package_text(c, json_array_get(packages, i)));
    if (json_array_size(newer) > 0)
        lines = fh_sprintf(a, "%s\n  What keeps the group from %spages:", lines,
                           json_is_object(page) ? "newer " : "");
    for (size_t i = 0; i < json_array_size(newer) && i < MOST_LINES; i++)
        lines = fh_sprintf(a, "%s\n    %s", lines, page_text(c, json_array_get(newer, i)));
    say_info("%s", lines);
}

void reason_say(struct client *c, const json_t *question)
{
    const json_t *items;
    struct fh_error why;
    if (question == NULL) {
        say_info("The catalog was not asked: all packages are locked already.");
        return;
    }
    fh_err rc = ask(c, question, &items, &why);
    if (rc == FH_NOT_FOUND)
        say_warn("This hub does not explain what it resolves; a Floe does.");
    else if (rc != FH_OK)
        say_warn("No explanation: %s", why.msg);
    for (size_t i = 0; rc == FH_OK && i < json_array_size(items); i++)
        say_group(c, json_array_get(items, i));
}
