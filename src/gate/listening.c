#include "gate/listening.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gate/serve.h"
#include "gate/worker_priv.h"

enum { HEARTBEAT_SECONDS = 25 };

struct stream {
    enum app_kind kind; /* APP_STREAM */
    struct stream *next;
    struct http_request *http;
    struct uuid session;
    struct arena *arena; /* the caller's few texts */
    struct caller caller;
    struct str endpoint; /* server name; empty on /mcp */
    uint64_t list_hash;  /* of the tools that the caller sees */
    uint64_t silent_ticks;
};

struct listening {
    struct stream *first;
    size_t count;
};

struct listening *listening_new(void)
{
    return calloc(1, sizeof(struct listening));
}

void listening_free(struct listening *streams)
{
    free(streams);
}

static size_t count_of(const struct listening *streams, struct str caller_id)
{
    size_t count = 0;

    for (const struct stream *stream = streams->first; stream != NULL; stream = stream->next)
        count += str_eq(stream->caller.id, caller_id);
    return count;
}

static void free_stream(struct stream *stream)
{
    arena_free(stream->arena);
    free(stream);
}

static void unlink_stream(struct listening *streams, struct stream *stream)
{
    struct stream **link = &streams->first;

    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    streams->count--;
}

static struct stream *make(struct call *call)
{
    struct stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL || (stream->arena = arena_new(16384)) == NULL) {
        free(stream);
        return NULL;
    }
    stream->endpoint =
        call->endpoint == NULL ? STR_NONE : arena_dup(stream->arena, call->endpoint->name);
    if (!caller_dup(stream->arena, &call->caller, &stream->caller)) {
        free_stream(stream);
        return NULL;
    }
    stream->kind = APP_STREAM;
    stream->session = call->session.id;
    stream->list_hash = serve_list_hash(call->snapshot, &call->caller, stream->endpoint);
    return stream;
}

bool listening_add(struct worker *worker, struct call *call)
{
    static const struct http_header headers[] = {
        {STR_INIT("Content-Type"), STR_INIT("text/event-stream")},
        {STR_INIT("Cache-Control"), STR_INIT("no-store")},
        {STR_INIT("X-Accel-Buffering"), STR_INIT("no")},
    };
    struct listening *streams = worker->streams;
    struct stream *stream = NULL;

    if (count_of(streams, call->caller.id) >= (size_t)worker->gate->settings->streams_per_principal)
        return false;
    stream = make(call);
    if (stream == NULL)
        return false;
    stream->http = MOVE(call->http);
    stream->next = streams->first;
    streams->first = stream;
    streams->count++;
    http_request_set_app(stream->http, stream);
    http_reply_start(stream->http, 200, headers, ARRAY_LEN(headers));
    (void)http_reply_data(stream->http, STR(": listening\n\n"));
    call->reply_state = REPLY_SENT;
    call_end(call);
    return true;
}

void listening_on_closed(struct worker *worker, void *object)
{
    struct stream *stream = object;

    unlink_stream(worker->streams, stream);
    free_stream(stream);
}

static void end(struct worker *worker, struct stream *stream)
{
    struct http_request *http = stream->http;

    unlink_stream(worker->streams, stream);
    free_stream(stream);
    http_request_set_app(http, NULL);
    http_reply_end(http);
}

static void tell_changed(struct stream *stream)
{
    struct buf text;

    buf_init(&text, 4096);
    buf_add_c(&text, "data: ");
    reply_tools_changed(&text);
    buf_add_c(&text, "\n\n");
    (void)http_reply_data(stream->http, buf_str(&text));
    buf_done(&text);
    stream->silent_ticks = 0;
}

/* A stream can't ask a provider again: the client comes back with the token, which can. */
static bool may_stay(const struct worker *worker, const struct caller *caller)
{
    int64_t now_us = clock_wall_us();

    return token_table_has(snapshot_tokens(worker->snapshot), caller, now_us) &&
           (caller->ask_again_us == 0 || now_us < caller->ask_again_us);
}

static void check(struct worker *worker, struct stream *stream, bool is_new_snapshot)
{
    if (!may_stay(worker, &stream->caller)) {
        end(worker, stream);
        return;
    }
    if (is_new_snapshot) {
        struct caller now = stream->caller;
        token_table_take_groups(snapshot_tokens(worker->snapshot), &now);
        uint64_t hash = serve_list_hash(worker->snapshot, &now, stream->endpoint);

        if (hash != stream->list_hash)
            tell_changed(stream);
        stream->list_hash = hash;
        return;
    }
    if (++stream->silent_ticks >= HEARTBEAT_SECONDS) {
        (void)http_reply_data(stream->http, STR(":\n\n"));
        stream->silent_ticks = 0;
    }
}

void listening_check(struct worker *worker, bool is_new_snapshot)
{
    struct stream *next = NULL;

    for (struct stream *stream = worker->streams->first; stream != NULL; stream = next) {
        next = stream->next;
        check(worker, stream, is_new_snapshot);
    }
}

void listening_end(struct worker *worker, const struct uuid *session)
{
    struct stream *next = NULL;

    for (struct stream *stream = worker->streams->first; stream != NULL; stream = next) {
        next = stream->next;
        if (session == NULL || memcmp(session, &stream->session, sizeof *session) == 0)
            end(worker, stream);
    }
}

size_t listening_count(const struct worker *worker)
{
    return worker->streams->count;
}
