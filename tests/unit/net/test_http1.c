#include "net/http1.h"

#include <stdio.h>

#include "base/buf.h"
#include "unit.h"

enum { HEAD_BYTES = 1024, HEADERS = 8 };

#define HOST    "Host: h\r\n"
#define POST    "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n"

/* bytes may hold NUL. heard: what comes of them; see note(). */
struct form {
    const char *what;
    struct str bytes;
    const char *heard;
};

/* The bytes come in cuts of this size; 0: at once. */
static void note(struct http1 *parser, struct str bytes, size_t cut, struct buf *heard)
{
    enum http1_event event = HTTP1_MORE;

    while (bytes.len > 0 && event != HTTP1_REFUSED) {
        struct str part = str_first(bytes, cut == 0 ? bytes.len : cut);

        bytes = str_from(bytes, part.len);
        do {
            struct str body = STR_NONE;
            size_t taken = 0;

            event = http1_feed(parser, part, &taken, &body);
            assert_true(taken <= part.len);
            part = str_from(part, taken);
            if (event == HTTP1_HEAD) {
                const struct http1_head *head = http1_head(parser);

                if (head->status != 0)
                    buf_printf(heard, "<%d", head->status);
                else
                    buf_printf(heard, "<" STR_FMT " " STR_FMT, STR_ARG(head->method),
                               STR_ARG(head->target));
                for (size_t i = 0; i < head->header_count; i++)
                    buf_printf(heard, "|" STR_FMT "=" STR_FMT, STR_ARG(head->headers[i].name),
                               STR_ARG(head->headers[i].value));
                buf_add_c(heard, head->keeps_alive ? ">" : " close>");
            } else if (event == HTTP1_BODY) {
                buf_add(heard, body);
            } else if (event == HTTP1_END) {
                buf_add_c(heard, "$");
                http1_next(parser);
            }
        } while (event != HTTP1_MORE && event != HTTP1_REFUSED);
    }
    if (event == HTTP1_REFUSED) {
        assert_non_null(http1_refusal(parser).why);
        buf_printf(heard, "%d", http1_refusal(parser).status);
    }
}

static void hear(enum http1_side side, struct str bytes, size_t cut, struct buf *heard)
{
    struct http1 *parser = http1_new(side, HEAD_BYTES, HEADERS);

    assert_non_null(parser);
    buf_init(heard, 1 << 20);
    note(parser, bytes, cut, heard);
    http1_free(parser);
}

static void expect(enum http1_side side, const struct form *form)
{
    static const size_t cuts[] = {0, 1, 2, 3, 7};

    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct buf heard;

        hear(side, form->bytes, cuts[i], &heard);
        if (!str_eq(buf_str(&heard), str_c(form->heard)))
            fail_msg("%s, cut at %zu: \"" STR_FMT "\" is not \"%s\"", form->what, cuts[i],
                     STR_ARG(buf_str(&heard)), form->heard);
        buf_done(&heard);
    }
}

