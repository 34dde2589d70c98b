/*
 * What a provider says of opaque tokens: a small HTTP server on loopback answers. Time is what the
 * test says it is; only the network is real.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#include "identity/introspection.h"
#include "net/fetch.h"

#define SECOND INT64_C(1000000)
#define NOW    (INT64_C(1790000000) * SECOND)

struct site {
    int fd;
    char url[64];
    char secret_path[64];
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    int status;
    char body[512];
    char asked[4096]; /* the last request */
    unsigned count;
    struct provider provider;
    struct introspector *introspector;
};

static size_t body_length(const char *got)
{
    const char *field = strstr(got, "Content-Length: ");
    unsigned long length = 0;
    return field != NULL && sscanf(field, "Content-Length: %lu", &length) == 1 ? length : 0;
}

static bool is_whole(const char *got)
{
    const char *end = strstr(got, "\r\n\r\n");
    return end != NULL && strlen(end + 4) >= body_length(got);
}

static void answer_one(struct site *site, int fd)
{
    char got[4096] = "";
    char reply[1024];
    size_t len = 0;
    while (!is_whole(got)) {
        ssize_t now = read(fd, got + len, sizeof got - 1 - len);
        if (now <= 0)
            return;
        len += (size_t)now;
    }
    (void)pthread_mutex_lock(&site->lock);
    site->count++;
    memcpy(site->asked, got, sizeof got);
    int size = snprintf(reply, sizeof reply,
                        "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                        site->status, strlen(site->body), site->body);
    (void)pthread_mutex_unlock(&site->lock);
    (void)send(fd, reply, (size_t)size, MSG_NOSIGNAL);
}

static void *serve(void *ctx)
{
    struct site *site = ctx;
    int fd = -1;
    while ((fd = accept(site->fd, NULL, NULL)) >= 0) {
        answer_one(site, fd);
        close(fd);
    }
    return NULL;
}

static int set_up_group(void **state)
{
    struct err err;
    (void)state;
    return fetch_init(&err) != ERR_OK;
}

static void write_secret(struct site *site)
{
    (void)snprintf(site->secret_path, sizeof site->secret_path, "/tmp/introspection.XXXXXX");
    int fd = mkstemp(site->secret_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a:b\n", 4), 4);
    assert_int_equal(fchmod(fd, 0600), 0);
    close(fd);
}

static int set_up(void **state)
{
    static struct site site;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    site = (struct site){.lock = PTHREAD_MUTEX_INITIALIZER, .status = 200};
    site.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(site.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(site.fd, 8), 0);
    assert_int_equal(getsockname(site.fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(site.url, sizeof site.url, "http://127.0.0.1:%d/asked", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&site.thread, NULL, serve, &site), 0);
    write_secret(&site);
    site.provider = (struct provider){.name = STR_INIT("corp"),
                                      .issuer = STR_INIT("http://127.0.0.1:1"),
                                      .client_id = STR_INIT("this gateway"),
                                      .introspection_url = str_c(site.url),
                                      .introspection_seconds = 60};
    const struct introspection_config config = {.provider = &site.provider,
                                                .secret_path = site.secret_path,
                                                .max_kept = 8,
                                                .timeout_ms = 300};
    site.introspector = introspector_new(&config);
    assert_non_null(site.introspector);
    *state = &site;
    return 0;
}

static void close_site(struct site *site)
{
    if (site->fd < 0)
        return;
    (void)shutdown(site->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(site->thread, NULL), 0);
    close(site->fd);
    site->fd = -1;
}

static int tear_down(void **state)
{
    struct site *site = *state;
    introspector_free(site->introspector);
    close_site(site);
    (void)unlink(site->secret_path);
    return 0;
}

static void say(struct site *site, int status, const char *body)
{
    (void)pthread_mutex_lock(&site->lock);
    site->status = status;
    (void)snprintf(site->body, sizeof site->body, "%s", body);
    (void)pthread_mutex_unlock(&site->lock);
}

static unsigned asked(struct site *site)
{
    (void)pthread_mutex_lock(&site->lock);
    unsigned count = site->count;
    (void)pthread_mutex_unlock(&site->lock);
    return count;
}

static enum introspection find(struct site *site, const char *token, int64_t now_us)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(64 << 10);
    struct str answer = STR_NONE;
    int64_t until_us = 0;
    enum introspection found =
        introspector_find(site->introspector, str_c(token), now_us, arena, &answer, &until_us);
    assert_true(found != INTROSPECTION_ACTIVE || (answer.len > 0 && until_us > now_us));
    return found;
}

static enum err_code ask(struct site *site, const char *token, int64_t now_us)
{
    struct err err;
    return introspector_ask(site->introspector, str_c(token), now_us, &err);
}

static struct addr from(const char *text)
{
    struct addr addr;
    assert_true(addr_parse_ip(str_c(text), &addr));
    return addr;
}

static bool may_ask(struct site *site, const char *token, const char *source, int64_t now_us)
{
    struct addr addr = from(source);
    return introspector_may_ask(site->introspector, str_c(token), &addr, now_us);
}

static void the_provider_is_asked_once_and_told_who_asks(void **state)
{
    struct site *site = *state;
    say(site, 200, "{\"active\":true}");
    assert_int_equal(find(site, "to/ken", NOW), INTROSPECTION_UNKNOWN);
    assert_int_equal(ask(site, "to/ken", NOW), ERR_OK);
    assert_int_equal(ask(site, "to/ken", NOW), ERR_OK);
    assert_int_equal(find(site, "to/ken", NOW), INTROSPECTION_ACTIVE);
    assert_int_equal(find(site, "to/kem", NOW), INTROSPECTION_UNKNOWN);
    assert_int_equal(asked(site), 1);
    assert_non_null(strstr(site->asked, "POST /asked "));
    assert_non_null(strstr(site->asked, "token_type_hint=access_token&token=to%2Fken"));
    /* RFC 6749 §2.3.1: both halves are form-encoded: "this+gateway:a%3Ab" or with %20. */
    assert_true(strstr(site->asked, "Basic dGhpcytnYXRld2F5OmElM0Fi") != NULL ||
                strstr(site->asked, "Basic dGhpcyUyMGdhdGV3YXk6YSUzQWI=") != NULL);
}

static void
an_answer_counts_until_the_token_expires_and_no_longer_than_the_settings_say(void **state)
{
    struct site *site = *state;
    say(site, 200, "{\"active\":true,\"exp\":1790000010}");
    assert_int_equal(ask(site, "short", NOW), ERR_OK);
    assert_int_equal(find(site, "short", NOW + 9 * SECOND), INTROSPECTION_ACTIVE);
    assert_int_equal(find(site, "short", NOW + 10 * SECOND), INTROSPECTION_UNKNOWN);
    static const char *const others[] = {"{\"active\":true,\"exp\":1890000000}",
                                         "{\"active\":true}", "{\"active\":true,\"exp\":-5}",
                                         "{\"active\":true,\"exp\":9223372036854775807}"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        char token[16];
        (void)snprintf(token, sizeof token, "long-%zu", i);
        say(site, 200, others[i]);
        assert_int_equal(ask(site, token, NOW), ERR_OK);
        assert_int_equal(find(site, token, NOW + 59 * SECOND), INTROSPECTION_ACTIVE);
        assert_int_equal(find(site, token, NOW + 60 * SECOND), INTROSPECTION_UNKNOWN);
    }
}

static void nothing_but_a_clear_yes_is_one(void **state)
{
    static const struct {
        int status;
        const char *body;
    } rows[] = {
        {200, "{\"active\":\"true\"}"},
        {200, "{\"active\":1}"},
        {200, "{\"active\":null}"},
        {200, "{}"},
        {200, "[true]"},
        {200, "true"},
        {200, ""},
        {200, "{\"active\":true"},
        {200, "{\"active\":true}x"},
        {200, "{\"active\":true,\"active\":false}"},
        {200, "{\"active\":false,\"active\":true}"},
        {200, "{\"Active\":true}"},
        {201, "{\"active\":true}"},
        {302, "{\"active\":true}"},
        {401, "{\"active\":true}"},
        {500, "{\"active\":true}"},
    };
    struct site *site = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char token[16];
        (void)snprintf(token, sizeof token, "token-%zu", i);
        say(site, rows[i].status, rows[i].body);
        assert_int_not_equal(ask(site, token, NOW), ERR_OK);
        assert_int_equal(find(site, token, NOW), INTROSPECTION_FAILED);
    }
    assert_int_equal(asked(site), ARRAY_LEN(rows));
}

static void a_no_is_remembered_for_a_while_and_ends_a_yes(void **state)
{
    struct site *site = *state;
    say(site, 200, "{\"active\":true}");
    assert_int_equal(ask(site, "token", NOW), ERR_OK);
    say(site, 200, "{\"active\":false}");
    int64_t later = NOW + 60 * SECOND;
    assert_int_equal(ask(site, "token", later), ERR_OK);
    assert_int_equal(find(site, "token", later), INTROSPECTION_INACTIVE);
    assert_int_equal(ask(site, "token", later), ERR_OK);
    assert_int_equal(asked(site), 2);
    later += INTROSPECTION_INACTIVE_SECONDS * SECOND;
    assert_int_equal(find(site, "token", later), INTROSPECTION_UNKNOWN);
}

static void an_address_has_a_share_of_what_is_asked_for_in_a_second(void **state)
{
    struct site *site = *state;
    char token[32];
    unsigned taken = 0;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(token, sizeof token, "made-up-%d", i);
        taken += may_ask(site, token, "203.0.113.7", NOW);
    }
    assert_int_equal(taken, INTROSPECTION_PER_SOURCE);
    assert_true(may_ask(site, "token", "203.0.113.8", NOW));
    assert_true(may_ask(site, "another", "203.0.113.7", NOW + SECOND));
}

