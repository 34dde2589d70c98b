/*
 * http_server.h - HTTP/1.1 for clients: one server per listener and loop.
 *
 * A connection (http_conn.c draws its states) serves one request after another. Of each request the
 * app sees:
 *
 *   on_headers ── HTTP_TAKE_BODY ──► on_request ── http_reply… ──► over
 *        └── HTTP_ANSWERED (it has replied) ───────────────────────┘
 *   on_closed at any time: the client is gone, or went while the reply was on its way.
 *
 * 1. Requests of one connection are strictly one after another; what a client pipelines waits,
 * bounded.
 * 2. A request is valid until its reply is complete (http_reply, http_reply_end, http_reply_abort)
 * or on_closed has returned, whichever is first.
 * 3. What can't be read in one way only is answered 400 and the connection is closed. The app never
 * sees it.
 * 4. on_closed is not called for a request whose app pointer is NULL, nor behind a complete reply.
 *
 * Threads: everything belongs to the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "net/census.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

struct http_server;
struct http_request;

enum http_take { HTTP_TAKE_BODY, HTTP_ANSWERED };

struct http_app {
    /* The head is complete; body and 100 Continue come after. */
    enum http_take (*on_headers)(struct http_request *request);
    /* The body is complete. */
    void (*on_request)(struct http_request *request);
    /* What was queued has gone to the kernel. May be NULL. */
    void (*on_drain)(struct http_request *request);
    /* The client has gone: the app forgets the request. */
    void (*on_closed)(struct http_request *request);
};

struct http_server_config {
    struct addr address;
    bool shares_port;        /* SO_REUSEPORT: several loops listen on one address */
    struct tls_context *tls; /* NULL: plain. The server takes a reference of its own */
    bool has_proxy_protocol; /* connections must come from trusted and begin with a PROXY v2 header
                              */
    const struct addr_net *trusted; /* proxies: not counted per address */
    size_t trusted_count;
    size_t arena_bytes; /* ceiling of the arena of one request */
    const struct http_limits *limits;
    struct http_counters *counters;
    struct census *census; /* NULL: the server counts for itself */
    const struct http_app *app;
    void *ctx; /* of the listener, for the app */
};             /* what it points to outlives the server */

/* Binds and listens; connections are taken from the next turn of the loop on. */
enum err_code http_server_new(struct loop *loop, const struct http_server_config *config,
                              struct http_server **ret_server, struct err *err) MUST_CHECK;
/* Can the address be had? Without SO_REUSEPORT, so that two gateways don't share it by accident. */
enum err_code http_listen_trial(const struct addr *address, struct err *err) MUST_CHECK;
/* As bound: with the port that the kernel chose for port 0. */
struct addr http_server_address(const struct http_server *server);
/* New connections use this one. */
void http_server_set_tls(struct http_server *server, struct tls_context *tls);
/* The way to a graceful end: no new connections; idle ones closed; every reply closes its
 * connection. */
void http_server_stop_accepting(struct http_server *server);
void http_server_close_idle(struct http_server *server);
size_t http_server_open_count(const struct http_server *server); /* connections */
/* Closes what is open (on_closed runs) and frees one turn later. NULL is fine. */
void http_server_free(struct http_server *server);

/* The request. Views live as long as it does; a header or query that is not there has ptr NULL. */
struct str http_request_method(const struct http_request *request);
struct str http_request_target(const struct http_request *request); /* as it came */
/* Decoded. Refused before the app sees it: NUL, control characters, encoded slashes, dot segments,
 * empty segments within, what is no UTF-8. */
struct str http_request_path(const struct http_request *request);
struct str http_request_query(const struct http_request *request); /* as it came, without '?' */
const struct http_header *http_request_headers(const struct http_request *request,
                                               size_t *ret_count);
struct str http_request_header(const struct http_request *request, struct str name); /* the first */
size_t http_request_header_count(const struct http_request *request, struct str name);
/* From on_request on. */
struct str http_request_body(const struct http_request *request);
struct addr http_request_peer(const struct http_request *request); /* of the TCP connection */
struct addr
http_request_proxied(const struct http_request *request); /* by its PROXY header; or not set */
bool http_request_is_tls(const struct http_request *request);
void *http_request_ctx(const struct http_request *request); /* of the listener */
void *http_request_app(const struct http_request *request); /* NULL at first */
void http_request_set_app(struct http_request *request, void *app);
/* NULL never; emptied when the request is over. */
struct arena *http_request_arena(struct http_request *request);
/* In on_headers: another bound than limits.body_bytes. */
void http_request_limit_body(struct http_request *request, size_t max_bytes);
/* Bytes of the reply that the kernel has not taken yet. */
size_t http_request_queued_bytes(const struct http_request *request);

/* A whole reply. Names and values hold no control characters. Content-Length, Date and Connection
 * are ours. Status 204 and HEAD send no body. */
void http_reply(struct http_request *request, int status, const struct http_header *headers,
                size_t count, struct str body);
/* A reply in parts, as they come: chunked, or up to the end of the connection for HTTP/1.0. What is
 * given in one turn of the loop goes out together at its end. */
void http_reply_start(struct http_request *request, int status, const struct http_header *headers,
                      size_t count);
size_t http_reply_data(struct http_request *request,
                       struct str data); /* returns what is queued now */
void http_reply_end(struct http_request *request);
/* Closes the connection, so that the client sees that the reply is not whole. */
void http_reply_abort(struct http_request *request);
