#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/sse.h"

/* Everything that was heard: "event/data/id|" each. */
struct heard {
    struct buf text;
    int count;
};

static void on_event(void *ctx, const struct sse_event *event)
{
    struct heard *heard = ctx;
    buf_add(&heard->text, event->event);
    buf_add_byte(&heard->text, '/');
    buf_add(&heard->text, event->data);
    buf_add_byte(&heard->text, '/');
    buf_add(&heard->text, event->id);
    buf_add_byte(&heard->text, '|');
    heard->count++;
}

struct conversation {
    const char *name;
    struct str bytes;
    const char *heard;
};

#define SAID(text) STR_INIT(text)

static const struct conversation conversations[] = {
    {"one line", SAID("data: hello\n\n"), "message/hello/|"},
    {"no space", SAID("data:hello\n\n"), "message/hello/|"},
    {"one space is cut, the second is not", SAID("data:  x\n\n"), "message/ x/|"},
    {"lines are joined", SAID("data: a\ndata: b\ndata\n\n"), "message/a\nb\n/|"},
    {"CR", SAID("data: a\r\rdata: b\r\r"), "message/a/|message/b/|"},
    {"CRLF", SAID("data: a\r\n\r\ndata: b\r\n\r\n"), "message/a/|message/b/|"},
    {"mixed ends", SAID("data: a\ndata: b\r\ndata: c\r\n\rdata: d\n\r\n"),
     "message/a\nb\nc/|message/d/|"},
    {"BOM",
     SAID("\xEF\xBB\xBF"
          "data: a\n\n"),
     "message/a/|"},
    {"a second BOM is part of the name",
     SAID("\xEF\xBB\xBF\xEF\xBB\xBF"
          "data: a\n\ndata: b\n\n"),
     "message/b/|"},
    {"half a BOM is part of the name",
     SAID("\xEF\xBB"
          "data: a\n\n"),
     ""},
    {"named", SAID("event: add\ndata: 1\n\ndata: 2\n\n"), "add/1/|message/2/|"},
    {"no data, no event", SAID("event: add\n\ndata: 2\n\n"), "message/2/|"},
    {"the priming event has empty data", SAID("id: 7\ndata:\n\n"), "message//7|"},
    {"an id holds on", SAID("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"),
     "message/a/1|message/b/1|message/c/|"},
    {"an id with a NUL is ignored", SAID("id: 1\nid: a\0b\ndata: a\n\n"), "message/a/1|"},
    {"comments", SAID(": ping\n\n:\ndata: a\n:x\n\n"), "message/a/|"},
    {"unknown fields and case", SAID("Data: x\nfoo: bar\n data: y\ndata: a\n\n"), "message/a/|"},
    {"the end drops what is not ended", SAID("data: a\n\ndata: b\n"), "message/a/|"},
    {"bytes pass as they are", SAID("data: \xFF\xC3\x28\n\n"), "message/\xFF\xC3\x28/|"},
    {"colons in values", SAID("data: a: b:c\n\n"), "message/a: b:c/|"},
};

static void feed(struct sse_parser *parser, struct heard *heard, struct str bytes, size_t step)
{
    while (bytes.len > 0) {
        assert_true(sse_feed(parser, str_first(bytes, step), on_event, heard));
        bytes = str_from(bytes, step);
    }
}

static void conversations_read_the_same_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(conversations); i++) {
        for (size_t step = 1; step <= conversations[i].bytes.len; step++) {
            struct sse_parser parser;
            struct heard heard = {.count = 0};
            buf_init(&heard.text, 4096);
            sse_parser_init(&parser, 1024);
            feed(&parser, &heard, conversations[i].bytes, step);
            if (!str_eq(buf_str(&heard.text), str_c(conversations[i].heard)))
                fail_msg("%s in steps of %zu: " STR_FMT, conversations[i].name, step,
                         STR_ARG(buf_str(&heard.text)));
            sse_parser_done(&parser);
            buf_done(&heard.text);
        }
    }
}

