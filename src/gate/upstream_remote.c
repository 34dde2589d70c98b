/*
 * A stdio server as the other workers see it: the same operations, posted to the mailbox of its
 * home worker, whose answers come back the same way. Receipts travel along and are spent at home,
 * by the sender.
 *
 * A parcel carries one call. It belongs to the worker that asked, which frees it when its end has
 * come back and no word of its own is still on the way to the home worker. When that worker has
 * ended meanwhile, the home worker keeps the parcel until all workers have: the other one may still
 * be looking at it.
 */
#include <stdlib.h>
#include <string.h>

#include "gate/upstream_priv.h"

static struct worker *home_of(const struct upstream *upstream)
{
    struct gate *gate = upstream->worker->gate;

    return gate->workers[(uint64_t)upstream->server_id % gate->worker_count];
}

static struct upstream *upstream_at(struct worker *worker, int64_t server_id)
{
    const struct snapshot_server *server = snapshot_find_server_id(worker->snapshot, server_id);

    return server == NULL ? NULL : upstream_get(worker, server);
}

/* Readiness: asked at home, told to the worker that asked. */

struct question {
    struct mail mail;
    struct worker *from;
    struct worker *home;
    int64_t server_id;
    struct upstream_waiter waiter; /* at home */
    enum mcp_version version;
    bool is_ready;
    struct err why;
};

static void on_told(struct mail *mail)
{
    struct question *question = (struct question *)(void *)mail;
    struct upstream *upstream = upstream_at(question->from, question->server_id);

    if (upstream != NULL && upstream->state == UPSTREAM_PROBING)
        upstream_told(upstream, question->version, question->is_ready ? NULL : &question->why);
    free(question);
}

static void tell(struct question *question)
{
    struct upstream *upstream = upstream_at(question->home, question->server_id);

    if (upstream != NULL)
        question->version = upstream->version;
    question->mail.on_deliver = on_told;
    if (!worker_post(question->from, &question->mail))
        free(question);
}

static void on_home_ready(struct upstream_waiter *waiter, const struct err *why)
{
    struct question *question =
        (struct question *)(void *)((char *)waiter - offsetof(struct question, waiter));

    question->is_ready = why == NULL;
    if (why != NULL)
        question->why = *why;
    tell(question);
}

static void on_asked(struct mail *mail)
{
    struct question *question = (struct question *)(void *)mail;
    struct upstream *upstream = upstream_at(question->home, question->server_id);

    question->waiter.on_ready = on_home_ready;
    if (upstream == NULL) {
        (void)err_set(&question->why, ERR_UNAVAILABLE, "the server is not there any more");
        tell(question);
        return;
    }
    enum err_code code = upstream_await(upstream, &question->waiter, &question->why);
    question->is_ready = code == ERR_OK;
    if (code != ERR_BUSY)
        tell(question);
}

static enum err_code remote_open(struct upstream *upstream, struct err *err)
{
    struct question *question = calloc(1, sizeof *question);

    if (question == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    question->from = upstream->worker;
    question->home = home_of(upstream);
    question->server_id = upstream->server_id;
    question->mail.on_deliver = on_asked;
    if (worker_post(question->home, &question->mail))
        return ERR_OK;
    free(question);
    return err_set(err, ERR_BUSY, "the server's home worker has too much to do");
}

/* Calls. */

struct parcel {
    struct mail mail;   /* there with the call, back with the end */
    struct mail recall; /* there with the cancellation, and back */
    struct worker *from;
    struct worker *home;
    int64_t server_id;

    /* of the worker that asked */
    struct upstream *upstream;
    struct exchange *exchange; /* NULL: cancelled */
    bool is_back;
    bool is_recalled; /* recall is on its way */

    /* of the home worker, until the end is on its way back */
    struct exchange at_home;
    struct upstream_waiter waiter;
    enum mcp_version version; /* that the message is made for */
    struct receipt *receipt;
    struct uuid call_id;
    uint64_t id;
    uint32_t timeout_ms;
    struct buf name;
    struct buf message;
    size_t arguments_start;
    size_t arguments_len;
    struct parcel *next_stray;
    bool is_stray;

