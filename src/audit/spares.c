#include "audit/spares.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "audit/frame.h"

#define CHUNK_BYTES (256 * 1024)
#define PACE_NS     (2 * 1000 * 1000) /* per chunk: at most about 128 MB/s */
#define LOOK_MS     100
#define SPARES_MAX  64
#define DISK_MARGIN (256 * 1024)

static const uint8_t zeros[CHUNK_BYTES];

struct ready {
    uint64_t number;
    uint64_t bytes;
};

struct spares {
    struct spares_config config;
    char *dir;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ready ready[SPARES_MAX];
    size_t count;
    uint64_t next_number;
    uint64_t wanted; /* bytes that someone waits for; 0: nobody */
    char why[160];   /* why the last one could not be made */
    bool is_stopping;
    _Atomic uint64_t ready_bytes;
};

/* ---- writing ---- */

/* Drops what was written from the front of iov. */
static void advance(struct iovec **iov, size_t *count, size_t written)
{
    while (*count > 0 && written >= (*iov)->iov_len) {
        written -= (*iov)->iov_len;
        (*iov)++;
        (*count)--;
    }
    if (*count > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + written;
        (*iov)->iov_len -= written;
    }
}

bool spares_write(const struct audit_hooks *hooks, int fd, struct iovec *iov, size_t count,
                  uint64_t offset)
{
    while (count > 0) {
        int batch = count > IOV_MAX ? IOV_MAX : (int)count;
        ssize_t written = hooks->pwritev(hooks->ctx, fd, iov, batch, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = EIO;
        if (written <= 0)
            return false;
        offset += (uint64_t)written;
        advance(&iov, &count, (size_t)written);
    }
    return true;
}

bool spares_zero(const struct audit_hooks *hooks, int fd, uint64_t offset, uint64_t bytes)
{
    while (bytes > 0) {
        size_t len = bytes > CHUNK_BYTES ? CHUNK_BYTES : (size_t)bytes;
        struct iovec iov = {.iov_base = (void *)(uintptr_t)zeros, .iov_len = len};
        if (!spares_write(hooks, fd, &iov, 1, offset))
            return false;
        offset += len;
        bytes -= len;
    }
    return true;
}

bool spares_sync(const struct audit_hooks *hooks, int fd)
{
    int rc;
    do
        rc = hooks->fdatasync(hooks->ctx, fd);
    while (rc != 0 && errno == EINTR);
    return rc == 0;
}

bool spares_sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_synced = fsync(fd) == 0;
    close(fd);
    return is_synced;
}

/* ---- the thread ---- */

uint64_t spares_disk_bytes(const char *dir)
{
    struct statvfs fs;
    if (statvfs(dir, &fs) != 0)
        return 0;
    return (uint64_t)(geteuid() == 0 ? fs.f_bfree : fs.f_bavail) * fs.f_frsize;
}

static void part_path(const struct spares *spares, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/spare.part", spares->dir);
}

static void spare_path(const struct spares *spares, uint64_t number, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/spare-%llu", spares->dir, (unsigned long long)number);
}

/* How much is still needed of a spare being written: all of it, or less when someone waits. 0:
 * stop. */
static uint64_t target_bytes(struct spares *spares, bool *ret_hurry)
{
    pthread_mutex_lock(&spares->lock);
    uint64_t target = spares->config.segment_bytes;
    *ret_hurry = spares->wanted > 0;
    if (spares->wanted > 0 && spares->wanted < target)
        target = spares->wanted;
    if (spares->is_stopping)
        target = 0;
    pthread_mutex_unlock(&spares->lock);
    return target;
}

/* Writes zeros until the target is reached; it may come nearer meanwhile. Returns the size, 0 when
 * it was stopped or failed (errno). */
