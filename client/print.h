/* Data on standard output: text byte for byte in a pipe and harmless on a terminal, JSON always harmless.
 * Tables are common/cli.h's. */
#ifndef PRINT_H
#define PRINT_H

#include "client/client.h"
#include "common/json.h"

/* Pretty, with a newline. The characters that could drive a terminal are \u escapes, which mean the same.
 * Both return the exit status. */
int print_json(struct client *c, const json_t *value);
int print_text(struct client *c, const char *text, size_t n);

#endif
