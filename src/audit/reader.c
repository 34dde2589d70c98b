#include "audit/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/wire.h"

#define WINDOW_BYTES ((size_t)256 * 1024)

struct reader {
    struct segments *segments;
    int fd;
    uint64_t fd_segment;    /* the segment that fd is of; 0: none */
    struct journal_pos pos; /* of the batch that is read next, or being read */
    uint64_t limit;         /* offset up to which the segment may be read */
    char *window;
    size_t window_size;
    size_t window_len;
    uint64_t window_at;   /* offset of window[0] */
    struct str rest;      /* what is left of the batch's payload */
    uint64_t rest_at;     /* offset of rest */
    uint64_t next_offset; /* of the batch behind this one */
    uint64_t next_index;
};

struct reader *reader_new(struct segments *segments)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->segments = segments;
    reader->fd = -1;
    return reader;
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->window);
    free(reader);
}

void reader_freep(struct reader **reader)
{
    reader_free(*reader);
    *reader = NULL;
}

void reader_seek(struct reader *reader, const struct journal_pos *pos)
{
    reader->pos = *pos;
    reader->rest = STR_NONE;
    reader->limit = 0;
}

struct journal_pos reader_get_pos(const struct reader *reader)
{
    return reader->pos;
}

bool reader_at_batch(const struct reader *reader)
{
    return reader->rest.len == 0;
}

/* ---- files ---- */

static enum err_code use_segment(struct reader *reader, uint64_t number, struct err *err)
{
    char path[SEGMENT_PATH_BYTES];
    if (reader->fd_segment == number && reader->fd >= 0)
        return ERR_OK;
    if (reader->fd >= 0)
        close(reader->fd);
    reader->window_len = 0;
    reader->fd_segment = number;
    segments_path(segments_dir(reader->segments), number, path);
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    return reader->fd < 0 ? err_errno(err, errno, path) : ERR_OK;
}

static enum err_code read_exactly(int fd, char *out, size_t len, uint64_t offset, struct err *err)
{
    while (len > 0) {
        ssize_t got = pread(fd, out, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "read the journal");
        if (got == 0)
            return err_set(err, ERR_CORRUPT, "a segment of the journal is too short");
        out += got;
        len -= (size_t)got;
        offset += (uint64_t)got;
    }
    return ERR_OK;
}

/* Makes [offset, offset + want) readable in the window; the caller knows that it is below the
 * limit. */
static enum err_code fill(struct reader *reader, uint64_t offset, size_t want, struct err *err)
{
    if (offset >= reader->window_at && offset + want <= reader->window_at + reader->window_len)
        return ERR_OK;
    size_t len = want > WINDOW_BYTES ? want : WINDOW_BYTES;
    if (len > reader->limit - offset)
        len = (size_t)(reader->limit - offset);
    if (len > reader->window_size) {
        char *window = realloc(reader->window, len);
        if (window == NULL)
            return err_set(err, ERR_INTERNAL, "memory is out");
        reader->window = window;
        reader->window_size = len;
    }
    reader->window_len = 0;
    enum err_code code = read_exactly(reader->fd, reader->window, len, offset, err);
    if (code != ERR_OK)
        return code;
    reader->window_at = offset;
    reader->window_len = len;
    return ERR_OK;
}

static struct str window_str(const struct reader *reader, uint64_t offset, size_t len)
{
    return str_of(reader->window + (offset - reader->window_at), len);
}

/* ---- batches ---- */

/* Sets the limit of the segment at pos, going on to the next one at its end. False: at the durable
 * end. */
static bool find_room(struct reader *reader)
{
    struct journal_pos end = segments_get_end(reader->segments);
    struct segment segment;
    for (;;) {
        if (reader->pos.segment != 0 &&
            segments_find(reader->segments, reader->pos.segment, &segment)) {
            reader->limit = segment.end != 0                     ? segment.end
                            : end.segment == reader->pos.segment ? end.offset
                                                                 : 0;
            if (reader->pos.offset < reader->limit)
                return true;
        }
        if (reader->pos.segment >= end.segment ||
            !segments_after(reader->segments, reader->pos.segment, &segment))
            return false;
        reader->pos =
            (struct journal_pos){segment.head.number, SEGMENT_HEAD_BYTES, segment.head.first_index};
    }
}

static enum err_code damaged(const struct reader *reader, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "the journal is damaged: segment %llu, byte %llu",
                   (unsigned long long)reader->pos.segment, (unsigned long long)reader->pos.offset);
}

