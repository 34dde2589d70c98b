/*
 * client.h - how commands speak to a gateway: where it is, with which token, and its answers.
 *
 * Address: --server, $PORTREEVE_SERVER, else of the settings file its first plain listener, or
 * public_url. Token: $PORTREEVE_TOKEN, else data_dir/admin.token of the settings file. A token file
 * is only sent to the gateway of the same settings file, unless that file was named on the command
 * line.
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/options.h"

struct client;

/* *ret_client is the caller's: client_close() it. */
enum err_code client_open(const struct options *options, struct client **ret_client,
                          struct err *err) MUST_CHECK;
void client_close(struct client *client); /* NULL is fine */
void client_closep(struct client **client);

struct answer {
    struct arena *arena; /* holds the rest */
    struct str text;
    struct json_doc doc; /* of text, when it is JSON */
};

void answer_done(struct answer *answer); /* of a zeroed one, too */

/* What to send; a NULL content_type sends no body. */
struct client_body {
    const char *content_type;
    struct str text;
};

/* path NULL: it was too long. *ret_answer is the caller's: answer_done() it. ERR_UNAVAILABLE,
 * ERR_TIMEOUT: not reached, or the gateway said so; client_fail() knows which. Other codes: what
 * the gateway answered. */
enum err_code client_call(struct client *client, const char *method, const char *path,
                          const struct client_body *body, struct answer *ret_answer,
                          struct err *err) MUST_CHECK;
enum err_code client_get(struct client *client, const char *path, struct answer *ret_answer,
                         struct err *err) MUST_CHECK;

/* Prints the sentence on stderr and returns the exit code that belongs to it. client may be NULL.
 */
int client_fail(const struct client *client, const struct err *err);

/* Of an object: empty (0) when it has no such member. Texts are views into the answer. */
struct str answer_str(const struct answer *answer, json_pos object, const char *name);
int64_t answer_i64(const struct answer *answer, json_pos object, const char *name);
bool answer_bool(const struct answer *answer, json_pos object, const char *name);
/* A time of the API in the time zone of this process; empty when there is none. */
struct str client_time(const struct answer *answer, json_pos object, const char *name);

/* The path that was gathered, for client_call(). */
const char *client_path(struct buf *path);
/* Appends "/" and the segment, percent-encoded. */
void client_path_add(struct buf *path, struct str segment);
/* Appends "?name=value" or "&name=value". */
void client_query_add(struct buf *path, const char *name, struct str value);

/* An object whose names come from the command line, {"name": "text", …}: its members, then its end.
 */
void client_member_add(struct buf *object, struct str name, struct str text);
void client_member_end(struct buf *object);
