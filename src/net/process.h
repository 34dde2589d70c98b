/*
 * process.h - a child process with its three pipes, on a loop.
 *
 *   process_open() ─► running ─► on_exit() ─► freed
 *                       │           ▲
 *                 process_close(): stdin closed ─ 2 s ─► TERM ─ 2 s ─► KILL
 *
 * 1. on_exit() comes exactly once, in a later turn than process_open(), behind the last byte of
 * stdout and the last line of stderr; the process is gone when it returns.
 * 2. A child that closes its stdin or stdout while it runs is closed as by process_close().
 * 3. A child inherits three descriptors, and of the environment PATH, HOME, LANG and TMPDIR besides
 * its own.
 *
 * Threads: everything belongs to the loop's thread. Nothing blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct launcher;
struct loop;
struct process;

struct process_env {
    struct str name;
    struct str value;
};

struct process_spec {
    const struct str *argv; /* argv[0] is looked up in the child's PATH */
    size_t argc;            /* at least 1 */
    const struct process_env *env;
    size_t env_count;
    struct str directory;    /* empty: the gateway's */
    size_t max_queued_bytes; /* of process_write(); 0: PROCESS_QUEUE_BYTES */
};

/* What argv and env may have together, with one byte for the end of each. */
enum { PROCESS_SPEC_BYTES = 120 * 1024 };
enum { PROCESS_QUEUE_BYTES = 4 * 1024 * 1024 };
/* A longer line of stderr comes in pieces. */
enum { PROCESS_LINE_BYTES = 4096 };
enum { PROCESS_GRACE_MS = 2000 };

enum process_end {
    PROCESS_EXITED,      /* value: the exit code */
    PROCESS_SIGNALLED,   /* value: the signal that ended it */
    PROCESS_NOT_STARTED, /* value: errno of exec or chdir */
    PROCESS_LOST,        /* the launcher is gone; value: 0 */
};

struct process_status {
    enum process_end end;
    int value;
};

/* Bytes and lines are borrowed for the call. Each may call process_write() and process_close(). */
struct process_ops {
    void (*on_stdout)(struct process *process, struct str bytes); /* not after process_close() */
    void (*on_stderr_line)(struct process *process,
                           struct str line);   /* without its end; may be NULL */
    void (*on_drain)(struct process *process); /* everything written has left; may be NULL */
    void (*on_exit)(struct process *process, const struct process_status *status);
};

/* spec is read before this returns; ops stays. ERR_INVALID: a NUL, an empty argv, too long.
 * ERR_UNAVAILABLE: the launcher is gone. ERR_BUSY: it has too much to do. That a program does not
 * exist comes as PROCESS_NOT_STARTED. */
enum err_code process_open(struct loop *loop, struct launcher *launcher,
                           const struct process_spec *spec, const struct process_ops *ops,
                           void *ctx, struct process **ret_process, struct err *err) MUST_CHECK;
/* All pieces as one run of bytes, or nothing. False: the queue is over its bound, or stdin is
 * closed. */
bool process_write(struct process *process, const struct str *pieces, size_t count) MUST_CHECK;
/* False: its end has begun, and on_exit() follows. */
bool process_is_running(const struct process *process);
size_t process_queued_bytes(const struct process *process);
/* Stops and goes on reading stdout. */
void process_pause_read(struct process *process);
void process_resume_read(struct process *process);
/* Once or more often; on_exit() follows. */
void process_close(struct process *process);
void *process_ctx(const struct process *process);
pid_t process_pid(const struct process *process); /* 0: not started yet */

#define PROCESS_STATUS_BYTES 96
/* "exited with code 1", "was ended by signal 9 (KILL)", "could not start: No such file or
 * directory". */
void process_format_status(const struct process_status *status, char text[PROCESS_STATUS_BYTES]);