static void whoever_has_an_ipv6_network_has_one_share(void **state)
{
    struct site *site = *state;
    char token[32];
    char source[64];
    unsigned taken = 0;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(token, sizeof token, "made-up-%d", i);
        (void)snprintf(source, sizeof source, "2001:db8:0:1::%x", i + 1);
        taken += may_ask(site, token, source, NOW);
    }
    assert_int_equal(taken, INTROSPECTION_PER_SOURCE);
    assert_true(may_ask(site, "token", "2001:db8:0:2::1", NOW));
}

static void many_addresses_have_no_more_than_there_is_for_all(void **state)
{
    struct site *site = *state;
    char token[32];
    char source[64];
    unsigned taken = 0;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(token, sizeof token, "made-up-%d", i);
        (void)snprintf(source, sizeof source, "203.0.%d.%d", i / 250, i % 250);
        taken += may_ask(site, token, source, NOW);
    }
    assert_int_equal(taken, INTROSPECTION_PER_SECOND);
}

static void exhaust(struct site *site, int64_t now_us)
{
    char token[32];
    char source[64];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(token, sizeof token, "invented-%d", i);
        (void)snprintf(source, sizeof source, "198.51.%d.%d", i / 250, i % 250);
        (void)may_ask(site, token, source, now_us);
    }
    assert_false(may_ask(site, "unknown", "203.0.113.7", now_us));
}

