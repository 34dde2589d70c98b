/*
 * spares.h - segments prepared ahead: files of zeros that are written and synced, so that an append
 * neither allocates nor grows anything and a full disk shows here first. Private to the room.
 *
 * A spare is named only once it is whole ("spare-N"); "spare.part" is one being written. Enough are
 * kept for the reserve and one segment more. Writing is paced, unless someone waits.
 *
 * Threads: one of its own. The functions may be called from any thread; spares_take() may block.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/audit.h"
#include "base/attr.h"
#include "base/err.h"

struct spares;

struct spares_config {
    const char *dir;
    uint64_t segment_bytes;
    uint64_t reserve_bytes;
    struct audit_hooks hooks; /* whole: no NULL members */
};

struct spare {
    char path[4096];
    int fd; /* the taker's to close */
    uint64_t bytes;
};

/* Adopts the spares that stand in dir and starts the thread. NULL: memory or threads are out. */
struct spares *spares_new(const struct spares_config *config);
void spares_free(struct spares *spares); /* the files stay; NULL is fine */

/* Hands out a spare of at least min_bytes; waits up to wait_ms for one to become ready. The file is
 * the taker's to rename or unlink. */
enum err_code spares_take(struct spares *spares, uint64_t min_bytes, uint32_t wait_ms,
                          struct spare *ret_spare, struct err *err) MUST_CHECK;
/* Bytes that stand ready. */
uint64_t spares_bytes(const struct spares *spares);
/* Free bytes of the disk that holds dir; 0 when it does not say. */
uint64_t spares_disk_bytes(const char *dir);

/* Zeros from offset on, through the hook; false sets errno. For cutting, too. */
bool spares_zero(const struct audit_hooks *hooks, int fd, uint64_t offset, uint64_t bytes);
/* All of iov, whatever the short writes; iov is changed. False sets errno. */
bool spares_write(const struct audit_hooks *hooks, int fd, struct iovec *iov, size_t count,
                  uint64_t offset);
bool spares_sync(const struct audit_hooks *hooks, int fd);
bool spares_sync_dir(const char *dir);
