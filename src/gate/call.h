/*
 * call.h - one request of a client on its way through the pipeline (pipeline.c), whatever it asks
 * for.
 *
 * 1. A call is answered once: by call_reply…() or by call_refuse(); afterwards only what was
 * recorded is settled.
 * 2. `http` is NULL once the client has gone. What points into its bytes (message, headers) is not
 *    looked at from then on; what settling needs stands in the arena or in the snapshot.
 * 3. An intent that was recorded is always settled, also when the client has gone.
 *
 * Threads: one worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audit/audit.h"
#include "audit/receipt.h"
#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/jobs.h"
#include "base/uuid.h"
#include "gate/entry_facts.h"
#include "gate/route.h"
#include "gate/session.h"
#include "gate/snapshot.h"
#include "gate/upstream.h"
#include "identity/caller.h"
#include "mcp/answer.h"
#include "mcp/era.h"
#include "mcp/header.h"
#include "mcp/message.h"
#include "mcp/reply.h"
#include "net/http_server.h"
#include "policy/policy.h"

struct call;
struct worker;

enum step_result {
    STEP_NEXT, /* go on with the next step */
    STEP_WAIT, /* pipeline_resume() will go on, with this step's successor or the step set by
                  call_goto() */
    STEP_DONE, /* the call is over, or will be when what is recorded is settled */
};

typedef enum step_result step_fn(struct call *call);

enum reply_state {
    REPLY_NONE,
    REPLY_STREAMING, /* headers of an event stream went out; the final message follows */
    REPLY_SENT,
};

/* What the app pointer of an HTTP request leads to; the first member of both. */
enum app_kind {
    APP_CALL,
    APP_STREAM, /* listening.c */
};

struct call {
    enum app_kind kind;
    struct worker *worker;
    struct call *next; /* in the worker's list of calls, or of free ones */
    struct call *prev;
    struct http_request *http;
    struct arena *arena;
    struct snapshot *snapshot; /* a reference */
    size_t step;               /* index into the pipeline */
    bool is_running;           /* inside the pipeline's loop */
    bool is_waiting;
    bool is_over; /* freed when the loop leaves it */

    /* receive, authenticate */
    struct route route;
    const struct listener *listener;
    struct addr peer;
    struct addr address; /* of the caller, behind trusted proxies */
    struct str user_agent;
    struct caller caller; /* views belong to the snapshot's token table */
    bool is_authenticated;
    bool has_bad_token;        /* a token was shown, but it is none of ours */
    bool has_fetched;          /* awaits was waited for */
    struct key_source *awaits; /* the keys that tell whether the token is good are not here yet */
    struct str asks_about;     /* the opaque token, when its provider has to be asked; else empty */
    const struct data_key *data_key; /* what this caller's entries are encrypted under */

    /* parse */
    struct mcp_headers headers;
    struct mcp_terms terms;
    struct mcp_message message;
    bool has_message; /* message and its bytes may be looked at */
    struct mcp_refusal refusal;
    struct session session; /* of a legacy request behind initialize */
    bool has_session;
    struct str client_name; /* bytes, whole */
    struct str client_version;

    /* resolve, decide */
    const struct snapshot_server *endpoint; /* of /mcp/SERVER; NULL on /mcp */
    const struct snapshot_tool *tool;
    struct policy_verdict verdict;
    bool is_decided;
    uint32_t argument_count;
    bool is_cancelled; /* by the client: notifications/cancelled, or a modern client that went away
                        */

    /* compose, record, forward */
    struct uuid id;
    char id_text[UUID_TEXT_BYTES];
    uint32_t attempt;
    int64_t started_us; /* wall clock */
    uint64_t begun_us;  /* the same moment, monotonic */
    uint64_t sent_us;   /* monotonic; 0: not sent */
    struct upstream *upstream;
    struct upstream_waiter waiter;
    struct exchange exchange;
    struct buf head; /* what compose wrote anew */
    struct mcp_pieces pieces;
    const struct mcp_header *upstream_headers;
    size_t upstream_header_count;
    uint64_t upstream_id;
    struct receipt *receipt;
    struct audit_wait wait;
    bool has_intent; /* recorded, not yet settled */
    bool is_retry;   /* the server did not run it: one more attempt */

    /* settle, reply */
    enum audit_outcome outcome;
    size_t result_bytes;
    int upstream_status;
    uint8_t result_key[RECEIPT_KEY_BYTES];
    uint8_t result_digest[CRYPTO_SHA256_BYTES];
    bool has_digest;
    struct err why; /* of outcomes that failed */
    enum reply_state reply_state;
    struct str session_header; /* of the reply to initialize */
    struct buf reply;          /* the final message */
    int reply_status;

    struct job key_job;
    uint64_t generation;
};

/* A call for this request; NULL: too many at one time. */
struct call *call_new(struct worker *worker, struct http_request *http);
/* Over: freed at once, or when the pipeline's loop leaves it. */
void call_end(struct call *call);
void call_free(struct call *call);
/* The worker ends: nothing is waited for. An intent that is not settled reads "unknown" at the next
 * start. */
void call_abandon(struct call *call);
/* The client has gone. */
void call_on_client_gone(struct call *call);
/* The client of this call said so (notifications/cancelled): no answer follows. */
void call_cancel(struct call *call);
/* The request is the caller's now; the call has none any more. */
struct http_request *call_part_from_http(struct call *call);

/* Fills in whatever is known of this call. */
void call_fill_entry(struct call *call, struct audit_entry *entry, struct entry_facts *facts);
/* Decides by the call's snapshot as of now. */
void call_decide(struct call *call);

/* Records the refusal and answers it. reason: word for record and data.reason; text: the sentence
 * for the client. Returns STEP_DONE. */
enum step_result call_refuse(struct call *call, enum mcp_error error, enum reason reason,
                             const char *text);
/* Records the refusal alone; the caller answers. */
void call_record_refusal(struct call *call, enum reason reason, const char *text);
/* As the mcp room refused it (call->refusal). */
enum step_result call_refuse_message(struct call *call);
/* Answers with the JSON in call->reply and reply_status. */
void call_send_reply(struct call *call);
/* Writes a JSON-RPC error into call->reply. */
void call_write_error(struct call *call, enum mcp_error error, const char *text, const char *reason,
                      const char *factor);
/* Answers without a body. */
enum step_result call_reply_status(struct call *call, int status);
/* Outside of MCP, and before a caller is known: a plain error, no JSON-RPC id, no reason. */
enum step_result call_turn_away(struct call *call, int status, const char *sentence);
/* The message of an event stream, begun when necessary. False: the client does not take any. */
bool call_stream(struct call *call, const struct mcp_pieces *pieces);
