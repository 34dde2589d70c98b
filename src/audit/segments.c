#include "audit/segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct segments {
    pthread_mutex_t lock;
    char *dir;
    struct segment *items;
    size_t count;
    size_t size;
    struct journal_pos end;
};

void segments_path(const char *dir, uint64_t number, char path[SEGMENT_PATH_BYTES])
{
    snprintf(path, SEGMENT_PATH_BYTES, "%s/journal-%012llu", dir, (unsigned long long)number);
}

void segments_free(struct segments *segments)
{
    if (segments == NULL)
        return;
    pthread_mutex_destroy(&segments->lock);
    free(segments->items);
    free(segments->dir);
    free(segments);
}

static void segments_freep(struct segments **segments)
{
    segments_free(*segments);
    *segments = NULL;
}

static bool append(struct segments *segments, const struct segment *segment)
{
    if (segments->count == segments->size) {
        size_t size = segments->size == 0 ? 16 : segments->size * 2;
        struct segment *items = reallocarray(segments->items, size, sizeof *items);
        if (items == NULL)
            return false;
        segments->items = items;
        segments->size = size;
    }
    segments->items[segments->count++] = *segment;
    return true;
}

/* ---- loading ---- */

static void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static enum err_code read_head(const char *dir, uint64_t number, struct segment_head *head,
                               struct err *err)
{
    char path[SEGMENT_PATH_BYTES];
    uint8_t bytes[SEGMENT_HEAD_BYTES];
    segments_path(dir, number, path);
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, path);
    if (pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes ||
        !segment_head_parse(bytes, head) || head->number != number)
        return err_set(err, ERR_CORRUPT, "%s: its header is damaged", path);
    return ERR_OK;
}

static int by_number(const void *a, const void *b)
{
    const struct segment *left = a;
    const struct segment *right = b;
    return (left->head.number > right->head.number) - (left->head.number < right->head.number);
}

static bool parse_name(const char *name, uint64_t *ret_number)
{
    struct str digits = str_c(name);
    if (!str_starts(digits, STR("journal-")) || digits.len != 8 + 12)
        return false;
    uint64_t number = 0;
    for (size_t i = 8; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(digits.ptr[i] - '0');
    }
    *ret_number = number;
    return number > 0;
}

static enum err_code read_names(struct segments *segments, DIR *dir, struct err *err)
{
    const struct dirent *item;
    while ((item = readdir(dir)) != NULL) {
        struct segment segment = {0};
        uint64_t number;
        if (!parse_name(item->d_name, &number))
            continue;
        if (read_head(segments->dir, number, &segment.head, err) != ERR_OK)
            return err_wrap(err, "read the journal");
        if (!append(segments, &segment))
            return err_set(err, ERR_INTERNAL, "memory is out");
    }
    return ERR_OK;
}

/* Keeps what the newest segment leads back to. */
static enum err_code follow_chain(struct segments *segments, struct err *err)
{
    size_t keep = segments->count;
    size_t write = segments->count;
    uint64_t want = segments->items[keep - 1].head.number;
    uint64_t end = 0;
    while (keep > 0 && want != 0) {
        struct segment segment = segments->items[--keep];
        if (segment.head.number > want)
            continue;
        if (segment.head.number < want)
            break;
        segment.end = end;
        segments->items[--write] = segment;
        want = segment.head.previous_number;
        end = segment.head.previous_end;
    }
    if (want != 0)
        return err_set(err, ERR_CORRUPT, "the journal lacks its segment %llu in %s",
                       (unsigned long long)want, segments->dir);
    segments->count -= write;
    memmove(segments->items, segments->items + write, segments->count * sizeof *segments->items);
    return ERR_OK;
}

/* What two neighbours must agree on. */
static enum err_code check_neighbours(const struct segments *segments, struct err *err)
{
    for (size_t i = 1; i < segments->count; i++) {
        const struct segment_head *before = &segments->items[i - 1].head;
        const struct segment_head *head = &segments->items[i].head;
        if (memcmp(before->log_id, head->log_id, sizeof head->log_id) != 0 ||
            head->first_index < before->first_index || head->sequence < before->sequence ||
            head->previous_end < SEGMENT_HEAD_BYTES || head->previous_end > before->bytes)
            return err_set(err, ERR_CORRUPT, "segments %llu and %llu of the journal do not fit",
                           (unsigned long long)before->number, (unsigned long long)head->number);
    }
    return ERR_OK;
}

