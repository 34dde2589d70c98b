/*
 * http_server_priv.h - connections of a server from within: http_server.c accepts and counts them,
 * http_connection.c reads requests, http_reply.c writes replies.
 *
 *   OPENING ── PROXY header read, TLS up ──► HEAD ◄──────────── reply ended (keep-alive) ─────────┐
 *                                             │ head: on_headers                                  │
 *                                             ▼                                                   │
 *                                            BODY ── complete: on_request ──► WAITING ── reply ───┤
 *                                             │ answered without it                               │
 *                                             ▼                                                   │
 *                                          SKIPPED ── reply ended ──► CLOSED ◄── anything wrong ──┘
 *
 *   A connection that ends after a reply, or with a refusal, goes through ENDING to CLOSED: the
 * client shall read what was written. It counts as a connection until then.
 */
#pragma once

#include "base/buf.h"
#include "base/table.h"
#include "net/http1.h"
#include "net/http_server.h"
#include "net/stream.h"

enum connection_state {
    CONNECTION_OPENING,
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_SKIPPED, /* a reply is due, the rest of the request will not be read */
    CONNECTION_WAITING, /* the request is complete, a reply is due or under way */
    CONNECTION_ENDING,  /* all is written; what the client still sends is dropped */
    CONNECTION_CLOSED,
};

enum reply_phase { REPLY_PHASE_NONE, REPLY_PHASE_PARTS, REPLY_PHASE_ENDED };

struct http_request {
    struct connection *connection;
    void *app;
    const struct http1_head *head;
    struct str path;
    struct str query;
    enum reply_phase phase;
    bool is_live; /* on_headers was called, on_closed not yet */
};

struct connection {
    struct http_server *server;
    struct connection *next;
    struct connection *prev;
    struct stream *stream;
    enum connection_state state;
    struct http1 *parser;
    struct http_request request;
    struct buf body;
    struct buf ahead;    /* what came behind the request */
    struct addr peer;    /* of the PROXY header, else of the connection */
    size_t *per_address; /* counter of its address; NULL: not counted */
    bool is_reading;     /* inside read_on() */
    bool has_more;       /* bytes came behind what was read last */
    bool closes;         /* after the reply */
    bool needs_proxy;    /* a PROXY header is due, then TLS if the server has it */
    uint64_t requests;
    uint64_t body_since_us;
    struct loop_timer timer; /* of the state */
    struct loop_timer stall; /* of the client's reading */
    size_t stall_queued;
};

struct http_server {
    struct http_server_config config;
    struct connection *connections;
    size_t connection_count;
    struct table *per_address;
    struct listener_handle *listener;
    struct buf head; /* of the reply being written */
    char date[40];
    uint64_t date_us;
    bool is_stopping;
};

#define HTTP_COUNT(server, name)                                                                   \
    atomic_fetch_add_explicit(&(server)->config.counters->name, 1, memory_order_relaxed)

void connection_set_state(struct connection *connection, enum connection_state state);
/* A new connection, its stream accepted. */
void connection_begin(struct connection *connection);
/* Reads on: bytes, or what was kept. */
void connection_read(struct connection *connection, struct str bytes);
/* The reply has ended: the next request, or the end. */
void connection_next(struct connection *connection);
/* Ends it now; on_closed runs when a request is under way. */
void connection_close(struct connection *connection);
/* The server goes: what was written on an ending connection still goes out. */
void connection_leave(struct connection *connection);
/* Out of the server's list and freed. */
void connection_free(struct connection *connection);
/* An error of the protocol: status, and the end. */
void connection_refuse(struct connection *connection, int status);
void connection_start_stall(struct connection *connection);
