/* Messages on standard error, with icons and, on a terminal, colour. */
#include "client/say.h"

#include "common/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool quiet_wanted;

void say_set_quiet(bool quiet)
{
    quiet_wanted = quiet;
}

bool say_is_quiet(void)
{
    return quiet_wanted;
}

/* Whatever is in a message, a terminal gets text and line ends. */
static void print_harmless(char *text)
{
    for (char *at = text, *end; at != NULL; at = end) {
        end = strchr(at, '\n');
        if (end != NULL)
            *end++ = '\0';
        char *line = fh_term_safe(at);
        fprintf(stderr, "%s\n", line);
        free(line);
    }
}

__attribute__((format(printf, 3, 0))) static void print(const char *icon, const char *colour, const char *fmt,
                                                        va_list args)
{
    bool coloured = colour != NULL && fh_term_colour(STDERR_FILENO);
    if (icon != NULL)
        fprintf(stderr, "%s%s%s ", coloured ? colour : "", icon, coloured ? "\033[0m" : "");
    char *text = NULL;
    if (vasprintf(&text, fmt, args) >= 0)
        print_harmless(text);
    free(text);
    fflush(stderr);
}

#define SAY(icon, colour, always)                                                                            \
    do {                                                                                                     \
        if (quiet_wanted && !(always))                                                                       \
            return;                                                                                          \
        va_list args;                                                                                        \
        va_start(args, fmt);                                                                                 \
        print(icon, colour, fmt, args);                                                                      \
        va_end(args);                                                                                        \
    } while (0)

void say_done(const char *fmt, ...)
{
    SAY("✔", "\033[92m", false);
}

void say_created(const char *fmt, ...)
{
    SAY("⚡︎", "\033[33m", false);
}

void say_deleted(const char *fmt, ...)
{
    SAY("━", "\033[31m", false);
}

void say_info(const char *fmt, ...)
{
    SAY("ℹ", "\033[94m", false);
}

void say_warn(const char *fmt, ...)
{
    SAY("!", "\033[33m", true);
}

void say_plain(const char *fmt, ...)
{
    SAY(NULL, NULL, false);
}

int say_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print("✘ ERROR:", "\033[31m", fmt, args);
    va_end(args);
    return 1;
}

int say_fail(const struct fh_error *e)
{
    return say_error("%s", e->msg);
}

const char *say_safe(struct fh_arena *a, const char *s)
{
    char *harmless = fh_term_safe(s);
    const char *kept = fh_strdup(a, harmless);
    free(harmless);
    return kept;
}
