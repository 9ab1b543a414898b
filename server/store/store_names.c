/* The texts that stand for the store's enums in commands and JSON. See owner.h. */
#include "server/store/owner.h"

static const char *const visibilities[] = {[STORE_PUBLIC] = "public",
                                           [STORE_INTERNAL] = "internal",
                                           [STORE_UNLISTED] = "unlisted",
                                           [STORE_PRIVATE] = "private"};
static const char *const roles[] = {
    [STORE_NO_ROLE] = "none", [STORE_READER] = "reader", [STORE_WRITER] = "writer", [STORE_OWNER] = "owner"};
static const char *const scopes[] = {
    [STORE_SCOPE_READ] = "read", [STORE_SCOPE_WRITE] = "write", [STORE_SCOPE_ADMIN] = "admin"};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char *name_in(const char *const *table, size_t n, size_t i)
{
    return i < n && table[i] ? table[i] : "unknown";
}

static size_t find_in(const char *const *table, size_t n, const char *text)
{
    for (size_t i = 1; text && i < n; i++)
        if (strcmp(table[i], text) == 0)
            return i;
    return 0;
}

const char *store_visibility_name(enum store_visibility v)
{
    return name_in(visibilities, COUNT(visibilities), (size_t)v);
}

enum store_visibility store_visibility_parse(const char *text)
{
    return (enum store_visibility)find_in(visibilities, COUNT(visibilities), text);
}

const char *store_role_name(enum store_role r)
{
    return name_in(roles, COUNT(roles), (size_t)r);
}

enum store_role store_role_parse(const char *text)
{
    return (enum store_role)find_in(roles, COUNT(roles), text);
}

const char *store_scope_name(enum store_scope s)
{
    return name_in(scopes, COUNT(scopes), (size_t)s);
}

enum store_scope store_scope_parse(const char *text)
{
    return (enum store_scope)find_in(scopes, COUNT(scopes), text);
}
