/*
 * replay.c - runs a fuzz target over every file of its committed corpus, once each, and says so in
 * TAP. Stands in for libFuzzer in builds without it.
 *
 * Use: replay FOLDER
 */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

enum { MAX_FILE_BYTES = 4 * 1024 * 1024 };

/* NULL: can't be read. The block is exactly as long as the file, so that a read past it is seen. */
static uint8_t *read_all(FILE *file, size_t *ret_size)
{
    uint8_t *bytes = malloc(MAX_FILE_BYTES);
    if (bytes == NULL)
        return NULL;
    size_t size = fread(bytes, 1, MAX_FILE_BYTES, file);
    if (ferror(file) || size == MAX_FILE_BYTES) {
        free(bytes);
        return NULL;
    }
    *ret_size = size;
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact != NULL)
        memcpy(exact, bytes, size);
    free(bytes);
    return exact;
}

static int run_file(const char *folder, const char *name)
{
    char path[4096];
    size_t size = 0;
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = len < 0 || (size_t)len >= sizeof path ? NULL : fopen(path, "rb");
    uint8_t *bytes = file == NULL ? NULL : read_all(file, &size);
    if (file != NULL)
        fclose(file);
    if (bytes == NULL)
        return -1;
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    return 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries = NULL;
    int count = argc == 2 ? scandir(argv[1], &entries, is_visible, alphasort) : -1;
    int failed = 0;
    if (count <= 0) {
        fprintf(stderr, "replay: no corpus in '%s'\n", argc == 2 ? argv[1] : "");
        return 2;
    }
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        /* Said before the run: a target that aborts must not hide which input did it. */
        printf("# %s\n", entries[i]->d_name);
        fflush(stdout);
        int rc = run_file(argv[1], entries[i]->d_name);
        printf("%s %d - %s\n", rc == 0 ? "ok" : "not ok", i + 1, entries[i]->d_name);
        failed |= rc;
        free(entries[i]);
    }
    free(entries);
    return failed == 0 ? 0 : 1;
}