    /* the end */
    enum exchange_end_kind kind;
    struct err err;
    struct buf answer;
};

/* A notification on its way back. */
struct note {
    struct mail mail;
    struct parcel *parcel;
    size_t len;
    char text[];
};

static void destroy_parcel(struct parcel *parcel)
{
    receipt_free(parcel->receipt);
    buf_done(&parcel->name);
    buf_done(&parcel->message);
    buf_done(&parcel->answer);
    free(parcel);
}

static void free_parcel(struct parcel *parcel)
{
    if (parcel->is_back && !parcel->is_recalled)
        destroy_parcel(parcel);
}

static void keep_stray(struct parcel *parcel)
{
    if (parcel->is_stray)
        return;
    parcel->is_stray = true;
    parcel->next_stray = parcel->home->strays;
    parcel->home->strays = parcel;
}

void upstream_remote_free_strays(struct worker *worker)
{
    while (worker->strays != NULL) {
        struct parcel *parcel = worker->strays;

        worker->strays = parcel->next_stray;
        destroy_parcel(parcel);
    }
}

static void hand_over(struct parcel *parcel)
{
    CLEANUP(arena_freep)
    struct arena *arena =
        arena_new((size_t)parcel->from->gate->settings->result_bytes * 24 + (1 << 20));
    struct mcp_message message;
    struct exchange_end end = {
        .kind = parcel->kind, .err = parcel->err, .bytes = parcel->answer.len};

    if (end.kind == EXCHANGE_ANSWERED &&
        (arena == NULL || message_parse_upstream(buf_str(&parcel->answer), NULL, arena, &message,
                                                 &end.err) != ERR_OK))
        end.kind = EXCHANGE_INVALID;
    end.message = &message;
    exchange_end(MOVE(parcel->exchange), &end);
}

static void on_back(struct mail *mail)
{
    struct parcel *parcel = (struct parcel *)(void *)mail;

    parcel->is_back = true;
    parcel->upstream->exchanges--;
    if (parcel->kind == EXCHANGE_BROKEN || parcel->kind == EXCHANGE_UNREACHABLE)
        upstream_lost(parcel->upstream);
    if (parcel->exchange != NULL)
        hand_over(parcel);
    free_parcel(parcel);
}

static void send_back(struct parcel *parcel)
{
    parcel->mail.on_deliver = on_back;
    /* Refused only when that worker has ended, and with it whoever waited. */
    if (!worker_post(parcel->from, &parcel->mail))
        keep_stray(parcel);
}

static void on_home_end(struct exchange *exchange, const struct exchange_end *end)
{
    struct parcel *parcel =
        (struct parcel *)(void *)((char *)exchange - offsetof(struct parcel, at_home));

    parcel->kind = end->kind;
    parcel->err = end->err;
    if (end->message != NULL)
        buf_add(&parcel->answer, end->message->doc.text);
    send_back(parcel);
}

static void on_note(struct mail *mail)
{
    struct note *note = (struct note *)(void *)mail;
    struct exchange *exchange = note->parcel->exchange;
    CLEANUP(arena_freep) struct arena *arena = arena_new(4 << 20);
    struct mcp_message message;

    if (exchange != NULL && arena != NULL &&
        message_parse_upstream(str_of(note->text, note->len), NULL, arena, &message, NULL) ==
            ERR_OK)
        exchange->on_message(exchange, &message);
    free(note);
}

static void on_home_message(struct exchange *exchange, const struct mcp_message *message)
{
    struct parcel *parcel =
        (struct parcel *)(void *)((char *)exchange - offsetof(struct parcel, at_home));
    struct str text = message->doc.text;
    struct note *note = malloc(sizeof *note + text.len);

    if (note == NULL)
        return;
    *note = (struct note){.mail = {.on_deliver = on_note}, .parcel = parcel, .len = text.len};
    memcpy(note->text, text.ptr, text.len);
    if (!worker_post(parcel->from, &note->mail))
        free(note);
}

static enum err_code send_on(struct parcel *parcel, struct upstream *upstream)
{
    struct mcp_pieces pieces = {.count = 0};
    struct str message = buf_str(&parcel->message);
    struct upstream_call call = {
        .call_id = &parcel->call_id,
        .server_id = parcel->server_id,
        .method = STR("tools/call"),
        .upstream_name = buf_str(&parcel->name),
        .arguments = str_of(message.ptr + parcel->arguments_start, parcel->arguments_len),
        .id = parcel->id,
        .pieces = &pieces,
        .timeout_ms = parcel->timeout_ms,
    };

