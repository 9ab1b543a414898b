/* floe search and floe show (manifest-lockfile-client §7.7) */
#include "client/cmd.h"

#include "client/ask_catalog.h"
#include "client/print.h"
#include "client/say.h"
#include "client/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SYSTEMS = 4 };

static const char show_hint[] = "Use 'floe show <package>' to see available versions";

/* The term without a version; there is one behind the first '@'. */
static const char *without_version(struct client *c, const char *term)
{
    const char *at = strchr(term, '@');
    if (at == NULL)
        return term;
    say_warn("'floe search' ignores version specifiers.\n"
             "To see available versions of a package, use 'floe show'");
    return fh_strndup(c->arena, term, (size_t)(at - term));
}

static int found_nothing(struct client *c, const char *term)
{
    const char *related = suggest_for_search(c, term);
    const char *empty =
        related == NULL && ask_is_empty(c)
            ? "\n\nThe hub's catalog has no packages of nixpkgs yet; its operator imports some."
            : "";
    return related == NULL
               ? say_error("No packages matched this search term: '%s'%s", say_safe(c->arena, term), empty)
               : say_error("No packages matched this search term: '%s'\n\n%s\n\n%s", say_safe(c->arena, term),
                           related, show_hint);
}

static int tell_found(struct client *c, const char *term, const struct ask_rows *list)
{
    size_t columns = isatty(STDOUT_FILENO) ? (size_t)fh_term_width(STDOUT_FILENO) : 0;
    const char *related = suggest_for_search(c, term), *shown = say_safe(c->arena, term);
    size_t n = json_array_size(list->items);
    printf("%s\n", suggest_lines(c, list, columns));
    fflush(stdout);
    if (list->total > (int64_t)n)
        say_plain("\nShowing %zu of %lld results. Use `floe search %s --all` to see the full list.", n,
                  (long long)list->total, shown);
    say_plain("\n%s%s%s\n", show_hint, related != NULL ? "\n\n" : "", related != NULL ? related : "");
    return 0;
}

int cmd_search(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct ask_rows list;
    if (c == NULL)
        return 1;
    const char *asked = cli->args[0], *term = without_version(c, asked);
    size_t limit = fh_cli_flag(cli, "all") ? 0 : c->settings.search_limit;
    if (ask_search(c, term, limit, &list, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, list.items);
    return json_array_size(list.items) == 0 ? found_nothing(c, asked) : tell_found(c, asked, &list);
}

/* -- show */

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* A version, and the first systems that have it. */
struct version {
    const char *text, *systems[SYSTEMS];
    size_t n;
};

static void add_system(struct version *v, const char *system)
{
    bool known = system == NULL || v->n == SYSTEMS;
    for (size_t i = 0; i < v->n && !known; i++)
        known = strcmp(v->systems[i], system) == 0;
    if (!known)
        v->systems[v->n++] = system;
}

/* Each once, in the order in which the catalog has them. A hub may send many: in time that grows with the
 * rows. */
static struct version *versions_of(struct client *c, const struct ask_rows *list, size_t *count)
{
    struct version *versions = fh_alloc(c->arena, (json_array_size(list->items) + 1) * sizeof *versions);
    json_t *numbers = fh_json_own(c->arena, json_object());
    *count = 0;
    for (size_t i = 0; i < json_array_size(list->items); i++) {
        const json_t *row = json_array_get(list->items, i), *number;
        const char *text = fh_json_string(row, "version");
        if (text == NULL)
            continue;
        if ((number = json_object_get(numbers, text)) == NULL) {
            fh_json_set(numbers, text, json_integer((json_int_t)*count));
            number = json_object_get(numbers, text);
            versions[(*count)++].text = text;
        }
        add_system(&versions[json_integer_value(number)], fh_json_string(row, "system"));
    }
    return versions;
}

/* Sorted, between commas. */
static const char *systems_text(struct client *c, struct version *v)
{
    const char *text = "";
    qsort(v->systems, v->n, sizeof *v->systems, by_text);
    for (size_t i = 0; i < v->n; i++)
        text = fh_sprintf(c->arena, "%s%s%s", text, i > 0 ? ", " : "", say_safe(c->arena, v->systems[i]));
    return text;
}

static void print_outputs(struct client *c, const json_t *row)
{
    const json_t *outputs = json_object_get(row, "outputs"),
                 *defaults = json_object_get(row, "outputs_to_install");
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const char *name = ask_line(c, json_array_get(outputs, i), "name");
        bool installed = false;
        for (size_t k = 0; name != NULL && k < json_array_size(defaults); k++) {
            const char *other = json_string_value(json_array_get(defaults, k));
            installed = installed || (other != NULL && strcmp(other, name) == 0);
        }
        printf("%s%s%s", i == 0 ? "Outputs: " : ", ", name != NULL ? name : "?", installed ? "*" : "");
    }
    if (json_array_size(outputs) > 0)
        printf(" (* installed by default)\n");
}

static void print_head(struct client *c, const struct ask_rows *list, struct version *latest)
{
    const json_t *row = json_array_get(list->items, 0);
    const char *path = ask_line(c, row, "pkg_path"), *description = ask_line(c, row, "description");
    const char *catalog = ask_line(c, row, "catalog"), *version = ask_line(c, row, "version");
    const char *license = ask_line(c, row, "license");
    bool described = description != NULL && description[strspn(description, " ")] != '\0';
    printf("%s - %s\n", path != NULL ? path : "?", described ? description : "<no description provided>");
    if (catalog != NULL)
        printf("Catalog: %s\n", catalog);
    printf("Latest:  %s@%s\n", path != NULL ? path : "?", version != NULL ? version : "?");
    if (license != NULL)
        printf("License: %s\n", license);
    print_outputs(c, row);
    printf("Systems: %s\n\nOther versions:\n", version != NULL ? systems_text(c, latest) : "");
}

static void print_versions(struct client *c, const struct ask_rows *list, struct version *versions,
                           size_t count)
{
    const char *path = ask_line(c, json_array_get(list->items, 0), "pkg_path");
    size_t column = 0;
    const char **lines = fh_alloc(c->arena, (count + 1) * sizeof *lines);
    for (size_t i = 0; i < count; i++) {
        lines[i] = fh_sprintf(c->arena, "    %s@%s", path != NULL ? path : "?",
                              say_safe(c->arena, versions[i].text));
        size_t n = strlen(lines[i]);
        column = n > column && n <= SUGGEST_COLUMN ? n : column;
    }
    for (size_t i = 0; i < count; i++)
        if (versions[i].n == SYSTEMS)
            printf("%s\n", lines[i]);
        else
            printf("%-*s (%s only)\n", (int)column, lines[i], systems_text(c, &versions[i]));
}

int cmd_show(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct ask_rows list;
    if (c == NULL)
        return 1;
    if (ask_versions(c, cli->args[0], &list, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, list.items);
    size_t count;
    struct version *versions = versions_of(c, &list, &count);
    print_head(c, &list, versions);
    print_versions(c, &list, versions, count);
    return 0;
}
