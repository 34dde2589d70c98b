#include "admin/entry_json.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/uuid.h"

/* Bytes from outside: valid UTF-8 or not, the line stays ASCII and parses. */
static void bytes(struct jsonw *w, const char *name, struct str value)
{
    if (value.len == 0)
        return;
    jsonw_name(w, name);
    jsonw_bytes(w, value);
}

static void hex(struct jsonw *w, const char *name, struct str value)
{
    char text[128];

    if (value.len == 0 || value.len * 2 > sizeof text)
        return;
    hex_encode(value.ptr, value.len, text);
    jsonw_name_str(w, name, str_of(text, value.len * 2));
}

/* Ids of sessions are UUIDs, kept as bytes. */
static void session(struct jsonw *w, struct str value)
{
    char text[UUID_TEXT_BYTES];
    struct uuid id;

    if (value.len != UUID_BYTES) {
        bytes(w, "session_id", value);
        return;
    }
    memcpy(id.bytes, value.ptr, UUID_BYTES);
    uuid_format(&id, text);
    jsonw_name_str(w, "session_id", str_of(text, sizeof text));
}

static void count(struct jsonw *w, const char *name, uint64_t value)
{
    if (value > 0)
        jsonw_name_i64(w, name, (int64_t)value);
}

static void head(struct jsonw *w, const struct audit_record *record)
{
    char time[CLOCK_RFC3339_BYTES];
    char id[UUID_TEXT_BYTES];
    const char *word = audit_kind_word(record->entry.kind);

    jsonw_name_i64(w, "index", (int64_t)record->index);
    jsonw_name_str(w, "kind", str_c(word == NULL ? "unknown" : word));
    clock_format_rfc3339(record->entry.time_us, time);
    jsonw_name_str(w, "time", str_c(time));
    uuid_format(&record->entry.call_id, id);
    jsonw_name_str(w, "call_id", str_of(id, UUID_TEXT_BYTES));
    count(w, "attempt", record->entry.attempt);
    bytes(w, "method", record->entry.method);
}

static const char *block_word(enum audit_block block)
{
    switch (block) {
    case AUDIT_BLOCK_NONE:
        return "none";
    case AUDIT_BLOCK_CLOSED:
        return "closed";
    case AUDIT_BLOCK_READ:
        return "read";
    case AUDIT_BLOCK_ERASED:
        return "erased";
    case AUDIT_BLOCK_DAMAGED:
        return "damaged";
    }
    return "unknown";
}

static void who(struct jsonw *w, const struct audit_record *record)
{
    const struct audit_entry *entry = &record->entry;

    jsonw_name(w, "principal");
    jsonw_object(w);
    bytes(w, "kind", entry->principal_kind);
    bytes(w, "id", entry->principal_id);
    bytes(w, "name", entry->principal_name);
    bytes(w, "email", entry->email);
    bytes(w, "owner", entry->owner);
    bytes(w, "issuer", entry->issuer);
    bytes(w, "subject", entry->subject);
    bytes(w, "chain", entry->chain);
    bytes(w, "token_id", entry->token_id);
    bytes(w, "scopes", entry->scopes);
    if (record->identity == AUDIT_BLOCK_ERASED || record->identity == AUDIT_BLOCK_DAMAGED)
        jsonw_name_str(w, "identity", str_c(block_word(record->identity)));
    jsonw_end_object(w);
    jsonw_name(w, "client");
    jsonw_object(w);
    bytes(w, "id", entry->client_id);
    bytes(w, "name", entry->client_name);
    bytes(w, "version", entry->client_version);
    bytes(w, "user_agent", entry->user_agent);
    jsonw_end_object(w);
    bytes(w, "ip", entry->address);
    bytes(w, "peer", entry->peer);
    bytes(w, "listener", entry->listener);
    bytes(w, "request_id", entry->request_id);
    session(w, entry->session_id);
}

