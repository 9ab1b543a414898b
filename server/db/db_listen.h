/* What listener and announcer agree on. */
#ifndef DB_LISTEN_H
#define DB_LISTEN_H

#define DB_LISTENER_NAME "floe listener" /* its application_name, once it hears */
#define DB_ACK_CHANNEL   "floe_ack"

enum { DB_NONCE_LEN = 16 }; /* hexadecimal digits before the bar */

#endif
