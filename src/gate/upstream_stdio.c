/*
 * A server that is a program of the settings: one process on its home worker, one JSON-RPC message
 * a line. It is started by the first call, and again, with a growing pause, when it ends. One that
 * nobody calls for a while is ended, and started again by the next call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gate/upstream_priv.h"
#include "mcp/answer.h"
#include "net/process.h"

enum { MAX_ENV = 64 };

struct stdio_exchange {
    struct stdio_exchange *next;
    struct stdio_exchange *prev;
    struct stdio_upstream *stdio;
    struct exchange *exchange;
    struct loop_timer timer;
};

struct stdio_upstream {
    struct upstream *upstream; /* NULL: given up, the process is on its way out */
    struct process *process;
    struct buf line; /* begun */
    struct arena *arena;
    struct stdio_exchange *first;
    struct loop_timer idle;
    struct loop_task said; /* ends the exchanges of notifications that were handed over */
};

static void unlink_exchange(struct stdio_exchange *x)
{
    if (x->prev != NULL)
        x->prev->next = x->next;
    else
        x->stdio->first = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
    x->stdio->upstream->exchanges--;
    loop_timer_stop(&x->timer);
}

static struct exchange *take_exchange(struct stdio_exchange *x)
{
    struct exchange *exchange = x->exchange;

    unlink_exchange(x);
    free(x);
    return exchange;
}

static struct stdio_exchange *find(struct stdio_upstream *stdio, uint64_t id)
{
    for (struct stdio_exchange *x = stdio->first; x != NULL; x = x->next) {
        if (x->exchange->id == id)
            return x;
    }
    return NULL;
}

static void on_timeout(struct loop_timer *timer)
{
    struct stdio_exchange *x =
        (struct stdio_exchange *)(void *)((char *)timer - offsetof(struct stdio_exchange, timer));
    struct upstream *upstream = x->stdio->upstream;
    uint64_t id = x->exchange->id;
    struct exchange *exchange = take_exchange(x);

    if (upstream->state == UPSTREAM_READY)
        upstream_say_cancelled(upstream, id, STR("timeout"));
    exchange_fail(exchange, EXCHANGE_TIMEOUT, 0, "the server did not answer in time");
}

static void on_response(struct stdio_upstream *stdio, const struct mcp_message *message,
                        size_t bytes)
{
    struct exchange_end end = {.kind = EXCHANGE_ANSWERED, .message = message, .bytes = bytes};
    struct stdio_exchange *x = NULL;
    uint64_t id = 0;

    if (message_own_id(message, &id))
        x = find(stdio, id);
    /* A probe that a server can't even read is answered without an id. */
    else if (message->id.len == 0 && stdio->upstream->state == UPSTREAM_PROBING)
        x = stdio->first;
    if (x != NULL)
        exchange_end(take_exchange(x), &end);
}

static void on_notification(struct stdio_upstream *stdio, const struct mcp_message *message)
{
    struct stdio_exchange *x = NULL;
    uint64_t id = 0;

    if (answer_progress_id(message, &id))
        x = find(stdio, id);
    if (x != NULL)
        x->exchange->on_message(x->exchange, message);
    else
        upstream_on_unasked(stdio->upstream, message);
}

static void on_line(struct stdio_upstream *stdio, struct str line)
{
    struct mcp_message message;
    struct err err;

    line = str_trim(line);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0)
        return;
    arena_reset(stdio->arena);
    if (message_parse_upstream(line, NULL, stdio->arena, &message, &err) != ERR_OK) {
        log_event(LOG_WARN, "stdio_garbage", LOG_STR("server", stdio->upstream->server->name),
                  LOG_STR("line", str_first(line, 200)), LOG_ERR(&err));
        return;
    }
    switch (message.kind) {
    case MCP_RESPONSE:
    case MCP_FAILURE:
        on_response(stdio, &message, line.len);
        break;
    case MCP_NOTIFICATION:
        on_notification(stdio, &message);
        break;
    case MCP_REQUEST:
        upstream_on_unasked(stdio->upstream, &message);
        break;
    }
}

static void on_stdout(struct process *process, struct str bytes)
{
    struct stdio_upstream *stdio = process_ctx(process);

    while (bytes.len > 0 && stdio->upstream != NULL) {
        size_t end = str_find(bytes, '\n');

        buf_add(&stdio->line, str_first(bytes, end));
        if (stdio->line.failed) {
            log_event(LOG_ERROR, "stdio_too_large",
                      LOG_STR("server", stdio->upstream->server->name));
            process_close(process);
            return;
        }
        if (end == bytes.len)
            return;
        bytes = str_from(bytes, end + 1);
        on_line(stdio, buf_str(&stdio->line));
        buf_clear(&stdio->line);
    }
}

