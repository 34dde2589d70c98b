#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonw.h"
#include "cli/commands.h"
#include "cli/home.h"
#include "cli/say.h"

enum { MAX_WRITES = 200000, FILE_BYTES = 16 << 20, WRITE_BYTES = 4096 };
enum { TMPFS = 0x01021994 }; /* statfs(2) */

/* How long each write and its sync took. */
struct sample {
    uint32_t *us;
    size_t count;
    uint64_t all_us;
};

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t quantile(const struct sample *sample, unsigned thousandth)
{
    return sample->us[(sample->count - 1) * thousandth / 1000];
}

/* Written zeros, as the journal prepares its segments: what is measured is not the growing of a
 * file. */
static enum err_code prepare(int fd, const char *path, struct err *err)
{
    static const char zeros[64 << 10];

    for (off_t at = 0; at < FILE_BYTES; at += (off_t)sizeof zeros) {
        if (pwrite(fd, zeros, sizeof zeros, at) != (ssize_t)sizeof zeros)
            return err_errno(err, errno, path);
    }
    return fsync(fd) == 0 ? ERR_OK : err_errno(err, errno, path);
}

static enum err_code measure(int fd, const char *path, uint64_t seconds, struct sample *sample,
                             struct err *err)
{
    char bytes[WRITE_BYTES];
    uint64_t start = clock_mono_us();
    uint64_t now = start;

    memset(bytes, 'p', sizeof bytes);
    while (sample->count < MAX_WRITES && now - start < seconds * 1000000) {
        off_t at = (off_t)(sample->count * WRITE_BYTES % FILE_BYTES);

        if (pwrite(fd, bytes, sizeof bytes, at) != (ssize_t)sizeof bytes || fdatasync(fd) != 0)
            return err_errno(err, errno, path);
        uint64_t then = clock_mono_us();
        sample->us[sample->count++] = (uint32_t)(then - now);
        now = then;
    }
    sample->all_us = now - start;
    qsort(sample->us, sample->count, sizeof *sample->us, compare);
    return ERR_OK;
}

static enum err_code run(const char *path, uint64_t seconds, struct sample *sample, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return err_errno(err, errno, path);
    enum err_code code = prepare(fd, path, err);
    if (code == ERR_OK)
        code = measure(fd, path, seconds, sample, err);
    (void)close(fd);
    (void)unlink(path);
    return code;
}

static bool is_tmpfs(const char *path)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && fs.f_type == TMPFS;
}

static int print(const struct options *options, const struct sample *sample, const char *dir)
{
    CLEANUP(buf_done) struct buf out = {0};
    int64_t per_second = (int64_t)((uint64_t)sample->count * 1000000 / (sample->all_us + 1));
    struct jsonw w;

    buf_init(&out, 64 << 10);
    if (!options_has(options, "json")) {
        buf_printf(&out,
                   "%s: %zu writes of %d bytes, each synced\n"
                   "p50 %" PRIu32 " us   p99 %" PRIu32 " us   longest %" PRIu32 " us   %" PRId64
                   " a second, one after the other",
                   dir, sample->count, WRITE_BYTES, quantile(sample, 500), quantile(sample, 990),
                   quantile(sample, 1000), per_second);
        return say_line(buf_str(&out));
    }
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_name_i64(&w, "writes", (int64_t)sample->count);
    jsonw_name_i64(&w, "bytes", WRITE_BYTES);
    jsonw_name_i64(&w, "p50_us", quantile(sample, 500));
    jsonw_name_i64(&w, "p99_us", quantile(sample, 990));
    jsonw_name_i64(&w, "max_us", quantile(sample, 1000));
    jsonw_name_i64(&w, "per_second", per_second);
    jsonw_end_object(&w);
    return say_line(buf_str(&out));
}

/* The folder to measure: --dir, else data_dir of the settings. */
static enum err_code find_dir(const struct options *options, char dir[PATH_MAX], struct err *err)
{
    CLEANUP(settings_freep) struct settings *settings = NULL;
    const char *given = options_get(options, "dir");

    if (given != NULL) {
        (void)snprintf(dir, PATH_MAX, "%s", given);
        return ERR_OK;
    }
    enum err_code code = settings_read(say_settings_path(options), &settings, err);
    if (code != ERR_OK)
        return code;
    (void)snprintf(dir, PATH_MAX, STR_FMT, STR_ARG(settings->data_dir));
    return ERR_OK;
}

int command_bench_disk(const struct options *options)
{
    struct sample sample = {.us = calloc(MAX_WRITES, sizeof *sample.us)};
    char dir[PATH_MAX];
    char path[PATH_MAX + 64];
    uint64_t seconds = 0;
    struct err err;
    int exit_code = EXIT_REFUSED;

    if (sample.us == NULL)
        return exit_code;
    if (options_number(options, "seconds", 3, 1, 60, &seconds, &err) != ERR_OK) {
        exit_code = say_usage(&err);
    } else if (find_dir(options, dir, &err) != ERR_OK) {
        exit_code = say_fail(&err);
    } else {
        (void)snprintf(path, sizeof path, "%s/bench-disk.%ld", dir, (long)getpid());
        if (is_tmpfs(dir))
            say_hint("%s is memory, not a disk: the numbers say nothing about one", dir);
        exit_code = run(path, seconds, &sample, &err) == ERR_OK ? print(options, &sample, dir)
                                                                : say_fail(&err);
    }
    free(sample.us);
    return exit_code;
}
