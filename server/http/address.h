/* Addresses of peers, sets of networks, and what a trusted proxy says about its client. Pure but for
 * web_listen. */
#ifndef WEB_ADDRESS_H
#define WEB_ADDRESS_H

#include "common/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* IPv6; an IPv4 address is mapped (::ffff:a.b.c.d), so that one comparison serves both. */
struct web_address {
    uint8_t bytes[16];
};

enum { WEB_ADDRESS_TEXT = INET6_ADDRSTRLEN };

bool web_address_parse(const char *text, struct web_address *out);
bool web_address_of(const struct sockaddr *sa, struct web_address *out);
void web_address_format(const struct web_address *a, char out[WEB_ADDRESS_TEXT]); /* mapped ones as IPv4 */

/* "10.0.0.0/8, ::1 192.168.1.7": separated by commas or spaces; a bare address is itself alone. */
struct web_networks {
    struct {
        struct web_address address;
        unsigned bits;
    } list[64];
    size_t n;
};
fh_err web_networks_parse(const char *text, struct web_networks *out, struct fh_error *e) FH_MUSTCHECK;
bool web_networks_have(const struct web_networks *n, const struct web_address *a);

/* The client behind peer: peer itself unless it is trusted; then the last entry of X-Forwarded-For that is
 * not a trusted proxy's. An entry that is no address ends the search, for what stands before it may be
 * forged. */
void web_forwarded_client(const struct web_networks *trusted, const struct web_address *peer,
                          const char *forwarded_for, struct web_address *out);

/* A bound, listening, non-blocking socket for "ADDR:PORT", "[V6]:PORT" or "NAME:PORT". */
fh_err web_listen(const char *listen, int *fd, int *port, struct fh_error *e) FH_MUSTCHECK;

#endif
