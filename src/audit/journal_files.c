#include "audit/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/leaf.h"
#include "audit/recover.h"
#include "audit/spares.h"
#include "audit/wire.h"
#include "base/clock.h"
#include "base/crc32.h"
#include "base/rand.h"

/* A first segment, and one made in a hurry, is small: nobody waits for 64 MiB of zeros. */
#define SMALL_SEGMENT_BYTES ((uint64_t)8 << 20)
#define FIRST_WAIT_MS       10000
#define ROLL_WAIT_MS        1000
#define RESUME_WAIT_MS      300
#define INTENTS_PER_FRAME   4096

struct files {
    struct journal journal; /* first */
    struct journal_config config;
    struct spares *spares;
    uint8_t log_id[16];
    struct segment_head head; /* of the segment that is written; number 0: none */
    int fd;
    uint64_t offset;   /* where the next batch goes: what counts ends here */
    uint64_t sequence; /* of the next batch */
    uint64_t next_index;
    uint8_t last_hash[FRAME_HASH_BYTES];
    bool is_abandoned;     /* a write or sync failed: nothing is appended here any more */
    _Atomic uint64_t room; /* left in the segment */
};

static void note_room(struct files *files)
{
    uint64_t room =
        files->is_abandoned || files->head.number == 0 ? 0 : files->head.bytes - files->offset;
    atomic_store_explicit(&files->room, room, memory_order_relaxed);
}

/* ---- a new segment ---- */

static size_t intents_frame_bytes(size_t count)
{
    size_t frames = (count + INTENTS_PER_FRAME - 1) / INTENTS_PER_FRAME;
    return frames * FRAME_HEAD_BYTES + count * FRAME_INTENT_BYTES;
}

static void put_intent(uint8_t *at, const struct intent *intent)
{
    memset(at, 0, FRAME_INTENT_BYTES);
    memcpy(at, intent->call_id.bytes, UUID_BYTES);
    wire_put_u32(at + 16, intent->attempt);
    wire_put_u64(at + 24, intent->index);
    wire_put_u64(at + 32, intent->segment);
    wire_put_u64(at + 40, intent->offset);
}

/* Writes the list of open intents as batches into out; sets sequence and hash behind them. */
static void put_intents(const struct files *files, const struct segment_head *head, uint8_t *out,
                        uint64_t *sequence, uint8_t hash[FRAME_HASH_BYTES])
{
    size_t pos = 0;
    size_t left = intents_count(files->config.intents);
    while (left > 0) {
        uint32_t count = left > INTENTS_PER_FRAME ? INTENTS_PER_FRAME : (uint32_t)left;
        uint8_t *payload = out + FRAME_HEAD_BYTES;
        for (uint32_t i = 0; i < count; i++)
            put_intent(payload + i * FRAME_INTENT_BYTES, intents_next(files->config.intents, &pos));
        struct frame_head frame = {.kind = FRAME_INTENTS,
                                   .sequence = (*sequence)++,
                                   .salt = head->salt,
                                   .first_index = head->first_index,
                                   .committed_us = head->created_us,
                                   .count = count,
                                   .payload_bytes = count * FRAME_INTENT_BYTES};
        memcpy(frame.previous_hash, hash, FRAME_HASH_BYTES);
        struct str pieces[] = {STR_NONE, str_of((const char *)payload, frame.payload_bytes)};
        frame_head_hash(&frame, pieces, ARRAY_LEN(pieces));
        frame.payload_crc = crc32c(0, payload, frame.payload_bytes);
        frame_head_write(&frame, out);
        memcpy(hash, frame.hash, FRAME_HASH_BYTES);
        out = payload + frame.payload_bytes;
        left -= count;
    }
}

static struct segment_head next_head(const struct files *files, uint64_t bytes)
{
    struct segment_head head = {.number = files->head.number + 1,
                                .bytes = bytes,
                                .salt = rand_u64(),
                                .first_index = files->next_index,
                                .sequence = files->sequence,
                                .previous_number = files->head.number,
                                .previous_end = files->head.number == 0 ? 0 : files->offset,
                                .created_us = clock_wall_us()};
    memcpy(head.log_id, files->log_id, sizeof head.log_id);
    memcpy(head.previous_hash, files->last_hash, FRAME_HASH_BYTES);
    return head;
}

/* Header and open intents are durable before the file gets its name, so that a segment is whole or
 * is not there. */
static enum err_code write_start(struct files *files, const struct spare *spare,
                                 const uint8_t *start, size_t len, struct err *err)
{
    char path[SEGMENT_PATH_BYTES];
    struct iovec iov = {.iov_base = (void *)(uintptr_t)start, .iov_len = len};
    if (!spares_write(&files->config.hooks, spare->fd, &iov, 1, 0) ||
        !spares_sync(&files->config.hooks, spare->fd))
        return err_errno(err, errno, "begin a journal segment");
    segments_path(files->config.dir, files->head.number + 1, path);
    if (rename(spare->path, path) != 0 || !spares_sync_dir(files->config.dir))
        return err_errno(err, errno, "begin a journal segment");
    return ERR_OK;
}

