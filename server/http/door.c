/* The thread at the door: accepts connections, within the limits, and ends those that outstay their deadline.
 *
 * libmicrohttpd could accept by itself. It would count a reverse proxy's address like anybody's, its time-out
 * starts afresh with every byte, and stopping its listening threads under load can abort (MHD_quiesce_daemon
 * of 0.9.75 races with them). So it is given connections, and here is
 *   - a count per address (a /64 for IPv6), which trusted proxies are free of;
 *   - a deadline per connection: for the headers, for a whole body, for the client to take its answer;
 *   - an eye on clients that closed in the middle of a request. The library (0.9.75) does not read again
 * after a read that left room in its buffer, so where the last bytes came together with the end it would wait
 *     for the deadline;
 *   - lingering: a connection that is closed with a body unread is read on for FH_LINGER_TIMEOUT through a
 *     second descriptor, since closing it at once would reset it and take the answer away from the client. */
#include "server/http/inside.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TICK = 500, TABLE = 1024, MAX_LINGERING = 256, ACCEPT_SERIES = 64 };

struct tally {
    struct tally *next;
    struct web_address address;
    unsigned n;
};

struct lingering {
    int fd;
    int64_t until;
    size_t read;
};

struct web_door {
    struct web_server *server;
    pthread_t thread;
    int wake; /* eventfd */
    _Atomic bool accepting, closing;
    _Atomic uint64_t refused;
    pthread_mutex_t lock; /* everything below */
    struct web_conn *conns;
    size_t nconns; /* accepted and not yet closed */
    struct tally *tallies[TABLE];
    struct lingering lingering[MAX_LINGERING];
    size_t nlingering;
};

static struct web_address counted_as(const struct web_address *a)
{
    struct web_address key = *a;
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(key.bytes, mapped, sizeof mapped) != 0)
        memset(key.bytes + 8, 0, 8);
    return key;
}

static struct tally **find_tally(struct web_door *d, const struct web_address *key)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof key->bytes; i++)
        hash = (hash ^ key->bytes[i]) * 16777619u;
    struct tally **t = &d->tallies[hash % TABLE];
    while (*t && memcmp((*t)->address.bytes, key->bytes, sizeof key->bytes) != 0)
        t = &(*t)->next;
    return t;
}

/* Counts a connection of the address, unless that is one too many. */
static bool enter(struct web_door *d, const struct web_address *a)
{
    const struct web_config *c = d->server->config;
    struct web_address key = counted_as(a);
    bool trusted = web_networks_have(&d->server->trusted, a);
    pthread_mutex_lock(&d->lock);
    struct tally **t = find_tally(d, &key);
    bool ok = trusted || !*t || (*t)->n < c->max_connections_per_address;
    if (ok) {
        if (!*t) {
            *t = fh_xcalloc(1, sizeof **t);
            (*t)->address = key;
        }
        (*t)->n++;
        d->nconns++;
    }
    pthread_mutex_unlock(&d->lock);
    return ok;
}

static void leave(struct web_door *d, const struct web_address *a)
{
    struct web_address key = counted_as(a);
    pthread_mutex_lock(&d->lock);
    struct tally **t = find_tally(d, &key);
    if (*t && --(*t)->n == 0) {
        struct tally *gone = *t;
        *t = gone->next;
        free(gone);
    }
    d->nconns--;
    pthread_mutex_unlock(&d->lock);
}

static void keep_open_a_while(struct web_door *d, int fd)
{
    pthread_mutex_lock(&d->lock);
    int copy = d->nlingering < MAX_LINGERING ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (copy >= 0)
        d->lingering[d->nlingering++] =
            (struct lingering){.fd = copy, .until = fh_ticks_ms() + FH_LINGER_TIMEOUT};
    pthread_mutex_unlock(&d->lock);
    if (copy >= 0)
        eventfd_write(d->wake, 1);
}

void web_door_notify(void *server, struct MHD_Connection *mhd, void **socket_context,
                     enum MHD_ConnectionNotificationCode what)
{
    struct web_server *s = server;
    struct web_door *d = s->door;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        struct web_conn *c = fh_xcalloc(1, sizeof *c);
        c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        web_address_of(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
                       &c->peer);
        c->peer_trusted = web_networks_have(&s->trusted, &c->peer);
        atomic_init(&c->deadline, fh_ticks_ms() + 2 * FH_IDLE_TIMEOUT);
        atomic_init(&c->listening, true);
        pthread_mutex_lock(&d->lock);
        c->next = d->conns;
        if (c->next)
            c->next->prev = c;
        d->conns = c;
        pthread_mutex_unlock(&d->lock);
        *socket_context = c;
        return;
    }
    struct web_conn *c = *socket_context;
    pthread_mutex_lock(&d->lock);
    *(c->prev ? &c->prev->next : &d->conns) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    pthread_mutex_unlock(&d->lock);
    if (c->linger)
        keep_open_a_while(d, c->fd);
    leave(d, &c->peer);
    free(c);
    *socket_context = NULL;
}

/* The client has closed, nothing of it is left to read, and more was to come, for a second look: at the first
 * the library may just be reading. */