static void on_stderr_line(struct process *process, struct str line)
{
    struct stdio_upstream *stdio = process_ctx(process);

    if (stdio->upstream != NULL)
        log_event(LOG_INFO, "upstream_stderr", LOG_STR("server", stdio->upstream->server->name),
                  LOG_STR("line", line));
}

static void fail_all(struct stdio_upstream *stdio, const char *why)
{
    while (stdio->first != NULL)
        exchange_fail(take_exchange(stdio->first), EXCHANGE_BROKEN, 0, "%s", why);
}

static void free_stdio(struct stdio_upstream *stdio)
{
    loop_timer_stop(&stdio->idle);
    loop_task_cancel(&stdio->said);
    buf_done(&stdio->line);
    arena_free(stdio->arena);
    free(stdio);
}

static void on_process_exit(struct process *process, const struct process_status *status)
{
    struct stdio_upstream *stdio = process_ctx(process);
    struct upstream *upstream = stdio->upstream;
    char text[PROCESS_STATUS_BYTES];
    char why[PROCESS_STATUS_BYTES + 32];

    if (upstream == NULL) {
        free_stdio(stdio);
        return;
    }
    process_format_status(status, text);
    (void)snprintf(why, sizeof why, "the server's process %s", text);
    log_event(LOG_WARN, "upstream_exited", LOG_STR("server", upstream->server->name),
              LOG_C("status", text));
    upstream->impl = NULL;
    stdio->process = NULL;
    bool was_ready = upstream->state == UPSTREAM_READY;
    upstream_lost(upstream);
    fail_all(stdio, why);
    if (was_ready)
        upstream_pause(upstream, why);
    free_stdio(stdio);
}

static const struct process_ops ops = {
    .on_stdout = on_stdout, .on_stderr_line = on_stderr_line, .on_exit = on_process_exit};

/* Values of secrets stand in locked memory only as long as the process is started. */
static enum err_code fill_env(const struct settings *settings, const struct program *program,
                              struct process_env *env, struct secret **secrets, struct err *err)
{
    char path[4096];

    if (program->env_count > MAX_ENV)
        return err_set(err, ERR_LIMIT, "a program takes at most %d variables", MAX_ENV);
    for (size_t i = 0; i < program->env_count; i++) {
        env[i] = (struct process_env){.name = program->env[i].name, .value = program->env[i].value};
        if (program->env[i].secret.len == 0)
            continue;
        if (settings_secret_path(settings, program->env[i].secret, path, sizeof path, err) !=
                ERR_OK ||
            secret_read_file(path, &secrets[i], err) != ERR_OK)
            return err_wrap(err, "environment");
        env[i].value = secret_reveal(secrets[i]);
    }
    return ERR_OK;
}

static enum err_code start_process(struct upstream *upstream, struct stdio_upstream *stdio,
                                   struct err *err)
{
    const struct settings *settings = upstream->worker->gate->settings;
    const struct program *program = upstream->server->program;
    struct process_env env[MAX_ENV];
    struct secret *secrets[MAX_ENV] = {NULL};
    enum err_code code = fill_env(settings, program, env, secrets, err);
    const struct process_spec spec = {
        .argv = program->argv,
        .argc = program->argc,
        .env = env,
        .env_count = program->env_count,
        .directory = program->directory.len > 0 ? program->directory : settings->data_dir,
    };

    if (code == ERR_OK)
        code = process_open(upstream->worker->loop, upstream->worker->gate->launcher, &spec, &ops,
                            stdio, &stdio->process, err);
    for (size_t i = 0; i < MAX_ENV; i++)
        secret_free(secrets[i]);
    return code;
}

/* Notifications have no answer: their exchange ends when this turn does. */
static void on_said(struct loop_task *task)
{
    struct stdio_upstream *stdio =
        (struct stdio_upstream *)(void *)((char *)task - offsetof(struct stdio_upstream, said));
    const struct exchange_end end = {.kind = EXCHANGE_ANSWERED};
    struct stdio_exchange *x = NULL;

    while ((x = find(stdio, 0)) != NULL)
        exchange_end(take_exchange(x), &end);
}

