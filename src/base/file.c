#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err_code read_fd(int fd, struct arena *arena, const char *path, size_t size,
                             struct str *ret_text, struct err *err)
{
    char *text = arena_alloc(arena, size + 1);
    size_t len = 0;

    if (text == NULL)
        return err_set(err, ERR_LIMIT, "%s: too long for the memory allowed", path);
    while (len < size) {
        ssize_t got = read(fd, text + len, size - len);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, path);
        if (got == 0)
            break;
        len += (size_t)got;
    }
    text[len] = '\0';
    *ret_text = str_of(text, len);
    return ERR_OK;
}

enum err_code file_read(struct arena *arena, const char *path, size_t max_bytes,
                        struct str *ret_text, struct err *err)
{
    struct stat facts;
    /* Without O_NONBLOCK a pipe would be waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum err_code code = ERR_OK;

    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_NOT_FOUND, "there is no file %s", path);
    if (fd < 0)
        return err_errno(err, errno, path);
    if (fstat(fd, &facts) != 0)
        code = err_errno(err, errno, path);
    else if (!S_ISREG(facts.st_mode))
        code = err_set(err, ERR_INVALID, "%s is no regular file", path);
    else if ((uint64_t)facts.st_size > max_bytes)
        code = err_set(err, ERR_LIMIT, "%s is longer than %zu bytes", path, max_bytes);
    else
        code = read_fd(fd, arena, path, (size_t)facts.st_size, ret_text, err);
    (void)close(fd);
    return code;
}

static enum err_code write_all(int fd, const char *path, struct str text, struct err *err)
{
    while (text.len > 0) {
        ssize_t put = write(fd, text.ptr, text.len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(err, errno, path);
        text = str_from(text, (size_t)put);
    }
    return fsync(fd) == 0 ? ERR_OK : err_errno(err, errno, path);
}

static enum err_code sync_directory(const char *path, struct err *err)
{
    char directory[PATH_MAX];
    struct str text = str_c(path);

    while (text.len > 0 && text.ptr[text.len - 1] != '/')
        text.len--;
    (void)snprintf(directory, sizeof directory, STR_FMT, STR_ARG(text.len == 0 ? STR(".") : text));
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, directory);
    enum err_code code = fsync(fd) == 0 ? ERR_OK : err_errno(err, errno, directory);
    (void)close(fd);
    return code;
}

enum err_code file_write(const char *path, struct str text, unsigned mode, struct err *err)
{
    char beside[PATH_MAX];
    int len = snprintf(beside, sizeof beside, "%s.new", path);

    if (len < 0 || (size_t)len >= sizeof beside)
        return err_set(err, ERR_LIMIT, "%s: the path is too long", path);
    (void)unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return err_errno(err, errno, beside);
    enum err_code code = write_all(fd, beside, text, err);
    if (close(fd) != 0 && code == ERR_OK)
        code = err_errno(err, errno, beside);
    if (code == ERR_OK && rename(beside, path) != 0)
        code = err_errno(err, errno, path);
    if (code != ERR_OK) {
        (void)unlink(beside);
        return code;
    }
    return sync_directory(path, err);
}

enum err_code file_make_dir(const char *path, struct err *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    struct stat facts;

    if (len == 0 || len >= sizeof part)
        return err_set(err, ERR_INVALID, "'%s' is no path of a directory", path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return err_errno(err, errno, part);
    }
    if (stat(path, &facts) != 0)
        return err_errno(err, errno, path);
    return S_ISDIR(facts.st_mode) ? ERR_OK : err_errno(err, ENOTDIR, path);
}
