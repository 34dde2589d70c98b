#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct data_lock {
    int fd;
};

/* The id that the holder wrote, or "unknown". */
static void read_holder(int fd, char text[24])
{
    static const char unknown[] = "unknown";
    ssize_t got = pread(fd, text, 23, 0);
    text[got > 0 ? got : 0] = '\0';
    size_t digits = strspn(text, "0123456789");
    text[digits] = '\0';
    if (digits == 0)
        memcpy(text, unknown, sizeof unknown);
}

static enum err_code take(int fd, const char *path, struct err *err)
{
    char text[24];
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return err_errno(err, errno, path);
        read_holder(fd, text);
        return err_set(err, ERR_CONFLICT, "already running: process %s holds %s", text, path);
    }
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return err_errno(err, errno, path);
    return ERR_OK;
}

enum err_code data_lock_take(const char *data_dir, struct data_lock **ret_lock, struct err *err)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/lock", data_dir);
    if (len < 0 || (size_t)len >= sizeof path)
        return err_set(err, ERR_INVALID, "the path of the data directory is too long");
    CLEANUP(data_lock_releasep) struct data_lock *lock = malloc(sizeof *lock);
    if (lock == NULL)
        return err_set(err, ERR_LIMIT, "lock: memory is out");
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock->fd < 0)
        return err_errno(err, errno, path);
    enum err_code code = take(lock->fd, path, err);
    if (code == ERR_OK)
        *ret_lock = MOVE(lock);
    return code;
}

void data_lock_release(struct data_lock *lock)
{
    if (lock == NULL)
        return;
    if (lock->fd >= 0)
        close(lock->fd);
    free(lock);
}

void data_lock_releasep(struct data_lock **lock)
{
    data_lock_release(*lock);
    *lock = NULL;
}
