/* Which catalogs one caller may see. See catalog_scope.h. */
#include "server/catalog/catalog_scope.h"

#include <string.h>

struct catalog_scope {
    struct catalog_caller caller;
    struct catalog_list *list;
    const struct store_catalog_entry *entries;
    size_t n;
};

static void drop(void *list)
{
    catalog_list_drop(list);
}

fh_err catalog_scope_open(struct catalog *c, struct fh_arena *a, const struct catalog_caller *caller,
                          bool inline_only, const struct catalog_scope **out, struct fh_error *e)
{
    struct catalog_scope *s = fh_alloc(a, sizeof *s);
    FH_TRY(auth_can(caller->policy, caller->actor, AUTH_CATALOG_READ, NULL, e));
    FH_TRY(catalog_list_hold(c, inline_only, &s->list, e));
    fh_defer(a, drop, s->list);
    s->caller = *caller;
    s->entries = catalog_list_entries(s->list, &s->n);
    *out = s;
    return FH_OK;
}

static bool may(const struct catalog_scope *s, const struct store_catalog_entry *entry,
                enum auth_action action)
{
    const struct auth_object object = {.owner_id = entry->owner_id,
                                       .owner_kind = entry->owner_kind,
                                       .owner_disabled = entry->owner_disabled,
                                       .of_hub = !entry->owner,
                                       .visibility = entry->visibility};
    return auth_can(s->caller.policy, s->caller.actor, action, &object, NULL) == FH_OK;
}

const struct store_catalog_entry *catalog_scope_base(const struct catalog_scope *s)
{
    bool there = s->n > 0 && !s->entries[0].owner;
    return there && may(s, &s->entries[0], AUTH_CATALOG_READ) ? &s->entries[0] : NULL;
}

const struct store_catalog_entry *catalog_scope_find(const struct catalog_scope *s, const char *owner)
{
    size_t low = s->n > 0 && !s->entries[0].owner, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(s->entries[middle].owner, owner);
        if (order == 0)
            return may(s, &s->entries[middle], AUTH_CATALOG_READ) ? &s->entries[middle] : NULL;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct store_catalog_entry *catalog_scope_next(const struct catalog_scope *s,
                                                     const struct store_catalog_entry *after)
{
    for (size_t i = after ? (size_t)(after - s->entries) + 1 : 0; i < s->n; i++)
        if (may(s, &s->entries[i], AUTH_CATALOG_LIST))
            return &s->entries[i];
    return NULL;
}

int64_t catalog_scope_version(const struct catalog_scope *s)
{
    return catalog_list_version(s->list);
}

struct catalog_list *catalog_scope_list(const struct catalog_scope *s)
{
    return s->list;
}

void catalog_path_split(struct fh_arena *a, const char *pkg_path, const char **owner, const char **attr_path)
{
    size_t n = strcspn(pkg_path, "./");
    bool custom = n > 0 && pkg_path[n] == '/';
    *owner = custom ? fh_strndup(a, pkg_path, n) : NULL;
    *attr_path = custom ? pkg_path + n + 1 : pkg_path;
}

const struct store_catalog_entry *catalog_scope_of_path(const struct catalog_scope *s, struct fh_arena *a,
                                                        const char *pkg_path, const char **attr_path)
{
    const char *owner;
    catalog_path_split(a, pkg_path, &owner, attr_path);
    return owner ? catalog_scope_find(s, owner) : catalog_scope_base(s);
}
