/* Moving an embedded cluster to another major version of PostgreSQL, by pg_upgrade. See cluster.h.
 *
 *   postgres (old) --pg_upgrade, copying--> postgres.upgraded (new)
 *   then: postgres -> postgres-<old>, postgres.upgraded -> postgres
 *
 * Until the two renames the old cluster is whole and in place; after them it is kept beside. A stop between
 * them is finished by the next call. */
#include "server/db/cluster.h"

#include "server/db/cluster_files.h"
#include "server/db/cluster_pid.h"
#include "server/db/cluster_upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static fh_err lock_data(const struct cluster_paths *p, int *fd, struct fh_error *e)
{
    *fd = open(p->lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be opened", p->lock);
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0 || cluster_running_pid(p->folder))
        return FH_FAIL(e, FH_CONFLICT, "The database in %s is running; stop floe-server first.", p->data);
    return FH_OK;
}

static fh_err run_pg_upgrade(const struct cluster_paths *p, const struct cluster_user *user,
                             const char *old_bin, const char *new_bin, const char *target, struct fh_error *e)
{
    char program[CLUSTER_PATH];
    FH_TRY(cluster_join(program, new_bin, "pg_upgrade", e));
    if (access(program, X_OK) != 0)
        return FH_FAIL(e, FH_NOT_FOUND, "pg_upgrade is not in %s.", new_bin);
    const char *argv[] = {program,   "--old-bindir",
                          old_bin,   "--new-bindir",
                          new_bin,   "--old-datadir",
                          p->folder, "--new-datadir",
                          target,    "--username",
                          "floe",    "--socketdir",
                          p->run,    NULL};
    struct cluster_command cmd = {.argv = argv, .cwd = p->data, .log = p->log, .output_fd = -1};
    return cluster_run(&cmd, user, e);
}

static fh_err put_in_place(const struct cluster_paths *p, const char *target, const char *kept,
                           struct fh_error *e)
{
    if (cluster_major(p->folder) && rename(p->folder, kept) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be renamed to %s", p->folder, kept);
    if (rename(target, p->folder) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be renamed to %s", target, p->folder);
    return FH_OK;
}

fh_err cluster_upgrade_between(const struct cluster_paths *p, const char *old_bin, const char *new_bin,
                               struct fh_error *e)
{
    struct cluster_user user;
    char target[CLUSTER_PATH], done[CLUSTER_PATH], kept[CLUSTER_PATH], name[32];
    FH_TRY(cluster_user_of(p->data, &user, e));
    FH_TRY(cluster_join(target, p->data, "postgres.upgrading", e));
    FH_TRY(cluster_join(done, p->data, "postgres.upgraded", e));
    snprintf(name, sizeof name, "postgres-%d", cluster_major(p->folder));
    FH_TRY(cluster_join(kept, p->data, name, e));
    if (access(kept, F_OK) == 0)
        return FH_FAIL(e, FH_CONFLICT, "%s is there from an earlier upgrade; move it away first.", kept);
    const char *remove[] = {"/bin/rm", "-rf", "--one-file-system", target, done, NULL};
    struct cluster_command cmd = {.argv = remove, .log = p->log, .output_fd = -1};
    FH_TRY(cluster_run(&cmd, &user, e)); /* of an upgrade that was cut short */
    FH_TRY(cluster_make(p, new_bin, &user, target, e));
    FH_TRY(run_pg_upgrade(p, &user, old_bin, new_bin, target, e));
    if (rename(target, done) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be renamed", target);
    return put_in_place(p, done, kept, e);
}

fh_err db_cluster_upgrade(const char *data, const char *bin_dir, struct fh_error *e)
{
    struct cluster_paths p;
    char old_bin[CLUSTER_PATH], new_bin[CLUSTER_PATH], done[CLUSTER_PATH];
    int old_major, new_major, lock_fd = -1;
    FH_TRY(cluster_paths_find(data, true, &p, e));
    FH_TRY(cluster_join(done, p.data, "postgres.upgraded", e));
    fh_err rc = lock_data(&p, &lock_fd, e);
    int have = cluster_major(p.folder);
    if (rc == FH_OK && !have && cluster_major(done))
        rc = put_in_place(&p, done, "", e); /* stopped between the two renames */
    else if (rc == FH_OK && !have)
        rc = FH_FAIL(e, FH_NOT_FOUND, "There is no database in %s.", p.data);
    else if (rc == FH_OK)
        rc = cluster_find_programs(bin_dir, 0, new_bin, &new_major, e);
    if (rc == FH_OK && have && new_major == have)
        rc = FH_FAIL(e, FH_INVALID,
                     "The database in %s is of PostgreSQL %d already, which is the newest here.", p.data,
                     have);
    if (rc == FH_OK && have)
        rc = cluster_find_programs(NULL, have, old_bin, &old_major, e);
    if (rc == FH_OK && have && old_major != have)
        rc = FH_FAIL(e, FH_NOT_FOUND,
                     "The upgrade needs PostgreSQL %d's programs too: install postgresql-%d.", have, have);
    if (rc == FH_OK && have)
        rc = cluster_upgrade_between(&p, old_bin, new_bin, e);
    if (lock_fd >= 0)
        close(lock_fd);
    return rc;
}
