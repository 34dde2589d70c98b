/*
 * http_site.h - for tests of the HTTP server: a server on loopback, clients that are plain sockets,
 * and time that can run faster. All in one thread: whoever waits here turns the loop.
 */
#pragma once

#include "unit.h"

#include "base/buf.h"
#include "net/http_server.h"

/* Links loop_timer_start and loop_now_us by way of http_site.c (--wrap): all delays and spans
 * divided and multiplied by this. */
extern unsigned http_site_speed;

/*
 * What the server answers, by path:
 *   /early   at once from the head: 413 with early_bytes
 *   /reject  once the test calls site_answer_held(), before the body is complete: 401
 *   /held    once the test calls site_answer_held()
 *   /parts   "one", "two", "" and "three", chunked
 *   /big     big_bytes
 *   /peer    the address of http_request_peer()
 *   others   "METHOD path query body", 200
 */
struct site {
    struct loop *loop;
    struct http_server *server;
    struct http_server_config config;
    struct http_limits limits;
    struct http_counters counters;
    struct http_request *held;
    size_t early_bytes;
    size_t big_bytes;
    int heads;
    int requests;
    int sent;    /* on_closed with was_sent */
    int dropped; /* on_closed without */
};

/* Presets; a test changes what it needs, then opens. */
void site_init(struct site *site);
void site_open(struct site *site);
void site_done(struct site *site);
void site_turn(struct site *site); /* of the loop, and a millisecond */
/* Turns until the server has this many connections; fails after some seconds. */
void site_await_connections(struct site *site, size_t count);
void site_answer_held(struct site *site);

int client_dial(struct site *site);
/* False: the server does not take it any more. */
bool client_send(struct site *site, int fd, struct str bytes);
enum client_end { CLIENT_GOT, CLIENT_CLOSED, CLIENT_RESET, CLIENT_NOTHING };
/* Reads until the text ends with `until` (NULL: until the end); CLIENT_NOTHING after wait_ms of
 * silence. */
enum client_end client_read(struct site *site, int fd, const char *until, int wait_ms,
                            struct buf *heard);
/* Sends on a new connection and reads to the end of it, which must be in order. */
struct str site_talk(struct site *site, struct str bytes, struct buf *heard);
