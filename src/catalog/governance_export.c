#include "catalog/governance.h"

/*
 * Texts are written plain only where every YAML reader takes them for the same text; else in double
 * quotes (YAML 1.2 §7.3.1).
 */

static bool is_plain_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(" ._@/-", c) != NULL);
}

/* Words that some readers take for a truth value or nothing. */
static bool is_word(struct str text)
{
    static const struct str words[] = {
        STR_INIT("true"), STR_INIT("false"), STR_INIT("yes"), STR_INIT("no"), STR_INIT("on"),
        STR_INIT("off"),  STR_INIT("null"),  STR_INIT("y"),   STR_INIT("n"),
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(text, words[i]))
            return true;
    return false;
}

static bool is_plain(struct str text)
{
    if (text.len == 0 || is_word(text) || text.ptr[text.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_plain_char(text.ptr[i]))
            return false;
    char first = (char)(text.ptr[0] | 0x20);
    return first >= 'a' && first <= 'z';
}

/* Length of the UTF-8 character at the start of text, which is UTF-8 or else read byte by byte. */
static size_t read_char(struct str text, unsigned *ret_code)
{
    unsigned char first = (unsigned char)text.ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first < 0x80 || len > text.len || !str_is_utf8(str_first(text, len))) {
        *ret_code = first;
        return 1;
    }
    unsigned code = first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)text.ptr[i] & 0x3f);
    *ret_code = code;
    return len;
}

/* Not printable in YAML, or a line break that folding would change. */
static bool must_escape(unsigned code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           code == 0xfeff || code == 0xfffe || code == 0xffff;
}

static void write_quoted(struct buf *out, struct str text)
{
    buf_add_byte(out, '"');
    while (text.len > 0) {
        unsigned code;
        size_t len = read_char(text, &code);
        if (code == '"' || code == '\\')
            buf_printf(out, "\\%c", (char)code);
        else if (must_escape(code))
            buf_printf(out, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
        else
            buf_add(out, str_first(text, len));
        text = str_from(text, len);
    }
    buf_add_byte(out, '"');
}

static void write_text(struct buf *out, struct str text)
{
    if (is_plain(text))
        buf_add(out, text);
    else
        write_quoted(out, text);
}

/* On a line of its own, where a ':' without a blank behind it says nothing to YAML. */
static void write_url(struct buf *out, struct str url)
{
    bool is_plain_url = url.len > 0 && url.ptr[0] == 'h' && url.ptr[url.len - 1] != ':';
    for (size_t i = 0; i < url.len; i++) {
        char c = url.ptr[i];
        bool is_safe =
            c != ' ' && (is_plain_char(c) || (c != '\0' && strchr(":?=&%+~", c) != NULL));
        is_plain_url = is_plain_url && is_safe;
    }
    if (is_plain_url)
        buf_add(out, url);
    else
        write_quoted(out, url);
}

static void write_texts(struct buf *out, const char *key, struct str *texts, size_t count)
{
    buf_printf(out, "%s: [", key);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_c(out, ", ");
        write_text(out, texts[i]);
    }
    buf_add_byte(out, ']');
}

/* A list of people or robots inside {…}; nothing when it is empty. */
static void write_members(struct buf *out, bool *is_first, const char *key, struct str *texts,
                          size_t count)
{
    if (count == 0)
        return;
    if (!*is_first)
        buf_add_c(out, ", ");
    *is_first = false;
    write_texts(out, key, texts, count);
}

static void write_categories(struct buf *out, const char *key, uint8_t set)
{
    buf_printf(out, "%s: [", key);
    category_set_write(out, set, ", ");
    buf_add_byte(out, ']');
}

static void write_headers(struct buf *out, const struct server *server)
{
    buf_add_c(out, "type: headers, headers: {");
    for (size_t i = 0; i < server->header_count; i++) {
        if (i > 0)
            buf_add_c(out, ", ");
        write_text(out, server->headers[i].header);
        buf_add_c(out, ": ");
        write_text(out, server->headers[i].secret);
    }
    buf_add_byte(out, '}');
}

static void write_credential(struct buf *out, const struct server *server)
{
    buf_printf(out, "    credential: {mode: %s", credential_mode_word(server->credential_mode));
    if (server->credential_mode == CREDENTIAL_SHARED) {
        buf_add_c(out, ", ");
        if (server->credential_type == CREDENTIAL_HEADERS) {
            write_headers(out, server);
        } else {
            buf_add_c(out, "type: bearer, secret: ");
            write_text(out, server->secret);
        }
    }
    buf_add_c(out, "}\n");
}

static void write_review(struct buf *out, const struct server *server)
{
    bool has_release = server->release != GOVERNANCE_RELEASE_PRESET;
    bool has_look = server->look != GOVERNANCE_LOOK_PRESET;
    if (!has_release && !has_look)
        return;
    buf_add_c(out, "    review: {");
    if (has_release) {
        buf_add_c(out, "release: [");
        release_set_write(out, server->release, ", ");
        buf_add_c(out, has_look ? "], " : "]");
    }
    if (has_look)
        write_categories(out, "look", server->look);
    buf_add_c(out, "}\n");
}

