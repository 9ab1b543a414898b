/* The composition root: what a running hub owns. Made once by serve; handlers reach it through req->app. */
#ifndef SERVER_APP_H
#define SERVER_APP_H

#include "server/auth/auth.h"

struct config;
struct db_pool;
struct db_cluster;
struct db_listener;
struct web_server;
struct wire_repos;

struct app {
    const struct config *config;
    struct db_cluster *cluster; /* NULL with an external database */
    struct db_pool *pool;
    struct db_listener *listener;
    struct auth_sessions *sessions;
    struct auth_policy policy;
    struct wire_repos *repos; /* owners' repositories: snapshots, packs, pack cache */
    struct web_server *web;
};

#endif
