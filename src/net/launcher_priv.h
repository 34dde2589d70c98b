/*
 * launcher_priv.h - what the gateway (launcher.c, process.c) and the launcher process
 * (launcher_main.c) say to each other.
 *
 * A request is one datagram on the control socket: struct launcher_request, then the directory, the
 * arguments and the environment ("NAME=value"), each ended by a NUL, with LAUNCHER_FDS descriptors.
 * From then on the channel, a socket pair of that child alone, carries orders one way and notices
 * the other. Closing the channel kills the child.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "net/process.h"

enum { LAUNCHER_STDIN, LAUNCHER_STDOUT, LAUNCHER_STDERR, LAUNCHER_CHANNEL, LAUNCHER_FDS };

struct launcher_request {
    uint32_t arg_count;
    uint32_t env_count;
};

enum { LAUNCHER_REQUEST_BYTES = sizeof(struct launcher_request) + PROCESS_SPEC_BYTES };

struct launcher_order {
    int32_t signal;
};

enum launcher_word {
    LAUNCHER_STARTED, /* value: the pid */
    LAUNCHER_FAILED,  /* value: errno of what kept it from starting */
    LAUNCHER_EXITED,  /* value: as from waitpid() */
};

struct launcher_notice {
    int32_t word;
    int32_t value;
};

/* Sends the request. fds: this side's ends, the caller's from now on, close-on-exec. */
enum err_code launcher_spawn(struct launcher *launcher, const struct process_spec *spec,
                             int fds[LAUNCHER_FDS], struct err *err) MUST_CHECK;

/* The launcher process, behind fork(). */
NORETURN void launcher_main(int control);

/* Signal the processes below the calling one that are not dead yet; each returns how many those
 * are. */
size_t kin_signal_group(pid_t group, int signal); /* those in this process group */
size_t kin_signal_below(pid_t root,
                        int signal); /* those below root, itself a descendant or the caller */
