#include "audit/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/leaf.h"
#include "audit/wire.h"

#define CHUNK_BYTES ((size_t)1 << 20)

/* A window over the file that grows to hold one batch. */
struct window {
    int fd;
    uint64_t file_bytes;
    uint64_t at; /* offset of bytes[0] */
    char *bytes;
    size_t len;
    size_t size;
};

static void window_done(struct window *window)
{
    free(window->bytes);
}

static enum err_code window_read(struct window *window, size_t len, struct err *err)
{
    window->len = 0;
    while (window->len < len) {
        ssize_t got = pread(window->fd, window->bytes + window->len, len - window->len,
                            (off_t)(window->at + window->len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "read the journal");
        if (got == 0)
            break;
        window->len += (size_t)got;
    }
    return ERR_OK;
}

static size_t smaller(size_t a, uint64_t b)
{
    return a < b ? a : (size_t)b;
}

/* Makes the window begin at offset and hold `want` bytes, or as many as the file has. */
static enum err_code window_move(struct window *window, uint64_t offset, size_t want,
                                 struct err *err)
{
    uint64_t left = offset < window->file_bytes ? window->file_bytes - offset : 0;
    want = smaller(want, left);
    if (offset >= window->at && offset + want <= window->at + window->len)
        return ERR_OK;
    size_t len = smaller(want > CHUNK_BYTES ? want : CHUNK_BYTES, left);
    if (len > window->size) {
        char *bytes = realloc(window->bytes, len);
        if (bytes == NULL)
            return err_set(err, ERR_INTERNAL, "memory is out");
        window->bytes = bytes;
        window->size = len;
    }
    window->at = offset;
    return window_read(window, len, err);
}

static struct str window_str(const struct window *window, uint64_t offset)
{
    if (offset < window->at || offset >= window->at + window->len)
        return STR_NONE;
    return str_from(str_of(window->bytes, window->len), (size_t)(offset - window->at));
}

/* ---- what a batch says about open intents ---- */

static bool read_intents(struct str payload, struct intents *intents)
{
    for (size_t at = 0; at + FRAME_INTENT_BYTES <= payload.len; at += FRAME_INTENT_BYTES) {
        const uint8_t *bytes = (const uint8_t *)payload.ptr + at;
        struct intent intent = {.attempt = wire_u32(bytes + 16),
                                .index = wire_u64(bytes + 24),
                                .segment = wire_u64(bytes + 32),
                                .offset = wire_u64(bytes + 40)};
        memcpy(intent.call_id.bytes, bytes, UUID_BYTES);
        if (!intents_add(intents, &intent))
            return false;
    }
    return true;
}

static bool note_record(const struct leaf_view *view, uint64_t segment, uint64_t offset,
                        struct intents *intents)
{
    const struct intent intent = {.call_id = view->call_id,
                                  .attempt = view->attempt,
                                  .index = view->index,
                                  .segment = segment,
                                  .offset = offset};
    if (view->kind == AUDIT_INTENT)
        return intents_add(intents, &intent);
    if (view->kind == AUDIT_OUTCOME)
        (void)intents_take(intents, &view->call_id, view->attempt);
    return true;
}

/* Walks the records of a batch. */
static enum err_code read_records(struct str payload, uint64_t segment, uint64_t offset,
                                  const struct frame_head *head, struct intents *intents,
                                  struct err *err)
{
    uint32_t count = 0;
    while (payload.len >= RECORD_HEAD_BYTES) {
        struct leaf_view view;
        uint32_t bytes = wire_u32((const uint8_t *)payload.ptr);
        if (!leaf_parse(str_first(payload, bytes), &view) ||
            view.index != head->first_index + count)
            break;
        if (!note_record(&view, segment, offset, intents))
            return err_set(err, ERR_INTERNAL, "memory is out");
        payload = str_from(payload, bytes);
        offset += bytes;
        count++;
    }
    if (count != head->count || payload.len != 0)
        return err_set(err, ERR_CORRUPT,
                       "the journal holds a batch that can't be read: segment %llu, batch %llu",
                       (unsigned long long)segment, (unsigned long long)head->sequence);
    return ERR_OK;
}

/* ---- the end ---- */

/* Takes the batch at the end, if there is one. */
static enum err_code step(struct window *window, const struct segment_head *segment,
                          struct intents *intents, struct recovered *at, bool *ret_more,
                          struct err *err)
{
    struct frame_head head;
    *ret_more = false;
    enum err_code code = window_move(window, at->end.offset, FRAME_HEAD_BYTES, err);
    struct str bytes = window_str(window, at->end.offset);
    if (code != ERR_OK || bytes.len < FRAME_HEAD_BYTES ||
        !frame_head_parse((const uint8_t *)bytes.ptr, &head))
        return code;
    if (head.payload_bytes > segment->bytes)
        return ERR_OK;
    size_t whole = FRAME_HEAD_BYTES + (size_t)head.payload_bytes;
    code = window_move(window, at->end.offset, whole, err);
    if (code != ERR_OK)
        return code;
    bytes = str_first(window_str(window, at->end.offset), whole);
    if (frame_check(bytes, at->sequence, segment->salt, at->hash, &head) != FRAME_GOOD ||
        head.first_index != at->end.index)
        return ERR_OK;
    struct str payload = str_from(bytes, FRAME_HEAD_BYTES);
    if (head.kind == FRAME_RECORDS)
        code = read_records(payload, segment->number, at->end.offset + FRAME_HEAD_BYTES, &head,
                            intents, err);
    else if (!read_intents(payload, intents))
        code = err_set(err, ERR_INTERNAL, "memory is out");
    if (code != ERR_OK)
        return code;
    at->end.offset += whole;
    at->end.index += head.kind == FRAME_RECORDS ? head.count : 0;
    at->sequence++;
    memcpy(at->hash, head.hash, sizeof at->hash);
    *ret_more = true;
    return ERR_OK;
}

static bool is_zero(struct str bytes)
{
    return bytes.len == 0 ||
           (bytes.ptr[0] == 0 && memcmp(bytes.ptr, bytes.ptr + 1, bytes.len - 1) == 0);
}

static size_t last_nonzero(struct str bytes)
{
    size_t len = bytes.len;
    while (len > 0 && bytes.ptr[len - 1] == 0)
        len--;
    return len;
}

static enum err_code check_stray(struct window *window, const struct segment_head *segment,
                                 uint64_t offset, struct err *err)
{
    struct frame_head head;
    enum err_code code = window_move(window, offset, FRAME_HEAD_BYTES, err);
    struct str bytes = window_str(window, offset);
    if (code != ERR_OK || bytes.len < FRAME_HEAD_BYTES ||
        !frame_head_parse((const uint8_t *)bytes.ptr, &head) || head.salt != segment->salt)
        return code;
    code = window_move(window, offset, FRAME_HEAD_BYTES + (size_t)head.payload_bytes, err);
    if (code != ERR_OK || !frame_is_stray(window_str(window, offset), segment->salt))
        return code;
    return err_set(
        err, ERR_CORRUPT,
        "segment %llu of the journal is damaged: a valid batch stands at byte %llu behind a "
        "bad one. No crash does this. Keep a copy of the data, and restore the backup",
        (unsigned long long)segment->number, (unsigned long long)offset);
}

/* Looks through the bytes behind the end for something that should not be there. */
static enum err_code look_behind(struct window *window, const struct segment_head *segment,
                                 struct recovered *at, struct err *err)
{
    at->dirty_end = at->end.offset;
    for (uint64_t chunk = at->end.offset; chunk < window->file_bytes; chunk += CHUNK_BYTES) {
        enum err_code code = window_move(window, chunk, CHUNK_BYTES, err);
        if (code != ERR_OK)
            return code;
        struct str bytes = str_first(window_str(window, chunk), CHUNK_BYTES);
        if (is_zero(bytes))
            continue;
        at->dirty_end = chunk + last_nonzero(bytes);
        /* Batches begin at multiples of 8. */
        for (size_t i = 0; i < CHUNK_BYTES; i += 8) {
            bytes = window_str(window, chunk + i);
            if (bytes.len < 8)
                break;
            if (bytes.ptr[0] != 'P' || memcmp(bytes.ptr, "PRTB", 4) != 0)
                continue;
            code = check_stray(window, segment, chunk + i, err);
            if (code == ERR_OK)
                code = window_move(window, chunk, CHUNK_BYTES, err);
            if (code != ERR_OK)
                return code;
        }
    }
    return ERR_OK;
}

enum err_code recover_segment(int fd, const struct segment_head *head, struct intents *intents,
                              struct recovered *ret_recovered, struct err *err)
{
    CLEANUP(window_done) struct window window = {.fd = fd, .file_bytes = head->bytes};
    struct recovered at = {.end = {head->number, SEGMENT_HEAD_BYTES, head->first_index},
                           .sequence = head->sequence};
    memcpy(at.hash, head->previous_hash, sizeof at.hash);

    bool more = true;
    while (more) {
        enum err_code code = step(&window, head, intents, &at, &more, err);
        if (code != ERR_OK)
            return code;
    }
    enum err_code code = look_behind(&window, head, &at, err);
    if (code == ERR_OK)
        *ret_recovered = at;
    return code;
}
