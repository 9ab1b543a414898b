/* Data on standard output: byte for byte in a pipe, harmless on a terminal. Tables are common/cli.h's. */
#ifndef PRINT_H
#define PRINT_H

#include "client/client.h"
#include "common/json.h"

/* Pretty, with a newline. On a terminal the characters that could drive it are \u escapes, which mean the
 * same. Both return the exit status. */
int print_json(struct client *c, const json_t *value);
int print_text(struct client *c, const char *text, size_t n);

#endif
