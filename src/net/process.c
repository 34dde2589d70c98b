#include "net/process.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "net/launcher_priv.h"
#include "net/loop.h"

/*
 *   RUNNING ── begin_close() ─► CLOSING ─ on_due() ─► ENDING ─ on_due() ─► KILLED
 *      └──────────────────────────┴── on_exited() ──────┴───────────────────┘
 *                                          ▼
 *                                      DRAINING ── output has ended, or DRAIN_MS: finish() ─► GONE
 */
enum state {
    STATE_RUNNING,
    STATE_CLOSING,  /* stdin is closed or closes when it is empty */
    STATE_ENDING,   /* TERM was sent */
    STATE_KILLED,   /* KILL was sent */
    STATE_DRAINING, /* it has exited, its last output is read */
    STATE_GONE,     /* on_exit() was called, handles are closing */
};

enum {
    DRAIN_MS = 500, /* a descendant may hold the pipes for longer */
    MAX_PIECES = 16,
};

struct process {
    struct loop *loop;
    const struct process_ops *ops;
    void *ctx;
    uv_pipe_t in;
    uv_pipe_t out;
    uv_pipe_t errors;
    uv_poll_t channel;
    int channel_fd;
    unsigned open_handles;
    enum state state;
    struct loop_timer timer;
    struct process_status status;
    struct buf line; /* of stderr, begun */
    size_t max_queued_bytes;
    pid_t pid;
    bool is_dropped; /* process_close() was called */
    bool is_paused;
};

struct pending {
    uv_write_t request;
    struct process *process;
    char bytes[];
};

static void finish(struct process *process);

static void set_state(struct process *process, enum state state)
{
    assert(state > process->state || (state == STATE_KILLED && process->state == STATE_KILLED));
    process->state = state;
}

/* Handles. */

static void on_handle_closed(uv_handle_t *handle)
{
    struct process *process = handle->data;

    if (--process->open_handles > 0)
        return;
    buf_done(&process->line);
    free(process);
}

