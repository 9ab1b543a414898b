/* What the administration commands share: settings, a database that is reached whether or not the hub runs,
 * one way to make a change, one way to print a list.
 *
 *     verb -> admin_run -> settings, embedded PostgreSQL (started for the command if it is not running), pool
 *                       -> work(admin): admin_read / admin_change -> lists, sentences
 */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include "common/cli.h"
#include "server/config.h"
#include "server/store/audit.h"

struct db_cluster;
struct json_t;

struct admin {
    struct fh_cli *cli;
    struct fh_arena *arena; /* lives as long as the command */
    struct config *config;
    struct db_cluster *cluster; /* when this command started it */
    struct db_pool *pool;
    struct store_actor by; /* for audit rows: "root (admin command)" */
    void *arg;
};

enum admin_need {
    ADMIN_SETTINGS, /* no database */
    ADMIN_ANY,      /* a database of whatever schema, made when there is none */
    ADMIN_REACH,    /* a database of whatever schema that is there already */
    ADMIN_READY,    /* a database of this program's schema */
};

typedef fh_err admin_work(struct admin *a, struct fh_error *e);
/* Does all of the above and returns the exit status. */
int admin_run(struct fh_cli *cli, enum admin_need need, admin_work *work, void *arg);
/* The steps for commands of another shape. Close whatever open returned. */
fh_err admin_open(struct fh_cli *cli, enum admin_need need, struct admin *a, struct fh_error *e) FH_MUSTCHECK;
void admin_close(struct admin *a);
/* The command line's options that are settings, as config_load wants them. */
const char *const *admin_settings(struct fh_cli *cli, struct fh_arena *arena);

/* work with the admin as its argument. */
fh_err admin_read(struct admin *a, db_work *work, struct fh_error *e) FH_MUSTCHECK;
/* One transaction; then waits until every running server knows: about accounts (of handle, "": somebody's),
 * about an owner's environments, or about the catalog ("": the version says what). A server that does not
 * answer in time is warned of; the change stands. */
enum admin_about { ADMIN_ACCOUNTS, ADMIN_ENVIRONMENTS, ADMIN_CATALOG };
fh_err admin_change(struct admin *a, db_work *work, enum admin_about about, const char *handle,
                    struct fh_error *e) FH_MUSTCHECK;
/* The waiting alone, for changes that were made in another way. */
void admin_tell(struct admin *a, enum admin_about about, const char *handle);

/* Owners by handle and kind: "acme is an organisation" rather than a surprise. kind 0: either. */
fh_err admin_find_owner(struct admin *a, struct db_conn *c, const char *handle, enum store_owner_kind kind,
                        struct store_owner *out, struct fh_error *e) FH_MUSTCHECK;

/* Output. A sentence about what was done goes to standard error, data to standard output. */
bool admin_wants_json(const struct admin *a);
void admin_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
fh_err admin_print_json(struct json_t *take_value, struct fh_error *e) FH_MUSTCHECK;
struct json_t *admin_json_time(int64_t at);                            /* null for 0 */
const char *admin_time(struct admin *a, int64_t at, const char *zero); /* "2026-01-02 03:04", zero for 0 */

/* Options that several tables have. */
#define ADMIN_JSON_OPT                                                                                       \
    {                                                                                                        \
        .name = "json", .kind = FH_OPT_FLAG, .help = "Print JSON."                                           \
    }

/* The verbs, one table a file; main.c puts them together. */
extern const struct fh_verb admin_user_verbs[], admin_org_verbs[], admin_token_verbs[], admin_env_verbs[],
    admin_hub_verbs[], admin_routes_verbs[], admin_catalog_verbs[], admin_catalog_import_verbs[],
    admin_catalog_page_verbs[];

#endif
