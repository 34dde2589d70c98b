/* What is left of a segment after a crash, at every byte and in every order of sectors. */
#include "audit/recover.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "audit_fixture.h"
#include "base/rand.h"

enum { MAX_WRITES = 400, SECTOR = 512, BATCHES = 24, IMAGES = 60 };

/* The writes to the journal, as the disk got them. */
struct taken_write {
    uint64_t offset;
    size_t len;
    char *bytes;
    uint64_t acknowledged; /* entries that were durable before it */
};

struct tape {
    struct log_fixture *log;
    struct taken_write writes[MAX_WRITES];
    size_t count;
    char *before; /* the segment as it was when the log was opened */
    size_t size;
    int image; /* a file in memory to recover from */
    struct segment_head head;
};

static ssize_t taping_pwritev(void *ctx, int fd, const struct iovec *iov, int count, off_t offset)
{
    struct tape *tape = ctx;
    char link[64];
    char path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len < 0 ? 0 : len] = '\0';
    if (strstr(path, "/journal-") != NULL && tape->count < MAX_WRITES) {
        struct taken_write *taken = &tape->writes[tape->count++];
        *taken = (struct taken_write){.offset = (uint64_t)offset};
        for (int i = 0; i < count; i++) {
            taken->bytes = realloc(taken->bytes, taken->len + iov[i].iov_len);
            memcpy(taken->bytes + taken->len, iov[i].iov_base, iov[i].iov_len);
            taken->len += iov[i].iov_len;
        }
        if (tape->log->audit != NULL)
            taken->acknowledged = log_status(tape->log).entries;
    }
    return pwritev(fd, iov, count, offset);
}

static char *read_segment(const struct log_fixture *f, size_t *ret_size)
{
    char path[4096];
    segments_path(f->audit_dir, 1, path);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    off_t size = lseek(fd, 0, SEEK_END);
    char *bytes = malloc((size_t)size);
    assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
    close(fd);
    *ret_size = (size_t)size;
    return bytes;
}

/* Records BATCHES batches of one to three entries, some of them open intents. */
static int setup(void **state)
{
    struct err err;
    struct tape *tape = calloc(1, sizeof *tape);
    struct log_fixture *f = log_make();
    tape->log = f;
    f->config.hooks = (struct audit_hooks){.ctx = tape, .pwritev = taping_pwritev};
    log_open(f);
    tape->before = read_segment(f, &tape->size);
    for (int i = 0; i < BATCHES; i++) {
        struct audit_entry denial = a_denial();
        struct audit_entry intent = an_intent();
        struct heard heard;
        for (int j = 0; j < i % 3; j++)
            assert_ok(audit_port_add(f->port, &denial, NULL, NULL, &err), err);
        assert_int_equal(record(f, &intent, &heard), ERR_OK);
        receipt_free(heard.receipt);
        struct audit_entry outcome = an_outcome(&intent);
        if (i % 4 != 0)
            assert_int_equal(record(f, &outcome, &heard), ERR_OK);
    }
    tape->image = memfd_create("image", MFD_CLOEXEC);
    assert_true(segment_head_parse((const uint8_t *)tape->before, &tape->head));
    *state = tape;
    return 0;
}

static int teardown(void **state)
{
    struct tape *tape = *state;
    void *log = tape->log;
    log_teardown(&log);
    for (size_t i = 0; i < tape->count; i++)
        free(tape->writes[i].bytes);
    free(tape->before);
    close(tape->image);
    free(tape);
    return 0;
}

/* The file after all writes before number `count` reached the disk. */
static void lay_image(const struct tape *tape, size_t count)
{
    assert_int_equal(pwrite(tape->image, tape->before, tape->size, 0), tape->size);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pwrite(tape->image, tape->writes[i].bytes, tape->writes[i].len,
                                (off_t)tape->writes[i].offset),
                         tape->writes[i].len);
}

static enum err_code recover(const struct tape *tape, struct recovered *at, size_t *ret_open)
{
    struct err err;
    struct intents *intents = intents_new();
    enum err_code code = recover_segment(tape->image, &tape->head, intents, at, &err);
    *ret_open = intents_count(intents);
    intents_free(intents);
    return code;
}

static void what_was_written_is_recovered(void **state)
{
    const struct tape *tape = *state;
    struct recovered at;
    size_t open;
    for (size_t i = 0; i <= tape->count; i++) {
        lay_image(tape, i);
        assert_int_equal(recover(tape, &at, &open), ERR_OK);
        if (i < tape->count)
            assert_int_equal(at.end.index, tape->writes[i].acknowledged);
        assert_true(at.dirty_end <= at.end.offset);
    }
    assert_int_equal(open, BATCHES / 4);
    assert_int_equal(at.end.index, log_status(tape->log).entries);
}

static void a_torn_tail_is_cut_at_every_byte(void **state)
{
    const struct tape *tape = *state;
    struct recovered at;
    size_t open;
    const struct taken_write *last = &tape->writes[tape->count - 1];
    for (size_t len = 0; len < last->len; len++) {
        lay_image(tape, tape->count - 1);
        assert_int_equal(pwrite(tape->image, last->bytes, len, (off_t)last->offset), len);
        assert_int_equal(recover(tape, &at, &open), ERR_OK);
        /* Only zeros are missing at the very end of a whole batch: it counts. */
        if (at.end.index != last->acknowledged)
            assert_true(len > last->len - 8);
        else
            assert_true(at.dirty_end <= last->offset + len);
    }
}

