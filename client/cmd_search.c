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

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
    const char *x = fh_json_string(a, key), *y = fh_json_string(b, key);
    return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The systems that have the row's version, each once, sorted; *n of them, at most SYSTEMS. */
static const char *systems_of(struct client *c, const struct ask_rows *list, const json_t *row, size_t *n)
{
    const char *found[SYSTEMS], *text = "";
    *n = 0;
    for (size_t i = 0; i < json_array_size(list->items) && *n < SYSTEMS; i++) {
        const json_t *other = json_array_get(list->items, i);
        const char *system = ask_line(c, other, "system");
        bool known = system == NULL || !same_text(row, other, "version");
        for (size_t k = 0; k < *n && !known; k++)
            known = strcmp(found[k], system) == 0;
        if (!known)
            found[(*n)++] = system;
    }
    qsort(found, *n, sizeof *found, by_text);
    for (size_t k = 0; k < *n; k++)
        text = fh_sprintf(c->arena, "%s%s%s", text, k > 0 ? ", " : "", found[k]);
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

static void print_head(struct client *c, const struct ask_rows *list)
{
    const json_t *row = json_array_get(list->items, 0);
    const char *path = ask_line(c, row, "pkg_path"), *description = ask_line(c, row, "description");
    const char *catalog = ask_line(c, row, "catalog"), *version = ask_line(c, row, "version");
    const char *license = ask_line(c, row, "license");
    size_t n;
    bool described = description != NULL && description[strspn(description, " ")] != '\0';
    printf("%s - %s\n", path != NULL ? path : "?", described ? description : "<no description provided>");
    if (catalog != NULL)
        printf("Catalog: %s\n", catalog);
    printf("Latest:  %s@%s\n", path != NULL ? path : "?", version != NULL ? version : "?");
    if (license != NULL)
        printf("License: %s\n", license);
    print_outputs(c, row);
    printf("Systems: %s\n\nOther versions:\n", systems_of(c, list, row, &n));
}

static bool is_first_of_version(const struct ask_rows *list, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (same_text(json_array_get(list->items, i), json_array_get(list->items, index), "version"))
            return false;
    return true;
}

/* In the order in which the catalog has them. */
static void print_versions(struct client *c, const struct ask_rows *list)
{
    const char *path = ask_line(c, json_array_get(list->items, 0), "pkg_path");
    size_t count = 0, column = 0, n;
    const char **lines = fh_alloc(c->arena, (json_array_size(list->items) + 1) * sizeof *lines),
               **only = fh_alloc(c->arena, (json_array_size(list->items) + 1) * sizeof *only);
    for (size_t i = 0; i < json_array_size(list->items); i++) {
        const json_t *row = json_array_get(list->items, i);
        const char *version = ask_line(c, row, "version");
        if (version == NULL || !is_first_of_version(list, i))
            continue;
        const char *systems = systems_of(c, list, row, &n);
        lines[count] = fh_sprintf(c->arena, "    %s@%s", path != NULL ? path : "?", version);
        only[count] = n == SYSTEMS ? NULL : systems;
        column = strlen(lines[count]) > column ? strlen(lines[count]) : column;
        count++;
    }
    for (size_t i = 0; i < count; i++)
        if (only[i] == NULL)
            printf("%s\n", lines[i]);
        else
            printf("%-*s (%s only)\n", (int)column, lines[i], only[i]);
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
    print_head(c, &list);
    print_versions(c, &list);
    return 0;
}