static enum err_code begin(struct files *files, const struct spare *spare, struct err *err)
{
    struct segment_head head = next_head(files, spare->bytes);
    size_t len = SEGMENT_HEAD_BYTES + intents_frame_bytes(intents_count(files->config.intents));
    uint64_t sequence = head.sequence;
    uint8_t hash[FRAME_HASH_BYTES];
    uint8_t *start = calloc(1, len);
    if (start == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    memcpy(hash, files->last_hash, sizeof hash);
    segment_head_write(&head, start);
    put_intents(files, &head, start + SEGMENT_HEAD_BYTES, &sequence, hash);
    enum err_code code = write_start(files, spare, start, len, err);
    free(start);
    if (code != ERR_OK)
        return code;
    if (!segments_add(files->config.segments, &head))
        return err_set(err, ERR_INTERNAL, "memory is out");
    if (files->fd >= 0)
        close(files->fd);
    files->fd = spare->fd;
    files->head = head;
    files->offset = len;
    files->sequence = sequence;
    memcpy(files->last_hash, hash, sizeof hash);
    files->is_abandoned = false;
    note_room(files);
    return ERR_OK;
}

/* need: bytes of the batch that must fit. */
static enum err_code roll(struct files *files, uint64_t need, uint32_t wait_ms, struct err *err)
{
    struct spare spare;
    uint64_t small = files->config.segment_bytes < SMALL_SEGMENT_BYTES ? files->config.segment_bytes
                                                                       : SMALL_SEGMENT_BYTES;
    need += SEGMENT_HEAD_BYTES + intents_frame_bytes(intents_count(files->config.intents));
    enum err_code code =
        spares_take(files->spares, need > small ? need : small, wait_ms, &spare, err);
    if (code != ERR_OK)
        return code;
    code = begin(files, &spare, err);
    if (code != ERR_OK) {
        /* Half-written, or named already: the number is used up, the chain leaves it out. */
        close(spare.fd);
        unlink(spare.path);
        files->is_abandoned = true;
        note_room(files);
    }
    return code;
}

/* ---- appending ---- */

static void make_frame(const struct files *files, const struct journal_batch *batch,
                       struct frame_head *frame)
{
    struct str hashes[1 + JOURNAL_BATCH_MAX];
    uint32_t crc = 0;
    *frame = (struct frame_head){.kind = FRAME_RECORDS,
                                 .sequence = files->sequence,
                                 .salt = files->head.salt,
                                 .first_index = batch->first_index,
                                 .committed_us = batch->committed_us,
                                 .count = (uint32_t)batch->count,
                                 .payload_bytes = (uint32_t)batch->bytes};
    memcpy(frame->previous_hash, files->last_hash, FRAME_HASH_BYTES);
    for (size_t i = 0; i < batch->count; i++) {
        const struct iovec *record = &batch->records[i];
        crc = crc32c(crc, record->iov_base, record->iov_len);
        hashes[1 + i] = str_of((const char *)record->iov_base + RECORD_HASH_AT, 32);
    }
    frame->payload_crc = crc;
    frame_head_hash(frame, hashes, 1 + batch->count);
}

static bool write_batch(struct files *files, const struct journal_batch *batch,
                        const struct frame_head *frame)
{
    struct iovec iov[1 + JOURNAL_BATCH_MAX];
    uint8_t head[FRAME_HEAD_BYTES];
    frame_head_write(frame, head);
    iov[0] = (struct iovec){.iov_base = head, .iov_len = sizeof head};
    memcpy(iov + 1, batch->records, batch->count * sizeof iov[0]);
    return spares_write(&files->config.hooks, files->fd, iov, 1 + batch->count, files->offset) &&
           spares_sync(&files->config.hooks, files->fd);
}

static enum err_code append(struct journal *journal, const struct journal_batch *batch,
                            struct journal_pos *ret_at, struct err *err)
{
    struct files *files = (struct files *)journal;
    struct frame_head frame;
    uint64_t need = FRAME_HEAD_BYTES + batch->bytes;

