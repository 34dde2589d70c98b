/*
 * launcher_main.c - the launcher process: a loop over the control socket, one channel per child,
 * and SIGCHLD.
 *
 *   request ─ start_child() ─► RUNNING ── reaped: on_leader_exit() ──► LINGERING ─ group empty or
 * KILL ─► FREE └──────── and nobody else in its group ──────────────────────────────────┘
 *
 * It never logs and ends with _exit() alone: what it inherited from the gateway is not its own to
 * tidy up.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/launcher_priv.h"

enum {
    MAX_CHILDREN = 1024,
    CONTROL_FD = 3, /* behind the three that point to /dev/null */
    LINGER_MS = 2000,
    LAST_GRACE_MS = 500,
    LAST_PATIENCE_MS = 5000,
    CHECK_MS = 50,
    VARIABLE_BYTES = 4096,
};

enum child_state {
    CHILD_FREE,
    CHILD_RUNNING,
    CHILD_LINGERING, /* its leader is reaped, others of its group were told to end */
};

struct child {
    enum child_state state;
    pid_t pid;
    int channel; /* -1: closed */
    uint64_t kill_at_ms;
};

static const char *const inherited[] = {"PATH", "HOME", "LANG", "TMPDIR"};

struct launcher_state {
    int signals;
    struct child children[MAX_CHILDREN];
    struct pollfd polled[MAX_CHILDREN + 2];
    size_t places[MAX_CHILDREN]; /* in children, of polled[i + 2] */
    char request[LAUNCHER_REQUEST_BYTES + 1];
    char *strings[PROCESS_SPEC_BYTES / 2]; /* argv, NULL, the environment, NULL */
    char inherited[ARRAY_LEN(inherited)][VARIABLE_BYTES];
};

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void notify(int channel, enum launcher_word word, int value)
{
    struct launcher_notice notice = {.word = (int32_t)word, .value = value};

    /* Whoever does not listen any more has closed its end, which is noticed by poll(). */
    if (channel >= 0)
        (void)!send(channel, &notice, sizeof notice, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void set_state(struct child *child, enum child_state state)
{
    if (state == CHILD_FREE && child->channel >= 0) {
        (void)close(child->channel);
        child->channel = -1;
    }
    child->state = state;
}

/* Requests. */

static bool names_variable(char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; *env != NULL; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return true;
    return false;
}

/* Adds what a child inherits behind its own variables. */
static void inherit(struct launcher_state *state, char **env, size_t count)
{
    for (size_t i = 0; i < ARRAY_LEN(inherited); i++) {
        const char *value = getenv(inherited[i]);
        char *space = state->inherited[i];

        env[count] = NULL;
        if (value == NULL || names_variable(env, inherited[i]))
            continue;
        int len = snprintf(space, VARIABLE_BYTES, "%s=%s", inherited[i], value);
        if (len > 0 && len < VARIABLE_BYTES)
            env[count++] = space;
    }
    env[count] = NULL;
}

/* Runs in the child. Every descriptor but the three is close-on-exec. */
NORETURN static void become(const char *directory, char **argv, char **env, const int fds[])
{
    sigset_t none;

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int signal_number = 1; signal_number < NSIG; signal_number++)
        (void)signal(signal_number, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    bool is_ready = dup2(fds[LAUNCHER_STDIN], 0) == 0 && dup2(fds[LAUNCHER_STDOUT], 1) == 1 &&
                    dup2(fds[LAUNCHER_STDERR], 2) == 2;
    if (is_ready && (directory[0] == '\0' || chdir(directory) == 0)) {
        environ = env;
        (void)execvp(argv[0], argv);
    }
    notify(fds[LAUNCHER_CHANNEL], LAUNCHER_FAILED, errno);
    _exit(127);
}

static struct child *find_free(struct launcher_state *state)
{
    for (size_t i = 0; i < MAX_CHILDREN; i++)
        if (state->children[i].state == CHILD_FREE)
            return &state->children[i];
    return NULL;
}

/* Cuts the request into strings. NULL: it is not whole. */
static char **cut_strings(struct launcher_state *state, size_t len, size_t *ret_arg_count,
                          size_t *ret_env_count, const char **ret_directory)
{
    struct launcher_request head;
    char *at = state->request + sizeof head;
    const char *end = state->request + len;
    size_t place = 0;

    if (len < sizeof head || state->request[len - 1] != '\0')
        return NULL;
    memcpy(&head, state->request, sizeof head);
    size_t count = (size_t)head.arg_count + head.env_count;
    if (head.arg_count == 0 || count + ARRAY_LEN(inherited) + 2 > ARRAY_LEN(state->strings))
        return NULL;
    *ret_directory = at;
    for (size_t i = 0; i < count; i++) {
        at += strlen(at) + 1;
        if (at >= end)
            return NULL;
        state->strings[place++] = at;
        if (i + 1 == head.arg_count)
            state->strings[place++] = NULL;
    }
    state->strings[place] = NULL;
    *ret_arg_count = head.arg_count;
    *ret_env_count = head.env_count;
    return state->strings;
}

/* Returns the pid, or -1 with errno. */
static pid_t fork_child(struct launcher_state *state, size_t len, const int fds[LAUNCHER_FDS])
{
    size_t arg_count;
    size_t env_count;
    const char *directory;
    char **argv = cut_strings(state, len, &arg_count, &env_count, &directory);

    if (argv == NULL) {
        errno = E2BIG;
        return -1;
    }
    char **env = argv + arg_count + 1;
    inherit(state, env, env_count);
    /* Not fork(): handlers that libraries left in the gateway close descriptors that are other ones
     * here. */
    pid_t pid = _Fork();
    if (pid == 0)
        become(directory, argv, env, fds);
    /* Here too: an order may come before the child has run. */
    if (pid > 0)
        (void)setpgid(pid, pid);
    return pid;
}

/* The channel is the child's entry's from here on. */
static void start_child(struct launcher_state *state, size_t len, const int fds[LAUNCHER_FDS])
{
    struct child *child = find_free(state);
    int channel = fds[LAUNCHER_CHANNEL];
    pid_t pid = -1;

    if (child == NULL)
        errno = EAGAIN;
    else
        pid = fork_child(state, len, fds);
    if (pid < 0) {
        notify(channel, LAUNCHER_FAILED, errno);
        (void)close(channel);
        return;
    }
    *child = (struct child){.state = CHILD_RUNNING, .pid = pid, .channel = channel};
    notify(channel, LAUNCHER_STARTED, pid);
}

/* False: not all of them came, because descriptors are out; those that did are closed. */
static bool take_fds(struct msghdr *msg, int fds[LAUNCHER_FDS])
{
    const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
    size_t count = 0;

    if (cmsg != NULL && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
        count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (count > 0)
        memcpy(fds, CMSG_DATA(cmsg), sizeof(int) * count);
    for (size_t i = 0; i < count && count < LAUNCHER_FDS; i++)
        (void)close(fds[i]);
    return count == LAUNCHER_FDS;
}

/* False: the gateway is gone. */
static bool on_control(struct launcher_state *state)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * LAUNCHER_FDS)];
    } space;
    struct iovec iov = {.iov_base = state->request, .iov_len = LAUNCHER_REQUEST_BYTES};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &space,
                         .msg_controllen = sizeof space.bytes};
    int fds[LAUNCHER_FDS];
    ssize_t len = recvmsg(CONTROL_FD, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (len < 0)
        return errno == EINTR || errno == EAGAIN;
    if (len == 0)
        return false;
    if (!take_fds(&msg, fds))
        return true;
    start_child(state, (size_t)len, fds);
    for (int i = 0; i < LAUNCHER_CHANNEL; i++)
        (void)close(fds[i]);
    return true;
}

