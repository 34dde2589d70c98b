/*
 * What is refused of a head before llhttp sees it: every form that two readers of RFC 9112 have
 * been known to read differently. Pure.
 */
#include <string.h>

#include "net/http1_priv.h"

/* What framing depends on, gathered over all headers. */
struct facts {
    size_t headers;
    size_t hosts;
    size_t lengths;
    size_t encodings;
    bool is_1_0;
};

static bool refuse(struct http1_refusal *refusal, int status, const char *why)
{
    *refusal = (struct http1_refusal){.status = status, .why = why};
    return false;
}

/* What a byte may be part of: every byte of every head is looked up here. */
enum {
    IN_TOKEN = 1, /* RFC 9110 §5.6.2 */
    IN_VALUE = 2, /* of a header; bytes from 0x80 on are kept for the log, controls never are */
    IN_TARGET = 4,
};

/* clang-format off */
static const uint8_t classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 7, 6, 3, 7, 7, 7, 7, 6, 6, 7, 7, 6, 7, 7, 6,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6,
    6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 6, 7, 6, 7, 0,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
};
/* clang-format on */

static bool is_all(struct str text, uint8_t class)
{
    uint8_t all = class;

    for (size_t i = 0; i < text.len; i++)
        all &= classes[(uint8_t)text.ptr[i]];
    return all != 0;
}

static bool is_token(struct str text)
{
    return text.len > 0 && is_all(text, IN_TOKEN);
}

/* Takes a line off *rest, without its CRLF. A CR or LF anywhere else is refused. */
static bool take_line(struct str *rest, struct str *ret_line)
{
    size_t end = str_find(*rest, '\n');

    if (end == rest->len || end == 0 || rest->ptr[end - 1] != '\r')
        return false;
    *ret_line = str_first(*rest, end - 1);
    *rest = str_from(*rest, end + 1);
    return str_find(*ret_line, '\r') == ret_line->len;
}

static bool check_version(struct str version, struct facts *facts, struct http1_refusal *refusal)
{
    facts->is_1_0 = str_eq(version, STR("HTTP/1.0"));
    if (facts->is_1_0 || str_eq(version, STR("HTTP/1.1")))
        return true;
    if (str_starts(version, STR("HTTP/")))
        return refuse(refusal, 505, "only HTTP/1.1 and HTTP/1.0 are spoken");
    return refuse(refusal, 400, "the request line does not end in a version");
}

static bool check_target(struct str target, struct http1_refusal *refusal)
{
    if (target.len == 0 || target.ptr[0] != '/')
        return refuse(refusal, 400, "the target must be a path");
    if (!is_all(target, IN_TARGET))
        return refuse(refusal, 400, "the target holds a byte that must be encoded");
    return true;
}

static bool check_request_line(struct str line, struct facts *facts, struct http1_refusal *refusal)
{
    static const struct str methods[] = {STR_INIT("GET"),    STR_INIT("POST"), STR_INIT("DELETE"),
                                         STR_INIT("HEAD"),   STR_INIT("PUT"),  STR_INIT("PATCH"),
                                         STR_INIT("OPTIONS")};
    struct str rest = line;
    struct str method = str_cut(&rest, ' ');
    struct str target = str_cut(&rest, ' ');

    if (!is_token(method))
        return refuse(refusal, 400, "the request line does not begin with a method");
    if (!check_version(rest, facts, refusal) || !check_target(target, refusal))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_eq(method, methods[i]))
            return true;
    }
    return refuse(refusal, 501, "the method is not known");
}

static bool check_status_line(struct str line, struct facts *facts, struct http1_refusal *refusal)
{
    struct str rest = line;
    struct str version = str_cut(&rest, ' ');
    struct str status = str_cut(&rest, ' ');

    if (!check_version(version, facts, refusal))
        return false;
    if (status.len != 3 || status.ptr[0] < '1' || status.ptr[0] > '5')
        return refuse(refusal, 400, "the status line has no status");
    return true;
}

static bool is_length(struct str value)
{
    uint64_t length = 0;

    return value.len <= 18 && str_u64(value, &length);
}

static bool check_framing_header(struct str name, struct str value, struct facts *facts,
                                 struct http1_refusal *refusal)
{
    if (str_eq_nocase(name, STR("content-length"))) {
        facts->lengths++;
        if (!is_length(value))
            return refuse(refusal, 400, "Content-Length must be one plain decimal number");
    } else if (str_eq_nocase(name, STR("transfer-encoding"))) {
        facts->encodings++;
        if (!str_eq_nocase(value, STR("chunked")))
            return refuse(refusal, 501, "the only Transfer-Encoding spoken is chunked");
    } else if (str_eq_nocase(name, STR("host"))) {
        facts->hosts++;
        for (size_t i = 0; i < value.len; i++) {
            if (memchr("/?#@\\ \t,", value.ptr[i], 8) != NULL ||
                (unsigned char)value.ptr[i] >= 0x80)
                return refuse(refusal, 400, "Host is no host");
        }
    } else if (str_eq_nocase(name, STR("upgrade")) || str_eq_nocase(name, STR("http2-settings"))) {
        return refuse(refusal, 400, "upgrades are not served");
    }
    return true;
}

static bool check_header(struct str line, struct facts *facts, struct http1_refusal *refusal)
{
    struct str value = line;
    struct str name = str_cut(&value, ':');

    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return refuse(refusal, 400, "folded headers are obsolete");
    if (name.len == line.len || !is_token(name))
        return refuse(refusal, 400, "a header has no valid name");
    value = str_trim(value);
    if (!is_all(value, IN_VALUE))
        return refuse(refusal, 400, "a header holds a control character");
    facts->headers++;
    return check_framing_header(name, value, facts, refusal);
}

static bool check_facts(const struct facts *facts, enum http1_side side, size_t max_headers,
                        struct http1_refusal *refusal)
{
    if (facts->headers > max_headers) {
        (void)refuse(refusal, 431, "too many headers");
        refusal->bound = HTTP1_HEADER_COUNT;
        return false;
    }
    if (facts->lengths > 1 || facts->encodings > 1)
        return refuse(refusal, 400, "the length of the body is given twice");
    if (facts->lengths > 0 && facts->encodings > 0)
        return refuse(refusal, 400, "both Content-Length and Transfer-Encoding");
    if (facts->encodings > 0 && facts->is_1_0)
        return refuse(refusal, 400, "HTTP/1.0 knows no Transfer-Encoding");
    if (side == HTTP1_REQUESTS && facts->hosts != 1)
        return refuse(refusal, 400, "exactly one Host is needed");
    return true;
}

bool http1_check(struct str head, enum http1_side side, size_t max_headers,
                 struct http1_refusal *ret_refusal)
{
    struct facts facts = {0};
    struct str rest = head;
    struct str line = STR_NONE;

    if (memchr(head.ptr, '\0', head.len) != NULL)
        return refuse(ret_refusal, 400, "a NUL byte");
    if (!take_line(&rest, &line))
        return refuse(ret_refusal, 400, "lines end in CR LF");
    if (side == HTTP1_REQUESTS ? !check_request_line(line, &facts, ret_refusal)
                               : !check_status_line(line, &facts, ret_refusal))
        return false;
    for (;;) {
        if (!take_line(&rest, &line))
            return refuse(ret_refusal, 400, "lines end in CR LF");
        if (line.len == 0)
            return check_facts(&facts, side, max_headers, ret_refusal);
        if (!check_header(line, &facts, ret_refusal))
            return false;
    }
}
