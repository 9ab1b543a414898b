/* What the verbs that look after the data share. See admin_upkeep.h. */
#include "server/admin_upkeep.h"

#include <sys/stat.h>
#include <unistd.h>

void admin_stage(void *arg, const char *what, int64_t done, int64_t total)
{
    struct admin_stages *s = arg;
    if (!s->what || strcmp(s->what, what) != 0) {
        admin_stages_end(s);
        s->what = what;
        s->progress = fh_progress_start(what);
    }
    fh_progress_set(s->progress, done, total);
}

void admin_stages_end(struct admin_stages *s)
{
    if (s->what)
        fh_progress_end(s->progress);
    *s = (struct admin_stages){0};
}

const char *admin_size(struct admin *a, int64_t bytes)
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
    size_t unit = 0;
    double value = (double)bytes;
    for (; value >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    return fh_sprintf(a->arena, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

fh_err admin_become_service(const struct admin *a, struct fh_error *e)
{
    struct stat st;
    if (geteuid() != 0 || stat(a->config->data, &st) != 0 || st.st_uid == 0)
        return FH_OK;
    if (setegid(st.st_gid) != 0 || seteuid(st.st_uid) != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "The owner of %s cannot be acted as", a->config->data);
    return FH_OK;
}

void admin_become_caller(void)
{
    if (getuid() != geteuid() && (seteuid(getuid()) != 0 || setegid(getgid()) != 0))
        abort(); /* going on as somebody else would be worse */
}

static fh_err list_owners(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct store_owner *users, *orgs;
    size_t nusers, norgs;
    FH_TRY(store_owner_list(c, a->arena, STORE_USER, &users, &nusers, e));
    FH_TRY(store_owner_list(c, a->arena, STORE_ORG, &orgs, &norgs, e));
    struct store_owner *all = fh_alloc(a->arena, (nusers + norgs + 1) * sizeof *all);
    if (nusers)
        memcpy(all, users, nusers * sizeof *all);
    if (norgs)
        memcpy(all + nusers, orgs, norgs * sizeof *all);
    a->arg = all;
    all[nusers + norgs].id = 0;
    return FH_OK;
}

fh_err admin_owners(struct admin *a, struct store_owner **out, size_t *n, struct fh_error *e)
{
    void *arg = a->arg;
    fh_err rc = admin_read(a, list_owners, e);
    *out = a->arg;
    a->arg = arg;
    if (rc != FH_OK)
        return rc;
    for (*n = 0; (*out)[*n].id; ++*n)
        ;
    return FH_OK;
}
