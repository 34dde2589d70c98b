#include <stdio.h>

#include "admin/entry_json.h"
#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/show.h"
#include "audit/search.h"
#include "base/clock.h"
#include "gate/gate.h"
#include "gate/read_entry.h"

static enum err_code get_text(const struct api_request *request, const char *name,
                              struct str *ret_text, struct err *err)
{
    enum err_code code = query_get(request, name, ret_text, err);

    return code == ERR_NOT_FOUND ? ERR_OK : code;
}

static enum err_code get_number(const struct api_request *request, const char *name, uint64_t low,
                                uint64_t high, uint64_t *ret_value, struct err *err)
{
    struct str text = STR_NONE;
    uint64_t value = 0;
    enum err_code code = get_text(request, name, &text, err);

    if (code != ERR_OK || text.ptr == NULL)
        return code;
    if (!str_u64(text, &value) || value < low || value > high)
        return err_set(err, ERR_INVALID, "'%s' must be a number from %llu to %llu", name,
                       (unsigned long long)low, (unsigned long long)high);
    *ret_value = value;
    return ERR_OK;
}

static enum err_code get_time(const struct api_request *request, const char *name, int64_t *ret_us,
                              struct err *err)
{
    struct str text = STR_NONE;
    enum err_code code = get_text(request, name, &text, err);

    if (code != ERR_OK || text.ptr == NULL)
        return code;
    if (clock_parse(text, clock_wall_us(), ret_us, err) != ERR_OK)
        return err_wrap(err, name);
    return ERR_OK;
}

/* The filter. */

static bool is_category(struct str word)
{
    enum category category;

    return category_parse(word, &category);
}

static bool is_principal_kind(struct str word)
{
    enum principal_kind kind;

    return principal_parse(word, &kind);
}

static bool is_decision(struct str word)
{
    enum decision decision;

    return decision_parse(word, &decision);
}

static bool is_outcome(struct str word)
{
    enum audit_outcome outcome;

    return str_eq(word, STR("open")) || audit_outcome_parse(word, &outcome);
}

/* A filter by text; a word outside of its vocabulary would find nothing and is refused instead. */
static const struct {
    const char *name;
    size_t offset; /* of the struct str in struct audit_filter */
    bool (*is_legal)(struct str word);
    const char *expected;
} texts[] = {
    {"server", offsetof(struct audit_filter, server), NULL, NULL},
    {"tool", offsetof(struct audit_filter, tool), NULL, NULL},
    {"principal", offsetof(struct audit_filter, principal), NULL, NULL},
    {"method", offsetof(struct audit_filter, method), NULL, NULL},
    {"principal_kind", offsetof(struct audit_filter, principal_kind), is_principal_kind,
     "human, delegated or robot"},
    {"category", offsetof(struct audit_filter, category), is_category,
     "read-only, write, destructive or admin"},
    {"decision", offsetof(struct audit_filter, decision), is_decision, "allow or deny"},
    {"outcome", offsetof(struct audit_filter, outcome), is_outcome,
     "ok, tool_error, protocol_error, http_error, invalid_response, timeout, cancelled, "
     "unreachable, "
     "not_sent, unknown or open"},
};

static enum err_code read_texts(const struct api_request *request, struct audit_filter *filter,
                                struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str *field = (struct str *)(void *)((char *)filter + texts[i].offset);
        enum err_code code = get_text(request, texts[i].name, field, err);

        if (code != ERR_OK)
            return code;
        if (field->len > 0 && texts[i].is_legal != NULL && !texts[i].is_legal(*field))
            return err_set(err, ERR_INVALID, "%s: unknown word '" STR_FMT "'; expected is %s",
                           texts[i].name, STR_ARG(*field), texts[i].expected);
    }
    return ERR_OK;
}

static enum err_code read_kinds(const struct api_request *request, struct audit_filter *filter,
                                struct err *err)
{
    struct str rest = STR_NONE;
    enum err_code code = get_text(request, "kind", &rest, err);

    while (code == ERR_OK && rest.len > 0) {
        struct str word = str_cut(&rest, ',');
        enum audit_kind kind;

        if (!audit_kind_parse(word, &kind))
            return err_set(err, ERR_INVALID, "kind: unknown word '" STR_FMT "'", STR_ARG(word));
        filter->kinds |= 1u << (unsigned)kind;
    }
    return code;
}

