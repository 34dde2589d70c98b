#include "mcp/reply.h"

#include <string.h>

#include "base/base64.h"
#include "base/jsonw.h"
#include "mcp/mcp_priv.h"

#define MODERN_OWN_META "\"_meta\":{\"" META_SERVER "\":" OWN_INFO "}"

static void begin(struct buf *out, struct str id)
{
    buf_add_c(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    buf_add(out, id);
    buf_add_c(out, ",\"result\":");
}

static void write_instructions(struct buf *out, const struct mcp_greeting *greeting)
{
    if (greeting->instructions.len == 0)
        return;
    buf_add_c(out, ",\"instructions\":");
    jsonw_quote(out, greeting->instructions);
}

static const char *tools_capability(const struct mcp_greeting *greeting)
{
    return greeting->has_list_changed ? "\"tools\":{\"listChanged\":true}" : "\"tools\":{}";
}

#define EMA "\"io.modelcontextprotocol/enterprise-managed-authorization\":{}"

void reply_discover(struct buf *out, struct str id, const struct mcp_greeting *greeting)
{
    begin(out, id);
    buf_printf(out,
               "{\"resultType\":\"complete\",\"supportedVersions\":[\"%s\"],"
               "\"capabilities\":{%s,\"logging\":{}%s}",
               version_word(MCP_LATEST), tools_capability(greeting),
               greeting->has_ema ? ",\"extensions\":{" EMA "}" : "");
    write_instructions(out, greeting);
    buf_add_c(out, ",\"ttlMs\":0,\"cacheScope\":\"private\"," MODERN_OWN_META "}}");
}

void reply_initialize(struct buf *out, struct str id, enum mcp_version version,
                      const struct mcp_greeting *greeting)
{
    begin(out, id);
    buf_printf(out, "{\"protocolVersion\":\"%s\",\"capabilities\":{%s},\"serverInfo\":" OWN_INFO,
               version_word(version), tools_capability(greeting));
    write_instructions(out, greeting);
    buf_add_c(out, "}}");
}

void reply_empty(struct buf *out, struct str id, enum mcp_era era)
{
    begin(out, id);
    buf_add_c(out,
              era == MCP_MODERN ? "{\"resultType\":\"complete\"," MODERN_OWN_META "}}" : "{}}");
}

void reply_tools_changed(struct buf *out)
{
    buf_add_c(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}");
}

/* Line breaks can only stand between tokens. */
static void make_one_line(char *text, size_t len)
{
    if (len == 0 || (memchr(text, '\n', len) == NULL && memchr(text, '\r', len) == NULL))
        return;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' || text[i] == '\r')
            text[i] = ' ';
    }
}

/* The definition with the exposed name in place of the server's. */
static void write_tool(struct buf *out, const struct mcp_listed_tool *listed)
{
    const struct mcp_tool *tool = listed->tool;
    size_t start = out->len;
    buf_add(out, str_first(tool->definition, tool->name_start));
    jsonw_quote(out, listed->exposed_name);
    buf_add(out, str_from(tool->definition, tool->name_end));
    if (!out->failed)
        make_one_line(out->ptr + start, out->len - start);
}

static size_t write_page(struct buf *out, const struct mcp_listing *listing)
{
    size_t start = out->len;
    size_t i = listing->first;
    for (; i < listing->count; i++) {
        size_t bytes =
            listing->tools[i].tool->definition.len + listing->tools[i].exposed_name.len + 1;
        if (listing->page_bytes != 0 && i > listing->first &&
            out->len - start + bytes > listing->page_bytes)
            break;
        if (i > listing->first)
            buf_add_byte(out, ',');
        write_tool(out, &listing->tools[i]);
    }
    return i;
}

static void write_cursor(struct buf *out, uint64_t epoch, size_t first)
{
    buf_printf(out, ",\"nextCursor\":\"%016llx.%zu\"", (unsigned long long)epoch, first);
}

void reply_tools(struct buf *out, struct str id, enum mcp_era era,
                 const struct mcp_listing *listing)
{
    bool is_modern = era == MCP_MODERN;
    begin(out, id);
    buf_add_c(out, is_modern ? "{\"resultType\":\"complete\",\"tools\":[" : "{\"tools\":[");
    size_t next = write_page(out, listing);
    buf_add_byte(out, ']');
    if (next < listing->count)
        write_cursor(out, listing->epoch, next);
    if (is_modern)
        buf_printf(out, ",\"ttlMs\":%u,\"cacheScope\":\"private\"," MODERN_OWN_META,
                   (unsigned)listing->ttl_ms);
    buf_add_c(out, "}}");
}

bool reply_read_cursor(struct str cursor, uint64_t epoch, size_t count, size_t *ret_first)
{
    char expected[16];
    uint8_t bytes[8];
    uint64_t first;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(epoch >> (8 * (sizeof bytes - 1 - i)));
    hex_encode(bytes, sizeof bytes, expected);
    if (cursor.len < 18 || memcmp(cursor.ptr, expected, sizeof expected) != 0 ||
        cursor.ptr[16] != '.' || !str_u64(str_from(cursor, 17), &first) || first == 0 ||
        first >= count)
        return false;
    *ret_first = (size_t)first;
    return true;
}
