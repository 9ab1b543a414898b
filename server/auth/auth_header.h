/* What an Authorization header says. Pure; fuzzed. */
#ifndef AUTH_HEADER_H
#define AUTH_HEADER_H

#include "common/ceilings.h"

enum auth_credential_kind {
    AUTH_CRED_NONE,  /* no header */
    AUTH_CRED_EMPTY, /* Basic with an empty password: what a logged-out client answers a challenge with */
    AUTH_CRED_TOKEN,
    AUTH_CRED_MALFORMED, /* also schemes that are not ours */
};

/* token: the secret, for AUTH_CRED_TOKEN; visible ASCII. Wipe it after use. */
enum auth_credential_kind auth_header_parse(const char *authorization, char token[FH_MAX_TOKEN_TEXT + 1]);

#endif
