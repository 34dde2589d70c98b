#include "mcp/mcp_priv.h"

bool meta_is_reserved(struct str name)
{
    size_t slash = str_find(name, '/');
    if (slash == name.len)
        return false;
    struct str prefix = str_first(name, slash);
    (void)str_cut(&prefix, '.');
    struct str second = str_cut(&prefix, '.');
    return str_eq_nocase(second, STR("modelcontextprotocol")) || str_eq_nocase(second, STR("mcp"));
}

static struct member member_at(json_pos name)
{
    return (struct member){name, name == JSON_NONE ? JSON_NONE : name + 1};
}

struct member member_first(const struct json_doc *doc, json_pos object)
{
    return member_at(json_is(doc, object, JSON_OBJECT) ? json_first(doc, object) : JSON_NONE);
}

struct member member_next(const struct json_doc *doc, json_pos object, struct member member)
{
    return member_at(json_next(doc, object, member.value));
}

struct str member_run(const struct json_doc *doc, struct member first, struct member last)
{
    struct str name = json_raw(doc, first.name);
    struct str value = json_raw(doc, last.value);
    return str_of(name.ptr, (size_t)(value.ptr + value.len - name.ptr));
}

struct str log_level_word(enum mcp_log_level level)
{
    static const struct str words[] = {
        [MCP_LOG_NONE] = STR_INIT(""),
        [MCP_LOG_DEBUG] = STR_INIT("debug"),
        [MCP_LOG_INFO] = STR_INIT("info"),
        [MCP_LOG_NOTICE] = STR_INIT("notice"),
        [MCP_LOG_WARNING] = STR_INIT("warning"),
        [MCP_LOG_ERROR] = STR_INIT("error"),
        [MCP_LOG_CRITICAL] = STR_INIT("critical"),
        [MCP_LOG_ALERT] = STR_INIT("alert"),
        [MCP_LOG_EMERGENCY] = STR_INIT("emergency"),
    };
    return words[level];
}

enum mcp_log_level log_level_find(const struct json_doc *doc, json_pos pos)
{
    for (enum mcp_log_level level = MCP_LOG_DEBUG; level <= MCP_LOG_EMERGENCY; level++) {
        if (json_str_is(doc, pos, log_level_word(level)))
            return level;
    }
    return MCP_LOG_NONE;
}
