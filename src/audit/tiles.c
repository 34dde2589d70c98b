#include "audit/tiles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* What was added and is not in the file yet. */
struct level {
    int fd;
    uint64_t count;                             /* of all nodes */
    uint64_t written;                           /* of these, in the file */
    bool is_dirty;                              /* written, but not synced */
    uint8_t tile[TILES_WIDTH][TREE_HASH_BYTES]; /* the last one, as far as it goes */
};

struct tiles {
    struct level levels[TILES_LEVELS];
};

static enum err_code read_at(int fd, void *out, size_t bytes, uint64_t offset, struct err *err)
{
    char *to = out;

    while (bytes > 0) {
        ssize_t got = pread(fd, to, bytes, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "read the tree of the audit log");
        if (got == 0)
            return err_set(err, ERR_NOT_FOUND, "the tree of the audit log has no such node");
        to += got;
        bytes -= (size_t)got;
        offset += (uint64_t)got;
    }
    return ERR_OK;
}

static enum err_code write_at(int fd, const void *bytes, size_t len, uint64_t offset,
                              struct err *err)
{
    const char *from = bytes;

    while (len > 0) {
        ssize_t put = pwrite(fd, from, len, (off_t)offset);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(err, errno, "write the tree of the audit log");
        from += put;
        len -= (size_t)put;
        offset += (uint64_t)put;
    }
    return ERR_OK;
}

static enum err_code open_level(struct level *level, const char *dir, unsigned number,
                                uint64_t size, struct err *err)
{
    char path[PATH_MAX];
    struct stat found;

    if (snprintf(path, sizeof path, "%s/level-%u", dir, number) >= (int)sizeof path)
        return err_set(err, ERR_LIMIT, "the path of the audit log is too long");
    level->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (level->fd < 0 || fstat(level->fd, &found) != 0)
        return err_errno(err, errno, path);
    level->count = number * TILES_HEIGHT < 64 ? size >> (number * TILES_HEIGHT) : 0;
    level->written = level->count;
    if ((uint64_t)found.st_size < level->count * TREE_HASH_BYTES)
        return err_set(err, ERR_CORRUPT, "%s is too short", path);
    if (ftruncate(level->fd, (off_t)(level->count * TREE_HASH_BYTES)) != 0)
        return err_errno(err, errno, path);
    uint64_t begun = level->count - level->count % TILES_WIDTH;
    return read_at(level->fd, level->tile, (size_t)(level->count - begun) * TREE_HASH_BYTES,
                   begun * TREE_HASH_BYTES, err);
}

enum err_code tiles_open(const char *dir, uint64_t size, struct tiles **ret_tiles, struct err *err)
{
    enum err_code code = file_make_dir(dir, err);
    struct tiles *tiles = calloc(1, sizeof *tiles);

    if (tiles == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    for (unsigned i = 0; i < TILES_LEVELS; i++)
        tiles->levels[i].fd = -1;
    for (unsigned i = 0; i < TILES_LEVELS && code == ERR_OK; i++)
        code = open_level(&tiles->levels[i], dir, i, size, err);
    if (code != ERR_OK) {
        tiles_close(tiles);
        return code;
    }
    *ret_tiles = tiles;
    return ERR_OK;
}

void tiles_close(struct tiles *tiles)
{
    if (tiles == NULL)
        return;
    for (unsigned i = 0; i < TILES_LEVELS; i++)
        if (tiles->levels[i].fd >= 0)
            close(tiles->levels[i].fd);
    free(tiles);
}

static enum err_code flush(struct level *level, struct err *err)
{
    uint64_t begun = (level->count - 1) / TILES_WIDTH * TILES_WIDTH;
    size_t from = (size_t)(level->written - begun);
    size_t nodes = (size_t)(level->count - level->written);

    if (nodes == 0)
        return ERR_OK;
    enum err_code code = write_at(level->fd, level->tile[from], nodes * TREE_HASH_BYTES,
                                  level->written * TREE_HASH_BYTES, err);
    if (code == ERR_OK) {
        level->written = level->count;
        level->is_dirty = true;
    }
    return code;
}

/* The root of a whole tile, which is overwritten. */
static void fold(uint8_t tile[TILES_WIDTH][TREE_HASH_BYTES], size_t count,
                 uint8_t ret_hash[TREE_HASH_BYTES])
{
    for (; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++)
            tree_join(tile[2 * i], tile[2 * i + 1], tile[i]);
    memcpy(ret_hash, tile[0], TREE_HASH_BYTES);
}

enum err_code tiles_add(struct tiles *tiles, const uint8_t leaf[TREE_HASH_BYTES], struct err *err)
{
    uint8_t hash[TREE_HASH_BYTES];

    memcpy(hash, leaf, sizeof hash);
    for (unsigned i = 0; i < TILES_LEVELS; i++) {
        struct level *level = &tiles->levels[i];

        memcpy(level->tile[level->count % TILES_WIDTH], hash, sizeof hash);
        level->count++;
        if (level->count % TILES_WIDTH != 0)
            return ERR_OK;
        enum err_code code = flush(level, err);
        if (code != ERR_OK)
            return code;
        fold(level->tile, TILES_WIDTH, hash);
    }
    return ERR_OK;
}

enum err_code tiles_sync(struct tiles *tiles, struct err *err)
{
    for (unsigned i = 0; i < TILES_LEVELS; i++) {
        struct level *level = &tiles->levels[i];
        enum err_code code = level->count == level->written ? ERR_OK : flush(level, err);

        if (code != ERR_OK)
            return code;
        if (level->is_dirty && fdatasync(level->fd) != 0)
            return err_errno(err, errno, "sync the tree of the audit log");
        level->is_dirty = false;
    }
    return ERR_OK;
}

enum err_code tiles_slice(const struct tiles *tiles, unsigned stored, uint64_t first, size_t count,
                          uint8_t *ret_hashes, struct err *err)
{
    if (stored >= TILES_LEVELS)
        return err_set(err, ERR_NOT_FOUND, "the tree of the audit log has no such level");
    return read_at(tiles->levels[stored].fd, ret_hashes, count * TREE_HASH_BYTES,
                   first * TREE_HASH_BYTES, err);
}

enum err_code tiles_read(void *ctx, unsigned level, uint64_t index,
                         uint8_t ret_hash[TREE_HASH_BYTES], struct err *err)
{
    uint8_t tile[TILES_WIDTH][TREE_HASH_BYTES];
    unsigned above = level % TILES_HEIGHT;
    size_t count = (size_t)1 << above;
    enum err_code code =
        tiles_slice(ctx, level / TILES_HEIGHT, index << above, count, tile[0], err);

    if (code == ERR_OK)
        fold(tile, count, ret_hash);
    return code;
}
