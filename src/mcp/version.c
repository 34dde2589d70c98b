#include "mcp/version.h"

struct row {
    struct str date;
    enum mcp_era era;
};

static const struct row rows[MCP_VERSIONS] = {
#define X(name, date, era) [name] = {STR_INIT(date), era},
#include "mcp/versions.def"
#undef X
};

const char *version_word(enum mcp_version version)
{
    return version < MCP_VERSIONS ? rows[version].date.ptr : "?";
}

enum mcp_era version_era(enum mcp_version version)
{
    return version < MCP_VERSIONS ? rows[version].era : MCP_LEGACY;
}

bool version_parse(struct str word, enum mcp_version *ret_version)
{
    for (enum mcp_version v = 0; v < MCP_VERSIONS; v++) {
        if (str_eq(word, rows[v].date)) {
            *ret_version = v;
            return true;
        }
    }
    return false;
}

static bool is_date(struct str word)
{
    static const char shape[] = "dddd-dd-dd";
    if (word.len != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        bool is_digit = word.ptr[i] >= '0' && word.ptr[i] <= '9';
        if (shape[i] == 'd' ? !is_digit : word.ptr[i] != shape[i])
            return false;
    }
    return true;
}

bool version_is_modern(struct str word)
{
    return is_date(word) && str_cmp(word, rows[MCP_2026_07_28].date) >= 0;
}

enum mcp_version version_negotiate(struct str asked)
{
    enum mcp_version version;
    if (version_parse(asked, &version) && version_era(version) == MCP_LEGACY)
        return version;
    return MCP_LATEST_LEGACY;
}
