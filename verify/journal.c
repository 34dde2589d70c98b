#include "journal.h"

#include <stdlib.h>

/* ---- files ---- */

static struct place place_of(const struct segment *segment, uint64_t offset, uint64_t index)
{
    return (struct place){.index = index, .segment = segment->number, .offset = offset};
}

static bool read_head(struct segment *segment)
{
    const uint8_t *head = segment->map;

    if (memcmp(head, "PRTJRNL1", 8) != 0 || get_u32(head + 8) != 1 ||
        get_u32(head + 12) != SEGMENT_HEAD_BYTES || get_u64(head + 16) != segment->number ||
        crc32c(bytes_of(head, SEGMENT_HEAD_BYTES - 4)) != get_u32(head + SEGMENT_HEAD_BYTES - 4))
        return false;
    segment->salt = get_u64(head + 32);
    memcpy(segment->log_id, head + 40, sizeof segment->log_id);
    segment->first_index = get_u64(head + 56);
    segment->first_sequence = get_u64(head + 64);
    memcpy(segment->before, head + 72, HASH_BYTES);
    segment->previous = get_u64(head + 104);
    segment->previous_end = get_u64(head + 112);
    return true;
}

static bool open_segment(const struct image *image, uint64_t number, struct findings *findings,
                         struct segment *ret_segment)
{
    const struct image_file *file = image_find(image, number);
    struct segment segment = {.number = number};

    if (file == NULL || file->size < SEGMENT_HEAD_BYTES) {
        finding_add(findings, FINDING_SEGMENT, (struct place){UINT64_MAX, number, 0},
                    "the file is missing, too short, or can't be read");
        return false;
    }
    segment.map = file->bytes;
    segment.size = file->size;
    if (!read_head(&segment)) {
        finding_add(findings, FINDING_SEGMENT, (struct place){UINT64_MAX, number, 0},
                    "the header is damaged");
        return false;
    }
    if (get_u64(segment.map + 24) != segment.size)
        finding_add(findings, FINDING_SEGMENT, (struct place){UINT64_MAX, number, 0},
                    "the file is not as long as its header says");
    *ret_segment = segment;
    return true;
}

static bool add(struct journal *journal, const struct segment *segment)
{
    struct segment *more =
        realloc(journal->segments, (journal->count + 1) * sizeof *journal->segments);

    if (more == NULL)
        return false;
    journal->segments = more;
    journal->segments[journal->count++] = *segment;
    return true;
}

/* Found from the newest back, kept from the oldest on. */
static void turn_round(struct journal *journal)
{
    for (size_t i = 0, j = journal->count; i + 1 < j; i++) {
        struct segment held = journal->segments[--j];

        journal->segments[j] = journal->segments[i];
        journal->segments[i] = held;
    }
}

static void check_chain(const struct journal *journal, struct findings *findings)
{
    const struct segment *newest = &journal->segments[journal->count - 1];

    for (size_t i = 0; i < journal->count; i++) {
        const struct segment *segment = &journal->segments[i];

        if (memcmp(segment->log_id, newest->log_id, sizeof newest->log_id) != 0)
            finding_add(findings, FINDING_FOREIGN, place_of(segment, 0, segment->first_index),
                        "the file is of another log");
    }
    if (journal->segments[0].first_index != 0 || journal->segments[0].previous != 0)
        finding_add(findings, FINDING_ORDER, place_of(&journal->segments[0], 0, 0),
                    "the log does not begin with entry 0");
}

bool journal_open(const struct image *image, struct findings *findings, struct journal *ret_journal)
{
    struct journal journal = {.count = 0};
    struct segment segment = {.number = 0};
    uint64_t number = image->count == 0 ? 0 : image->files[image->count - 1].number;
    uint64_t end = 0; /* of the one before the newest, as the newest says */

    if (number == 0)
        finding_add(findings, FINDING_SEGMENT, NOWHERE, "there is no journal here");
    while (number > 0 && open_segment(image, number, findings, &segment)) {
        segment.is_newest = journal.count == 0;
        segment.end = segment.is_newest ? segment.size : end;
        if (segment.end > segment.size || segment.end < SEGMENT_HEAD_BYTES) {
            finding_add(findings, FINDING_SEGMENT, place_of(&segment, segment.end, UINT64_MAX),
                        "the file does not end where the next one says");
            segment.end = segment.size;
        }
        end = segment.previous_end;
        if (!add(&journal, &segment)) {
            journal_close(&journal);
            return false;
        }
        /* A chain goes down. */
        number = segment.previous < number ? segment.previous : 0;
    }
    if (journal.count == 0)
        return false;
    turn_round(&journal);
    check_chain(&journal, findings);
    *ret_journal = journal;
    return true;
}

void journal_close(struct journal *journal)
{
    free(journal->segments);
    *journal = (struct journal){.count = 0};
}

/* ---- batches ---- */