static enum err_code stdio_send(struct upstream *upstream, struct exchange *exchange,
                                const struct outgoing *out, struct err *err)
{
    struct stdio_upstream *stdio = upstream->impl;
    struct str pieces[MCP_MAX_PIECES + 1];
    struct stdio_exchange *x = calloc(1, sizeof *x);

    if (x == NULL || stdio == NULL || out->piece_count > MCP_MAX_PIECES) {
        free(x);
        return err_set(err, ERR_UNAVAILABLE, "the server's process is not running");
    }
    memcpy(pieces, out->pieces, out->piece_count * sizeof *pieces);
    pieces[out->piece_count] = STR("\n");
    exchange->upstream = upstream;
    exchange->id = out->id;
    exchange->impl = x;
    x->stdio = stdio;
    x->exchange = exchange;
    x->next = stdio->first;
    if (stdio->first != NULL)
        stdio->first->prev = x;
    stdio->first = x;
    upstream->exchanges++;
    loop_timer_init(&x->timer, upstream->worker->loop, on_timeout);
    bool is_written = process_write(stdio->process, pieces, out->piece_count + 1);
    /* A program that has ended says how in a moment, and that is what its callers hear. */
    if (!is_written && process_is_running(stdio->process)) {
        (void)take_exchange(x);
        exchange->impl = NULL;
        return err_set(err, ERR_BUSY, "the server's process does not take any more");
    }
    if (out->id == 0)
        loop_defer(upstream->worker->loop, &stdio->said);
    else
        (void)loop_timer_start(&x->timer, out->timeout_ms);
    return ERR_OK;
}

static void stdio_cancel(struct exchange *exchange)
{
    (void)take_exchange(exchange->impl);
}

static void stdio_close(struct upstream *upstream)
{
    struct stdio_upstream *stdio = upstream->impl;

    if (stdio == NULL)
        return;
    upstream->impl = NULL;
    fail_all(stdio, "the server's process is being ended");
    stdio->upstream = NULL;
    loop_task_cancel(&stdio->said);
    loop_timer_stop(&stdio->idle);
    process_close(stdio->process);
}

static uint64_t idle_ms(const struct upstream *upstream)
{
    return (uint64_t)upstream->worker->gate->settings->program_idle_seconds * 1000;
}

static void on_idle(struct loop_timer *timer)
{
    struct stdio_upstream *stdio =
        (struct stdio_upstream *)(void *)((char *)timer - offsetof(struct stdio_upstream, idle));
    struct upstream *upstream = stdio->upstream;
    uint64_t now = loop_now_us(upstream->worker->loop);

    if (upstream->exchanges > 0 || upstream->waiters != NULL || upstream->state != UPSTREAM_READY)
        upstream->used_us = now;
    uint64_t rested_ms = (now - upstream->used_us) / 1000;
    if (rested_ms < idle_ms(upstream)) {
        (void)loop_timer_start(timer, idle_ms(upstream) - rested_ms);
        return;
    }
    log_event(LOG_INFO, "upstream_idle", LOG_STR("server", upstream->server->name),
              LOG_INT("idle_ms", rested_ms));
    upstream->is_asleep = true;
    upstream_lost(upstream);
    stdio_close(upstream);
}

static enum err_code stdio_open(struct upstream *upstream, struct err *err)
{
    const struct settings *settings = upstream->worker->gate->settings;

    if (upstream->impl != NULL)
        return ERR_OK;
    struct stdio_upstream *stdio = calloc(1, sizeof *stdio);
    if (stdio == NULL ||
        (stdio->arena = arena_new((size_t)settings->result_bytes * 24 + (1 << 20))) == NULL) {
        free(stdio);
        return err_set(err, ERR_LIMIT, "memory is out");
    }
    stdio->upstream = upstream;
    stdio->said.run = on_said;
    loop_timer_init(&stdio->idle, upstream->worker->loop, on_idle);
    buf_init(&stdio->line, (size_t)settings->result_bytes);
    enum err_code code = start_process(upstream, stdio, err);
    if (code != ERR_OK) {
        free_stdio(stdio);
        return code;
    }
    log_event(LOG_INFO, "upstream_started", LOG_STR("server", upstream->server->name),
              LOG_STR("program", upstream->server->program->name));
    upstream->impl = stdio;
    upstream->used_us = loop_now_us(upstream->worker->loop);
    if (idle_ms(upstream) > 0)
        (void)loop_timer_start(&stdio->idle, idle_ms(upstream));
    return ERR_OK;
}

const struct upstream_ops upstream_stdio_ops = {
    .open = stdio_open, .send = stdio_send, .cancel = stdio_cancel, .close = stdio_close};