static void what(struct jsonw *w, const struct audit_entry *entry)
{
    bytes(w, "server", entry->server);
    count(w, "server_id", entry->server_id);
    bytes(w, "tool", entry->tool);
    bytes(w, "exposed_name", entry->exposed_name);
    bytes(w, "requested_name", entry->requested_name);
    bytes(w, "object", entry->object);
    bytes(w, "target", entry->target);
    hex(w, "definition_hash", entry->definition_hash);
    bytes(w, "category", entry->category);
    bytes(w, "decision", entry->decision);
    bytes(w, "reason", entry->reason);
    bytes(w, "factor", entry->factor);
    bytes(w, "decided_by", entry->decided_by);
    count(w, "policy_version", entry->policy_version);
    bytes(w, "approval_id", entry->approval_id);
    bytes(w, "trace_id", entry->trace_id);
    bytes(w, "protocol", entry->protocol);
    bytes(w, "findings", entry->findings);
    count(w, "count", entry->count);
}

static void arguments(struct jsonw *w, const struct audit_record *record)
{
    bool is_call = record->entry.kind == AUDIT_INTENT || record->entry.kind == AUDIT_DENIED;

    if (!is_call && record->arguments == AUDIT_BLOCK_NONE && record->entry.argument_bytes == 0)
        return;
    jsonw_name(w, "arguments");
    jsonw_object(w);
    jsonw_name_i64(w, "count", (int64_t)record->entry.argument_count);
    jsonw_name_i64(w, "bytes", (int64_t)record->entry.argument_bytes);
    if (record->arguments == AUDIT_BLOCK_READ) {
        jsonw_name(w, "text");
        jsonw_bytes(w, record->entry.arguments);
    } else if (record->arguments != AUDIT_BLOCK_CLOSED) {
        jsonw_name_str(w, "state", str_c(block_word(record->arguments)));
    }
    jsonw_end_object(w);
}

static void outcome(struct jsonw *w, const struct audit_entry *entry)
{
    bytes(w, "outcome", entry->outcome);
    if (entry->duration_us > 0 || entry->kind == AUDIT_OUTCOME) {
        char text[40];

        (void)snprintf(text, sizeof text, "%.3f", (double)entry->duration_us / 1000.0);
        jsonw_name(w, "duration_ms");
        jsonw_raw(w, str_c(text));
    }
    count(w, "http_status", entry->http_status);
    count(w, "result_bytes", entry->result_bytes);
    hex(w, "result_digest", entry->result_digest);
    bytes(w, "upstream_protocol", entry->upstream_protocol);
}

static const char *field_name(uint16_t tag)
{
    switch (tag) {
#define TEXT(number, name, place, cap, meaning)                                                    \
    case number:                                                                                   \
        return #name;
#define NUMBER(number, name, place, meaning)                                                       \
    case number:                                                                                   \
        return #name;
#include "audit/fields.def"
    default:
        return tag == 0 ? "arguments" : "unknown";
    }
}

/* What was longer than its cap: the entry holds the beginning, and the hash of the whole. */
static void cuts(struct jsonw *w, const struct audit_record *record)
{
    if (record->cut_count == 0)
        return;
    jsonw_name(w, "cut");
    jsonw_array(w);
    for (size_t i = 0; i < record->cut_count; i++) {
        const struct audit_cut *cut = &record->cuts[i];

        jsonw_object(w);
        jsonw_name_str(w, "field", str_c(field_name(cut->tag)));
        jsonw_name_i64(w, "bytes", (int64_t)cut->full_bytes);
        hex(w, "sha256", str_of((const char *)cut->sha256, sizeof cut->sha256));
        jsonw_end_object(w);
    }
    jsonw_end_array(w);
}

void entry_write_json(struct jsonw *w, const struct audit_record *record)
{
    jsonw_object(w);
    head(w, record);
    who(w, record);
    what(w, &record->entry);
    arguments(w, record);
    if (record->outcome != NULL)
        outcome(w, &record->outcome->entry);
    else if (record->entry.kind == AUDIT_INTENT)
        jsonw_name_str(w, "outcome", STR("open"));
    else
        outcome(w, &record->entry);
    bytes(w, "detail",
          record->entry.detail.len > 0 || record->outcome == NULL ? record->entry.detail
                                                                  : record->outcome->entry.detail);
    cuts(w, record);
    hex(w, "leaf_hash", str_of((const char *)record->leaf_hash, sizeof record->leaf_hash));
    jsonw_end_object(w);
}
