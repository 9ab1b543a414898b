/* A reminder for who resolves packages without a login, which a hub may want one day (identity §2.4): at most
 * every eight hours, from flox or floe, which keep the moment in one file of the cache. */
#ifndef REMINDER_H
#define REMINDER_H

#include "client/client.h"

/* To be called before an anonymous request. With --quiet nothing is told, and nothing counts as told. */
void reminder_say(struct client *c);

#endif
