#include "net/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/launcher_priv.h"

struct launcher {
    pid_t pid;
    int control;
};

enum err_code launcher_start(struct launcher **ret_launcher, struct err *err)
{
    int ends[2];
    struct launcher *launcher = calloc(1, sizeof *launcher);

    if (launcher == NULL)
        return err_set(err, ERR_LIMIT, "start the launcher: memory is out");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        free(launcher);
        return err_errno(err, errno, "start the launcher");
    }
    pid_t pid = fork();
    if (pid == 0)
        launcher_main(ends[1]);
    (void)close(ends[1]);
    if (pid < 0) {
        int saved = errno;

        (void)close(ends[0]);
        free(launcher);
        return err_errno(err, saved, "start the launcher");
    }
    (void)signal(SIGPIPE, SIG_IGN);
    *launcher = (struct launcher){.pid = pid, .control = ends[0]};
    *ret_launcher = launcher;
    return ERR_OK;
}

void launcher_stop(struct launcher *launcher)
{
    int status;

    if (launcher == NULL)
        return;
    (void)close(launcher->control);
    while (waitpid(launcher->pid, &status, 0) < 0 && errno == EINTR) {
    }
    free(launcher);
}

static void add_string(struct buf *out, struct str s, bool *is_sound)
{
    *is_sound = *is_sound && str_find(s, '\0') == s.len;
    buf_add(out, s);
    buf_add_byte(out, '\0');
}

static void add_variable(struct buf *out, const struct process_env *env, bool *is_sound)
{
    *is_sound = *is_sound && env->name.len > 0 && str_find(env->name, '\0') == env->name.len &&
                str_find(env->name, '=') == env->name.len;
    buf_add(out, env->name);
    buf_add_byte(out, '=');
    add_string(out, env->value, is_sound);
}

static enum err_code encode(const struct process_spec *spec, struct buf *out, struct err *err)
{
    struct launcher_request request = {.arg_count = (uint32_t)spec->argc,
                                       .env_count = (uint32_t)spec->env_count};
    bool is_sound = spec->argc > 0 && spec->argv[0].len > 0;

    buf_add(out, str_of((const char *)&request, sizeof request));
    add_string(out, spec->directory, &is_sound);
    for (size_t i = 0; i < spec->argc && !out->failed; i++)
        add_string(out, spec->argv[i], &is_sound);
    for (size_t i = 0; i < spec->env_count && !out->failed; i++)
        add_variable(out, &spec->env[i], &is_sound);
    if (!is_sound)
        return err_set(err, ERR_INVALID,
                       "a program needs a name, and no argument or variable may hold a NUL");
    if (out->failed)
        return err_set(err, ERR_INVALID,
                       "the arguments and variables of a program are longer than %d bytes",
                       PROCESS_SPEC_BYTES);
    return ERR_OK;
}

static void close_all(int fds[LAUNCHER_FDS])
{
    for (int i = 0; i < LAUNCHER_FDS; i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
        fds[i] = -1;
    }
}

/* ours and theirs hold -1 where nothing was opened. */
static bool open_ends(int ours[LAUNCHER_FDS], int theirs[LAUNCHER_FDS])
{
    for (int i = 0; i < LAUNCHER_FDS; i++) {
        int ends[2];
        int rc = i == LAUNCHER_CHANNEL ? socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)
                                       : pipe2(ends, O_CLOEXEC);
        if (rc != 0)
            return false;
        bool writes = i == LAUNCHER_STDIN;
        ours[i] = ends[writes ? 1 : 0];
        theirs[i] = ends[writes ? 0 : 1];
    }
    return true;
}

static bool send_request(int control, struct str text, const int fds[LAUNCHER_FDS])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * LAUNCHER_FDS)];
    } space = {.bytes = {0}};
    /* sendmsg() only reads; iovec has no const. */
    struct iovec iov = {.iov_base = (void *)(uintptr_t)text.ptr, .iov_len = text.len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &space,
                         .msg_controllen = sizeof space.bytes};
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int) * LAUNCHER_FDS);
    memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * LAUNCHER_FDS);
    ssize_t sent;
    do {
        sent = sendmsg(control, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

static enum err_code spawn_failed(int saved, struct err *err)
{
    if (saved == EPIPE || saved == ECONNRESET || saved == ENOTCONN)
        return err_set(err, ERR_UNAVAILABLE, "the launcher of child processes has ended");
    if (saved == EAGAIN || saved == ETOOMANYREFS || saved == ENOBUFS)
        return err_set(err, ERR_BUSY, "the launcher of child processes has too much to do");
    return err_errno(err, saved, "start a child process");
}

enum err_code launcher_spawn(struct launcher *launcher, const struct process_spec *spec,
                             int fds[LAUNCHER_FDS], struct err *err)
{
    int ours[LAUNCHER_FDS] = {-1, -1, -1, -1};
    int theirs[LAUNCHER_FDS] = {-1, -1, -1, -1};
    int saved = 0;
    struct buf request;

    buf_init(&request, LAUNCHER_REQUEST_BYTES);
    enum err_code code = encode(spec, &request, err);
    if (code == ERR_OK &&
        (!open_ends(ours, theirs) || !send_request(launcher->control, buf_str(&request), theirs)))
        saved = errno;
    buf_done(&request);
    close_all(theirs);
    if (saved != 0)
        code = spawn_failed(saved, err);
    if (code == ERR_OK)
        memcpy(fds, ours, sizeof ours);
    else
        close_all(ours);
    return code;
}