static enum err_code read_order(const struct api_request *request, struct audit_filter *filter,
                                struct err *err)
{
    struct str text = STR_NONE;
    enum err_code code = get_text(request, "order", &text, err);

    if (code != ERR_OK || text.ptr == NULL)
        return code;
    filter->oldest_first = str_eq(text, STR("oldest"));
    if (!filter->oldest_first && !str_eq(text, STR("newest")))
        return err_set(err, ERR_INVALID, "'order' must be newest or oldest");
    return ERR_OK;
}

static enum err_code read_call_id(const struct api_request *request, struct audit_filter *filter,
                                  struct err *err)
{
    struct uuid *id = arena_new_obj(request->arena, struct uuid);
    struct str text = STR_NONE;
    enum err_code code = get_text(request, "call_id", &text, err);

    if (code != ERR_OK || text.ptr == NULL)
        return code;
    if (id == NULL || !uuid_parse(text, id))
        return err_set(err, ERR_INVALID, "'call_id' must be a UUID");
    filter->call_id = id;
    return ERR_OK;
}

static enum err_code read_filter(const struct api_request *request, struct audit_filter *filter,
                                 struct err *err)
{
    static const char *const names[] = {"since",     "until",          "server",   "tool",
                                        "principal", "principal_kind", "category", "decision",
                                        "outcome",   "method",         "kind",     "order",
                                        "call_id",   "before",         "limit",    NULL};
    uint64_t limit = 100;
    enum err_code code = query_check(request, names, err);

    if (code == ERR_OK)
        code = get_time(request, "since", &filter->since_us, err);
    if (code == ERR_OK)
        code = get_time(request, "until", &filter->until_us, err);
    if (code == ERR_OK)
        code = read_texts(request, filter, err);
    if (code == ERR_OK)
        code = read_kinds(request, filter, err);
    if (code == ERR_OK)
        code = read_order(request, filter, err);
    if (code == ERR_OK)
        code = read_call_id(request, filter, err);
    if (code == ERR_OK)
        code = get_number(request, "before", 0, INT64_MAX, &filter->before, err);
    if (code == ERR_OK)
        code = get_number(request, "limit", 1, AUDIT_SEARCH_MAX, &limit, err);
    filter->limit = (uint32_t)limit;
    return code;
}

/* What was found. */

static void write_page(const struct audit_page *page, struct jsonw *w)
{
    jsonw_name(w, "entries");
    jsonw_array(w);
    for (size_t i = 0; i < page->count; i++)
        entry_write_json(w, &page->records[i]);
    jsonw_end_array(w);
}

static void reply_page(const struct audit_page *page, struct api_reply *reply)
{
    struct jsonw w;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    write_page(page, &w);
    if (page->more && page->count > 0)
        jsonw_name_i64(&w, "next", (int64_t)page->records[page->count - 1].row);
    jsonw_name_bool(&w, "more", page->more);
    jsonw_name_i64(&w, "lag", (int64_t)page->lag);
    jsonw_end_object(&w);
}

void audit_find(const struct api_request *request, struct api_reply *reply)
{
    struct audit_filter filter = {0};
    struct audit_page page = {0};
    struct err err;
    enum err_code code = read_filter(request, &filter, &err);

    if (code == ERR_OK)
        code = audit_search(gate_audit(request->gate), &filter, request->arena, &page, &err);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        reply_page(&page, reply);
}

/* One reading, one entry: the filter says of what. */
void audit_find_decrypted(const struct api_request *request, struct api_reply *reply)
{
    struct audit_filter filter = {.with_arguments = true};
    struct audit_page page = {0};
    struct err err;
    enum err_code code = read_filter(request, &filter, &err);

    if (code == ERR_OK)
        code =
            read_entry_record(request, request->query.len > 0 ? request->query : STR("all"), &err);
    if (code == ERR_OK)
        code = audit_search(gate_audit(request->gate), &filter, request->arena, &page, &err);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        reply_page(&page, reply);
}

/* One entry by its index, or all of a call by its id. */
static enum err_code look_up(const struct api_request *request, bool with_arguments,
                             struct audit_page *page, struct err *err)
{
    struct audit *audit = gate_audit(request->gate);
    struct audit_record *record = arena_new_obj(request->arena, struct audit_record);
    struct uuid id;
    uint64_t index = 0;

