/* floe-server backup and restore. The copying is PostgreSQL's own (db/db_tools.h); here is what makes it
 * safe: a file that is whole or not there, and a restore into the right place only. */
#include "server/admin_upkeep.h"
#include "server/data_folder.h"

#include "server/db/db_tools.h"
#include "server/git/wire_scratch.h"
#include "server/store/backup.h"
#include "server/store/counts.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct backup {
    struct db_tools *tools;
    struct admin_stages stages;
    const char *path, *temporary;
    int fd, lock; /* -1: none */
    int64_t id, bytes;
    struct store_backup row;
    struct store_counts counts;
    bool replace, yes, sound;
};

static void on_dump(void *arg, int64_t bytes)
{
    struct backup *b = arg;
    admin_stage(&b->stages, "Writing the backup (MB)", bytes / 1000000, 0);
}

static fh_err begin_row(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct backup *b = a->arg;
    return store_backup_begin(c, a->arena, FLOE_VERSION, &b->id, e);
}

static fh_err finish_row(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct backup *b = a->arg;
    FH_TRY(store_backup_finish(c, b->id, b->bytes, e));
    return store_audit(c, &a->by, "hub.backup", 0, "hub", NULL, e);
}

/* <FILE>.tmp, locked: what a backup that was killed left is used again, one that runs is not disturbed. */
static fh_err open_temporary(struct backup *b, struct fh_error *e)
{
    struct stat st;
    if (stat(b->path, &st) == 0 && !S_ISREG(st.st_mode))
        return FH_FAIL(e, FH_INVALID, "%s is not a file.", b->path);
    b->fd = open(b->temporary, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (b->fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be made", b->temporary);
    if (flock(b->fd, LOCK_EX | LOCK_NB) != 0)
        return FH_FAIL(e, FH_CONFLICT, "Another backup is being written to %s.", b->temporary);
    if (fchmod(b->fd, 0600) != 0 || ftruncate(b->fd, 0) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be used", b->temporary);
    return FH_OK;
}

static fh_err sync_folder(struct admin *a, const char *path, struct fh_error *e)
{
    const char *folder = dirname(fh_strdup(a->arena, path));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fh_err rc = FH_OK;
    if (fd < 0 || fsync(fd) != 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s cannot be written to the disk", folder);
    if (fd >= 0)
        close(fd);
    return rc;
}

static fh_err put_in_place(struct admin *a, struct backup *b, struct fh_error *e)
{
    int version;
    char name[DB_MIGRATION_NAME];
    struct stat st;
    /* Read back what restore would ask first: a file that it would refuse is no backup. */
    FH_TRY(db_tools_archive_schema(b->tools, b->fd, &version, name, e));
    if (fsync(b->fd) != 0 || fstat(b->fd, &st) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be written to the disk", b->temporary);
    b->bytes = st.st_size;
    if (rename(b->temporary, b->path) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be put in place", b->path);
    return sync_folder(a, b->path, e);
}

static fh_err write_backup(struct admin *a, struct fh_error *e)
{
    struct backup *b = a->arg;
    b->path = a->cli->args[0];
    b->temporary = fh_sprintf(a->arena, "%s.tmp", b->path);
    FH_TRY(db_tools_open(a->pool, a->config->postgres_bin, &b->tools, e));
    FH_TRY(open_temporary(b, e));
    FH_TRY(db_transaction(a->pool, begin_row, a, e));
    fh_err rc = db_tools_dump(b->tools, b->fd, on_dump, b, e);
    if (rc == FH_OK)
        rc = put_in_place(a, b, e);
    if (rc != FH_OK) {
        (void)unlink(b->temporary);
        return rc;
    }
    FH_TRY(db_transaction(a->pool, finish_row, a, e));
    admin_stages_end(&b->stages);
    admin_say("%s: %s, Floe %s, schema %d.", b->path, admin_size(a, b->bytes), FLOE_VERSION,
              db_schema_version());
    return FH_OK;
}

static void leave(struct backup *b)
{
    admin_stages_end(&b->stages);
    db_tools_free(b->tools);
    if (b->fd >= 0)
        close(b->fd);
    if (b->lock >= 0)
        close(b->lock);
}

static fh_err backup(struct admin *a, struct fh_error *e)
{
    fh_err rc = write_backup(a, e);
    leave(a->arg);
    return rc;
}

static int run_backup(struct fh_cli *cli)
{
    struct backup b = {.fd = -1, .lock = -1};
    return admin_run(cli, ADMIN_READY, backup, &b);
}

static void on_restore(void *arg, int64_t bytes)
{
    struct backup *b = arg;
    admin_stage(&b->stages, "Restoring", bytes, b->bytes);
}

static fh_err open_file(struct backup *b, struct fh_error *e)
{
    struct stat st;
    b->fd = open(b->path, O_RDONLY | O_CLOEXEC);
    if (b->fd < 0 || fstat(b->fd, &st) != 0)
        return FH_FAIL_ERRNO(e, errno == ENOENT ? FH_NOT_FOUND : FH_INVALID, "%s cannot be opened", b->path);
    if (!S_ISREG(st.st_mode))
        return FH_FAIL(e, FH_INVALID, "%s is not a file.", b->path);
    b->bytes = st.st_size;
    return FH_OK;
}

static fh_err check_file(struct backup *b, struct fh_error *e)
{
    int version;
    char name[DB_MIGRATION_NAME];
    struct fh_error why = {0};
    fh_err rc = db_tools_archive_schema(b->tools, b->fd, &version, name, &why);
    if (rc != FH_OK)
        return FH_FAIL(e, rc, "%s: %s", b->path, why.msg);
    if (version > db_schema_version())
        return FH_FAIL(
            e, FH_INVALID,
            "%s is of a newer Floe: its schema is %d (%s), and this program knows %d. Restore it with that "
            "newer version.",
            b->path, version, name, db_schema_version());
    return FH_OK;
}

static fh_err count_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    const struct admin *a = arg;
    struct backup *b = a->arg;
    return store_counts(c, &b->counts, e);
}

static bool confirmed(const struct admin *a, const struct backup *b)
{
    char answer[16];
    fprintf(stderr,
            "This replaces %lld users, %lld organisations and %lld environments of the hub in %s by those of "
            "%s.\n"
            "Type \"replace\" to go on: ",
            (long long)b->counts.users, (long long)b->counts.orgs, (long long)b->counts.envs,
            a->config->database_url ? "the external database" : a->config->data, b->path);
    fflush(stderr);
    return fgets(answer, sizeof answer, stdin) && strcmp(answer, "replace\n") == 0;
}

/* No server on the data folder, none to come while we hold it, and none elsewhere on the database. */
static fh_err check_stopped(struct admin *a, struct backup *b, struct fh_error *e)
{
    int64_t servers;
    fh_err rc = FH_OK;
    FH_TRY(admin_become_service(a, e));
    if (access(a->config->data, F_OK) == 0) /* with an external database there need be none here */
        rc = data_folder_lock(a->config->data, &b->lock, e);
    admin_become_caller();
    if (rc == FH_CONFLICT)
        return FH_FAIL(e, rc, "A hub is running on %s: stop it first.", a->config->data);
    FH_TRY(rc);
    FH_TRY(db_tools_servers(b->tools, &servers, e));
    if (servers > 0)
        return FH_FAIL(e, FH_CONFLICT, "A hub is running on this database: stop it first (%lld connected).",
                       (long long)servers);
    return FH_OK;
}

/* Only into a hub without accounts, unless told otherwise twice. */
static fh_err check_target(struct admin *a, struct backup *b, struct fh_error *e)
{
    int schema;
    FH_TRY(check_stopped(a, b, e));
    FH_TRY(db_schema_applied(a->pool, &schema, e));
    if (schema > 0)
        FH_TRY(admin_read(a, count_rows, e));
    if (b->counts.users == 0 && b->counts.orgs == 0)
        return FH_OK;
    if (!b->replace)
        return FH_FAIL(
            e, FH_CONFLICT,
            "This hub is not empty: it has %lld users and %lld environments. --replace puts the backup in "
            "their place; they are gone then.",
            (long long)b->counts.users, (long long)b->counts.envs);
    if (b->yes)
        return FH_OK;
    if (!isatty(STDIN_FILENO))
        return FH_FAIL(e, FH_INVALID, "Without a terminal to ask on, --replace needs --yes as well.");
    return confirmed(a, b) ? FH_OK : FH_FAIL(e, FH_CONFLICT, "Nothing was changed.");
}

static fh_err origin_row(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct backup *b = a->arg;
    fh_err rc = store_backup_origin(c, a->arena, &b->row, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc; /* none: pg_dump was run by hand, which is a backup as good */
    return store_audit(c, &a->by, "hub.restore", 0, "hub", NULL, e);
}

/* What this node derived from the rows that are gone. Rows name packs by content, so what stays where this
 * fails is at worst of no use. */
static fh_err forget_derived(struct admin *a, struct fh_error *e)
{
    static const char *const names[] = {"git", "cache"};
    FH_TRY(admin_become_service(a, e));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)wire_remove_tree(fh_sprintf(a->arena, "%s/%s", a->config->data, names[i]), NULL);
    admin_become_caller();
    return FH_OK;
}

static fh_err restore_file(struct admin *a, struct fh_error *e)
{
    struct backup *b = a->arg;
    int applied = 0;
    b->path = a->cli->args[0];
    FH_TRY(open_file(b, e));
    FH_TRY(db_tools_open(a->pool, a->config->postgres_bin, &b->tools, e));
    FH_TRY(check_file(b, e));
    FH_TRY(check_target(a, b, e));
    FH_TRY(db_tools_restore(b->tools, b->fd, on_restore, b, e));
    admin_stages_end(&b->stages);
    FH_TRY(db_migrate(a->pool, &applied, e));
    FH_TRY(forget_derived(a, e));
    FH_TRY(db_transaction(a->pool, origin_row, a, e));
    admin_say("Restored the backup of %s, made by Floe %s.",
              admin_time(a, b->row.started_at, "an unknown time"), b->row.floe);
    if (applied)
        admin_say("Brought it from schema %d to %d.", db_schema_version() - applied, db_schema_version());
    return admin_fsck_print(a, false, &b->sound, e);
}

static fh_err restore(struct admin *a, struct fh_error *e)
{
    fh_err rc = restore_file(a, e);
    leave(a->arg);
    return rc;
}

static int run_restore(struct fh_cli *cli)
{
    struct backup b = {.fd = -1,
                       .lock = -1,
                       .replace = fh_cli_flag(cli, "replace"),
                       .yes = fh_cli_flag(cli, "yes"),
                       .sound = true};
    int status = admin_run(cli, ADMIN_ANY, restore, &b);
    return status == 0 && !b.sound ? 1 : status;
}

static const struct fh_opt restore_opts[] = {
    {.name = "replace", .kind = FH_OPT_FLAG, .help = "Replace a hub that has accounts. Asks first."},
    {.name = "yes", .letter = 'y', .kind = FH_OPT_FLAG, .help = "Do not ask."},
    {0}};

const struct fh_verb admin_backup_verbs[] = {
    {.path = "backup",
     .args = "FILE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Write the whole hub into one file.",
     .text = "One consistent snapshot of the database (accounts, tokens' hashes, environments with all "
             "generations, logs), "
             "while the hub runs. FILE is a pg_dump archive with mode 0600; it is there whole or not at all, "
             "and replaces "
             "an older one of that name. Keep it as you would keep the data itself.",
     .run = run_backup},
    {.path = "restore",
     .args = "FILE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Bring back a hub from a backup.",
     .text = "Into an empty hub, with the server stopped; in one transaction, so that a failure changes "
             "nothing. A backup of "
             "an older Floe is brought up to date, one of a newer is refused. Ends with \"fsck\", whose exit "
             "status it "
             "takes over.",
     .opts = restore_opts,
     .run = run_restore},
    {0}};