static bool is_deaf(struct web_conn *c)
{
    char byte;
    if (!atomic_load(&c->listening) || recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
        c->deaf = 0;
    else
        c->deaf++;
    return c->deaf == 2;
}

/* The library closes a connection at its next event once the socket is shut down. The lock keeps the
 * descriptor from being closed, and used for something else, meanwhile. */
static void end_the_late(struct web_door *d)
{
    int64_t now = fh_ticks_ms();
    pthread_mutex_lock(&d->lock);
    for (struct web_conn *c = d->conns; c; c = c->next) {
        bool late = now > atomic_load(&c->deadline);
        if (late)
            atomic_store(&c->deadline, INT64_MAX);
        if (late || is_deaf(c))
            shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&d->lock);
}

/* false: the client has read its answer and closed, or had its time. */
static bool read_on(struct lingering *l, int64_t now)
{
    char bytes[16 * 1024];
    ssize_t n;
    while ((n = recv(l->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        if ((l->read += (size_t)n) > (size_t)FH_MAX_BODY_PUSH)
            return false;
    return n < 0 && (errno == EAGAIN || errno == EINTR) && now < l->until;
}

static void tend_lingering(struct web_door *d)
{
    int64_t now = fh_ticks_ms();
    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->nlingering;) {
        if (read_on(&d->lingering[i], now)) {
            i++;
            continue;
        }
        close(d->lingering[i].fd);
        d->lingering[i] = d->lingering[--d->nlingering];
    }
    pthread_mutex_unlock(&d->lock);
}

/* Says why, where that takes no handshake, and closes as after any other refusal. */
static void turn_away(struct web_door *d, int fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                                 "Retry-After: 1\r\nConnection: close\r\nContent-Length: 88\r\n\r\n"
                                 "{\"detail\":\"Too many connections from this address. "
                                 "Try again in a moment.\",\"status\":503}";
    atomic_fetch_add(&d->refused, 1);
    if (!d->server->tls && send(fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 &&
        shutdown(fd, SHUT_WR) == 0)
        keep_open_a_while(d, fd);
    close(fd);
}

/* false: there is nobody waiting, or no room. */
static bool accept_one(struct web_door *d)
{
    struct sockaddr_storage ss;
    socklen_t size = sizeof ss;
    int fd = accept4(d->server->listen_fd, (struct sockaddr *)&ss, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            fh_log(FH_LOG_WARN, "Out of descriptors or memory: new connections wait.");
            poll(NULL, 0, 100);
        }
        return errno == EINTR || errno == ECONNABORTED;
    }
    struct web_address a;
    if (!web_address_of((struct sockaddr *)&ss, &a) || !enter(d, &a)) {
        turn_away(d, fd);
        return true;
    }
    if (MHD_add_connection(d->server->daemon, fd, (struct sockaddr *)&ss, size) != MHD_YES)
        leave(d, &a);
    return true;
}

static bool has_room(struct web_door *d)
{
    pthread_mutex_lock(&d->lock);
    bool room = d->nconns < d->server->config->max_connections;
    pthread_mutex_unlock(&d->lock);
    return room;
}

static size_t watch_lingering(struct web_door *d, struct pollfd *fds)
{
    pthread_mutex_lock(&d->lock);
    size_t n = d->nlingering;
    for (size_t i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = d->lingering[i].fd, .events = POLLIN};
    pthread_mutex_unlock(&d->lock);
    return n;
}

static void *stand_at_the_door(void *arg)
{
    struct web_door *d = arg;
    struct pollfd fds[2 + MAX_LINGERING];
    int64_t next_round = 0;
    while (!atomic_load(&d->closing)) {
        bool room = has_room(d), open = atomic_load(&d->accepting);
        fds[0] = (struct pollfd){.fd = d->wake, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = open && room ? d->server->listen_fd : -1, .events = POLLIN};
        size_t n = watch_lingering(d, fds + 2);
        poll(fds, (nfds_t)(2 + n), room ? TICK : 20);
        eventfd_t ignored;
        if (fds[0].revents)
            eventfd_read(d->wake, &ignored);
        for (int i = 0; (fds[1].revents & POLLIN) && i < ACCEPT_SERIES && has_room(d) && accept_one(d); i++)
            ;
        if (n > 0)
            tend_lingering(d);
        if (fh_ticks_ms() >= next_round) {
            end_the_late(d);
            web_workers_expire(d->server->workers);
            next_round = fh_ticks_ms() + TICK;
        }
    }
    return NULL;
}

fh_err web_door_open(struct web_server *s, struct web_door **out, struct fh_error *e)
{
    struct web_door *d = fh_xcalloc(1, sizeof *d);
    d->server = s;
    pthread_mutex_init(&d->lock, NULL);
    atomic_init(&d->accepting, true);
    d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *out = d; /* the library's callbacks need it as soon as the thread accepts */
    if (d->wake >= 0 && pthread_create(&d->thread, NULL, stand_at_the_door, d) == 0)
        return FH_OK;
    *out = NULL;
    if (d->wake >= 0)
        close(d->wake);
    free(d);
    return FH_FAIL(e, FH_UNAVAILABLE, "The thread that accepts connections could not be started.");
}

void web_door_stop_accepting(struct web_door *d)
{
    atomic_store(&d->accepting, false);
    eventfd_write(d->wake, 1);
}

void web_door_join(struct web_door *d)
{
    atomic_store(&d->closing, true);
    eventfd_write(d->wake, 1);
    pthread_join(d->thread, NULL);
}

void web_door_free(struct web_door *d)
{
    for (size_t i = 0; i < d->nlingering; i++)
        close(d->lingering[i].fd);
    close(d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

size_t web_door_connections(struct web_door *d)
{
    pthread_mutex_lock(&d->lock);
    size_t n = d->nconns;
    pthread_mutex_unlock(&d->lock);
    return n;
}

uint64_t web_door_refused(struct web_door *d)
{
    return atomic_load(&d->refused);
}