    if (uuid_parse(request->params[0], &id))
        return audit_show_call(audit, &id, with_arguments, request->arena, page, err);
    if (!str_u64(request->params[0], &index))
        return err_set(err, ERR_INVALID,
                       "'" STR_FMT "' is neither the index of an entry nor the id of a call",
                       STR_ARG(request->params[0]));
    if (record == NULL)
        return err_set(err, ERR_LIMIT, "memory is out");
    enum err_code code =
        audit_show_index(audit, index, with_arguments, request->arena, record, err);
    if (code != ERR_OK)
        return code;
    *page = (struct audit_page){.records = record, .count = 1};
    return ERR_OK;
}

static void reply_entries(const struct audit_page *page, struct api_reply *reply)
{
    struct jsonw w;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    write_page(page, &w);
    jsonw_end_object(&w);
}

void audit_show(const struct api_request *request, struct api_reply *reply)
{
    struct audit_page page = {0};
    struct err err;

    if (look_up(request, false, &page, &err) != ERR_OK)
        reply_err(reply, &err);
    else
        reply_entries(&page, reply);
}

void audit_decrypt(const struct api_request *request, struct api_reply *reply)
{
    struct audit_page page = {0};
    struct err err;
    /* Does it exist? Then the reading is recorded, and only then the arguments are opened. */
    enum err_code code = look_up(request, false, &page, &err);

    if (code == ERR_OK)
        code = read_entry_record(request, request->params[0], &err);
    if (code == ERR_OK)
        code = look_up(request, true, &page, &err);
    if (code != ERR_OK)
        reply_err(reply, &err);
    else
        reply_entries(&page, reply);
}

static enum err_code read_tail(const struct api_request *request, uint64_t *ret_from,
                               uint64_t *ret_limit, struct err *err)
{
    static const char *const names[] = {"from", "limit", NULL};
    enum err_code code = query_check(request, names, err);

    if (code == ERR_OK)
        code = get_number(request, "limit", 1, AUDIT_SEARCH_MAX, ret_limit, err);
    if (code == ERR_OK)
        code = get_number(request, "from", 0, INT64_MAX, ret_from, err);
    return code;
}

void audit_follow(const struct api_request *request, struct api_reply *reply)
{
    struct audit *audit = gate_audit(request->gate);
    struct audit_page page = {0};
    struct audit_status status;
    uint64_t from = UINT64_MAX;
    uint64_t limit = 100;
    struct err err;
    struct jsonw w;
    enum err_code code = read_tail(request, &from, &limit, &err);

    if (code == ERR_OK && from == UINT64_MAX) {
        audit_get_status(audit, &status);
        from = status.entries > limit ? status.entries - limit : 0;
    }
    if (code == ERR_OK)
        code = audit_tail(audit, from, (uint32_t)limit, false, request->arena, &page, &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    write_page(&page, &w);
    jsonw_name_i64(&w, "next",
                   (int64_t)(page.count > 0 ? page.records[page.count - 1].index + 1 : from));
    jsonw_end_object(&w);
}

static void write_state(struct jsonw *w, const struct audit_status *status)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"entries", status->entries},
        {"indexed", status->indexed},
        {"index_lag", status->entries > status->indexed ? status->entries - status->indexed : 0},
        {"open_intents", status->open_intents},
        {"segments", status->segments},
        {"journal_bytes", status->journal_bytes},
        {"prepared_bytes", status->prepared_bytes},
        {"free_bytes", status->free_bytes},
        {"reserve_bytes", status->reserve_bytes},
        {"queued_bytes", status->queued_bytes},
        {"batches", status->batches},
        {"dropped", status->dropped},
        {"failures", status->failures},
        {"signed_entries", status->signed_entries},
    };

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        jsonw_name_i64(w, numbers[i].name, (int64_t)numbers[i].value);
    show_time(w, "last_commit", status->last_commit_us);
    show_time(w, "last_checkpoint", status->signed_us);
    jsonw_name_bool(w, "accepts", status->accepts);
    jsonw_name_bool(w, "index_ok", status->index_ok);
    jsonw_name_bool(w, "proof_ok", status->proof_ok);
    if (status->why[0] != '\0')
        jsonw_name_str(w, "why", str_c(status->why));
}

void audit_state(const struct api_request *request, struct api_reply *reply)
{
    struct audit_status status;
    struct jsonw w;

    audit_get_status(gate_audit(request->gate), &status);
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    write_state(&w, &status);
    jsonw_end_object(&w);
}

void audit_index_again(const struct api_request *request, struct api_reply *reply)
{
    audit_reindex(gate_audit(request->gate));
    reply->status = 202;
    audit_state(request, reply);
}