static void write_server(struct buf *out, const struct server *server)
{
    buf_add_c(out, "  - name: ");
    write_text(out, server->name);
    if (server->kind == SERVER_PROGRAM) {
        buf_add_c(out, "\n    program: ");
        write_text(out, server->address);
    } else {
        buf_add_c(out, "\n    url: ");
        write_url(out, server->address);
    }
    buf_add_byte(out, '\n');
    write_credential(out, server);
    if (server->rule_count > 0)
        buf_add_c(out, "    tools:\n");
    for (size_t i = 0; i < server->rule_count; i++) {
        buf_add_c(out, "      ");
        write_text(out, server->rules[i].pattern);
        buf_printf(out, ": %s\n", category_word(server->rules[i].category));
    }
    write_review(out, server);
    if (server->is_disabled)
        buf_add_c(out, "    disabled: true\n");
}

static void write_role(struct buf *out, const struct role *role)
{
    bool is_first = false;
    buf_add_c(out, "  - {name: ");
    write_text(out, role->name);
    write_members(out, &is_first, "groups", role->groups, role->group_count);
    write_members(out, &is_first, "users", role->users, role->user_count);
    write_members(out, &is_first, "robots", role->robots, role->robot_count);
    buf_add_c(out, "}\n");
}

static void write_grant(struct buf *out, const struct grant *grant)
{
    bool is_first = true;
    buf_add_c(out, "  - name: ");
    write_text(out, grant->name);
    buf_add_c(out, "\n    to: {");
    write_members(out, &is_first, "roles", grant->roles, grant->role_count);
    write_members(out, &is_first, "users", grant->users, grant->user_count);
    write_members(out, &is_first, "groups", grant->groups, grant->group_count);
    write_members(out, &is_first, "robots", grant->robots, grant->robot_count);
    buf_add_c(out, "}\n    server: ");
    write_text(out, grant->server);
    buf_add_byte(out, '\n');
    if (grant->categories != 0 || grant->tool_count == 0) {
        buf_add_c(out, "    ");
        write_categories(out, "categories", grant->categories);
        buf_add_byte(out, '\n');
    }
    if (grant->tool_count > 0) {
        buf_add_c(out, "    ");
        write_texts(out, "tools", grant->tools, grant->tool_count);
        buf_add_byte(out, '\n');
    }
}

static void write_ceiling(struct buf *out, const struct ceiling *ceiling)
{
    buf_add_c(out, "  - {principals: [");
    principal_set_write(out, ceiling->principals, ", ");
    buf_add_byte(out, ']');
    if (ceiling->deny != 0) {
        buf_add_c(out, ", ");
        write_categories(out, "deny", ceiling->deny);
    }
    if (ceiling->approval != 0) {
        buf_add_c(out, ", ");
        write_categories(out, "approval", ceiling->approval);
    }
    buf_add_c(out, "}\n");
}

/* {provider: NAME, CLAIM: PATTERN, …} */
static void write_identity(struct buf *out, const struct robot *robot)
{
    for (size_t i = 0; i < robot->identity_count; i++) {
        struct str pattern = robot->identity[i];
        struct str name = str_cut(&pattern, '=');
        buf_add_c(out, i == 0 ? ", identity: {" : ", ");
        write_text(out, name);
        buf_add_c(out, ": ");
        write_text(out, pattern);
    }
    if (robot->identity_count > 0)
        buf_add_byte(out, '}');
}

static void write_robot(struct buf *out, const struct robot *robot)
{
    buf_add_c(out, "  - {name: ");
    write_text(out, robot->name);
    buf_add_c(out, ", owner: ");
    write_text(out, robot->owner);
    bool is_first = false;
    write_members(out, &is_first, "networks", robot->networks, robot->network_count);
    write_identity(out, robot);
    buf_add_c(out, robot->is_disabled ? ", disabled: true}\n" : "}\n");
}

static void write_section(struct buf *out, const char *name, size_t count)
{
    if (count > 0)
        buf_printf(out, "%s:\n", name);
}

void governance_export(const struct governance *governance, struct buf *out)
{
    /* Always there, so that a file that governs nothing is not an empty one. */
    buf_add_c(out, governance->server_count > 0 ? "servers:\n" : "servers: []\n");
    for (size_t i = 0; i < governance->server_count; i++)
        write_server(out, &governance->servers[i]);
    write_section(out, "roles", governance->role_count);
    for (size_t i = 0; i < governance->role_count; i++)
        write_role(out, &governance->roles[i]);
    write_section(out, "grants", governance->grant_count);
    for (size_t i = 0; i < governance->grant_count; i++)
        write_grant(out, &governance->grants[i]);
    write_section(out, "ceilings", governance->ceiling_count);
    for (size_t i = 0; i < governance->ceiling_count; i++)
        write_ceiling(out, &governance->ceilings[i]);
    write_section(out, "robots", governance->robot_count);
    for (size_t i = 0; i < governance->robot_count; i++)
        write_robot(out, &governance->robots[i]);
}
