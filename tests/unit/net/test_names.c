#include "unit.h"

#include <stdio.h>
#include <uv.h>

#include "base/clock.h"
#include "net/loop.h"
#include "net/names.h"

/* The linker puts this in the resolver's place: nothing but localhost is asked for in earnest. */
int __real_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb on_resolved,
                          const char *node, const char *service, const struct addrinfo *hints);
int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb on_resolved,
                          const char *node, const char *service, const struct addrinfo *hints);

int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb on_resolved,
                          const char *node, const char *service, const struct addrinfo *hints)
{
    struct addrinfo changed = *hints;
    if (strcmp(node, "localhost") != 0)
        changed.ai_flags |= AI_NUMERICHOST;
    return __real_uv_getaddrinfo(loop, request, on_resolved, node, service, &changed);
}

struct answer {
    struct name_lookup lookup;
    int calls;
    size_t count;
    struct addr first;
    struct err err;
    struct name_cache *cache; /* asked again from within; may be NULL */
};

static void on_done(struct name_lookup *lookup, const struct addr *addrs, size_t count,
                    const struct err *err)
{
    struct answer *answer = lookup->ctx;
    answer->calls++;
    answer->count = count;
    assert_true((count == 0) == (err != NULL));
    if (count > 0)
        answer->first = addrs[0];
    else
        answer->err = *err;
    if (answer->cache != NULL && answer->calls == 1)
        names_lookup(answer->cache, lookup, STR("localhost"));
}

static struct answer asked(void)
{
    return (struct answer){.lookup = {.on_done = on_done}};
}

static void ask(struct name_cache *cache, struct answer *answer, const char *host)
{
    answer->lookup.ctx = answer;
    names_lookup(cache, &answer->lookup, str_c(host));
}

static void turn_until(struct loop *loop, const int *count, int target)
{
    uint64_t start_us = clock_mono_us();
    while (*count < target) {
        (void)uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        assert_true(clock_mono_us() - start_us < 20000000);
    }
}

static void addresses_are_answered_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        const char *ip;
    } cases[] = {{"127.0.0.1", "127.0.0.1"}, {"::1", "::1"}, {"[::1]", "::1"}};
    struct loop *loop = loop_new(8);
    struct name_cache *cache = names_cache_new(loop, 30000);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[ADDR_TEXT_BYTES];
        struct answer answer = asked();
        ask(cache, &answer, cases[i].host);
        assert_int_equal(answer.calls, 1);
        assert_int_equal(answer.count, 1);
        addr_format_ip(&answer.first, text);
        assert_str(str_c(text), cases[i].ip);
    }
    names_cache_free(cache);
    loop_free(loop);
}

static void what_is_no_name_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "",
        "127.1",
        "0x7f000001",
        "2130706433",
        "1.2.3.4.5",
        "a b",
        "a/b",
        "-a",
        "a.0x7f",
        "[::1",
        "a:1",
        "\xC3\xBC.example",
        "a%00",
        "10.0.0.1.",
        "a..b",
        ".a",
        "a-label-that-is-longer-than-any-label-may-be-because-sixty-three-is-the-most.example",
    };
    char long_host[300];
    struct loop *loop = loop_new(8);
    struct name_cache *cache = names_cache_new(loop, 30000);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct answer answer = asked();
        ask(cache, &answer, hosts[i]);
        if (answer.calls != 1 || answer.err.code != ERR_INVALID)
            fail_msg("%s is taken", hosts[i]);
    }
    memset(long_host, 'a', sizeof long_host - 1);
    long_host[sizeof long_host - 1] = '\0';
    struct answer answer = asked();
    ask(cache, &answer, long_host);
    assert_int_equal(answer.err.code, ERR_INVALID);
    names_cache_free(cache);
    loop_free(loop);
}