static enum err_code load(struct segments *segments, struct err *err)
{
    DIR *dir = opendir(segments->dir);
    if (dir == NULL)
        return err_errno(err, errno, segments->dir);
    enum err_code code = read_names(segments, dir, err);
    closedir(dir);
    if (code != ERR_OK || segments->count == 0)
        return code;
    qsort(segments->items, segments->count, sizeof *segments->items, by_number);
    code = follow_chain(segments, err);
    return code != ERR_OK ? code : check_neighbours(segments, err);
}

enum err_code segments_load(const char *dir, struct segments **ret_segments, struct err *err)
{
    CLEANUP(segments_freep) struct segments *segments = calloc(1, sizeof *segments);
    if (segments == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    pthread_mutex_init(&segments->lock, NULL);
    segments->dir = strdup(dir);
    if (segments->dir == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    enum err_code code = load(segments, err);
    if (code == ERR_OK)
        *ret_segments = MOVE(segments);
    return code;
}

/* ---- looking up ---- */

const char *segments_dir(const struct segments *segments)
{
    return segments->dir;
}

size_t segments_count(struct segments *segments)
{
    pthread_mutex_lock(&segments->lock);
    size_t count = segments->count;
    pthread_mutex_unlock(&segments->lock);
    return count;
}

uint64_t segments_bytes(struct segments *segments)
{
    uint64_t bytes = 0;
    pthread_mutex_lock(&segments->lock);
    for (size_t i = 0; i < segments->count; i++)
        bytes += segments->items[i].end;
    pthread_mutex_unlock(&segments->lock);
    return bytes;
}

bool segments_last(struct segments *segments, struct segment *ret_segment)
{
    pthread_mutex_lock(&segments->lock);
    bool is_there = segments->count > 0;
    if (is_there)
        *ret_segment = segments->items[segments->count - 1];
    pthread_mutex_unlock(&segments->lock);
    return is_there;
}

/* Position of the first segment with a number above `number`, under the lock. */
static size_t above(const struct segments *segments, uint64_t number)
{
    size_t low = 0;
    size_t high = segments->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (segments->items[middle].head.number <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool segments_find(struct segments *segments, uint64_t number, struct segment *ret_segment)
{
    pthread_mutex_lock(&segments->lock);
    size_t at = above(segments, number);
    bool is_there = at > 0 && segments->items[at - 1].head.number == number;
    if (is_there)
        *ret_segment = segments->items[at - 1];
    pthread_mutex_unlock(&segments->lock);
    return is_there;
}

bool segments_after(struct segments *segments, uint64_t number, struct segment *ret_segment)
{
    pthread_mutex_lock(&segments->lock);
    size_t at = above(segments, number);
    bool is_there = at < segments->count;
    if (is_there)
        *ret_segment = segments->items[at];
    pthread_mutex_unlock(&segments->lock);
    return is_there;
}

bool segments_holding(struct segments *segments, uint64_t index, struct segment *ret_segment)
{
    pthread_mutex_lock(&segments->lock);
    size_t low = 0;
    size_t high = segments->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (segments->items[middle].head.first_index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low > 0;
    if (is_there)
        *ret_segment = segments->items[low - 1];
    pthread_mutex_unlock(&segments->lock);
    return is_there;
}

/* ---- the writer's side ---- */

bool segments_add(struct segments *segments, const struct segment_head *head)
{
    struct segment segment = {.head = *head};
    pthread_mutex_lock(&segments->lock);
    bool is_added = append(segments, &segment);
    if (is_added && segments->count > 1)
        segments->items[segments->count - 2].end = head->previous_end;
    pthread_mutex_unlock(&segments->lock);
    return is_added;
}

void segments_set_end(struct segments *segments, const struct journal_pos *end)
{
    pthread_mutex_lock(&segments->lock);
    segments->end = *end;
    pthread_mutex_unlock(&segments->lock);
}

struct journal_pos segments_get_end(struct segments *segments)
{
    pthread_mutex_lock(&segments->lock);
    struct journal_pos end = segments->end;
    pthread_mutex_unlock(&segments->lock);
    return end;
}
