/* Files of the source tree, and recorded ones beside it, for tests; commands whose output is compared. */
#ifndef TEST_ENVFILES_H
#define TEST_ENVFILES_H

#include "common/buf.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The root of the source tree, told from this file's own place in it. */
static inline const char *source_root(void)
{
    static char root[512];
    const char *file = __FILE__;
    const char *tail = strstr(file, "tests/unit/");
    snprintf(root, sizeof root, "%.*s.", tail ? (int)(tail - file) : 0, file);
    return root;
}

static inline void source_path(char out[1024], const char *below)
{
    snprintf(out, 1024, "%s/%s", source_root(), below);
}

static inline bool read_stream(FILE *f, struct fh_buf *out)
{
    char part[4096];
    size_t n;
    fh_buf_init(out, 64 * 1024 * 1024);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        if (fh_buf_add(out, part, n, NULL) != FH_OK)
            break;
    bool done = feof(f) && !ferror(f);
    fclose(f);
    return done && fh_buf_add(out, "", 0, NULL) == FH_OK;
}

static inline bool read_file(const char *path, struct fh_buf *out)
{
    FILE *f = fopen(path, "rb");
    return f && read_stream(f, out);
}

/* Runs words (ended by NULL) and collects standard output; false unless it exits with 0. */
static inline bool run_command(struct fh_buf *out, const char *const *words)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    close(ends[1]);
    FILE *f = fdopen(ends[0], "rb");
    bool done = f && read_stream(f, out);
    int status = 1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && done;
}

#endif
