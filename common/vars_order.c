/* The order in which [vars] are exported: bash expands each value as it reads it, so a variable has to stand
 * behind those that its value names. See manifest.h; rules: manifest-lockfile-client §9.4.
 *
 * A reference is $NAME or ${NAME… with a closing brace somewhere behind it, where NAME is another variable of
 * the section; a backslash makes the next character literal. What is not clearly a reference is none: a
 * missed one leaves the alphabetical place, an invented one could refuse a valid manifest.
 */
#include "common/manifest.h"

enum { MAX_CYCLE_TEXT = 400 };

struct graph {
    const struct fh_manifest_vars *vars;
    size_t **needs; /* of each variable: the indexes of those it refers to, ascending */
    size_t *nneeds;
    bool *done;
};

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_char(char c)
{
    return is_name_start(c) || (c >= '0' && c <= '9');
}

static bool find_var(const struct fh_manifest_vars *vars, const char *name, size_t n, size_t *out)
{
    size_t low = 0, high = vars->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *candidate = vars->items[middle].name;
        int order = strncmp(name, candidate, n);
        if (order == 0 && candidate[n] != '\0')
            order = -1;
        if (order == 0) {
            *out = middle;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static void add_need(struct graph *g, size_t from, size_t to)
{
    size_t *needs = g->needs[from];
    size_t at = 0;
    while (at < g->nneeds[from] && needs[at] < to)
        at++;
    if (at < g->nneeds[from] && needs[at] == to)
        return;
    memmove(needs + at + 1, needs + at, (g->nneeds[from] - at) * sizeof *needs);
    needs[at] = to;
    g->nneeds[from]++;
}

/* At most one need per '$' of the value. */
static size_t count_dollars(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == '$';
    return n;
}

static void find_needs(struct fh_arena *a, struct graph *g, size_t index)
{
    const char *p = g->vars->items[index].value;
    size_t most = count_dollars(p);
    if (most > g->vars->count)
        most = g->vars->count;
    g->needs[index] = fh_alloc(a, (most + 1) * sizeof *g->needs[index]);
    const char *last_brace = strrchr(p, '}');
    while (*p) {
        if (*p == '\\') {
            p += p[1] ? 2 : 1;
            continue;
        }
        if (*p++ != '$')
            continue;
        bool braced = *p == '{';
        const char *name = p + braced;
        size_t n = 0;
        if (is_name_start(*name))
            while (is_name_char(name[n]))
                n++;
        bool closed = !braced || (last_brace && last_brace >= name + n);
        size_t other;
        if (n > 0 && closed && find_var(g->vars, name, n, &other) && other != index)
            add_need(g, index, other);
        p = name + n;
    }
}

/* Every variable that is left needs another that is left, so following them comes back to one already met. */
static fh_err refuse_cycle(struct fh_arena *a, const struct graph *g, struct fh_error *e)
{
    size_t *path = fh_alloc(a, (g->vars->count + 1) * sizeof *path);
    size_t *place = fh_alloc(a, (g->vars->count + 1) * sizeof *place); /* in path, plus one */
    size_t n = 0, at = 0;
    while (g->done[at])
        at++;
    for (;;) {
        path[n++] = at;
        if (place[at] > 0) {
            char text[MAX_CYCLE_TEXT] = "";
            for (size_t i = place[at] - 1; i < n; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i >= place[at] ? " → " : "",
                         g->vars->items[path[i]].name);
            return FH_FAIL(e, FH_INVALID,
                           "Found a reference cycle in the '[vars]' section: %s.\n"
                           "Remove one of these references so the variables no longer form a loop.",
                           text);
        }
        place[at] = n;
        size_t next = 0;
        while (next + 1 < g->nneeds[at] && g->done[g->needs[at][next]])
            next++;
        at = g->needs[at][next];
    }
}

static fh_err check_names(const struct fh_manifest_vars *vars, struct fh_error *e)
{
    for (size_t i = 0; i < vars->count; i++) {
        const char *name = vars->items[i].name;
        size_t n = 0;
        if (is_name_start(name[0]))
            while (is_name_char(name[n]))
                n++;
        if (n == 0 || name[n])
            return FH_FAIL(e, FH_INVALID, "The name '%s' in the '[vars]' section cannot be a shell variable.",
                           name);
        if (strncmp(name, "BASH_ENVTRACE_", 14) == 0)
            return FH_FAIL(e, FH_INVALID,
                           "The name '%s' in the '[vars]' section is reserved: names that start with "
                           "'BASH_ENVTRACE_' cannot be set.",
                           name);
    }
    return FH_OK;
}

/* Kahn's algorithm with the smallest name that is ready taken each time: `waiting` counts what a variable
 * still needs, `users` is the reverse of `needs`, and the ready ones are a heap of indexes (which sort as
 * names do). */
struct heap {
    size_t *items;
    size_t count;
};

static void heap_add(struct heap *h, size_t value)
{
    size_t at = h->count++;
    for (; at > 0 && h->items[(at - 1) / 2] > value; at = (at - 1) / 2)
        h->items[at] = h->items[(at - 1) / 2];
    h->items[at] = value;
}

static size_t heap_take(struct heap *h)
{
    size_t first = h->items[0], last = h->items[--h->count], at = 0;
    for (size_t child = 1; child < h->count; child = 2 * at + 1) {
        if (child + 1 < h->count && h->items[child + 1] < h->items[child])
            child++;
        if (h->items[child] >= last)
            break;
        h->items[at] = h->items[child];
        at = child;
    }
    h->items[at] = last;
    return first;
}

static size_t **reverse(struct fh_arena *a, const struct graph *g, size_t *nusers)
{
    size_t n = g->vars->count;
    size_t **users = fh_alloc(a, (n + 1) * sizeof *users);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < g->nneeds[i]; k++)
            nusers[g->needs[i][k]]++;
    for (size_t i = 0; i < n; i++) {
        users[i] = fh_alloc(a, (nusers[i] + 1) * sizeof *users[i]);
        nusers[i] = 0;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < g->nneeds[i]; k++) {
            size_t needed = g->needs[i][k];
            users[needed][nusers[needed]++] = i;
        }
    return users;
}

fh_err fh_vars_order(struct fh_arena *a, const struct fh_manifest_vars *vars, struct fh_manifest_vars *out,
                     struct fh_error *e)
{
    FH_TRY(check_names(vars, e));
    size_t n = vars->count;
    struct graph g = {.vars = vars,
                      .needs = fh_alloc(a, (n + 1) * sizeof *g.needs),
                      .nneeds = fh_alloc(a, (n + 1) * sizeof *g.nneeds),
                      .done = fh_alloc(a, n + 1)};
    struct fh_manifest_var *items = fh_alloc(a, (n + 1) * sizeof *items);
    size_t *waiting = fh_alloc(a, (n + 1) * sizeof *waiting);
    size_t *nusers = fh_alloc(a, (n + 1) * sizeof *nusers);
    struct heap ready = {.items = fh_alloc(a, (n + 1) * sizeof *ready.items)};
    for (size_t i = 0; i < n; i++)
        find_needs(a, &g, i);
    size_t **users = reverse(a, &g, nusers);
    for (size_t i = 0; i < n; i++) {
        waiting[i] = g.nneeds[i];
        if (waiting[i] == 0)
            heap_add(&ready, i);
    }
    size_t taken = 0;
    while (ready.count > 0) {
        size_t i = heap_take(&ready);
        g.done[i] = true;
        items[taken++] = vars->items[i];
        for (size_t k = 0; k < nusers[i]; k++)
            if (--waiting[users[i][k]] == 0)
                heap_add(&ready, users[i][k]);
    }
    if (taken < n)
        return refuse_cycle(a, &g, e);
    *out = (struct fh_manifest_vars){.count = n, .items = items};
    return FH_OK;
}