    pieces_add(&pieces, message);
    parcel->at_home.on_end = on_home_end;
    parcel->at_home.on_message = on_home_message;
    if (upstream->version != parcel->version)
        return err_set(&parcel->err, ERR_UNAVAILABLE, "the server speaks another version now");
    return upstream_call(upstream, &parcel->at_home, &parcel->receipt, &call, &parcel->err);
}

static void give_back(struct parcel *parcel)
{
    parcel->kind = EXCHANGE_UNREACHABLE;
    send_back(parcel);
}

static void on_parcel_ready(struct upstream_waiter *waiter, const struct err *why)
{
    struct parcel *parcel =
        (struct parcel *)(void *)((char *)waiter - offsetof(struct parcel, waiter));
    struct upstream *upstream = upstream_at(parcel->home, parcel->server_id);

    if (why != NULL)
        parcel->err = *why;
    else if (upstream == NULL)
        (void)err_set(&parcel->err, ERR_UNAVAILABLE, "the server is not there any more");
    else if (send_on(parcel, upstream) == ERR_OK)
        return;
    give_back(parcel);
}

/* Since it was seen ready the program may have been ended, because it was idle. */
static void on_arrived(struct mail *mail)
{
    struct parcel *parcel = (struct parcel *)(void *)mail;
    struct upstream *upstream = upstream_at(parcel->home, parcel->server_id);

    parcel->waiter.on_ready = on_parcel_ready;
    enum err_code code = upstream == NULL ? err_set(&parcel->err, ERR_UNAVAILABLE,
                                                    "the server is not there any more")
                                          : upstream_await(upstream, &parcel->waiter, &parcel->err);
    if (code == ERR_BUSY)
        return;
    if (code != ERR_OK || send_on(parcel, upstream) != ERR_OK)
        give_back(parcel);
}

static bool fill(struct parcel *parcel, const struct upstream_call *call)
{
    buf_init(&parcel->name, 4096);
    buf_init(&parcel->message, 300 << 20);
    buf_init(&parcel->answer, 300 << 20);
    buf_add(&parcel->name, call->upstream_name);
    for (size_t i = 0; i < call->pieces->count; i++) {
        if (call->pieces->piece[i].ptr == call->arguments.ptr)
            parcel->arguments_start = parcel->message.len;
        buf_add(&parcel->message, call->pieces->piece[i]);
    }
    parcel->arguments_len = call->arguments.len;
    parcel->call_id = *call->call_id;
    parcel->id = call->id;
    parcel->timeout_ms = call->timeout_ms;
    return !parcel->name.failed && !parcel->message.failed;
}

enum err_code upstream_remote_call(struct upstream *upstream, struct exchange *exchange,
                                   struct receipt **receipt, const struct upstream_call *call,
                                   struct err *err)
{
    struct parcel *parcel = calloc(1, sizeof *parcel);

    if (parcel == NULL || !fill(parcel, call)) {
        receipt_freep(receipt);
        free(parcel);
        return err_set(err, ERR_LIMIT, "memory is out");
    }
    parcel->from = upstream->worker;
    parcel->home = home_of(upstream);
    parcel->server_id = upstream->server_id;
    parcel->version = upstream->version;
    parcel->upstream = upstream;
    parcel->exchange = exchange;
    parcel->receipt = MOVE(*receipt);
    parcel->mail.on_deliver = on_arrived;
    exchange->impl = parcel;
    exchange->upstream = upstream;
    exchange->id = call->id;
    if (worker_post(parcel->home, &parcel->mail)) {
        upstream->exchanges++;
        return ERR_OK;
    }
    exchange->impl = NULL;
    parcel->is_back = true;
    free_parcel(parcel);
    return err_set(err, ERR_BUSY, "the server's home worker has too much to do");
}

static void on_recall_back(struct mail *mail)
{
    struct parcel *parcel =
        (struct parcel *)(void *)((char *)mail - offsetof(struct parcel, recall));

    parcel->is_recalled = false;
    free_parcel(parcel);
}

static void on_recall(struct mail *mail)
{
    struct parcel *parcel =
        (struct parcel *)(void *)((char *)mail - offsetof(struct parcel, recall));

    if (parcel->at_home.impl != NULL || parcel->waiter.upstream != NULL) {
        exchange_cancel(&parcel->at_home, STR("cancelled"));
        upstream_stop_waiting(&parcel->waiter);
        parcel->kind = EXCHANGE_TIMEOUT;
        send_back(parcel);
    }
    parcel->recall.on_deliver = on_recall_back;
    if (!worker_post(parcel->from, &parcel->recall))
        keep_stray(parcel);
}

static void remote_cancel(struct exchange *exchange)
{
    struct parcel *parcel = exchange->impl;

    parcel->exchange = NULL;
    parcel->is_recalled = true;
    parcel->recall.on_deliver = on_recall;
    if (!worker_post(parcel->home, &parcel->recall))
        parcel->is_recalled = false;
}

/* Control messages are said by the home worker alone. */
static enum err_code remote_send(struct upstream *upstream, struct exchange *exchange,
                                 const struct outgoing *out, struct err *err)
{
    (void)upstream;
    (void)exchange;
    (void)out;
    return err_set(err, ERR_INTERNAL, "only the home worker speaks to this server");
}

static void remote_close(struct upstream *upstream)
{
    (void)upstream;
}

const struct upstream_ops upstream_remote_ops = {.open = remote_open,
                                                 .send = remote_send,
                                                 .cancel = remote_cancel,
                                                 .close = remote_close,
                                                 .is_remote = true};