static void sectors_may_arrive_in_any_order(void **state)
{
    const struct tape *tape = *state;
    struct recovered at;
    size_t open;
    int images = unit_is_slow() ? IMAGES / 10 : IMAGES;
    for (size_t i = 0; i < tape->count; i++) {
        const struct taken_write *torn = &tape->writes[i];
        for (int image = 0; image < images; image++) {
            uint64_t chosen = rand_u64();
            lay_image(tape, i);
            size_t sector = 0;
            uint64_t from = torn->offset;
            while (from < torn->offset + torn->len) {
                uint64_t to = (from / SECTOR + 1) * SECTOR;
                if (to > torn->offset + torn->len)
                    to = torn->offset + torn->len;
                if (chosen >> (sector++ % 64) & 1)
                    assert_int_equal(pwrite(tape->image, torn->bytes + (from - torn->offset),
                                            to - from, (off_t)from),
                                     to - from);
                from = to;
            }
            assert_int_equal(recover(tape, &at, &open), ERR_OK);
            assert_true(at.end.index >= torn->acknowledged);
            assert_true(at.end.index <= torn->acknowledged + 4);
        }
    }
}

static void a_flipped_bit_before_the_end_is_an_alarm(void **state)
{
    const struct tape *tape = *state;
    struct recovered at;
    size_t open;
    const struct taken_write *last = &tape->writes[tape->count - 1];
    uint64_t entries = log_status(tape->log).entries;
    uint64_t step = unit_is_slow() ? 131 : 13;
    lay_image(tape, tape->count);
    for (uint64_t offset = SEGMENT_HEAD_BYTES; offset < last->offset + last->len; offset += step) {
        char byte;
        assert_int_equal(pread(tape->image, &byte, 1, (off_t)offset), 1);
        char flipped = (char)(byte ^ (1 << (offset % 8)));
        assert_int_equal(pwrite(tape->image, &flipped, 1, (off_t)offset), 1);
        enum err_code code = recover(tape, &at, &open);
        if (offset < last->offset)
            assert_int_equal(code, ERR_CORRUPT);
        else
            assert_true(code == ERR_OK && at.end.index <= entries);
        assert_int_equal(pwrite(tape->image, &byte, 1, (off_t)offset), 1);
    }
}

static void batches_of_another_segment_are_no_batches(void **state)
{
    const struct tape *tape = *state;
    struct recovered at;
    size_t open;
    struct tape other = *tape;
    other.head.salt++;
    lay_image(tape, tape->count);
    assert_int_equal(recover(&other, &at, &open), ERR_OK);
    assert_int_equal(at.end.index, 0);
    assert_true(at.dirty_end > at.end.offset);
}

static void a_cut_log_opens_and_goes_on(void **state)
{
    struct tape *tape = *state;
    struct log_fixture *f = tape->log;
    struct err err;
    char path[4096];
    size_t size;
    static const size_t cuts[] = {1, 100, 300, 600};
    segments_path(f->audit_dir, 1, path);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        log_close(f);
        char *bytes = read_segment(f, &size);
        while (bytes[size - 1] == 0)
            size--;
        int fd = open(path, O_RDWR);
        static const char zeros[600];
        assert_int_equal(pwrite(fd, zeros, cuts[i], (off_t)(size - cuts[i])), cuts[i]);
        close(fd);
        free(bytes);
        log_open(f);
        struct audit_entry denial = a_denial();
        assert_ok(audit_port_commit(f->port, &denial, NULL, &err), err);
        uint64_t entries = log_status(f).entries;
        log_close(f);
        log_open(f);
        assert_int_equal(log_status(f).entries, entries);
        assert_int_equal(log_status(f).open_intents, 0);
    }
}

static void damage_in_the_middle_refuses_to_start_and_says_where(void **state)
{
    struct tape *tape = *state;
    struct log_fixture *f = tape->log;
    struct err err;
    char path[4096];
    segments_path(f->audit_dir, 1, path);
    audit_port_free(f->port);
    f->port = NULL;
    audit_close(f->audit);
    f->audit = NULL;
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "damage", 6, 4096 + 200), 6);
    assert_int_equal(audit_open(&f->config, &f->audit, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "segment 1"));
    assert_int_equal(pwrite(fd, "damage", 6, 100), 6);
    assert_int_equal(audit_open(&f->config, &f->audit, &err), ERR_CORRUPT);
    assert_non_null(strstr(err.text, "header"));
    close(fd);
}

#define RECOVER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECOVER_TEST(what_was_written_is_recovered),
        RECOVER_TEST(a_torn_tail_is_cut_at_every_byte),
        RECOVER_TEST(sectors_may_arrive_in_any_order),
        RECOVER_TEST(a_flipped_bit_before_the_end_is_an_alarm),
        RECOVER_TEST(batches_of_another_segment_are_no_batches),
        RECOVER_TEST(a_cut_log_opens_and_goes_on),
        RECOVER_TEST(damage_in_the_middle_refuses_to_start_and_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
