/*
 * scarce.c - memory that runs out when a test says so: preloaded into the gateway. The file named
 * by SCARCE_FILE holds two numbers: how many allocations of the gateway's worker and identity
 * threads still go well (negative: all of them), and how many have failed. One fails at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

struct counts {
    _Atomic int64_t left;
    _Atomic int64_t failed;
};

static struct counts *counts;

__attribute__((constructor)) static void open_counts(void)
{
    const char *path = getenv("SCARCE_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    counts = map == MAP_FAILED ? NULL : map;
}

/* 0: not asked yet; 1: one of the threads that authenticate; 2: another one. */
static _Thread_local int kind;

static int is_concerned(void)
{
    char name[16] = "";

    /* A thread gets its name a moment after it began. */
    if (kind == 0 && pthread_getname_np(pthread_self(), name, sizeof name) == 0 &&
        strncmp(name, "portreeve", 9) != 0)
        kind = strncmp(name, "worker", 6) == 0 || strncmp(name, "identity", 8) == 0 ? 1 : 2;
    return kind == 1;
}

static int is_out(void)
{
    if (counts == NULL || atomic_load(&counts->left) < 0 || !is_concerned())
        return 0;
    if (atomic_fetch_sub(&counts->left, 1) > 0)
        return 0;
    atomic_store(&counts->left, -1);
    atomic_fetch_add(&counts->failed, 1);
    errno = ENOMEM;
    return 1;
}

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void *malloc(size_t size)
{
    return is_out() ? NULL : __libc_malloc(size);
}

EXPORTED void *calloc(size_t count, size_t size)
{
    return is_out() ? NULL : __libc_calloc(count, size);
}

EXPORTED void *realloc(void *old, size_t size)
{
    return is_out() ? NULL : __libc_realloc(old, size);
}
