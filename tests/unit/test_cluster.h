/* A private PostgreSQL for a test program, in a folder of its own under /tmp; as root it runs as "nobody". */
#ifndef TEST_CLUSTER_H
#define TEST_CLUSTER_H

#include "server/db/cluster.h"
#include "server/db/db.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct test_cluster {
    char data[64];
    char url[1024];
    struct db_cluster *cluster;
    struct db_pool *pool;
};

static inline void test_must(fh_err rc, const struct fh_error *e)
{
    if (rc == FH_OK)
        return;
    fprintf(stderr, "test cluster: %s\n", e->msg);
    exit(1);
}

static inline struct db_pool *test_pool(const char *url, int size)
{
    struct fh_error e;
    struct db_pool *pool;
    struct db_config config = {
        .url = url, .size = size, .wait_ms = 20000, .statement_ms = 30000, .application_name = "floe test"};
    test_must(db_pool_open(&config, &pool, &e), &e);
    return pool;
}

static inline void test_cluster_folder(struct test_cluster *t)
{
    *t = (struct test_cluster){.data = "/tmp/floe-test-XXXXXX"};
    if (!mkdtemp(t->data) || (geteuid() == 0 && chown(t->data, 65534, 65534) != 0)) {
        perror("a folder for the test cluster");
        exit(1);
    }
}

static inline void test_cluster_remove(const char *data)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", data, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

/* A process that cleans up after a test program which ends in the middle, however it ends: it sees the end of
 * the pipe that only the test program holds open. */
static inline void test_cluster_guard(const char *data)
{
    int held[2];
    char byte;
    pid_t pid;
    if (pipe2(held, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        perror("a guard for the test cluster");
        exit(1);
    }
    if (pid > 0) {
        close(held[0]);
        return;
    }
    close(held[1]);
    setsid();
    while (read(held[0], &byte, 1) > 0)
        ;
    for (int i = 0; i < 100 && (pid = db_cluster_pid(data)) > 0; i++) {
        kill(pid, SIGQUIT);
        usleep(100000);
    }
    test_cluster_remove(data);
    _exit(0);
}

/* Starts the cluster and, when asked, applies the migrations. */
static inline void test_cluster_start(struct test_cluster *t, bool migrate)
{
    struct fh_error e;
    test_cluster_folder(t);
    test_cluster_guard(t->data);
    struct db_cluster_config config = {.data = t->data, .max_connections = 32};
    test_must(db_cluster_start(&config, &t->cluster, &e), &e);
    test_must(db_cluster_url(t->data, t->url, sizeof t->url, &e), &e);
    t->pool = test_pool(t->url, 8);
    if (migrate)
        test_must(db_migrate(t->pool, NULL, &e), &e);
}

static inline void test_cluster_stop(struct test_cluster *t)
{
    db_pool_close(t->pool);
    db_cluster_stop(t->cluster);
    test_cluster_remove(t->data);
}

#endif
