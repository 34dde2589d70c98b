#include "gate/ended.h"

#include "unit.h"

static void an_ended_session_is_known_until_it_would_have_ended(void **state)
{
    struct ended_sessions *ended = ended_new();
    struct uuid a = uuid_v7(1000);
    struct uuid b = uuid_v7(1000);

    (void)state;
    assert_false(ended_has(ended, &a));
    ended_add(ended, &a, 500);
    ended_add(ended, &b, 1500);
    ended_add(ended, &b, 1600);
    assert_true(ended_has(ended, &a));
    ended_sweep(ended, 1000);
    assert_false(ended_has(ended, &a));
    assert_true(ended_has(ended, &b));
    ended_free(ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ended_session_is_known_until_it_would_have_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
