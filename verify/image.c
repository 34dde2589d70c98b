#include "image.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool note_load(const char *path, uint8_t ret_text[NOTE_MAX_BYTES], size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got = 0;

    if (fd < 0)
        return false;
    while (len < NOTE_MAX_BYTES && (got = read(fd, ret_text + len, NOTE_MAX_BYTES - len)) > 0)
        len += (size_t)got;
    close(fd);
    *ret_len = len;
    return got >= 0 && len > 0;
}

/* Private and writable: what is changed stays here. */
static uint8_t *map_file(const char *path, size_t *ret_size)
{
    struct stat found;
    void *map = MAP_FAILED;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return NULL;
    if (fstat(fd, &found) == 0 && found.st_size > 0)
        map = mmap(NULL, (size_t)found.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return NULL;
    (void)madvise(map, (size_t)found.st_size, MADV_SEQUENTIAL);
    *ret_size = (size_t)found.st_size;
    return map;
}

static bool read_name(const char *name, uint64_t *ret_number)
{
    static const char prefix[] = "journal-";
    size_t len = strlen(name);

    if (len != sizeof prefix - 1 + 12 || strncmp(name, prefix, sizeof prefix - 1) != 0)
        return false;
    for (size_t i = sizeof prefix - 1; i < len; i++)
        if (!isdigit((unsigned char)name[i]))
            return false;
    *ret_number = strtoull(name + sizeof prefix - 1, NULL, 10);
    return true;
}

/* A file that can't be read is missing. */
static bool add_file(struct image *image, const char *dir, uint64_t number)
{
    char path[PATH_MAX];
    struct image_file file = {.number = number};
    struct image_file *more = realloc(image->files, (image->count + 1) * sizeof *more);

    if (more == NULL)
        return false;
    image->files = more;
    if (snprintf(path, sizeof path, "%s/journal-%012" PRIu64, dir, number) >= (int)sizeof path)
        return true;
    file.bytes = map_file(path, &file.size);
    if (file.bytes != NULL)
        image->files[image->count++] = file;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct image_file *left = a;
    const struct image_file *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

static bool load_files(const char *dir, struct image *image)
{
    DIR *folder = opendir(dir);
    struct dirent *entry = NULL;
    uint64_t number = 0;
    bool ok = true;

    while (folder != NULL && ok && (entry = readdir(folder)) != NULL)
        if (read_name(entry->d_name, &number))
            ok = add_file(image, dir, number);
    if (folder != NULL)
        closedir(folder);
    if (image->count > 1)
        qsort(image->files, image->count, sizeof *image->files, by_number);
    return ok;
}

bool image_load(const char *dir, struct image *ret_image)
{
    char path[PATH_MAX];

    *ret_image = (struct image){.count = 0};
    if (!load_files(dir, ret_image)) {
        image_free(ret_image);
        return false;
    }
    for (unsigned i = 0; i < IMAGE_LEVELS; i++)
        if (snprintf(path, sizeof path, "%s/tree/level-%u", dir, i) < (int)sizeof path)
            ret_image->levels[i].bytes = map_file(path, &ret_image->levels[i].size);
    if (snprintf(path, sizeof path, "%s/checkpoint", dir) >= (int)sizeof path ||
        !note_load(path, ret_image->note, &ret_image->note_len))
        ret_image->note_len = 0;
    return true;
}

void image_free(struct image *image)
{
    for (size_t i = 0; i < image->count; i++)
        munmap(image->files[i].bytes, image->files[i].size);
    for (unsigned i = 0; i < IMAGE_LEVELS; i++)
        if (image->levels[i].bytes != NULL)
            munmap(image->levels[i].bytes, image->levels[i].size);
    free(image->files);
    *image = (struct image){.count = 0};
}

const struct image_file *image_find(const struct image *image, uint64_t number)
{
    for (size_t i = image->count; i-- > 0;)
        if (image->files[i].number == number)
            return &image->files[i];
    return NULL;
}
