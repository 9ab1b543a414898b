/* What a generation says about who made it, and what this machine is. */
#include "client/settings.h"

#include "common/clock.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

int64_t settings_now(void)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    if (epoch == NULL || *epoch == '\0')
        return fh_now();
    char *end;
    errno = 0;
    long long when = strtoll(epoch, &end, 10);
    return errno == 0 && *end == '\0' && when >= 0 && when < (1LL << 40) ? (int64_t)when : fh_now();
}

const char *settings_author(struct fh_arena *a)
{
    const char *given = getenv("FLOE_AUTHOR");
    if (given != NULL && *given != '\0')
        return given;
    const struct passwd *who = getpwuid(geteuid());
    return who != NULL ? fh_strdup(a, who->pw_name) : fh_sprintf(a, "uid-%u", (unsigned)geteuid());
}

const char *settings_hostname(struct fh_arena *a)
{
    const char *given = getenv("FLOE_HOSTNAME");
    if (given != NULL && *given != '\0')
        return given;
    char name[256];
    if (gethostname(name, sizeof name) != 0)
        return "localhost";
    name[sizeof name - 1] = '\0';
    return fh_strdup(a, name);
}

const char *settings_system(struct fh_arena *a)
{
    struct utsname host;
    if (uname(&host) != 0)
        return "x86_64-linux";
    const char *machine = strcmp(host.machine, "arm64") == 0 ? "aarch64" : host.machine;
    return fh_sprintf(a, "%s-linux", machine);
}