static uint64_t fill(struct spares *spares, int fd)
{
    const struct audit_hooks *hooks = &spares->config.hooks;
    const struct timespec pace = {.tv_nsec = PACE_NS};
    bool hurry = false;
    uint64_t bytes = 0;
    uint64_t target;
    errno = 0;
    while (bytes < (target = target_bytes(spares, &hurry))) {
        uint64_t len = target - bytes > CHUNK_BYTES ? CHUNK_BYTES : target - bytes;
        if (!spares_zero(hooks, fd, bytes, len))
            return 0;
        bytes += len;
        if (!hurry)
            nanosleep(&pace, NULL);
    }
    if (target == 0 || !spares_sync(hooks, fd))
        return 0;
    return bytes;
}

static void publish(struct spares *spares, uint64_t number, uint64_t bytes)
{
    pthread_mutex_lock(&spares->lock);
    spares->ready[spares->count++] = (struct ready){number, bytes};
    atomic_fetch_add_explicit(&spares->ready_bytes, bytes, memory_order_relaxed);
    spares->why[0] = '\0';
    /* Who waits has not run yet; it needs no second one. */
    if (bytes >= spares->wanted)
        spares->wanted = 0;
    pthread_cond_broadcast(&spares->changed);
    pthread_mutex_unlock(&spares->lock);
}

static void note_failure(struct spares *spares, int saved_errno)
{
    pthread_mutex_lock(&spares->lock);
    if (saved_errno != 0)
        snprintf(spares->why, sizeof spares->why, "prepare a journal segment: %s",
                 strerror(saved_errno));
    pthread_mutex_unlock(&spares->lock);
}

static bool prepare(struct spares *spares)
{
    char part[PATH_MAX];
    char path[PATH_MAX];
    part_path(spares, part);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        note_failure(spares, errno);
        return false;
    }
    uint64_t bytes = fill(spares, fd);
    int saved_errno = errno;
    close(fd);
    uint64_t number = spares->next_number++;
    spare_path(spares, number, path);
    if (bytes == 0 || rename(part, path) != 0 || !spares_sync_dir(spares->dir)) {
        note_failure(spares, bytes == 0 ? saved_errno : errno);
        unlink(part);
        unlink(path);
        return false;
    }
    publish(spares, number, bytes);
    return true;
}

static bool wants_more(struct spares *spares)
{
    uint64_t want = spares->config.reserve_bytes + spares->config.segment_bytes;
    uint64_t free_bytes = spares_disk_bytes(spares->dir);
    pthread_mutex_lock(&spares->lock);
    uint64_t next = spares->wanted > 0 ? spares->wanted : spares->config.segment_bytes;
    bool wants = !spares->is_stopping && spares->count < SPARES_MAX &&
                 (spares->wanted > 0 || spares->ready_bytes < want);
    if (wants && free_bytes < next + DISK_MARGIN) {
        snprintf(spares->why, sizeof spares->why, "prepare a journal segment: the disk is full");
        wants = false;
    }
    pthread_mutex_unlock(&spares->lock);
    return wants;
}

static void deadline_in(struct timespec *at, uint32_t ms)
{
    clock_gettime(CLOCK_MONOTONIC, at);
    at->tv_sec += ms / 1000;
    at->tv_nsec += (long)(ms % 1000) * 1000000;
    if (at->tv_nsec >= 1000000000) {
        at->tv_sec++;
        at->tv_nsec -= 1000000000;
    }
}

static void *run(void *ctx)
{
    struct spares *spares = ctx;
    bool is_stopping = false;
    while (!is_stopping) {
        bool did = wants_more(spares) && prepare(spares);
        struct timespec until;
        deadline_in(&until, LOOK_MS);
        pthread_mutex_lock(&spares->lock);
        if (!did && !spares->is_stopping)
            pthread_cond_timedwait(&spares->changed, &spares->lock, &until);
        is_stopping = spares->is_stopping;
        pthread_mutex_unlock(&spares->lock);
    }
    return NULL;
}

/* ---- from outside ---- */

