/*
 * probe.h - finding out what an upstream speaks: the first words of every connection (MCP
 * 2026-07-28, "Versioning").
 *
 *   DISCOVERING ── modern result or error ─────────────────────────► DONE (modern)
 *        │ probe_on_answer(): another error; stdio: silence or exit
 *        ▼
 *   INITIALIZING ── result ──► CONFIRMING ── probe_on_confirmed() ──► DONE (legacy)
 *        │ anything else
 *        ▼
 *      FAILED
 *
 * 1. On HTTP 401, 403, 408, 429, 5xx and silence say nothing of the era: FAILED, to be tried again
 * later.
 * 2. A server is never spoken to as legacy without initialize, even if it would answer.
 * 3. The verdict is a property of the upstream, never of a client. It is kept with a date and found
 *    again now and then.
 *
 * Sans-I/O: the caller sends what probe_next() says and reports what came.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "mcp/message.h"
#include "mcp/request.h"
#include "mcp/version.h"

enum probe_transport {
    PROBE_HTTP,
    PROBE_STDIO,
};

enum probe_state {
    PROBE_DISCOVERING,  /* discover is to be sent, or on its way */
    PROBE_INITIALIZING, /* initialize likewise */
    PROBE_CONFIRMING,   /* notifications/initialized likewise */
    PROBE_DONE,
    PROBE_FAILED,
};

enum { PROBE_NAME_BYTES = 128 };

struct probe {
    enum probe_transport transport;
    enum probe_state state;
    bool is_sent;             /* what the state is about is on its way */
    enum mcp_version version; /* from CONFIRMING (legacy) and DONE on */
    bool has_tools;           /* the upstream declares tools */
    bool has_list_changed;    /* … and says when they change */
    bool
        needs_new_process; /* stdio: start the program again before sending; the caller clears it */
    char server_name[PROBE_NAME_BYTES]; /* serverInfo, for people; cut; NUL-terminated */
    char server_version[PROBE_NAME_BYTES];
};

enum probe_step {
    PROBE_SEND, /* *ret_control is to be sent with version *ret_version; then report what comes */
    PROBE_WAIT, /* something is on its way */
    PROBE_END,  /* look at state */
};

void probe_init(struct probe *probe, enum probe_transport transport);
/* Starts with a verdict that is known: MCP_MODERN is confirmed by discover alone, MCP_LEGACY goes
 * straight to initialize. */
void probe_init_known(struct probe *probe, enum probe_transport transport, enum mcp_era era);

enum probe_step probe_next(struct probe *probe, enum mcp_control *ret_control,
                           enum mcp_version *ret_version);

/* What came. http_status is 0 on stdio; message is NULL when the body was no JSON-RPC message.
 * Failing (state PROBE_FAILED) returns the reason: ERR_UNAVAILABLE (may pass), ERR_DENIED (401,
 * 403), ERR_UPSTREAM (what was said makes no sense, or is not supported). */
enum err_code probe_on_answer(struct probe *probe, int http_status,
                              const struct mcp_message *message, struct err *err) MUST_CHECK;
/* No answer in time. */
enum err_code probe_on_silence(struct probe *probe, struct err *err) MUST_CHECK;
/* stdio: the process ended; HTTP: the connection failed. */
enum err_code probe_on_gone(struct probe *probe, struct err *err) MUST_CHECK;
/* notifications/initialized was handed over. */
void probe_on_confirmed(struct probe *probe);

bool probe_is_legacy(const struct probe *probe);
