/* Addresses of peers and sets of networks. See address.h. */
#include "server/http/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool web_address_parse(const char *text, struct web_address *out)
{
    memcpy(out->bytes, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, out->bytes + 12) == 1 || inet_pton(AF_INET6, text, out->bytes) == 1;
}

bool web_address_of(const struct sockaddr *sa, struct web_address *out)
{
    memcpy(out->bytes, mapped, sizeof mapped);
    if (sa && sa->sa_family == AF_INET)
        memcpy(out->bytes + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
    else if (sa && sa->sa_family == AF_INET6)
        memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
    else
        return false;
    return true;
}

void web_address_format(const struct web_address *a, char out[WEB_ADDRESS_TEXT])
{
    bool v4 = memcmp(a->bytes, mapped, sizeof mapped) == 0;
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->bytes + 12 : a->bytes, out, WEB_ADDRESS_TEXT))
        out[0] = '\0';
}

static bool parse_network(const char *text, struct web_networks *out)
{
    char copy[80];
    snprintf(copy, sizeof copy, "%s", text);
    char *slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    struct web_address a;
    if (strlen(text) >= sizeof copy || !web_address_parse(copy, &a))
        return false;
    unsigned offset = strchr(copy, ':') ? 0 : 96, bits = 128;
    if (slash) {
        char *end;
        unsigned long n = strtoul(slash + 1, &end, 10);
        if (slash[1] < '0' || slash[1] > '9' || *end || n > 128 - offset)
            return false;
        bits = offset + (unsigned)n;
    }
    out->list[out->n].address = a;
    out->list[out->n++].bits = bits;
    return true;
}

fh_err web_networks_parse(const char *text, struct web_networks *out, struct fh_error *e)
{
    out->n = 0;
    for (const char *p = text ? text : ""; *(p += strspn(p, ", \t"));) {
        char item[80];
        size_t size = strcspn(p, ", \t");
        snprintf(item, sizeof item, "%.*s", (int)(size < 79 ? size : 79), p);
        if (out->n == sizeof out->list / sizeof *out->list)
            return FH_FAIL(e, FH_INVALID, "trusted_proxies has more than %zu entries.",
                           sizeof out->list / sizeof *out->list);
        if (!parse_network(item, out))
            return FH_FAIL(e, FH_INVALID,
                           "trusted_proxies: \"%s\" is neither an address nor a network like 10.0.0.0/8.",
                           item);
        p += size;
    }
    return FH_OK;
}

static bool covers(const struct web_address *network, unsigned bits, const struct web_address *a)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(network->bytes, a->bytes, whole) != 0)
        return false;
    return rest == 0 || ((network->bytes[whole] ^ a->bytes[whole]) >> (8 - rest)) == 0;
}

bool web_networks_have(const struct web_networks *n, const struct web_address *a)
{
    for (size_t i = 0; i < n->n; i++)
        if (covers(&n->list[i].address, n->list[i].bits, a))
            return true;
    return false;
}

/* "1.2.3.4", "1.2.3.4:567", "2001:db8::1", "[2001:db8::1]:567" */
static bool parse_entry(const char *text, size_t size, struct web_address *out)
{
    char item[80];
    while (size > 0 && (text[0] == ' ' || text[0] == '\t'))
        text++, size--;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    if (size == 0 || size >= sizeof item)
        return false;
    memcpy(item, text, size);
    item[size] = '\0';
    if (item[0] == '[') {
        char *end = strchr(item, ']');
        if (!end)
            return false;
        *end = '\0';
        return web_address_parse(item + 1, out);
    }
    char *colon = strchr(item, ':');
    if (colon && !strchr(colon + 1, ':'))
        *colon = '\0';
    return web_address_parse(item, out);
}

void web_forwarded_client(const struct web_networks *trusted, const struct web_address *peer,
                          const char *forwarded_for, struct web_address *out)
{
    *out = *peer;
    size_t end = forwarded_for ? strlen(forwarded_for) : 0;
    while (end > 0 && web_networks_have(trusted, out)) {
        size_t begin = end;
        while (begin > 0 && forwarded_for[begin - 1] != ',')
            begin--;
        struct web_address entry;
        if (!parse_entry(forwarded_for + begin, end - begin, &entry))
            break;
        *out = entry;
        end = begin > 0 ? begin - 1 : 0;
    }
}

static fh_err split_listen(const char *listen, char host[256], const char **port, struct fh_error *e)
{
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : 0;
    bool bracketed = n >= 2 && listen[0] == '[' && listen[n - 1] == ']';
    if (!colon || n >= 256 || (!bracketed && memchr(listen, ':', n)) || colon[1] == '\0')
        return FH_FAIL(e, FH_INVALID,
                       "\"%s\" is not an address to listen on, like 127.0.0.1:8080 or [::1]:8080.", listen);
    snprintf(host, 256, "%.*s", (int)(bracketed ? n - 2 : n), bracketed ? listen + 1 : listen);
    *port = colon + 1;
    return FH_OK;
}

static int open_socket(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    int one = 1;
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
                    bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int bound_port(int fd)
{
    struct sockaddr_storage ss;
    socklen_t size = sizeof ss;
    if (getsockname(fd, (struct sockaddr *)&ss, &size) != 0)
        return 0;
    return ntohs(ss.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&ss)->sin6_port
                                          : ((const struct sockaddr_in *)&ss)->sin_port);
}

fh_err web_listen(const char *listen, int *fd, int *port, struct fh_error *e)
{
    char host[256];
    const char *service;
    FH_TRY(split_listen(listen, host, &service, e));
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    bool any = host[0] == '\0' || strcmp(host, "*") == 0;
    int rc = getaddrinfo(any ? NULL : host, service, &hints, &found);
    if (rc != 0)
        return FH_FAIL(e, FH_INVALID, "The address to listen on, \"%s\", cannot be understood: %s.", listen,
                       gai_strerror(rc));
    int s = -1;
    for (const struct addrinfo *a = found; a && s < 0; a = a->ai_next)
        s = open_socket(a);
    int saved = errno;
    freeaddrinfo(found);
    errno = saved;
    if (s < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The hub cannot listen on %s", listen);
    *fd = s;
    *port = bound_port(s);
    return FH_OK;
}