static void what_is_plain_is_read(void **state)
{
    static const struct form forms[] = {
        {"no body", STR_INIT("GET /a?b=c HTTP/1.1\r\nHost: h\r\nX:  y z \t\r\n\r\n"),
         "<GET /a?b=c|Host=h|X=y z>$"},
        {"an empty value", STR_INIT("GET / HTTP/1.1\r\nHost:\r\nX:\r\n\r\n"), "<GET /|Host=|X=>$"},
        {"a length", STR_INIT(POST "Content-Length: 5\r\n\r\nhello"),
         "<POST /|Host=h|Content-Length=5>hello$"},
        {"no length: no body", STR_INIT(POST "\r\n"), "<POST /|Host=h>$"},
        {"length nought", STR_INIT(POST "Content-Length: 0\r\n\r\n"),
         "<POST /|Host=h|Content-Length=0>$"},
        {"chunks", STR_INIT(CHUNKED "\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"),
         "<POST /|Host=h|Transfer-Encoding=chunked>abc0123456789$"},
        {"chunked in capitals", STR_INIT(POST "tRANSFER-eNCODING: CHUNKED\r\n\r\n0\r\n\r\n"),
         "<POST /|Host=h|tRANSFER-eNCODING=CHUNKED>$"},
        {"two in a row", STR_INIT(POST "Content-Length: 1\r\n\r\na" POST "\r\n"),
         "<POST /|Host=h|Content-Length=1>a$<POST /|Host=h>$"},
        {"HTTP/1.0", STR_INIT("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), "<GET /|Host=h close>$"},
        {"Connection: close", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
         "<GET /|Host=h|Connection=close close>$"},
        {"bytes from 0x80 in a value", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nX: \xc3\xa9\r\n\r\n"),
         "<GET /|Host=h|X=\xc3\xa9>$"},
        {"an encoded path stays so", STR_INIT("GET /%2e%2e/%00 HTTP/1.1\r\nHost: h\r\n\r\n"),
         "<GET /%2e%2e/%00|Host=h>$"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        expect(HTTP1_REQUESTS, &forms[i]);
}

/* RFC 9112 §11.2; each has been read differently by two servers. */
static void what_could_be_framed_in_two_ways_is_refused(void **state)
{
    static const struct form forms[] = {
        {"chunks, then a length", STR_INIT(CHUNKED "Content-Length: 5\r\n\r\n0\r\n\r\n"), "400"},
        {"a length, then chunks",
         STR_INIT(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), "400"},
        {"two lengths", STR_INIT(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), "400"},
        {"the same twice", STR_INIT(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), "400"},
        {"a list", STR_INIT(POST "Content-Length: 5, 5\r\n\r\n"), "400"},
        {"a plus", STR_INIT(POST "Content-Length: +5\r\n\r\n"), "400"},
        {"a minus", STR_INIT(POST "Content-Length: -0\r\n\r\n"), "400"},
        {"hex", STR_INIT(POST "Content-Length: 0x5\r\n\r\n"), "400"},
        {"a fraction", STR_INIT(POST "Content-Length: 5.0\r\n\r\n"), "400"},
        {"an exponent", STR_INIT(POST "Content-Length: 1e1\r\n\r\n"), "400"},
        {"a space within", STR_INIT(POST "Content-Length: 5 0\r\n\r\n"), "400"},
        {"an empty length", STR_INIT(POST "Content-Length:\r\n\r\n"), "400"},
        {"a length beyond 64 bits", STR_INIT(POST "Content-Length: 18446744073709551621\r\n\r\n"),
         "400"},
        {"a length of 19 digits", STR_INIT(POST "Content-Length: 0000000000000000005\r\n\r\n"),
         "400"},
        {"underscore for hyphen stays a header", STR_INIT(POST "Content_Length: 5\r\n\r\n"),
         "<POST /|Host=h|Content_Length=5>$"},
        {"another coding", STR_INIT(POST "Transfer-Encoding: gzip\r\n\r\n"), "501"},
        {"a coding before chunked", STR_INIT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
         "501"},
        {"chunked twice in a list", STR_INIT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"),
         "501"},
        {"chunked and identity", STR_INIT(POST "Transfer-Encoding: chunked, identity\r\n\r\n"),
         "501"},
        {"identity", STR_INIT(POST "Transfer-Encoding: identity\r\n\r\n"), "501"},
        {"a list with a hole", STR_INIT(POST "Transfer-Encoding: , chunked\r\n\r\n"), "501"},
        {"quoted", STR_INIT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), "501"},
        {"a parameter", STR_INIT(POST "Transfer-Encoding: chunked;q=1\r\n\r\n"), "501"},
        {"xchunked", STR_INIT(POST "Transfer-Encoding: xchunked\r\n\r\n"), "501"},
        {"an empty coding", STR_INIT(POST "Transfer-Encoding:\r\n\r\n"), "501"},
        {"chunked twice", STR_INIT(CHUNKED "Transfer-Encoding: chunked\r\n\r\n"), "400"},
        {"a vertical tab",
         STR_INIT(POST "Transfer-Encoding: \x0b"
                       "chunked\r\n\r\n"),
         "400"},
        {"chunked in HTTP/1.0",
         STR_INIT("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"), "400"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        expect(HTTP1_REQUESTS, &forms[i]);
}

static void lines_and_names_have_one_form(void **state)
{
    static const struct form forms[] = {
        {"bare LF everywhere", STR_INIT("GET / HTTP/1.1\nHost: h\n\n"), "400"},
        {"bare LF behind the request line", STR_INIT("GET / HTTP/1.1\nHost: h\r\n\r\n"), "400"},
        {"bare LF between headers", STR_INIT("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"), "400"},
        {"LF CR LF at the end", STR_INIT("GET / HTTP/1.1\r\nHost: h\n\r\n\r\n"), "400"},
        {"bare CR in a value", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nX: a\rY: b\r\n\r\n"), "400"},
        {"CR CR LF", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"), "400"},
        {"an empty line in front", STR_INIT("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"NUL in a value", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"), "400"},
        {"NUL in a name", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nX\0: a\r\n\r\n"), "400"},
        {"NUL in the target", STR_INIT("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"DEL in a value", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nX: \x7f\r\n\r\n"), "400"},
        {"a fold by space", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"), "400"},
        {"a fold by tab", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n"), "400"},
        {"a fold at once", STR_INIT("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), "400"},
        {"a space before the colon", STR_INIT(POST "Content-Length : 5\r\n\r\n"), "400"},
        {"a tab before the colon", STR_INIT(POST "Content-Length\t: 5\r\n\r\n"), "400"},
        {"a space in a name", STR_INIT(POST "Content Length: 5\r\n\r\n"), "400"},
        {"no colon", STR_INIT(POST "Content-Length\r\n\r\n"), "400"},
        {"no name", STR_INIT(POST ": 5\r\n\r\n"), "400"},
        {"a name beyond ASCII", STR_INIT(POST "Content-Length\xa0: 5\r\n\r\n"), "400"},
        {"a bracket in a name", STR_INIT(POST "X[]: 5\r\n\r\n"), "400"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        expect(HTTP1_REQUESTS, &forms[i]);
}

static void request_lines_have_one_form(void **state)
{
    static const struct form forms[] = {
        {"no version", STR_INIT("GET /\r\nHost: h\r\n\r\n"), "400"},
        {"HTTP/0.9", STR_INIT("GET / HTTP/0.9\r\nHost: h\r\n\r\n"), "505"},
        {"HTTP/1.2", STR_INIT("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), "505"},
        {"HTTP/2", STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505"},
        {"http/1.1", STR_INIT("GET / http/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"space behind the version", STR_INIT("GET / HTTP/1.1 \r\nHost: h\r\n\r\n"), "505"},
        {"two spaces", STR_INIT("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"a tab", STR_INIT("GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"a space in front", STR_INIT(" GET / HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"a space in the target", STR_INIT("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"a fragment", STR_INIT("GET /#a HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"absolute form", STR_INIT("GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"asterisk form", STR_INIT("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"authority form", STR_INIT("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"raw UTF-8 in the target", STR_INIT("GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n"), "400"},
        {"an unknown method", STR_INIT("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"), "501"},
        {"a method in small letters", STR_INIT("get / HTTP/1.1\r\nHost: h\r\n\r\n"), "501"},
        {"no Host", STR_INIT("GET / HTTP/1.1\r\nX: y\r\n\r\n"), "400"},
        {"no header at all", STR_INIT("GET / HTTP/1.1\r\n\r\n"), "400"},
        {"two Hosts", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"), "400"},
        {"Host with a path", STR_INIT("GET / HTTP/1.1\r\nHost: h/x\r\n\r\n"), "400"},
        {"Host with a user", STR_INIT("GET / HTTP/1.1\r\nHost: a@h\r\n\r\n"), "400"},
        {"a list of Hosts", STR_INIT("GET / HTTP/1.1\r\nHost: h, i\r\n\r\n"), "400"},
        {"another expectation", STR_INIT(POST "Expect: 200-ok\r\n\r\n"), "417"},
        {"an upgrade", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n"), "400"},
        {"settings of HTTP/2", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\nHTTP2-Settings: a\r\n\r\n"),
         "400"},
        {"TLS", STR_INIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"), "400"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        expect(HTTP1_REQUESTS, &forms[i]);
}

static void chunks_have_one_form(void **state)
{
#define HEARD "<POST /|Host=h|Transfer-Encoding=chunked>"
    static const struct form forms[] = {
        {"an extension", STR_INIT(CHUNKED "\r\n1;a\r\nx\r\n0\r\n\r\n"), HEARD "400"},
        {"an extension with a value", STR_INIT(CHUNKED "\r\n1;a=b\r\nx\r\n0\r\n\r\n"), HEARD "400"},
        {"an extension of the last", STR_INIT(CHUNKED "\r\n1\r\nx\r\n0;a=b\r\n\r\n"), HEARD "x400"},
        {"a bare LF behind the size", STR_INIT(CHUNKED "\r\n1\nx\r\n0\r\n\r\n"), HEARD "400"},
        {"a bare LF behind the data", STR_INIT(CHUNKED "\r\n1\r\nx\n0\r\n\r\n"), HEARD "x400"},
        {"more data than said", STR_INIT(CHUNKED "\r\n1\r\nxy\r\n0\r\n\r\n"), HEARD "x400"},
        {"0x", STR_INIT(CHUNKED "\r\n0x1\r\nx\r\n0\r\n\r\n"), HEARD "400"},
        {"a minus", STR_INIT(CHUNKED "\r\n-1\r\nx\r\n0\r\n\r\n"), HEARD "400"},
        {"a plus", STR_INIT(CHUNKED "\r\n+1\r\nx\r\n0\r\n\r\n"), HEARD "400"},
        {"a space before", STR_INIT(CHUNKED "\r\n 1\r\nx\r\n0\r\n\r\n"), HEARD "400"},
        {"a space behind", STR_INIT(CHUNKED "\r\n1 \r\nx\r\n0\r\n\r\n"), HEARD "400"},
        {"no size", STR_INIT(CHUNKED "\r\n\r\nx\r\n0\r\n\r\n"), HEARD "400"},
        {"a size beyond 64 bits", STR_INIT(CHUNKED "\r\n10000000000000001\r\nx\r\n"), HEARD "400"},
        {"a trailer", STR_INIT(CHUNKED "\r\n0\r\nX: y\r\n\r\n"), HEARD "400"},
        {"a trailer that frames", STR_INIT(CHUNKED "\r\n0\r\nContent-Length: 5\r\n\r\n"),
         HEARD "400"},
        {"bare LF at the very end", STR_INIT(CHUNKED "\r\n0\r\n\n"), HEARD "400"},
    };
#undef HEARD

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        expect(HTTP1_REQUESTS, &forms[i]);
}

static void responses_are_judged_as_strictly(void **state)
{
    static const struct form forms[] = {
        {"a length", STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"),
         "<200|Content-Length=2>ab$"},
        {"no reason", STR_INIT("HTTP/1.1 204 \r\n\r\n"), "<204>$"},
        {"both framings",
         STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"),
         "400"},
        {"two lengths",
         STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n"), "400"},
        {"a coding", STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), "501"},
        {"HTTP/2", STR_INIT("HTTP/2 200 OK\r\n\r\n"), "505"},
        {"a status of four digits", STR_INIT("HTTP/1.1 2000 OK\r\n\r\n"), "400"},
        {"a status of letters", STR_INIT("HTTP/1.1 2xx OK\r\n\r\n"), "400"},
        {"a status below 100", STR_INIT("HTTP/1.1 099 OK\r\n\r\n"), "400"},
        {"no status line", STR_INIT("hello\r\n\r\n"), "400"},
        {"a bare LF", STR_INIT("HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nab"), "400"},
        {"a fold", STR_INIT("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"), "400"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        expect(HTTP1_RESPONSES, &forms[i]);
}

static struct str many_headers(struct buf *bytes, size_t count)
{
    buf_init(bytes, 1 << 20);
    buf_add(bytes, STR("GET / HTTP/1.1\r\nHost: h\r\n"));
    for (size_t i = 1; i < count; i++)
        buf_printf(bytes, "X%zu: y\r\n", i);
    buf_add(bytes, STR("\r\n"));
    return buf_str(bytes);
}

static void the_bounds_hold_to_the_last(void **state)
{
    struct buf bytes;
    struct form form = {.what = "headers, one more than may be", .heard = "431"};

    (void)state;
    form.bytes = many_headers(&bytes, HEADERS + 1);
    expect(HTTP1_REQUESTS, &form);
    buf_done(&bytes);
    form.what = "headers, as many as may be";
    form.heard = "<GET /|Host=h|X1=y|X2=y|X3=y|X4=y|X5=y|X6=y|X7=y>$";
    form.bytes = many_headers(&bytes, HEADERS);
    expect(HTTP1_REQUESTS, &form);
    buf_done(&bytes);
    buf_init(&bytes, 1 << 20);
    buf_add(&bytes, STR("GET /"));
    for (size_t i = 0; i < HEAD_BYTES; i++)
        buf_add_byte(&bytes, 'a');
    form = (struct form){.what = "a long target", .bytes = buf_str(&bytes), .heard = "414"};
    expect(HTTP1_REQUESTS, &form);
    buf_clear(&bytes);
    buf_add(&bytes, STR("GET / HTTP/1.1\r\nHost: h\r\nX: "));
    for (size_t i = 0; i < HEAD_BYTES; i++)
        buf_add_byte(&bytes, 'a');
    form = (struct form){.what = "a long header", .bytes = buf_str(&bytes), .heard = "431"};
    expect(HTTP1_REQUESTS, &form);
    buf_done(&bytes);
}

static void the_end_of_the_peer_ends_what_has_no_length(void **state)
{
    static const struct {
        struct str bytes;
        enum http1_event at_end;
    } rows[] = {
        {STR_INIT(""), HTTP1_MORE},
        {STR_INIT("HTTP/1.1 200 OK\r\n\r\nab"), HTTP1_END},
        {STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), HTTP1_REFUSED},
        {STR_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"),
         HTTP1_REFUSED},
        {STR_INIT("HTTP/1.1 200 OK\r\nX"), HTTP1_REFUSED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct http1 *parser = http1_new(HTTP1_RESPONSES, HEAD_BYTES, HEADERS);
        struct buf heard;

        buf_init(&heard, 1000);
        note(parser, rows[i].bytes, 0, &heard);
        assert_int_equal(http1_eof(parser), rows[i].at_end);
        buf_done(&heard);
        http1_free(parser);
    }
}

static void a_refused_parser_stays_so(void **state)
{
    struct http1 *parser = http1_new(HTTP1_REQUESTS, HEAD_BYTES, HEADERS);
    struct buf heard;

    (void)state;
    buf_init(&heard, 1000);
    note(parser, STR("nonsense\r\n\r\n"), 0, &heard);
    http1_next(parser);
    note(parser, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0, &heard);
    assert_str(buf_str(&heard), "400400");
    buf_done(&heard);
    http1_free(parser);
}

static void an_answer_to_head_has_no_body(void **state)
{
    struct http1 *parser = http1_new(HTTP1_RESPONSES, HEAD_BYTES, HEADERS);
    struct buf heard;

    (void)state;
    buf_init(&heard, 1000);
    http1_expect_no_body(parser);
    assert_false(http1_has_begun(parser));
    note(parser, STR("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"), 0, &heard);
    assert_str(buf_str(&heard), "<200|Content-Length=100>$");
    buf_done(&heard);
    http1_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_plain_is_read),
        cmocka_unit_test(what_could_be_framed_in_two_ways_is_refused),
        cmocka_unit_test(lines_and_names_have_one_form),
        cmocka_unit_test(request_lines_have_one_form),
        cmocka_unit_test(chunks_have_one_form),
        cmocka_unit_test(responses_are_judged_as_strictly),
        cmocka_unit_test(the_bounds_hold_to_the_last),
        cmocka_unit_test(the_end_of_the_peer_ends_what_has_no_length),
        cmocka_unit_test(a_refused_parser_stays_so),
        cmocka_unit_test(an_answer_to_head_has_no_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