/* Orders and exits. */

/* Those that left the group are found below the leader; those whose parent is gone only at the very
 * end. */
static void signal_child(const struct child *child, int signal_number)
{
    if (child->state == CHILD_RUNNING) {
        (void)kin_signal_below(child->pid, signal_number);
        (void)kill(-child->pid, signal_number);
    } else {
        (void)kin_signal_group(child->pid, signal_number);
    }
}

static void on_channel(struct child *child)
{
    struct launcher_order order;
    ssize_t len = recv(child->channel, &order, sizeof order, MSG_DONTWAIT);

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len == (ssize_t)sizeof order) {
        signal_child(child, order.signal);
        return;
    }
    (void)close(child->channel);
    child->channel = -1;
    if (child->state == CHILD_RUNNING)
        signal_child(child, SIGKILL);
}

static void on_leader_exit(struct child *child, int status)
{
    notify(child->channel, LAUNCHER_EXITED, status);
    child->kill_at_ms = now_ms() + LINGER_MS;
    set_state(child, kin_signal_group(child->pid, SIGTERM) == 0 ? CHILD_FREE : CHILD_LINGERING);
}

static bool has_children(const struct launcher_state *state)
{
    for (size_t i = 0; i < MAX_CHILDREN; i++)
        if (state->children[i].state != CHILD_FREE)
            return true;
    return false;
}

