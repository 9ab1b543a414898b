/* Starting a shell for good, with code that it reads first. */
#include "client/activate_code.h"

#include "client/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STALE_SECONDS = 24 * 60 * 60 };

const char *activate_folder(struct client *c, const char *name)
{
    const char *rendered = c->settings.rendered_dir;
    return fh_sprintf(c->arena, "%.*s/%s", (int)(strrchr(rendered, '/') - rendered), rendered, name);
}

fh_err code_exec(struct activation *act, const char *program, const char *const *words, struct fh_error *e)
{
    size_t n = 0;
    while (words[n] != NULL)
        n++;
    char **argv = fh_alloc(act->client->arena, (n + 1) * sizeof *argv);
    for (size_t i = 0; i < n; i++)
        argv[i] = fh_strdup(act->client->arena, words[i]);
    fflush(NULL);
    execve(program, argv, act->now.items);
    return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot start '%s'", program);
}

fh_err code_memory_file(int *fd, struct fh_error *e)
{
    *fd = memfd_create("floe-start", 0);
    return *fd >= 0 ? FH_OK : FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot write the shell's start-up file");
}

fh_err code_fill(int fd, const struct fh_buf *text, struct fh_error *e)
{
    return disk_write_all(fd, text->data, text->len, "the shell's start-up file", e);
}

/* What shells left that were killed before they read it. */
static void remove_stale(const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        struct stat st;
        if (fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_mtime < time(NULL) - STALE_SECONDS)
            unlinkat(dirfd(d), entry->d_name, 0);
    }
    closedir(d);
}

fh_err code_start_file(struct client *c, const struct activate_shell *shell, const struct fh_buf *text,
                       const char **path, struct fh_error *e)
{
    struct fh_arena *a = c->arena;
    const char *dir = activate_folder(c, "start");
    FH_TRY(disk_make_dirs(dir, 0700, e));
    remove_stale(dir);
    char *file = fh_sprintf(a, "%s/XXXXXX", dir);
    int fd = mkostemp(file, O_CLOEXEC);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot write the shell's start-up file");
    const char *first = fh_sprintf(a, "/usr/bin/env rm -f %s;\n", shell->quote(a, file));
    fh_err rc = disk_write_all(fd, first, strlen(first), file, e);
    if (rc == FH_OK)
        rc = disk_write_all(fd, text->data, text->len, file, e);
    close(fd);
    if (rc != FH_OK)
        unlink(file);
    *path = file;
    return rc;
}

fh_err code_print(struct client *c, const struct activate_shell *shell, const struct fh_buf *code,
                  struct fh_error *e)
{
    const char *text = code->data, *file;
    /* tcsh's command substitution takes line breaks and carriage returns for blanks. */
    if (shell->breaks_need_file && (strstr(text, "\\\n") != NULL || strchr(text, '\r') != NULL)) {
        FH_TRY(code_start_file(c, shell, code, &file, e));
        text = fh_sprintf(c->arena, "source %s;\n", shell->quote(c->arena, file));
    }
    return disk_write_all(STDOUT_FILENO, text, strlen(text), "the script", e);
}