static void many_who_ask_for_one_name_get_one_answer_later_ones_at_once(void **state)
{
    (void)state;
    struct loop *loop = loop_new(8);
    struct name_cache *cache = names_cache_new(loop, 30000);
    struct answer answers[5];
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        answers[i] = asked();
        ask(cache, &answers[i], i % 2 == 0 ? "localhost" : "LOCALHOST");
        assert_int_equal(answers[i].calls, 0);
    }
    /* One is cancelled, one asks again from within. */
    names_cancel(&answers[2].lookup);
    names_cancel(&answers[2].lookup);
    answers[3].cache = cache;
    turn_until(loop, &answers[4].calls, 1);
    assert_int_equal(answers[2].calls, 0);
    assert_int_equal(answers[3].calls, 2);
    assert_true(addr_is_loopback(&answers[0].first));
    assert_int_equal(answers[0].first.port, 0);
    struct answer later = asked();
    ask(cache, &later, "LocalHost");
    assert_int_equal(later.calls, 1);
    assert_true(addr_is_loopback(&later.first));
    names_cache_free(cache);
    loop_free(loop);
}

static void an_answer_is_forgotten_after_its_time(void **state)
{
    (void)state;
    struct loop *loop = loop_new(8);
    struct name_cache *cache = names_cache_new(loop, 0);
    struct answer first = asked();
    struct answer second = asked();
    ask(cache, &first, "localhost");
    turn_until(loop, &first.calls, 1);
    ask(cache, &second, "localhost");
    assert_int_equal(second.calls, 0);
    turn_until(loop, &second.calls, 1);
    names_cache_free(cache);
    loop_free(loop);
}

static void a_failure_is_an_answer_too(void **state)
{
    (void)state;
    struct loop *loop = loop_new(8);
    struct name_cache *cache = names_cache_new(loop, 30000);
    struct answer first = asked();
    struct answer second = asked();
    ask(cache, &first, "no-such-host.invalid");
    turn_until(loop, &first.calls, 1);
    assert_int_equal(first.count, 0);
    assert_int_equal(first.err.code, ERR_UPSTREAM);
    ask(cache, &second, "no-such-host.invalid");
    assert_int_equal(second.calls, 1);
    names_cache_free(cache);
    loop_free(loop);
}

static void a_cache_may_be_freed_while_names_are_resolved(void **state)
{
    (void)state;
    struct loop *loop = loop_new(8);
    struct name_cache *cache = names_cache_new(loop, 30000);
    struct answer answers[8];
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        char host[] = "a.invalid";
        host[0] = (char)('a' + i);
        answers[i] = asked();
        ask(cache, &answers[i], host);
    }
    names_cache_free(cache);
    names_cancel(&answers[0].lookup);
    loop_free(loop);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        assert_int_equal(answers[i].calls, 0);
}

static void the_cache_does_not_grow_beyond_its_bound(void **state)
{
    (void)state;
    struct loop *loop = loop_new(8);
    struct name_cache *cache = names_cache_new(loop, 30000);
    static struct answer answers[NAMES_MAX_ENTRIES + 1];
    struct answer more = asked();
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        char host[100];
        (void)snprintf(host, sizeof host, "h%zu.invalid", i);
        answers[i] = asked();
        ask(cache, &answers[i], host);
    }
    assert_int_equal(answers[NAMES_MAX_ENTRIES].err.code, ERR_BUSY);
    turn_until(loop, &answers[0].calls, 1);
    ask(cache, &more, "localhost");
    assert_int_equal(more.calls, 0);
    turn_until(loop, &more.calls, 1);
    assert_true(addr_is_loopback(&more.first));
    names_cache_free(cache);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_answered_at_once),
        cmocka_unit_test(what_is_no_name_is_refused_at_once),
        cmocka_unit_test(many_who_ask_for_one_name_get_one_answer_later_ones_at_once),
        cmocka_unit_test(an_answer_is_forgotten_after_its_time),
        cmocka_unit_test(a_failure_is_an_answer_too),
        cmocka_unit_test(a_cache_may_be_freed_while_names_are_resolved),
        cmocka_unit_test(the_cache_does_not_grow_beyond_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
