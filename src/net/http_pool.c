#include <assert.h>
#include <stdlib.h>

#include "net/http_client_priv.h"

enum { MAX_HEAD_BYTES = 256 * 1024 };

static void push(struct client_list *list, struct http_client *client)
{
    client->prev = NULL;
    client->next = list->first;
    if (list->first != NULL)
        list->first->prev = client;
    else
        list->last = client;
    list->first = client;
    list->count++;
}

static void take(struct client_list *list, struct http_client *client)
{
    if (client->prev != NULL)
        client->prev->next = client->next;
    else
        list->first = client->next;
    if (client->next != NULL)
        client->next->prev = client->prev;
    else
        list->last = client->prev;
    list->count--;
}

static struct client_list *list_of(struct http_client *client)
{
    return client->state == CLIENT_IDLE ? &client->pool->idle : &client->pool->others;
}

/* Moves it to the list of its state and keeps pool->opening right. */
void http_client_set_state(struct http_client *client, enum client_state state)
{
    enum client_state old = client->state;

    assert(old != CLIENT_CLOSED && state != CLIENT_OPENING && old != state);
    assert(state != CLIENT_IDLE || client->call == NULL);
    take(list_of(client), client);
    if ((old == CLIENT_OPENING && state != CLIENT_UNREACHED) || old == CLIENT_UNREACHED)
        client->pool->opening--;
    client->state = state;
    if (state != CLIENT_CLOSED)
        push(list_of(client), client);
}

static void free_client(struct http_client *client)
{
    http1_free(client->parser);
    free(client);
}

void http_client_drop(struct http_client *client)
{
    if (client->state == CLIENT_CLOSED)
        return;
    http_client_set_state(client, CLIENT_CLOSED);
    loop_timer_stop(&client->timer);
    names_cancel(&client->lookup);
    stream_close(MOVE(client->stream));
    if (client->entered == 0)
        free_client(client);
}

void http_client_leave(struct http_client *client)
{
    if (--client->entered == 0 && client->state == CLIENT_CLOSED)
        free_client(client);
}

/* Waiting calls. */

static void enqueue(struct http_pool *pool, struct http_call *call)
{
    call->next = NULL;
    call->prev = pool->last_waiting;
    if (pool->last_waiting != NULL)
        pool->last_waiting->next = call;
    else
        pool->first_waiting = call;
    pool->last_waiting = call;
    pool->waiting++;
}

void http_pool_unqueue(struct http_pool *pool, struct http_call *call)
{
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        pool->first_waiting = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    else
        pool->last_waiting = call->prev;
    pool->waiting--;
}

/* Opening. */

void http_client_fail(struct http_client *client, enum client_state state)
{
    http_client_set_state(client, state);
    /* Without memory for it the call has its own deadline. */
    (void)loop_timer_start(&client->timer, 1);
}

void http_client_try_next(struct http_client *client)
{
    struct http_pool *pool = client->pool;

    while (client->addr_at < client->addr_count) {
        const struct addr *addr = &client->addrs[client->addr_at++];

        if (stream_connect(pool->config.loop, addr, pool->config.tls_context, pool->host,
                           &http_client_events, client, &client->stream, &client->err) == ERR_OK)
            return;
    }
    http_client_fail(client, CLIENT_UNREACHED);
}

static void on_names(struct name_lookup *lookup, const struct addr *addrs, size_t count,
                     const struct err *err)
{
    struct http_client *client = lookup->ctx;
    const struct http_pool_config *config = &client->pool->config;

    if (count == 0)
        client->err = *err;
    else
        (void)err_set(&client->err, ERR_DENIED, "no address of '%s' may be connected to",
                      client->pool->host);
    for (size_t i = 0; i < count; i++) {
        struct addr addr = addrs[i];

        addr.port = config->port;
        if (config->is_allowed == NULL || config->is_allowed(&addr, config->ctx))
            client->addrs[client->addr_count++] = addr;
    }
    http_client_try_next(client);
}

/* The call of a connection that could not be opened is whichever has waited longest. */
static void on_due(struct loop_timer *timer)
{
    struct http_client *client =
        (struct http_client *)(void *)((char *)timer - offsetof(struct http_client, timer));
    struct http_pool *pool = client->pool;
    bool was_sending = client->state == CLIENT_BROKEN;
    struct http_call *call = was_sending ? client->call : pool->first_waiting;

    if (client->state == CLIENT_OPENING)
        (void)err_set(&client->err, ERR_TIMEOUT, "connect to '%s': it takes too long", pool->host);
    struct err err = client->err;
    if (call != NULL)
        http_call_take_out(call);
    http_client_drop(client);
    (void)http_pool_fill(pool);
    if (call != NULL)
        call->on_done(call, was_sending ? HTTP_CALL_BROKEN : HTTP_CALL_UNREACHABLE, &err);
}

