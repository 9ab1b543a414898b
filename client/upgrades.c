/* Upgrades between two locks. See upgrades.h. */
#include "client/upgrades.h"

#include "client/lock_say.h"
#include "client/say.h"

#include <stdlib.h>
#include <string.h>

static bool has_changed(const struct fh_lock_package *old, const struct fh_lock_package *new)
{
    return new != NULL &&
           old->derivation != NULL &&new->derivation != NULL &&strcmp(old->derivation, new->derivation) != 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void upgrades_find(struct fh_arena *a, const struct fh_lock *before, const struct fh_lock *after,
                   const char *system, struct upgrades *out)
{
    size_t room = before != NULL ? before->npackages : 0, n = 0;
    *out = (struct upgrades){.before = before, .after = after};
    out->ids = fh_alloc(a, (room + 1) * sizeof *out->ids);
    for (size_t i = 0; i < room; i++) {
        const struct fh_lock_package *old = &before->packages[i];
        if ((system == NULL || strcmp(old->system, system) == 0) &&
            has_changed(old, lock_find(after, old->install_id, old->system)))
            out->ids[n++] = old->install_id;
    }
    qsort(out->ids, n, sizeof *out->ids, by_text);
    for (size_t i = 0; i < n; i++)
        if (out->n == 0 || strcmp(out->ids[out->n - 1], out->ids[i]) != 0)
            out->ids[out->n++] = out->ids[i];
}

bool upgrades_have(const struct upgrades *u, const char *id)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->ids[i], id) == 0)
            return true;
    return false;
}

/* -- telling */

struct pair {
    const struct fh_lock_package *old, *new;
    const char *from, *to; /* their versions */
};

static const char *version_of(struct client *c, const struct fh_lock_package *p)
{
    return p->version != NULL ? say_safe(c->arena, p->version) : "unknown";
}

static struct pair pair_of(struct client *c, const struct upgrades *u, const char *id)
{
    const char *system = settings_system(c->arena);
    struct pair p = {.old = lock_find(u->before, id, system), .new = lock_find(u->after, id, system)};
    p.from = version_of(c, p.old);
    p.to = version_of(c, p.new);
    return p;
}

/* Which revision it was and is: by day, by hash on the same day; "" where neither tells. */
static const char *rebuilt(struct client *c, const struct pair *p)
{
    static const struct {
        const char *key;
        int shown;
    } parts[] = {{"rev_date", 10}, {"rev", 7}};
    for (size_t i = 0; i < 2; i++) {
        const char *x = fh_json_string(p->old->json, parts[i].key);
        const char *y = fh_json_string(p->new->json, parts[i].key);
        if (x != NULL && y != NULL && strncmp(x, y, (size_t)parts[i].shown) != 0)
            return fh_sprintf(c->arena, ", rev %.*s -> %.*s", parts[i].shown, say_safe(c->arena, x),
                              parts[i].shown, say_safe(c->arena, y));
    }
    return "";
}

static const char *counted(struct fh_arena *a, size_t n, const char *what)
{
    return n == 0 ? "" : fh_sprintf(a, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

const char *upgrades_counted(struct client *c, const struct upgrades *u)
{
    size_t versions = 0;
    for (size_t i = 0; i < u->n; i++) {
        struct pair p = pair_of(c, u, u->ids[i]);
        versions += strcmp(p.from, p.to) != 0;
    }
    size_t rebuilds = u->n - versions;
    return fh_sprintf(c->arena, "%s%s%s", counted(c->arena, versions, "version change"),
                      versions > 0 && rebuilds > 0 ? " and " : "", counted(c->arena, rebuilds, "rebuild"));
}

const char *upgrades_lines(struct client *c, const struct upgrades *u)
{
    const char *lines = "";
    for (size_t i = 0; i < u->n; i++) {
        const char *id = say_safe(c->arena, u->ids[i]);
        struct pair p = pair_of(c, u, u->ids[i]);
        lines = strcmp(p.from, p.to) != 0
                    ? fh_sprintf(c->arena, "%s\n- %s: %s -> %s", lines, id, p.from, p.to)
                    : fh_sprintf(c->arena, "%s\n- %s: %s (rebuild%s)", lines, id, p.from, rebuilt(c, &p));
    }
    return lines;
}