static void on_exit_of(struct launcher_state *state, pid_t pid, int status)
{
    for (size_t i = 0; i < MAX_CHILDREN; i++) {
        struct child *child = &state->children[i];

        if (child->state == CHILD_RUNNING && child->pid == pid) {
            on_leader_exit(child, status);
            break;
        }
    }
}

static void reap(struct launcher_state *state)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    (void)!read(state->signals, &info, sizeof info);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        on_exit_of(state, pid, status);
    /* Nobody is left that they could belong to. */
    if (pid == 0 && !has_children(state))
        (void)kin_signal_below(getpid(), SIGKILL);
}

/* Returns how long poll() may wait. */
static int end_lingerers(struct launcher_state *state)
{
    uint64_t now = now_ms();
    int wait_ms = -1;

    for (size_t i = 0; i < MAX_CHILDREN; i++) {
        struct child *child = &state->children[i];

        if (child->state != CHILD_LINGERING)
            continue;
        bool is_due = now >= child->kill_at_ms;
        size_t left = kin_signal_group(child->pid, is_due ? SIGKILL : 0);
        if (left == 0 || is_due)
            set_state(child, CHILD_FREE);
        else
            wait_ms = CHECK_MS;
    }
    return wait_ms;
}

/* The loop. */

static nfds_t fill_polled(struct launcher_state *state)
{
    nfds_t count = 2;

    state->polled[0] = (struct pollfd){.fd = CONTROL_FD, .events = POLLIN};
    state->polled[1] = (struct pollfd){.fd = state->signals, .events = POLLIN};
    for (size_t i = 0; i < MAX_CHILDREN; i++) {
        const struct child *child = &state->children[i];

        if (child->state == CHILD_FREE || child->channel < 0)
            continue;
        state->places[count - 2] = i;
        state->polled[count++] = (struct pollfd){.fd = child->channel, .events = POLLIN};
    }
    return count;
}

static void serve(struct launcher_state *state)
{
    for (;;) {
        int wait_ms = end_lingerers(state);
        nfds_t count = fill_polled(state);

        if (poll(state->polled, count, wait_ms) < 0)
            continue;
        for (nfds_t i = 2; i < count; i++)
            if (state->polled[i].revents != 0)
                on_channel(&state->children[state->places[i - 2]]);
        if (state->polled[1].revents != 0)
            reap(state);
        if (state->polled[0].revents != 0 && !on_control(state))
            return;
    }
}

/* True: no child is left. */
static bool reap_until(uint64_t deadline_ms)
{
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);

        if (pid < 0 && errno == ECHILD)
            return true;
        if (pid > 0)
            continue;
        if (now_ms() >= deadline_ms)
            return false;
        (void)poll(NULL, 0, 5);
    }
}

/* Everything below is the launcher's: orphans came to it as their reaper. */
static void end_everyone(void)
{
    uint64_t start = now_ms();

    (void)kin_signal_below(getpid(), SIGTERM);
    if (reap_until(start + LAST_GRACE_MS))
        return;
    while (now_ms() < start + LAST_PATIENCE_MS) {
        (void)kin_signal_below(getpid(), SIGKILL);
        if (reap_until(now_ms() + CHECK_MS))
            return;
    }
}

/* Descriptors end up as: 0 to 2 /dev/null, CONTROL_FD the control socket, nothing else. */
static void let_go_of_descriptors(int control)
{
    int moved = fcntl(control, F_DUPFD_CLOEXEC, CONTROL_FD + 1);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd < CONTROL_FD && null >= 0; fd++)
        (void)dup2(null, fd);
    (void)dup3(moved, CONTROL_FD, O_CLOEXEC);
    (void)close_range(CONTROL_FD + 1, ~0U, 0);
}

static void become_launcher(void)
{
    (void)setsid();
    (void)prctl(PR_SET_NAME, "launcher");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    /* A service manager may tell the whole group to end: the gateway decides when children do. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
}

NORETURN void launcher_main(int control)
{
    sigset_t ended;
    struct launcher_state *state = calloc(1, sizeof *state);

    let_go_of_descriptors(control);
    become_launcher();
    (void)sigemptyset(&ended);
    (void)sigaddset(&ended, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &ended, NULL);
    if (state == NULL)
        _exit(1);
    state->signals = signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
    serve(state);
    end_everyone();
    _exit(0);
}