static void close_handle(void *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void close_all(struct process *process)
{
    loop_timer_stop(&process->timer);
    close_handle(&process->in);
    close_handle(&process->out);
    close_handle(&process->errors);
    close_handle(&process->channel);
    if (process->channel_fd >= 0)
        (void)close(process->channel_fd);
    process->channel_fd = -1;
}

/* The way to the end. */

static void order(struct process *process, int signal_number)
{
    struct launcher_order text = {.signal = signal_number};

    /* A launcher that is gone shows as the end of the channel. */
    (void)!send(process->channel_fd, &text, sizeof text, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Without memory for the timer the grace is none. */
static void begin_close(struct process *process)
{
    if (process->state != STATE_RUNNING)
        return;
    set_state(process, STATE_CLOSING);
    if (uv_stream_get_write_queue_size((uv_stream_t *)&process->in) == 0)
        close_handle(&process->in);
    if (!loop_timer_start(&process->timer, PROCESS_GRACE_MS)) {
        set_state(process, STATE_KILLED);
        order(process, SIGKILL);
    }
}

static void on_due(struct loop_timer *timer)
{
    struct process *process = (struct process *)((char *)timer - offsetof(struct process, timer));

    if (process->state == STATE_DRAINING) {
        finish(process);
        return;
    }
    bool is_first = process->state == STATE_CLOSING;
    set_state(process, is_first ? STATE_ENDING : STATE_KILLED);
    order(process, is_first ? SIGTERM : SIGKILL);
    if (!loop_timer_start(timer, PROCESS_GRACE_MS))
        order(process, SIGKILL);
}

static void finish_if_drained(struct process *process)
{
    if (process->state == STATE_DRAINING && uv_is_closing((uv_handle_t *)&process->out) &&
        uv_is_closing((uv_handle_t *)&process->errors))
        finish(process);
}

static void on_exited(struct process *process, enum process_end end, int value)
{
    process->status = (struct process_status){.end = end, .value = value};
    set_state(process, STATE_DRAINING);
    (void)uv_poll_stop(&process->channel);
    close_handle(&process->in);
    if (process->is_paused)
        process_resume_read(process);
    if (!loop_timer_start(&process->timer, DRAIN_MS))
        finish(process);
    else
        finish_if_drained(process);
}

static void on_notice(struct process *process, struct launcher_notice notice)
{
    int value = notice.value;

    if (notice.word == LAUNCHER_STARTED)
        process->pid = value;
    else if (notice.word == LAUNCHER_FAILED)
        on_exited(process, PROCESS_NOT_STARTED, value);
    else if (WIFSIGNALED(value))
        on_exited(process, PROCESS_SIGNALLED, WTERMSIG(value));
    else
        on_exited(process, PROCESS_EXITED, WEXITSTATUS(value));
}

static void on_channel(uv_poll_t *channel, int status, int events)
{
    struct process *process = channel->data;
    struct launcher_notice notice;

    (void)events;
    while (process->state < STATE_DRAINING) {
        ssize_t len = recv(process->channel_fd, &notice, sizeof notice, MSG_DONTWAIT);

        if (len == (ssize_t)sizeof notice) {
            on_notice(process, notice);
            continue;
        }
        if (status == 0 && len < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        on_exited(process, PROCESS_LOST, 0);
    }
}

/* Output. */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct process *process = handle->data;

    (void)suggested;
    *ret_buf = uv_buf_init(loop_read_buffer(process->loop), LOOP_READ_BYTES);
}

static void on_out(uv_stream_t *out, ssize_t count, const uv_buf_t *buf)
{
    struct process *process = out->data;

    if (count > 0 && !process->is_dropped)
        process->ops->on_stdout(process, str_of(buf->base, (size_t)count));
    if (count >= 0)
        return;
    close_handle(out);
    begin_close(process);
    finish_if_drained(process);
}

static void report_line(struct process *process, struct str line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (process->ops->on_stderr_line != NULL)
        process->ops->on_stderr_line(process, line);
}

/* Adds to the line that is begun, and reports it when it has its end or is full. */
static void take_part(struct process *process, struct str part, bool is_end)
{
    struct buf *line = &process->line;

    while (line->len + part.len > line->max) {
        size_t fits = line->max - line->len;

        buf_add(line, str_first(part, fits));
        part = str_from(part, fits);
        report_line(process, buf_str(line));
        buf_clear(line);
    }
    buf_add(line, part);
    if (is_end) {
        report_line(process, buf_str(line));
        buf_clear(line);
    }
}

static void on_errors(uv_stream_t *errors, ssize_t count, const uv_buf_t *buf)
{
    struct process *process = errors->data;

    if (count < 0) {
        close_handle(errors);
        finish_if_drained(process);
        return;
    }
    struct str rest = str_of(buf->base, (size_t)count);
    while (rest.len > 0) {
        size_t end = str_find(rest, '\n');

        take_part(process, str_first(rest, end), end < rest.len);
        rest = str_from(rest, end + 1);
    }
}

static void finish(struct process *process)
{
    set_state(process, STATE_GONE);
    if (process->line.len > 0)
        take_part(process, STR_NONE, true);
    process->ops->on_exit(process, &process->status);
    close_all(process);
}

void process_pause_read(struct process *process)
{
    process->is_paused = true;
    if (!uv_is_closing((uv_handle_t *)&process->out))
        (void)uv_read_stop((uv_stream_t *)&process->out);
}

void process_resume_read(struct process *process)
{
    process->is_paused = false;
    if (!uv_is_closing((uv_handle_t *)&process->out))
        (void)uv_read_start((uv_stream_t *)&process->out, on_alloc, on_out);
}

/* Input. */

static void on_written(uv_write_t *request, int status)
{
    struct pending *pending =
        (struct pending *)((char *)request - offsetof(struct pending, request));
    struct process *process = pending->process;

    free(pending);
    if (uv_is_closing((uv_handle_t *)&process->in))
        return;
    bool is_empty = uv_stream_get_write_queue_size((uv_stream_t *)&process->in) == 0;
    if (status != 0)
        begin_close(process);
    if (process->state != STATE_RUNNING && (is_empty || status != 0))
        close_handle(&process->in);
    else if (is_empty && process->ops->on_drain != NULL)
        process->ops->on_drain(process);
}

/* Queues all but the first `sent` bytes. */
static bool queue(struct process *process, const struct str *pieces, size_t count, size_t sent,
                  size_t total)
{
    struct pending *pending = malloc(sizeof *pending + (total - sent));
    size_t at = 0;

    if (pending == NULL)
        return false;
    pending->process = process;
    for (size_t i = 0; i < count; i++) {
        size_t skipped = sent < pieces[i].len ? sent : pieces[i].len;
        struct str part = str_from(pieces[i], skipped);

        sent -= skipped;
        if (part.len > 0)
            memcpy(pending->bytes + at, part.ptr, part.len);
        at += part.len;
    }
    uv_buf_t buf = uv_buf_init(pending->bytes, (unsigned)at);
    if (uv_write(&pending->request, (uv_stream_t *)&process->in, &buf, 1, on_written) == 0)
        return true;
    free(pending);
    return false;
}

/* Returns how many bytes went, or an error of libuv. */
static ssize_t try_write(struct process *process, const struct str *pieces, size_t count)
{
    uv_buf_t bufs[MAX_PIECES];
    unsigned used = 0;

    if (uv_stream_get_write_queue_size((uv_stream_t *)&process->in) > 0)
        return 0;
    for (size_t i = 0; i < count && used < MAX_PIECES; i++)
        if (pieces[i].len > 0)
            /* uv_buf_t has no const; writing only reads. */
            bufs[used++] = uv_buf_init((char *)(uintptr_t)pieces[i].ptr, (unsigned)pieces[i].len);
    int sent = uv_try_write((uv_stream_t *)&process->in, bufs, used);
    return sent == UV_EAGAIN ? 0 : sent;
}

bool process_write(struct process *process, const struct str *pieces, size_t count)
{
    size_t total = 0;

    if (process->state != STATE_RUNNING)
        return false;
    for (size_t i = 0; i < count; i++)
        total += pieces[i].len;
    size_t queued = process_queued_bytes(process);
    if (total > process->max_queued_bytes || queued > process->max_queued_bytes - total)
        return false;
    if (total == 0)
        return true;
    ssize_t sent = try_write(process, pieces, count);
    bool is_fine =
        sent >= 0 && ((size_t)sent == total || queue(process, pieces, count, (size_t)sent, total));
    /* Half a message would spoil the next one. */
    if (!is_fine)
        begin_close(process);
    return is_fine;
}

bool process_is_running(const struct process *process)
{
    return process->state == STATE_RUNNING;
}

size_t process_queued_bytes(const struct process *process)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&process->in);
}

void process_close(struct process *process)
{
    if (process->state == STATE_GONE)
        return;
    process->is_dropped = true;
    if (process->is_paused)
        process_resume_read(process);
    begin_close(process);
}

/* Begin. */

static void init_handles(struct process *process)
{
    uv_loop_t *uv = loop_uv(process->loop);
    uv_pipe_t *pipes[] = {&process->in, &process->out, &process->errors};

    for (size_t i = 0; i < ARRAY_LEN(pipes); i++) {
        (void)uv_pipe_init(uv, pipes[i], 0);
        pipes[i]->data = process;
        process->open_handles++;
    }
}

/* Gives each descriptor to its handle; those that found none stay in fds. */
static bool adopt(struct process *process, int fds[LAUNCHER_FDS])
{
    uv_pipe_t *pipes[] = {&process->in, &process->out, &process->errors};

    for (size_t i = 0; i < ARRAY_LEN(pipes); i++) {
        if (uv_pipe_open(pipes[i], fds[i]) != 0)
            return false;
        fds[i] = -1;
    }
    if (uv_poll_init(loop_uv(process->loop), &process->channel, fds[LAUNCHER_CHANNEL]) != 0)
        return false;
    process->channel_fd = fds[LAUNCHER_CHANNEL];
    fds[LAUNCHER_CHANNEL] = -1;
    process->channel.data = process;
    process->open_handles++;
    return true;
}

static void give_up(struct process *process, const int fds[LAUNCHER_FDS])
{
    for (int i = 0; i < LAUNCHER_FDS; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    close_handle(&process->in);
    close_handle(&process->out);
    close_handle(&process->errors);
}

enum err_code process_open(struct loop *loop, struct launcher *launcher,
                           const struct process_spec *spec, const struct process_ops *ops,
                           void *ctx, struct process **ret_process, struct err *err)
{
    int fds[LAUNCHER_FDS];
    struct process *process = calloc(1, sizeof *process);

    if (process == NULL)
        return err_set(err, ERR_LIMIT, "start a child process: memory is out");
    enum err_code code = launcher_spawn(launcher, spec, fds, err);
    if (code != ERR_OK) {
        free(process);
        return code;
    }
    *process = (struct process){.loop = loop, .ops = ops, .ctx = ctx, .channel_fd = -1};
    process->max_queued_bytes =
        spec->max_queued_bytes == 0 ? PROCESS_QUEUE_BYTES : spec->max_queued_bytes;
    buf_init(&process->line, PROCESS_LINE_BYTES);
    loop_timer_init(&process->timer, loop, on_due);
    init_handles(process);
    if (!adopt(process, fds)) {
        give_up(process, fds);
        return err_set(err, ERR_LIMIT, "start a child process: the loop takes no more");
    }
    (void)uv_poll_start(&process->channel, UV_READABLE, on_channel);
    (void)uv_read_start((uv_stream_t *)&process->out, on_alloc, on_out);
    (void)uv_read_start((uv_stream_t *)&process->errors, on_alloc, on_errors);
    *ret_process = process;
    return ERR_OK;
}

void *process_ctx(const struct process *process)
{
    return process->ctx;
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

void process_format_status(const struct process_status *status, char text[PROCESS_STATUS_BYTES])
{
    switch (status->end) {
    case PROCESS_EXITED:
        (void)snprintf(text, PROCESS_STATUS_BYTES, "exited with code %d", status->value);
        return;
    case PROCESS_SIGNALLED:
        (void)snprintf(text, PROCESS_STATUS_BYTES, "was ended by signal %d (%s)", status->value,
                       sigabbrev_np(status->value) == NULL ? "?" : sigabbrev_np(status->value));
        return;
    case PROCESS_NOT_STARTED:
        (void)snprintf(text, PROCESS_STATUS_BYTES, "could not start: %s",
                       strerrordesc_np(status->value) == NULL ? "?"
                                                              : strerrordesc_np(status->value));
        return;
    case PROCESS_LOST:
        break;
    }
    (void)snprintf(text, PROCESS_STATUS_BYTES, "was lost with the launcher");
}
