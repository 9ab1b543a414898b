/* The composition root: what a running hub owns. Made once by serve; handlers reach it through req->app. */
#ifndef SERVER_APP_H
#define SERVER_APP_H

#include "server/auth/auth.h"

struct catalog;
struct catalog_upstream;
struct config;
struct db_pool;
struct db_cluster;
struct db_listener;
struct health;
struct web_server;
struct wire_repos;
struct resolve_memory;
struct rest;

struct app {
    const struct config *config;
    struct db_cluster *cluster; /* NULL with an external database */
    struct db_pool *pool;
    struct db_listener *listener;
    struct auth_sessions *sessions;
    struct auth_policy policy;
    struct wire_repos *repos;          /* owners' repositories: snapshots, packs, pack cache */
    struct catalog *catalog;           /* which catalogs there are, the search index */
    struct catalog_upstream *upstream; /* NULL: none is set */
    struct resolve_memory *resolve;    /* packages that were resolved lately */
    struct rest *rest;                 /* what REST keeps between requests */
    struct web_server *web;
    struct health *health;
};

/* In two steps: open binds the ports and reads the TLS key, for which a server may need to be root; run does
 * all the rest, as whoever it has become: database, migrations, caches, threads. */
fh_err app_open(const struct config *config, struct app **out, struct fh_error *e) FH_MUSTCHECK;
fh_err app_run(struct app *app, struct fh_error *e) FH_MUSTCHECK;
/* Lets requests finish for at most drain_ms, then ends everything in reverse. After either step; NULL is
 * fine. */
void app_stop(struct app *app, int drain_ms);

#endif
