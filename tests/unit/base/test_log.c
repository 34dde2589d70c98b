#include "unit.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"

enum { MAX_OUTPUT = 1 << 20, ARENA_BYTES = 8 << 20 };

static int fds[2];
static struct arena *arena;

static int begin(void **state)
{
    (void)state;
    arena = arena_new(ARENA_BYTES);
    if (arena == NULL || pipe(fds) != 0)
        return -1;
    log_set_fd(fds[1]);
    return 0;
}

static int end(void **state)
{
    (void)state;
    log_set_fd(STDERR_FILENO);
    log_set_level(LOG_INFO);
    (void)close(fds[0]);
    arena_free(arena);
    return 0;
}

/* Everything logged since begin(). */
static struct str output(void)
{
    char *text = arena_alloc(arena, MAX_OUTPUT);
    size_t len = 0;
    ssize_t got = 0;

    assert_non_null(text);
    (void)close(fds[1]);
    while ((got = read(fds[0], text + len, MAX_OUTPUT - len)) > 0)
        len += (size_t)got;
    return str_of(text, len);
}

static struct json_doc parse_line(struct str line)
{
    struct json_doc doc = {.count = 0};
    struct err err;

    assert_ok(json_parse(line, &json_limits_default, arena, &doc, &err), err);
    assert_int_equal(json_type(&doc, 0), JSON_OBJECT);
    return doc;
}

/* The one line that was logged, as JSON. */
static struct json_doc the_line(void)
{
    struct str rest = output();
    struct str line = str_cut(&rest, '\n');

    assert_int_equal(rest.len, 0);
    return parse_line(line);
}

static struct str value_of(const struct json_doc *doc, const char *name)
{
    struct str text = STR_NONE;

    if (!json_str(doc, json_get(doc, 0, str_c(name)), arena, &text))
        fail_msg("no string \"%s\"", name);
    return text;
}

/* The bytes behind text that \u00XX of each byte from 0x80 on came from. */
static struct str bytes_behind(struct str text)
{
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    assert_non_null(bytes);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < 0x80) {
            bytes[len++] = text.ptr[i];
            continue;
        }
        assert_true((c == 0xc2 || c == 0xc3) && i + 1 < text.len);
        bytes[len++] = (char)((c & 3) << 6 | (text.ptr[++i] & 0x3f));
    }
    return str_of(bytes, len);
}

static void a_line_has_time_level_event_and_its_fields_in_order(void **state)
{
    (void)state;
    struct err err;

    (void)err_set(&err, ERR_DENIED, "no grant");
    log_event(LOG_WARN, "call_denied", LOG_C("tool", "write_file"), LOG_INT("bytes", -7),
              LOG_BOOL("is_last", true), LOG_STR("none", STR_NONE), LOG_C("null", NULL),
              LOG_ERR(&err));
    struct str text = output();
    struct str time = str_first(str_from(text, strlen("{\"time\":\"")), strlen("2026-11-23T"));
    assert_int_equal(time.ptr[4], '-');
    assert_str(str_from(text, strlen("{\"time\":\"2026-11-23T14:00:00.000000Z\"")),
               ",\"level\":\"warn\",\"event\":\"call_denied\",\"tool\":\"write_file\",\"bytes\":-7,"
               "\"is_last\":true,\"none\":\"\",\"null\":\"\",\"error\":\"denied\","
               "\"message\":\"no grant\"}\n");
}

static void a_line_without_fields_is_fine(void **state)
{
    (void)state;
    log_event(LOG_INFO, "ready");
    struct json_doc doc = the_line();
    assert_str(value_of(&doc, "event"), "ready");
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    log_event(LOG_DEBUG, "hidden");
    log_set_level(LOG_ERROR);
    log_event(LOG_WARN, "hidden");
    log_event(LOG_ERROR, "shown");
    struct json_doc doc = the_line();
    assert_str(value_of(&doc, "event"), "shown");
}

/* Texts that would forge a line, end a string, move a terminal's cursor, or break a reader. */
static const struct str hostile[] = {
    STR_INIT(
        "\n{\"time\":\"2026-11-23T14:00:00.000000Z\",\"level\":\"info\",\"event\":\"forged\"}\n"),
    STR_INIT("\",\"event\":\"forged\",\"x\":\""),
    STR_INIT("\\\",\"event\":\"forged\"}\n"),
    STR_INIT("\\"),
    STR_INIT("\""),
    STR_INIT("\r\n\r\n"),
    STR_INIT("a\0b"),
    STR_INIT("\x1b[2K\x1b[1A\x1b]0;forged\x07"),
    STR_INIT("\xc2\x9b"
             "2K"),
    STR_INIT("\xe2\x80\xa8"
             "forged"
             "\xe2\x80\xa9"),
    STR_INIT("\xe2\x80\xae"
             "degrof"),
    STR_INIT("\xef\xbb\xbf"),
    STR_INIT("\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80"),
    STR_INIT("\x85\xa0"),
    STR_INIT("%s%n%x"),
    STR_INIT("</script><script>"),
};