static void retry_takes_digits_alone(void **state)
{
    (void)state;
    static const struct {
        struct str said;
        int64_t retry_ms;
    } cases[] = {
        {STR_INIT("retry: 1500\n"), 1500}, {STR_INIT("retry:007\n"), 7},
        {STR_INIT("retry: 0\n"), 0},       {STR_INIT("retry: -1\n"), -1},
        {STR_INIT("retry: 1.5\n"), -1},    {STR_INIT("retry: 99999999999999999999\n"), -1},
        {STR_INIT("retry:\n"), -1},        {STR_INIT("data: 1\n"), -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sse_parser parser;
        struct heard heard = {.count = 0};
        sse_parser_init(&parser, 64);
        feed(&parser, &heard, cases[i].said, 64);
        assert_int_equal(sse_retry_ms(&parser), cases[i].retry_ms);
        sse_parser_done(&parser);
    }
}

static bool takes(struct str bytes, size_t step)
{
    struct sse_parser parser;
    struct heard heard = {.count = 0};
    bool is_fine = true;
    buf_init(&heard.text, 4096);
    sse_parser_init(&parser, 20);
    for (; bytes.len > 0 && is_fine; bytes = str_from(bytes, step))
        is_fine = sse_feed(&parser, str_first(bytes, step), on_event, &heard);
    if (!is_fine)
        assert_false(sse_feed(&parser, STR("data: 1\n\n"), on_event, &heard));
    sse_parser_done(&parser);
    buf_done(&heard.text);
    return is_fine;
}

static void what_is_over_the_bound_ends_it_for_good(void **state)
{
    (void)state;
    for (size_t step = 1; step < 100; step += 13) {
        assert_true(takes(STR("data: 12345678901234\n\n"), step));
        assert_false(takes(STR("data: 123456789012345\n\n"), step));
        assert_true(takes(STR("data: 123456789\ndata: 1234567890\n\n"), step));
        assert_false(takes(STR("data: 1234567890\ndata: 12345678901\n\n"), step));
        assert_false(takes(STR(":2345678901234567890123"), step));
        assert_true(takes(STR(":234567890123456789\n:234567890123456789\n\n"), step));
    }
}

static void a_megabyte_of_line_ends_is_read_in_a_moment(void **state)
{
    (void)state;
    enum { LEN = 1 << 20 };
    struct sse_parser parser;
    struct heard heard = {.count = 0};
    char *ends = malloc(LEN);
    assert_non_null(ends);
    for (int c = 0; c < 2; c++) {
        memset(ends, c == 0 ? '\r' : '\n', LEN);
        sse_parser_init(&parser, 64);
        feed(&parser, &heard, str_of(ends, LEN), LEN);
        sse_parser_done(&parser);
    }
    assert_int_equal(heard.count, 0);
    free(ends);
}

static void frees(void *ctx, const struct sse_event *event)
{
    struct sse_parser **parser = ctx;
    assert_str(event->data, "1");
    assert_non_null(*parser);
    sse_parser_done(*parser);
    free(*parser);
    *parser = NULL;
}

static void who_hears_an_event_may_free_the_parser(void **state)
{
    (void)state;
    for (size_t step = 1; step < 20; step += 9) {
        struct sse_parser *parser = malloc(sizeof *parser);
        struct str bytes = STR("data: 1\n\ndata: 2\n\n");
        assert_non_null(parser);
        sse_parser_init(parser, 64);
        for (; parser != NULL; bytes = str_from(bytes, step))
            assert_true(sse_feed(parser, str_first(bytes, step), frees, &parser));
        assert_true(bytes.len > 0 || step > 18);
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    static const struct {
        struct sse_event event;
        const char *written;
        const char *heard;
    } cases[] = {
        {{STR_INIT("message"), STR_INIT("{}"), STR_INIT("")},
         "event: message\ndata: {}\n\n",
         "message/{}/|"},
        {{STR_INIT(""), STR_INIT("1\n2\r\n3\r4"), STR_INIT("9")},
         "id: 9\ndata: 1\ndata: 2\ndata: 3\ndata: 4\n\n",
         "message/1\n2\n3\n4/9|"},
        {{STR_INIT(""), STR_INIT("\n\r"), STR_INIT("")},
         "data: \ndata: \ndata: \n\n",
         "message/\n\n/|"},
        {{STR_INIT(""), STR_INIT(""), STR_INIT("1")}, "id: 1\ndata: \n\n", "message//1|"},
        {{STR_INIT("x\ndata: forged"), STR_INIT("a"), STR_INIT("1\rdata: 2")},
         "data: a\n\n",
         "message/a/|"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sse_parser parser;
        struct buf out;
        struct heard heard = {.count = 0};
        buf_init(&out, 4096);
        buf_init(&heard.text, 4096);
        sse_write_ping(&out);
        assert_str(buf_str(&out), ":\n\n");
        buf_clear(&out);
        sse_write(&out, &cases[i].event);
        assert_str(buf_str(&out), cases[i].written);
        sse_write_ping(&out);
        sse_parser_init(&parser, 1024);
        feed(&parser, &heard, buf_str(&out), 1024);
        assert_str(buf_str(&heard.text), cases[i].heard);
        sse_parser_done(&parser);
        buf_done(&heard.text);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_read_the_same_however_they_are_cut),
        cmocka_unit_test(retry_takes_digits_alone),
        cmocka_unit_test(what_is_over_the_bound_ends_it_for_good),
        cmocka_unit_test(a_megabyte_of_line_ends_is_read_in_a_moment),
        cmocka_unit_test(who_hears_an_event_may_free_the_parser),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
