/*
 * message_priv.h - the two halves of reading a message: the envelope (message.c) and what stands in
 * params and _meta (message_params.c).
 */
#pragma once

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "mcp/error.h"
#include "mcp/message.h"

struct reader {
    struct mcp_message *message;
    struct arena *arena;
    struct mcp_refusal *refusal;
    enum mcp_direction direction;
};

/* Which of the names the member's name is: its index, or one of these. */
enum {
    NAME_UNKNOWN = -1,
    NAME_VARIANT = -2, /* a lax parser reads it as one of them */
};
int name_match(const struct json_doc *doc, json_pos name, const struct str *names, size_t count);

/* The text of a string. Another type is refused as error, with what in the sentence. */
enum err_code read_text(struct reader *reader, json_pos pos, enum mcp_error error, const char *what,
                        struct str *ret_text) MUST_CHECK;

/* message->params and what is in it. */
enum err_code read_params(struct reader *reader) MUST_CHECK;
/* message->meta and what is in it, for message->params or message->result. */
enum err_code read_meta(struct reader *reader, json_pos holder) MUST_CHECK;