static void hostile_bytes_can_not_forge_a_line_and_can_be_had_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++)
        log_event(LOG_INFO, "canary", LOG_STR("value", hostile[i]), LOG_INT("number", i));
    struct str rest = output();
    for (size_t i = 0; i < rest.len; i++)
        assert_true(rest.ptr[i] == '\n' || (rest.ptr[i] >= 0x20 && rest.ptr[i] < 0x7f));
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        struct json_doc doc = parse_line(str_cut(&rest, '\n'));
        int64_t number = -1;

        assert_str(value_of(&doc, "event"), "canary");
        assert_true(json_i64(&doc, json_get(&doc, 0, STR("number")), &number));
        assert_int_equal(number, i);
        assert_true(str_eq(bytes_behind(value_of(&doc, "value")), hostile[i]));
    }
    assert_int_equal(rest.len, 0);
}

static void every_byte_comes_back_from_its_line(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        const char byte = (char)c;

        log_event(LOG_INFO, "byte", LOG_STR("value", str_of(&byte, 1)));
    }
    struct str rest = output();
    for (unsigned c = 0; c < 256; c++) {
        struct json_doc doc = parse_line(str_cut(&rest, '\n'));
        struct str bytes = bytes_behind(value_of(&doc, "value"));

        assert_int_equal(bytes.len, 1);
        assert_int_equal((unsigned char)bytes.ptr[0], c);
    }
}

/* However much comes in, the line is written, parses, and a pipe takes it whole. */
static void long_values_are_cut_and_no_line_is_lost(void **state)
{
    (void)state;
    static char text[5000];
    static const char fillers[] = {'a', '\x01', '"', '\xff'};
    struct str value = str_of(text, sizeof text);

    for (size_t i = 0; i < ARRAY_LEN(fillers); i++) {
        memset(text, fillers[i], sizeof text);
        log_event(LOG_WARN, "long", LOG_STR("a", value), LOG_STR("b", value), LOG_STR("c", value),
                  LOG_STR("d", value), LOG_STR("e", value), LOG_STR("f", value),
                  LOG_INT("last", INT64_MIN));
    }
    struct str rest = output();
    for (size_t i = 0; i < ARRAY_LEN(fillers); i++) {
        struct str line = str_cut(&rest, '\n');
        struct json_doc doc = parse_line(line);
        int64_t last = 0;

        assert_true(line.len < PIPE_BUF);
        assert_in_range(bytes_behind(value_of(&doc, "a")).len, 80, 1024);
        assert_in_range(bytes_behind(value_of(&doc, "f")).len, 80, 1024);
        assert_true(json_i64(&doc, json_get(&doc, 0, STR("last")), &last));
        assert_int_equal(last, INT64_MIN);
    }
    assert_int_equal(rest.len, 0);
}

static void one_short_field_leaves_its_share_to_the_next(void **state)
{
    (void)state;
    static char text[1024];

    memset(text, 'a', sizeof text);
    log_event(LOG_INFO, "shares", LOG_C("a", "x"), LOG_C("b", "y"), LOG_C("c", "z"),
              LOG_STR("d", str_of(text, sizeof text)), LOG_STR("e", str_of(text, sizeof text)));
    struct json_doc doc = the_line();
    assert_int_equal(value_of(&doc, "d").len, 1024);
    assert_int_equal(value_of(&doc, "e").len, 1024);
}

enum { THREADS = 4, LINES = 50 };

static void *log_many(void *ctx)
{
    for (int i = 0; i < LINES; i++)
        log_event(LOG_INFO, "thread", LOG_C("who", ctx), LOG_INT("line", i));
    return NULL;
}

static void lines_of_many_threads_do_not_mix(void **state)
{
    (void)state;
    static char names[THREADS][8] = {"one", "two", "three", "four"};
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    struct str rest = output();
    size_t lines = 0;
    for (; rest.len > 0; lines++) {
        struct json_doc doc = parse_line(str_cut(&rest, '\n'));

        assert_str(value_of(&doc, "event"), "thread");
    }
    assert_int_equal(lines, THREADS * LINES);
}

static void a_closed_log_does_not_stop_the_program(void **state)
{
    (void)state;
    log_set_fd(-1);
    log_event(LOG_ERROR, "unheard");
    log_set_fd(fds[1]);
    assert_int_equal(output().len, 0);
}

#define line_test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        line_test(a_line_has_time_level_event_and_its_fields_in_order),
        line_test(a_line_without_fields_is_fine),
        line_test(lines_below_the_level_are_not_written),
        line_test(hostile_bytes_can_not_forge_a_line_and_can_be_had_back),
        line_test(every_byte_comes_back_from_its_line),
        line_test(long_values_are_cut_and_no_line_is_lost),
        line_test(one_short_field_leaves_its_share_to_the_next),
        line_test(lines_of_many_threads_do_not_mix),
        line_test(a_closed_log_does_not_stop_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