/* Is there a batch of this segment at the offset, whatever came before it? */
static bool read_batch(const struct segment *segment, uint64_t offset, struct batch *ret_batch)
{
    struct batch batch = {.segment = segment->number, .offset = offset};
    const uint8_t *head = segment->map + offset;

    if (segment->end - offset < BATCH_HEAD_BYTES || memcmp(head, "PRTB", 4) != 0 ||
        get_u16(head + 4) != 1 || get_u64(head + 16) != segment->salt ||
        crc32c(bytes_of(head, 124)) != get_u32(head + 124))
        return false;
    uint64_t length = get_u32(head + 44);
    batch.kind = (enum batch_kind)get_u16(head + 6);
    if ((batch.kind != BATCH_RECORDS && batch.kind != BATCH_OPEN_INTENTS) || length % 8 != 0 ||
        length > segment->end - offset - BATCH_HEAD_BYTES)
        return false;
    batch.head = head;
    batch.first_index = get_u64(head + 24);
    batch.committed_us = (int64_t)get_u64(head + 32);
    batch.count = get_u32(head + 40);
    batch.payload = bytes_of(head + BATCH_HEAD_BYTES, (size_t)length);
    batch.is_payload_good = crc32c(batch.payload) == get_u32(head + 112);
    *ret_batch = batch;
    return true;
}

/* The next whole batch behind a place where none is. */
static bool find_batch(const struct segment *segment, uint64_t from, struct batch *ret_batch)
{
    for (uint64_t at = (from + 7) & ~UINT64_C(7); at + BATCH_HEAD_BYTES <= segment->end; at += 8)
        if (read_batch(segment, at, ret_batch) && ret_batch->is_payload_good)
            return true;
    return false;
}

static void enter(struct walk *walk)
{
    const struct segment *segment = &walk->journal->segments[walk->at];
    struct place place = place_of(segment, 0, segment->first_index);

    walk->offset = SEGMENT_HEAD_BYTES;
    if (walk->is_begun && !walk->has_gap &&
        (segment->first_index != walk->index || segment->first_sequence != walk->sequence ||
         memcmp(segment->before, walk->hash, HASH_BYTES) != 0)) {
        finding_add(walk->findings, FINDING_ORDER, place,
                    "the file does not go on where the one before it ended");
        walk->has_gap = true;
    }
    walk->index = segment->first_index;
    walk->sequence = segment->first_sequence;
    memcpy(walk->hash, segment->before, HASH_BYTES);
    walk->is_begun = true;
}

static bool fits_before(const struct walk *walk, const struct batch *batch)
{
    return get_u64(batch->head + 8) == walk->sequence && batch->first_index == walk->index &&
           memcmp(batch->head + 48, walk->hash, HASH_BYTES) == 0;
}

/* Where no batch follows that fits: the end, or damage, behind which the next one is looked for.
 * False: nothing more in this segment. */
static bool step_over(struct walk *walk, struct batch *ret_batch)
{
    const struct segment *segment = &walk->journal->segments[walk->at];
    struct place place = place_of(segment, walk->offset, walk->index);
    bool is_found = find_batch(segment, walk->offset + 8, ret_batch);

    /* The end of the log; whoever compares it with the checkpoint says whether it may be. */
    if (!is_found && segment->is_newest)
        return false;
    finding_add(walk->findings, FINDING_BATCH, place,
                is_found ? "a batch is damaged; whole ones stand behind it" : "a batch is damaged");
    walk->has_gap = true;
    return is_found;
}

static bool next_in_segment(struct walk *walk, struct batch *ret_batch)
{
    const struct segment *segment = &walk->journal->segments[walk->at];

    if (walk->offset >= segment->end)
        return false;
    if (!read_batch(segment, walk->offset, ret_batch))
        return step_over(walk, ret_batch);
    if (ret_batch->is_payload_good)
        return true;
    /* One that a crash cut is no damage: nothing stands behind it, and nobody signed it. */
    struct batch behind;
    uint64_t end = walk->offset + BATCH_HEAD_BYTES + ret_batch->payload.len;
    if (segment->is_newest && walk->index >= walk->signed_size &&
        !find_batch(segment, end, &behind))
        return false;
    finding_add(walk->findings, FINDING_BATCH, place_of(segment, walk->offset, UINT64_MAX),
                "a batch does not fit its sum");
    return true;
}

bool walk_next(struct walk *walk, struct batch *ret_batch)
{
    for (; walk->at < walk->journal->count; walk->at++, walk->offset = 0) {
        if (walk->offset == 0)
            enter(walk);
        if (!next_in_segment(walk, ret_batch))
            continue;
        if (!walk->has_gap && !fits_before(walk, ret_batch)) {
            finding_add(walk->findings, FINDING_ORDER,
                        (struct place){walk->index, ret_batch->segment, ret_batch->offset},
                        "a batch does not follow the one before it");
            walk->has_gap = ret_batch->first_index != walk->index;
        }
        walk->index = ret_batch->first_index;
        return true;
    }
    return false;
}

void walk_took(struct walk *walk, const struct batch *batch, const uint8_t hash[HASH_BYTES])
{
    if (memcmp(batch->head + 80, hash, HASH_BYTES) != 0)
        finding_add(walk->findings, FINDING_BATCH,
                    (struct place){UINT64_MAX, batch->segment, batch->offset},
                    "a batch does not fit its hash");
    memcpy(walk->hash, batch->head + 80, HASH_BYTES);
    walk->sequence = get_u64(batch->head + 8) + 1;
    walk->offset = batch->offset + BATCH_HEAD_BYTES + batch->payload.len;
    if (batch->kind == BATCH_RECORDS)
        walk->index = batch->first_index + batch->count;
}