static void a_token_that_was_good_is_asked_for_again_whatever_others_invent(void **state)
{
    struct site *site = *state;
    int64_t later = NOW + 61 * SECOND;
    say(site, 200, "{\"active\":true}");
    assert_int_equal(ask(site, "good", NOW), ERR_OK);
    exhaust(site, later);
    assert_int_equal(find(site, "good", later), INTROSPECTION_UNKNOWN);
    assert_true(may_ask(site, "good", "203.0.113.7", later));
    say(site, 200, "{\"active\":false}");
    assert_int_equal(ask(site, "good", later), ERR_OK);
    /* From then on it is like any other. */
    later += INTROSPECTION_INACTIVE_SECONDS * SECOND;
    exhaust(site, later);
    assert_false(may_ask(site, "good", "203.0.113.7", later));
}

static void requests_that_wait_for_one_answer_count_as_one(void **state)
{
    struct site *site = *state;
    for (int i = 0; i < 1000; i++)
        assert_true(may_ask(site, "the same", "203.0.113.7", NOW));
    assert_true(may_ask(site, "another", "203.0.113.7", NOW));
}

static void what_failed_for_one_token_is_tried_again_soon_and_at_once_for_others(void **state)
{
    struct site *site = *state;
    say(site, 500, "");
    assert_int_not_equal(ask(site, "strange", NOW), ERR_OK);
    assert_int_equal(find(site, "strange", NOW), INTROSPECTION_FAILED);
    assert_int_equal(ask(site, "strange", NOW), ERR_OK);
    assert_int_equal(asked(site), 1);
    say(site, 200, "{\"active\":true}");
    assert_int_equal(ask(site, "good", NOW), ERR_OK);
    assert_int_equal(find(site, "good", NOW), INTROSPECTION_ACTIVE);
    assert_int_equal(ask(site, "strange", NOW + 10 * SECOND), ERR_OK);
    assert_int_equal(find(site, "strange", NOW + 10 * SECOND), INTROSPECTION_ACTIVE);
}

