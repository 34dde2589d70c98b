#include "mcp/header.h"

#include "base/base64.h"

#define CODED_PREFIX STR("=?base64?")
#define CODED_SUFFIX STR("?=")

enum { MAX_SESSION_BYTES = 512 };

/* A value that is there is never NULL, also when it is empty. */
static struct str present(struct str value)
{
    struct str trimmed = str_trim(value);
    return trimmed.ptr != NULL ? trimmed : STR("");
}

static void keep_one(struct mcp_headers *headers, struct str *slot, struct str value)
{
    if (slot->ptr != NULL)
        headers->has_duplicate = true;
    *slot = present(value);
}

static bool is_media_type(struct str range, struct str type)
{
    return str_eq_nocase(str_trim(str_cut(&range, ';')), type);
}

/* q=0 says "not acceptable" (RFC 9110 §12.4.2). */
static bool is_excluded(struct str range)
{
    (void)str_cut(&range, ';');
    while (range.len != 0) {
        struct str parameter = str_trim(str_cut(&range, ';'));
        if (parameter.len < 3 || !str_eq_nocase(str_first(parameter, 2), STR("q=")))
            continue;
        struct str weight = str_from(parameter, 2);
        return weight.len <= 5 && str_eq(weight, str_first(STR("0.000"), weight.len));
    }
    return false;
}

static void read_accept(struct mcp_headers *headers, struct str value)
{
    while (value.len != 0) {
        struct str range = str_cut(&value, ',');
        if (is_excluded(range))
            continue;
        bool is_any = is_media_type(range, STR("*/*"));
        if (is_any || is_media_type(range, STR("application/json")) ||
            is_media_type(range, STR("application/*")))
            headers->accepts_json = true;
        if (is_any || is_media_type(range, STR("text/event-stream")) ||
            is_media_type(range, STR("text/*")))
            headers->accepts_sse = true;
    }
}

static void read_content_type(struct mcp_headers *headers, struct str value)
{
    headers->has_json_body = is_media_type(value, STR("application/json"));
    headers->has_sse_body = is_media_type(value, STR("text/event-stream"));
}

struct slot {
    struct str name;
    size_t offset; /* of the struct str in struct mcp_headers */
};

static const struct slot slots[] = {
    {STR_INIT("mcp-protocol-version"), offsetof(struct mcp_headers, protocol_version)},
    {STR_INIT("mcp-method"), offsetof(struct mcp_headers, method)},
    {STR_INIT("mcp-name"), offsetof(struct mcp_headers, name)},
    {STR_INIT("mcp-session-id"), offsetof(struct mcp_headers, session)},
    {STR_INIT("last-event-id"), offsetof(struct mcp_headers, last_event_id)},
};

static bool is_named(const struct mcp_header *header, struct str name)
{
    return header->name.len == name.len && str_eq_nocase(header->name, name);
}

static void read_one(struct mcp_headers *headers, const struct mcp_header *header)
{
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        if (is_named(header, slots[i].name))
            keep_one(headers, (struct str *)(void *)((char *)headers + slots[i].offset),
                     header->value);
    }
    if (is_named(header, STR("accept")))
        read_accept(headers, header->value);
    else if (is_named(header, STR("content-type")))
        read_content_type(headers, header->value);
}

void header_read(const struct mcp_header *headers, size_t count, struct mcp_headers *ret_headers)
{
    *ret_headers = (struct mcp_headers){.all = headers, .count = count};
    for (size_t i = 0; i < count; i++)
        read_one(ret_headers, &headers[i]);
}

static bool is_coded(struct str value)
{
    return value.len >= CODED_PREFIX.len + CODED_SUFFIX.len && str_starts(value, CODED_PREFIX) &&
           str_ends(value, CODED_SUFFIX);
}

/* Visible ASCII, space and tab. */
static bool is_plain(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if ((c < 0x20 || c > 0x7e) && c != '\t')
            return false;
    }
    return true;
}

bool header_decode(struct str value, struct arena *arena, struct str *ret_text)
{
    if (!is_plain(value))
        return false;
    if (!is_coded(value)) {
        *ret_text = value;
        return true;
    }
    size_t payload = value.len - CODED_PREFIX.len - CODED_SUFFIX.len;
    struct str text;
    if (!base64_decode(arena, str_of(value.ptr + CODED_PREFIX.len, payload), &text) ||
        !str_is_utf8(text))
        return false;
    *ret_text = text;
    return true;
}

bool header_encode(struct str text, struct arena *arena, struct str *ret_value)
{
    if (is_plain(text) && !is_coded(text) && str_trim(text).len == text.len) {
        *ret_value = text;
        return true;
    }
    struct str coded = base64_encode(arena, text);
    if (coded.ptr == NULL)
        return false;
    struct str value = arena_printf(arena, "=?base64?" STR_FMT "?=", STR_ARG(coded));
    if (value.ptr == NULL)
        return false;
    *ret_value = value;
    return true;
}

struct str header_find_param(const struct mcp_headers *headers, struct str param, size_t *ret_count)
{
    const struct str prefix = STR("mcp-param-");
    struct str found = STR_NONE;
    *ret_count = 0;
    for (size_t i = 0; i < headers->count; i++) {
        struct str name = headers->all[i].name;
        if (name.len != prefix.len + param.len ||
            !str_eq_nocase(str_first(name, prefix.len), prefix) ||
            !str_eq_nocase(str_from(name, prefix.len), param))
            continue;
        found = present(headers->all[i].value);
        (*ret_count)++;
    }
    return found;
}

bool header_is_session(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x21 || value.ptr[i] > 0x7e)
            return false;
    }
    return value.len > 0 && value.len <= MAX_SESSION_BYTES;
}