/* Opens the batch at pos. */
static enum err_code open_batch(struct reader *reader, struct err *err)
{
    struct frame_head head;
    uint64_t offset = reader->pos.offset;
    uint64_t left = reader->limit - offset;
    enum err_code code = use_segment(reader, reader->pos.segment, err);
    if (code == ERR_OK && left < FRAME_HEAD_BYTES)
        code = damaged(reader, err);
    if (code == ERR_OK)
        code = fill(reader, offset, FRAME_HEAD_BYTES, err);
    if (code != ERR_OK)
        return code;
    if (!frame_head_parse((const uint8_t *)window_str(reader, offset, FRAME_HEAD_BYTES).ptr,
                          &head) ||
        head.payload_bytes > left - FRAME_HEAD_BYTES)
        return damaged(reader, err);
    code = fill(reader, offset, FRAME_HEAD_BYTES + (size_t)head.payload_bytes, err);
    if (code != ERR_OK)
        return code;
    reader->rest_at = offset + FRAME_HEAD_BYTES;
    reader->next_offset = reader->rest_at + head.payload_bytes;
    reader->next_index = head.first_index + (head.kind == FRAME_RECORDS ? head.count : 0);
    reader->rest = head.kind == FRAME_RECORDS
                       ? window_str(reader, reader->rest_at, head.payload_bytes)
                       : STR_NONE;
    return ERR_OK;
}

static void leave_batch(struct reader *reader)
{
    reader->pos.offset = reader->next_offset;
    reader->pos.index = reader->next_index;
    reader->rest = STR_NONE;
}

static enum err_code take_record(struct reader *reader, struct reader_record *ret_record,
                                 struct err *err)
{
    struct reader_record record = {.segment = reader->pos.segment, .offset = reader->rest_at};
    if (reader->rest.len < RECORD_HEAD_BYTES)
        return damaged(reader, err);
    uint32_t bytes = wire_u32((const uint8_t *)reader->rest.ptr);
    if (!leaf_parse(str_first(reader->rest, bytes), &record.view))
        return damaged(reader, err);
    reader->rest = str_from(reader->rest, bytes);
    reader->rest_at += bytes;
    if (reader->rest.len == 0)
        leave_batch(reader);
    *ret_record = record;
    return ERR_OK;
}

enum err_code reader_next(struct reader *reader, struct reader_record *ret_record, bool *ret_more,
                          struct err *err)
{
    while (reader->rest.len == 0) {
        if (!find_room(reader)) {
            *ret_more = false;
            return ERR_OK;
        }
        enum err_code code = open_batch(reader, err);
        if (code != ERR_OK)
            return code;
        if (reader->rest.len == 0)
            leave_batch(reader);
    }
    *ret_more = true;
    return take_record(reader, ret_record, err);
}

enum err_code reader_seek_index(struct reader *reader, uint64_t index, struct err *err)
{
    struct segment segment;
    struct journal_pos end = segments_get_end(reader->segments);
    if (index >= end.index || !segments_holding(reader->segments, index, &segment)) {
        reader_seek(reader, &end);
        return ERR_OK;
    }
    const struct journal_pos start = {segment.head.number, SEGMENT_HEAD_BYTES,
                                      segment.head.first_index};
    reader_seek(reader, &start);
    while (find_room(reader)) {
        enum err_code code = open_batch(reader, err);
        if (code != ERR_OK)
            return code;
        if (index < reader->next_index)
            break;
        leave_batch(reader);
    }
    /* Inside the batch: step over the records before it. */
    for (uint64_t at = reader->pos.index; at < index; at++) {
        struct reader_record skipped;
        enum err_code code = take_record(reader, &skipped, err);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

enum err_code reader_at(struct reader *reader, uint64_t segment, uint64_t offset,
                        struct arena *arena, struct leaf_view *ret_view, struct err *err)
{
    char head[RECORD_HEAD_BYTES];
    struct segment found;
    if (!segments_find(reader->segments, segment, &found))
        return err_set(err, ERR_NOT_FOUND, "segment %llu of the journal is gone",
                       (unsigned long long)segment);
    enum err_code code = use_segment(reader, segment, err);
    if (code == ERR_OK)
        code = read_exactly(reader->fd, head, sizeof head, offset, err);
    if (code != ERR_OK)
        return code;
    size_t bytes = wire_u32((const uint8_t *)head);
    if (bytes < sizeof head || bytes > found.head.bytes - offset)
        return err_set(err, ERR_CORRUPT, "the journal is damaged: segment %llu, byte %llu",
                       (unsigned long long)segment, (unsigned long long)offset);
    char *record = arena_alloc(arena, bytes);
    if (record == NULL)
        return err_set(err, ERR_LIMIT, "the entries do not fit into memory: ask for fewer");
    code = read_exactly(reader->fd, record, bytes, offset, err);
    if (code != ERR_OK)
        return code;
    struct leaf_view view;
    if (!leaf_parse(str_of(record, bytes), &view) || !leaf_verify(&view))
        return err_set(err, ERR_CORRUPT, "the journal is damaged: segment %llu, byte %llu",
                       (unsigned long long)segment, (unsigned long long)offset);
    *ret_view = view;
    return ERR_OK;
}
