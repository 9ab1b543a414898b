/* The serve verb: from settings to a running hub to its end. */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

struct config;

/* Runs until SIGTERM or SIGINT; the exit status. What keeps it from starting is one sentence on standard
 * error. SIGHUP reloads what can be; a second signal to stop ends the process at once. */
int serve_run(const struct config *config);

#endif