/* Takes over what an earlier process prepared. */
static void adopt(struct spares *spares)
{
    char path[PATH_MAX];
    part_path(spares, path);
    unlink(path);
    DIR *dir = opendir(spares->dir);
    const struct dirent *item;
    while (dir != NULL && (item = readdir(dir)) != NULL) {
        struct str name = str_c(item->d_name);
        uint64_t number;
        struct stat st;
        if (!str_starts(name, STR("spare-")) || !str_u64(str_from(name, 6), &number))
            continue;
        spare_path(spares, number, path);
        if (stat(path, &st) != 0)
            continue;
        if (number >= spares->next_number)
            spares->next_number = number + 1;
        if (spares->count == SPARES_MAX || st.st_size < SEGMENT_MIN_BYTES) {
            unlink(path);
            continue;
        }
        spares->ready[spares->count++] = (struct ready){number, (uint64_t)st.st_size};
        spares->ready_bytes += (uint64_t)st.st_size;
    }
    if (dir != NULL)
        closedir(dir);
}

struct spares *spares_new(const struct spares_config *config)
{
    struct spares *spares = calloc(1, sizeof *spares);
    pthread_condattr_t monotonic;
    if (spares == NULL)
        return NULL;
    spares->config = *config;
    spares->dir = strdup(config->dir);
    pthread_mutex_init(&spares->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&spares->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (spares->dir != NULL)
        adopt(spares);
    if (spares->dir == NULL || pthread_create(&spares->thread, NULL, run, spares) != 0) {
        free(spares->dir);
        free(spares);
        return NULL;
    }
    pthread_setname_np(spares->thread, "audit-prepare");
    return spares;
}

void spares_free(struct spares *spares)
{
    if (spares == NULL)
        return;
    pthread_mutex_lock(&spares->lock);
    spares->is_stopping = true;
    pthread_cond_broadcast(&spares->changed);
    pthread_mutex_unlock(&spares->lock);
    pthread_join(spares->thread, NULL);
    pthread_cond_destroy(&spares->changed);
    pthread_mutex_destroy(&spares->lock);
    free(spares->dir);
    free(spares);
}

/* Position of the oldest spare that is large enough, or count. */
static size_t find(const struct spares *spares, uint64_t min_bytes)
{
    size_t at = 0;
    while (at < spares->count && spares->ready[at].bytes < min_bytes)
        at++;
    return at;
}

static enum err_code open_spare(struct spares *spares, struct ready ready, struct spare *ret_spare,
                                struct err *err)
{
    spare_path(spares, ready.number, ret_spare->path);
    ret_spare->bytes = ready.bytes;
    ret_spare->fd = open(ret_spare->path, O_RDWR | O_CLOEXEC);
    return ret_spare->fd < 0 ? err_errno(err, errno, ret_spare->path) : ERR_OK;
}

enum err_code spares_take(struct spares *spares, uint64_t min_bytes, uint32_t wait_ms,
                          struct spare *ret_spare, struct err *err)
{
    struct timespec until;
    deadline_in(&until, wait_ms);
    pthread_mutex_lock(&spares->lock);
    size_t at;
    int rc = 0;
    while ((at = find(spares, min_bytes)) == spares->count && rc == 0) {
        spares->wanted = min_bytes;
        pthread_cond_broadcast(&spares->changed);
        rc = pthread_cond_timedwait(&spares->changed, &spares->lock, &until);
    }
    spares->wanted = 0;
    if (at == spares->count) {
        enum err_code code = err_set(err, ERR_IO, "no journal segment is ready%s%s",
                                     spares->why[0] == '\0' ? "" : ": ", spares->why);
        pthread_mutex_unlock(&spares->lock);
        return code;
    }
    struct ready taken = spares->ready[at];
    spares->count--;
    memmove(&spares->ready[at], &spares->ready[at + 1],
            (spares->count - at) * sizeof spares->ready[0]);
    atomic_fetch_sub_explicit(&spares->ready_bytes, taken.bytes, memory_order_relaxed);
    pthread_cond_broadcast(&spares->changed);
    pthread_mutex_unlock(&spares->lock);
    return open_spare(spares, taken, ret_spare, err);
}

uint64_t spares_bytes(const struct spares *spares)
{
    return atomic_load_explicit(&spares->ready_bytes, memory_order_relaxed);
}