static bool open_client(struct http_pool *pool)
{
    struct http_client *client = calloc(1, sizeof *client);

    if (client == NULL)
        return false;
    client->pool = pool;
    client->parser =
        http1_new(HTTP1_RESPONSES, pool->config.max_header_bytes, pool->config.max_headers);
    loop_timer_init(&client->timer, pool->config.loop, on_due);
    if (client->parser == NULL || !loop_timer_start(&client->timer, pool->config.connect_ms)) {
        free_client(client);
        return false;
    }
    client->state = CLIENT_OPENING;
    push(&pool->others, client);
    pool->opening++;
    client->lookup.on_done = on_names;
    client->lookup.ctx = client;
    names_lookup(pool->config.names, &client->lookup, str_c(pool->host));
    return true;
}

static size_t open_places(const struct http_pool *pool)
{
    size_t used = pool->idle.count + pool->others.count;

    return used < pool->config.max_connections ? pool->config.max_connections - used : 0;
}

bool http_pool_fill(struct http_pool *pool)
{
    while (pool->waiting > pool->opening && open_places(pool) > 0)
        if (!open_client(pool))
            return false;
    return true;
}

/* Idle connections. */

static void rest(struct http_client *client)
{
    struct http_pool *pool = client->pool;

    client->idle_since_us = loop_now_us(pool->config.loop);
    http_client_set_state(client, CLIENT_IDLE);
    if (pool->idle_timer.place == 0 && !loop_timer_start(&pool->idle_timer, pool->config.idle_ms))
        http_client_drop(client);
}

static void on_idle_due(struct loop_timer *timer)
{
    struct http_pool *pool =
        (struct http_pool *)(void *)((char *)timer - offsetof(struct http_pool, idle_timer));
    uint64_t now_us = loop_now_us(pool->config.loop);
    uint64_t idle_us = pool->config.idle_ms * 1000;

    while (pool->idle.last != NULL && now_us - pool->idle.last->idle_since_us >= idle_us)
        http_client_drop(pool->idle.last);
    if (pool->idle.last == NULL)
        return;
    uint64_t left_us = idle_us - (now_us - pool->idle.last->idle_since_us);
    /* It was just taken from the heap: there is room. */
    (void)loop_timer_start(timer, (left_us + 999) / 1000);
}

void http_client_make_available(struct http_client *client)
{
    struct http_call *call = client->pool->first_waiting;

    if (client->is_retired || (call == NULL && client->pool->config.idle_ms == 0)) {
        http_client_drop(client);
    } else if (call == NULL) {
        rest(client);
    } else {
        http_pool_unqueue(client->pool, call);
        http_client_send(client, call);
    }
}

/* The pool and its calls. */

struct http_pool *http_pool_new(const struct http_pool_config *config)
{
    struct str host = config->host;
    struct http_pool *pool = calloc(1, sizeof *pool);

    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        host = str_of(host.ptr + 1, host.len - 2);
    if (pool == NULL || host.len == 0 || host.len > NAMES_MAX_HOST_BYTES) {
        free(pool);
        return NULL;
    }
    pool->config = *config;
    memcpy(pool->host, host.ptr, host.len);
    pool->config.host = str_c(pool->host);
    if (config->tls_context != NULL)
        pool->config.tls_context = tls_ref(config->tls_context);
    loop_timer_init(&pool->idle_timer, config->loop, on_idle_due);
    buf_init(&pool->head, MAX_HEAD_BYTES);
    return pool;
}

void http_pool_retire_connections(struct http_pool *pool)
{
    while (pool->idle.first != NULL)
        http_client_drop(pool->idle.first);
    for (struct http_client *client = pool->others.first; client != NULL; client = client->next)
        client->is_retired = client->state == CLIENT_BUSY;
}

void http_pool_free(struct http_pool *pool)
{
    if (pool == NULL)
        return;
    assert(pool->waiting == 0);
    http_pool_retire_connections(pool);
    while (pool->others.first != NULL) {
        assert(pool->others.first->call == NULL);
        http_client_drop(pool->others.first);
    }
    loop_timer_stop(&pool->idle_timer);
    tls_unref(pool->config.tls_context);
    buf_done(&pool->head);
    free(pool);
}

size_t http_pool_connections(const struct http_pool *pool)
{
    return pool->idle.count + pool->others.count;
}

size_t http_pool_waiting(const struct http_pool *pool)
{
    return pool->waiting;
}

/* A call waits for a connection that opens for it, or for one that is in use. */
static bool may_wait(const struct http_pool *pool)
{
    size_t unserved = pool->waiting > pool->opening ? pool->waiting - pool->opening : 0;

    return unserved < open_places(pool) + pool->config.max_waiting;
}

enum err_code http_pool_place(struct http_pool *pool, struct http_call *call, struct err *err)
{
    if (pool->idle.first != NULL) {
        http_client_send(pool->idle.first, call);
        return ERR_OK;
    }
    if (!may_wait(pool))
        return err_set(err, ERR_BUSY, "%zu calls wait for '%s' already", pool->waiting, pool->host);
    enqueue(pool, call);
    if (http_pool_fill(pool) || http_pool_connections(pool) > 0)
        return ERR_OK;
    http_pool_unqueue(pool, call);
    return err_set(err, ERR_LIMIT, "connect to '%s': memory is out", pool->host);
}