static void a_provider_that_does_not_answer_in_time_is_left_alone_for_a_moment(void **state)
{
    struct site *site = *state;
    say(site, 200, "{\"active\":true}");
    /* The site's thread waits for it before it answers. */
    (void)pthread_mutex_lock(&site->lock);
    assert_int_equal(ask(site, "one", NOW), ERR_TIMEOUT);
    assert_int_equal(introspector_requests(site->introspector), 1);
    for (int i = 0; i < 100; i++) {
        char token[32];
        (void)snprintf(token, sizeof token, "token-%d", i);
        assert_int_equal(ask(site, token, NOW), ERR_OK);
        assert_int_equal(find(site, token, NOW), INTROSPECTION_UNKNOWN);
    }
    assert_int_equal(introspector_requests(site->introspector), 1);
    (void)pthread_mutex_unlock(&site->lock);
    assert_int_equal(ask(site, "two", NOW + 30 * SECOND), ERR_OK);
    assert_int_equal(introspector_requests(site->introspector), 2);
}

static void one_that_is_not_there_is_asked_again_for_the_next_token(void **state)
{
    struct site *site = *state;
    close_site(site);
    assert_int_equal(ask(site, "one", NOW), ERR_UNAVAILABLE);
    assert_int_equal(find(site, "one", NOW), INTROSPECTION_FAILED);
    assert_int_equal(ask(site, "two", NOW), ERR_UNAVAILABLE);
    assert_int_equal(introspector_requests(site->introspector), 2);
}

static void without_the_secret_nobody_is_asked(void **state)
{
    struct site *site = *state;
    say(site, 200, "{\"active\":true}");
    assert_int_equal(unlink(site->secret_path), 0);
    assert_int_not_equal(ask(site, "token", NOW), ERR_OK);
    assert_int_equal(find(site, "token", NOW), INTROSPECTION_FAILED);
    assert_int_equal(asked(site), 0);
}

static void answers_are_kept_up_to_a_number_and_those_that_are_over_go_first(void **state)
{
    struct site *site = *state;
    char token[16];
    unsigned kept = 0;
    for (int i = 0; i < 8; i++) {
        (void)snprintf(token, sizeof token, "token-%d", i);
        say(site, 200, i == 3 ? "{\"active\":true,\"exp\":1790000001}" : "{\"active\":true}");
        assert_int_equal(ask(site, token, NOW), ERR_OK);
    }
    say(site, 200, "{\"active\":true}");
    assert_int_equal(ask(site, "ninth", NOW + 2 * SECOND), ERR_OK);
    for (int i = 0; i < 8; i++) {
        (void)snprintf(token, sizeof token, "token-%d", i);
        kept += find(site, token, NOW + 2 * SECOND) == INTROSPECTION_ACTIVE;
    }
    assert_int_equal(kept, 7);
    assert_int_equal(find(site, "ninth", NOW + 2 * SECOND), INTROSPECTION_ACTIVE);
    /* Where all count, the oldest can't be told: they are asked for again. */
    assert_int_equal(ask(site, "tenth", NOW + 2 * SECOND), ERR_OK);
    assert_int_equal(find(site, "tenth", NOW + 2 * SECOND), INTROSPECTION_ACTIVE);
    assert_int_equal(find(site, "ninth", NOW + 2 * SECOND), INTROSPECTION_UNKNOWN);
}

static void a_full_arena_is_a_limit_and_no_answer(void **state)
{
    struct site *site = *state;
    say(site, 200, "{\"active\":true}");
    assert_int_equal(ask(site, "token", NOW), ERR_OK);
    for (size_t room = 0; room < strlen("{\"active\":true}"); room++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(room);
        struct str answer = STR_NONE;
        int64_t until_us = 0;
        assert_int_equal(
            introspector_find(site->introspector, STR("token"), NOW, arena, &answer, &until_us),
            INTROSPECTION_LIMIT);
        assert_true(arena_failed(arena));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_provider_is_asked_once_and_told_who_asks),
        TEST(an_answer_counts_until_the_token_expires_and_no_longer_than_the_settings_say),
        TEST(nothing_but_a_clear_yes_is_one),
        TEST(a_no_is_remembered_for_a_while_and_ends_a_yes),
        TEST(an_address_has_a_share_of_what_is_asked_for_in_a_second),
        TEST(whoever_has_an_ipv6_network_has_one_share),
        TEST(many_addresses_have_no_more_than_there_is_for_all),
        TEST(a_token_that_was_good_is_asked_for_again_whatever_others_invent),
        TEST(requests_that_wait_for_one_answer_count_as_one),
        TEST(what_failed_for_one_token_is_tried_again_soon_and_at_once_for_others),
        TEST(a_provider_that_does_not_answer_in_time_is_left_alone_for_a_moment),
        TEST(one_that_is_not_there_is_asked_again_for_the_next_token),
        TEST(without_the_secret_nobody_is_asked),
        TEST(answers_are_kept_up_to_a_number_and_those_that_are_over_go_first),
        TEST(a_full_arena_is_a_limit_and_no_answer),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
