/* Runs a fuzz target over files, so that the kept corpus is an ordinary test:
 *     fuzz_NAME PATH…      a path is a file or a folder of files */
#include "common/mem.h"

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t files;

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    uint8_t *bytes = NULL;
    size_t n = 0, cap = 0, got;
    do {
        if (n == cap)
            bytes = fh_xrealloc(bytes, cap = cap ? cap * 2 : 65536);
        got = fread(bytes + n, 1, cap - n, f);
        n += got;
    } while (got);
    fclose(f);
    /* An exact copy, so that the sanitizer sees the first byte read past the end. */
    uint8_t *exact = fh_xmalloc(n);
    if (n)
        memcpy(exact, bytes, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    free(bytes);
    files++;
}

static void run_path(const char *path)
{
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
        run_file(path);
        return;
    }
    DIR *dir = opendir(path);
    if (!dir) {
        perror(path);
        exit(1);
    }
    for (struct dirent *d; (d = readdir(dir));) {
        if (d->d_name[0] == '.')
            continue;
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, d->d_name);
        run_path(name);
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    if (files == 0) {
        fputs("no corpus: nothing was tested\n", stderr);
        return 1;
    }
    printf("%zu files\n", files);
    return 0;
}
