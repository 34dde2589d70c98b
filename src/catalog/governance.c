#include "catalog/governance.h"

enum { MAX_NAME_BYTES = 64, MAX_EMAIL_BYTES = 254 /* RFC 5321 §4.5.3.1.3, less the brackets */ };

struct server *governance_find_server(const struct governance *governance, struct str name)
{
    for (size_t i = 0; i < governance->server_count; i++)
        if (str_eq(governance->servers[i].name, name))
            return &governance->servers[i];
    return NULL;
}

struct role *governance_find_role(const struct governance *governance, struct str name)
{
    for (size_t i = 0; i < governance->role_count; i++)
        if (str_eq(governance->roles[i].name, name))
            return &governance->roles[i];
    return NULL;
}

struct grant *governance_find_grant(const struct governance *governance, struct str name)
{
    for (size_t i = 0; i < governance->grant_count; i++)
        if (str_eq(governance->grants[i].name, name))
            return &governance->grants[i];
    return NULL;
}

struct robot *governance_find_robot(const struct governance *governance, struct str name)
{
    for (size_t i = 0; i < governance->robot_count; i++)
        if (str_eq(governance->robots[i].name, name))
            return &governance->robots[i];
    return NULL;
}

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool governance_is_name(struct str name)
{
    if (name.len == 0 || name.len > MAX_NAME_BYTES || !is_lower_alnum(name.ptr[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_lower_alnum(name.ptr[i]) && strchr("._-", name.ptr[i]) == NULL)
            return false;
    return str_find(name, '\0') == name.len;
}

bool governance_is_email(struct str text)
{
    size_t at = str_find(text, '@');
    if (text.len > MAX_EMAIL_BYTES || at == 0 || at + 1 >= text.len || !str_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= 0x20 || text.ptr[i] == 0x7f)
            return false;
    return str_find(str_from(text, at + 1), '@') == text.len - at - 1;
}