    if (files->is_abandoned)
        return err_set(err, ERR_UNAVAILABLE, "the journal has failed and is not yet back");
    if (files->head.number == 0 || files->offset + need > files->head.bytes) {
        enum err_code code = roll(files, need, ROLL_WAIT_MS, err);
        if (code != ERR_OK)
            return code;
    }
    make_frame(files, batch, &frame);
    if (!write_batch(files, batch, &frame)) {
        int saved_errno = errno;
        files->is_abandoned = true;
        note_room(files);
        return err_errno(err, saved_errno, "write the journal");
    }
    *ret_at = (struct journal_pos){files->head.number, files->offset, batch->first_index};
    files->offset += need;
    files->sequence++;
    files->next_index = batch->first_index + batch->count;
    memcpy(files->last_hash, frame.hash, FRAME_HASH_BYTES);
    const struct journal_pos end = {files->head.number, files->offset, files->next_index};
    segments_set_end(files->config.segments, &end);
    note_room(files);
    return ERR_OK;
}

static enum err_code verify_start(const struct files *files, struct err *err)
{
    uint8_t bytes[SEGMENT_HEAD_BYTES];
    struct segment_head head;
    if (pread(files->fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes ||
        !segment_head_parse(bytes, &head) || head.number != files->head.number)
        return err_set(err, ERR_IO, "a journal segment does not read back as it was written");
    return ERR_OK;
}

static enum err_code resume(struct journal *journal, struct err *err)
{
    struct files *files = (struct files *)journal;
    if (!files->is_abandoned)
        return ERR_OK;
    enum err_code code = roll(files, 0, RESUME_WAIT_MS, err);
    if (code == ERR_OK)
        code = verify_start(files, err);
    if (code != ERR_OK)
        files->is_abandoned = true;
    else {
        const struct journal_pos end = {files->head.number, files->offset, files->next_index};
        segments_set_end(files->config.segments, &end);
    }
    note_room(files);
    return code;
}

static void get_space(struct journal *journal, struct journal_space *ret_space)
{
    struct files *files = (struct files *)journal;
    uint64_t spare_bytes = spares_bytes(files->spares);
    *ret_space = (struct journal_space){
        .room_bytes = atomic_load_explicit(&files->room, memory_order_relaxed) + spare_bytes,
        .spare_bytes = spare_bytes,
        .disk_bytes = spares_disk_bytes(files->config.dir),
        .segment_bytes = files->config.segment_bytes,
        .reserve_bytes = files->config.reserve_bytes};
}

static void close_files(struct journal *journal)
{
    struct files *files = (struct files *)journal;
    spares_free(files->spares);
    if (files->fd >= 0)
        close(files->fd);
    free(files);
}

static void close_filesp(struct files **files)
{
    if (*files != NULL)
        close_files(&(*files)->journal);
}

/* ---- opening ---- */

static const struct journal_ops file_ops = {
    .append = append,
    .resume = resume,
    .get_space = get_space,
    .close = close_files,
};

/* Zeros and syncs what a crash left behind the end, before anything is appended there. */
static enum err_code cut(struct files *files, const struct recovered *at, struct err *err)
{
    if (at->dirty_end <= at->end.offset)
        return ERR_OK;
    if (!spares_zero(&files->config.hooks, files->fd, at->end.offset,
                     at->dirty_end - at->end.offset) ||
        !spares_sync(&files->config.hooks, files->fd))
        return err_errno(err, errno, "cut the incomplete end of the journal");
    return ERR_OK;
}

static enum err_code continue_last(struct files *files, const struct segment *last, struct err *err)
{
    char path[SEGMENT_PATH_BYTES];
    struct recovered at;
    segments_path(files->config.dir, last->head.number, path);
    files->head = last->head;
    files->fd = open(path, O_RDWR | O_CLOEXEC);
    if (files->fd < 0)
        return err_errno(err, errno, path);
    enum err_code code = recover_segment(files->fd, &last->head, files->config.intents, &at, err);
    if (code == ERR_OK)
        code = cut(files, &at, err);
    if (code != ERR_OK)
        return code;
    files->offset = at.end.offset;
    files->next_index = at.end.index;
    files->sequence = at.sequence;
    memcpy(files->last_hash, at.hash, sizeof files->last_hash);
    segments_set_end(files->config.segments, &at.end);
    return ERR_OK;
}

static enum err_code begin_first(struct files *files, struct err *err)
{
    rand_bytes(files->log_id, sizeof files->log_id);
    files->sequence = 1;
    enum err_code code = roll(files, 0, FIRST_WAIT_MS, err);
    if (code != ERR_OK)
        return code;
    const struct journal_pos end = {files->head.number, files->offset, 0};
    segments_set_end(files->config.segments, &end);
    return ERR_OK;
}

enum err_code journal_files_open(const struct journal_config *config, uint8_t log_id[16],
                                 struct journal **ret_journal, struct err *err)
{
    CLEANUP(close_filesp) struct files *files = calloc(1, sizeof *files);
    struct segment last;
    if (files == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    files->journal.ops = &file_ops;
    files->config = *config;
    files->fd = -1;
    const struct spares_config spares = {config->dir, config->segment_bytes, config->reserve_bytes,
                                         config->hooks};
    files->spares = spares_new(&spares);
    if (files->spares == NULL)
        return err_set(err, ERR_INTERNAL, "no thread for the journal");
    enum err_code code;
    if (segments_last(config->segments, &last)) {
        memcpy(files->log_id, last.head.log_id, sizeof files->log_id);
        code = continue_last(files, &last, err);
    } else {
        code = begin_first(files, err);
    }
    if (code != ERR_OK)
        return code;
    note_room(files);
    memcpy(log_id, files->log_id, sizeof files->log_id);
    *ret_journal = &MOVE(files)->journal;
    return ERR_OK;
}
