/* The Authorization header: any bytes, and what must hold of every answer. */
#include "common/mem.h"
#include "server/auth/auth.h"
#include "server/auth/auth_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *header = fh_xstrndup((const char *)data, size);
    char *token = fh_xmalloc(FH_MAX_TOKEN_TEXT + 1); /* exact, for the sanitizer */
    if (auth_header_parse(header, token) == AUTH_CRED_TOKEN) {
        size_t n = strlen(token);
        if (n == 0 || n > FH_MAX_TOKEN_TEXT)
            abort();
        for (size_t i = 0; i < n; i++)
            if (token[i] <= ' ' || token[i] > '~')
                abort();
        if (auth_token_plausible(token) && n >= AUTH_TOKEN_SIZE)
            abort();
    }
    free(token);
    free(header);
    return 0;
}
