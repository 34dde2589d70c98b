/*
 * http_server.h - the server side of HTTP/1.1 on one loop and one address.
 *
 * One request at a time per connection; what a client sends ahead is kept, within a bound, until
 * the reply has ended. Everything outside of struct http_limits, and every message that could be
 * read in two ways, is answered with its status and a closed connection, and counted.
 *
 * A request lives until its reply has ended or the client has gone; on_closed is the last that the
 * application hears of it. Replies may be made from any callback of the loop.
 *
 * Threads: those of its loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/str.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

struct http_request;
struct http_server;

enum http_take {
    HTTP_TAKE_BODY, /* read the body, then on_request() */
    HTTP_ANSWERED,  /* a reply was made; the body will not be handed over */
};

struct http_events {
    /* The head is complete; nothing of the body was read, no 100 Continue sent. */
    enum http_take (*on_headers)(struct http_request *request);
    /* The whole body is there. */
    void (*on_request)(struct http_request *request);
    /* The reply has ended (was_sent), or the client went away before. The request is gone
     * afterwards. */
    void (*on_closed)(struct http_request *request, bool was_sent);
};

struct http_server_config {
    struct loop *loop;
    struct addr address;
    struct tls_context *tls; /* NULL: plain; a reference is taken */
    const struct http_limits *limits;
    struct http_counters *counters;
    bool has_proxy_protocol; /* every connection from a trusted network begins with a PROXY v2
                                header */
    const struct addr_net *trusted;
    size_t trusted_count;
    const struct http_events *events;
    void *ctx;
};

/* Binds once without SO_REUSEPORT and lets go: another program on this address is found out.
 * ERR_CONFLICT. */
enum err_code http_listen_trial(const struct addr *address, struct err *err) MUST_CHECK;
/* Binds with SO_REUSEPORT; connections wait in the kernel until http_server_start(). config is
 * copied; what it points to outlives the server. */
enum err_code http_server_new(const struct http_server_config *config,
                              struct http_server **ret_server, struct err *err) MUST_CHECK;
enum err_code http_server_start(struct http_server *server, struct err *err) MUST_CHECK;
/* New connections take this one. */
void http_server_set_tls(struct http_server *server, struct tls_context *tls);
/* No new connections; idle ones are closed, the others after their reply. */
void http_server_stop(struct http_server *server);
size_t http_server_connections(const struct http_server *server);
/* Closes every connection (on_closed runs) and frees; what is left of ended replies still goes out
 * while the loop runs. NULL is fine. */
void http_server_free(struct http_server *server);

void *http_request_ctx(const struct http_request *request); /* of the config */
void *
http_request_app(const struct http_request *request); /* the application's; NULL at the start */
void http_request_set_app(struct http_request *request, void *app);

/* Views that live as long as the request. */
struct str http_request_method(const struct http_request *request);
struct str http_request_path(const struct http_request *request); /* as sent; without the query */
struct str http_request_query(const struct http_request *request);
const struct http_header *http_request_headers(const struct http_request *request,
                                               size_t *ret_count);
/* Value of the first header of this name; ptr NULL: not there. */
struct str http_request_header(const struct http_request *request, struct str name);
bool http_request_has_twice(const struct http_request *request, struct str name);
struct str http_request_body(const struct http_request *request); /* in on_request() and later */
struct addr
http_request_peer(const struct http_request *request); /* of the PROXY header, where one is due */

/* The whole reply. Content-Length, Date and Connection are added. */
void http_reply(struct http_request *request, int status, const struct http_header *headers,
                size_t count, struct str body);
/* A reply in parts, chunked (to HTTP/1.0: until the connection closes). */
void http_reply_start(struct http_request *request, int status, const struct http_header *headers,
                      size_t count);
/* False: the client has gone. */
bool http_reply_data(struct http_request *request, struct str data);
void http_reply_end(struct http_request *request);
/* Closes the connection in the middle. */
void http_reply_abort(struct http_request *request);
/* Bytes of the reply that the client has not taken. */
size_t http_request_queued_bytes(const struct http_request *request);
