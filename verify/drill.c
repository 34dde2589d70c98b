#include "drill.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal.h"
#include "log.h"
#include "record.h"

enum { PRINT_MISSED = 3 };

/* Where an entry stands. */
struct entry {
    size_t file;
    size_t batch; /* offset of its batch */
    size_t at;    /* of its record */
    uint8_t kind;
    bool has_block;
};

struct drill {
    struct image image;
    struct image original; /* the same bytes, never changed */
    struct vkey own_keys[LOG_MAX_KEYS];
    size_t key_count;
    struct entry *entries;
    uint64_t count;
    uint64_t random;
    struct kept_note kept; /* the last checkpoint, as an auditor keeps it */
    bool compares_kept;    /* the last change is found by that alone */
};

/* What a change did: the first entry that is wrong by it; UINT64_MAX: it can't be named. */
typedef bool change_fn(struct drill *drill, uint64_t *ret_first);

/* ---- chance ---- */

static uint64_t draw(struct drill *drill, uint64_t below)
{
    /* splitmix64 */
    drill->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = drill->random;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

/* ---- writing what fits ---- */

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void put_u64(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* Leaf hashes and sums of a batch, and the hash of the batch. */
static void seal_batch(uint8_t *batch, const uint8_t before[HASH_BYTES])
{
    static struct bytes pieces[1 + 65536];
    size_t length = get_u32(batch + 44);
    size_t count = 0;
    uint8_t *payload = batch + BATCH_HEAD_BYTES;

    memcpy(batch + 48, before, HASH_BYTES);
    pieces[count++] = bytes_of(batch, 80);
    for (size_t at = 0; get_u16(batch + 6) == BATCH_RECORDS && at < length;
         at += get_u32(payload + at)) {
        uint8_t *record = payload + at;
        const struct bytes leaf[] = {bytes_of("\0", 1),
                                     bytes_of(record + RECORD_HEAD_BYTES, get_u32(record + 4))};

        sha256(leaf, 2, record + 16);
        pieces[count++] = bytes_of(record + 16, HASH_BYTES);
    }
    if (get_u16(batch + 6) == BATCH_OPEN_INTENTS)
        pieces[count++] = bytes_of(payload, length);
    sha256(pieces, count, batch + 80);
    put_u32(batch + 112, crc32c(bytes_of(payload, length)));
    put_u32(batch + 124, crc32c(bytes_of(batch, 124)));
}

static bool is_batch(const struct image_file *file, size_t at, size_t end)
{
    return at + BATCH_HEAD_BYTES <= end && memcmp(file->bytes + at, "PRTB", 4) == 0;
}

/* Where the batches of a file end. */
static size_t end_of(const struct drill *drill, size_t file)
{
    return file + 1 < drill->image.count ? (size_t)get_u64(drill->image.files[file + 1].bytes + 112)
                                         : drill->image.files[file].size;
}

/* Every hash, sum and index from the first entry on, as one who may write the files would. */
static void seal_all(struct drill *drill)
{
    uint8_t before[HASH_BYTES] = {0};
    uint64_t index = 0;

    for (size_t i = 0; i < drill->image.count; i++) {
        struct image_file *file = &drill->image.files[i];
        size_t end = end_of(drill, i);

        memcpy(file->bytes + 72, before, HASH_BYTES);
        put_u64(file->bytes + 56, index);
        put_u32(file->bytes + SEGMENT_HEAD_BYTES - 4,
                crc32c(bytes_of(file->bytes, SEGMENT_HEAD_BYTES - 4)));
        for (size_t at = SEGMENT_HEAD_BYTES; is_batch(file, at, end);
             at += BATCH_HEAD_BYTES + get_u32(file->bytes + at + 44)) {
            uint8_t *batch = file->bytes + at;

            put_u64(batch + 24, index);
            seal_batch(batch, before);
            memcpy(before, batch + 80, HASH_BYTES);
            if (get_u16(batch + 6) == BATCH_RECORDS)
                index += get_u32(batch + 40);
        }
    }
}

/* ---- the image ---- */

static bool find_entries(struct drill *drill)
{
    uint64_t room = 0;

    for (size_t i = 0; i < drill->image.count; i++) {
        struct image_file *file = &drill->image.files[i];
        size_t end = end_of(drill, i);

        for (size_t at = SEGMENT_HEAD_BYTES; is_batch(file, at, end);
             at += BATCH_HEAD_BYTES + get_u32(file->bytes + at + 44)) {
            size_t length = get_u32(file->bytes + at + 44);
            size_t start = at + BATCH_HEAD_BYTES;

            for (size_t record = start;
                 get_u16(file->bytes + at + 6) == BATCH_RECORDS && record < start + length;
                 record += get_u32(file->bytes + record)) {
                if (drill->count == room) {
                    room = room == 0 ? 4096 : room * 2;
                    struct entry *more =
                        realloc(drill->entries, (size_t)room * sizeof *drill->entries);

                    if (more == NULL)
                        return false;
                    drill->entries = more;
                }
                drill->entries[drill->count++] = (struct entry){
                    .file = i,
                    .batch = at,
                    .at = record,
                    .kind = file->bytes[record + RECORD_HEAD_BYTES + 3],
                    .has_block =
                        get_u32(file->bytes + record + 8) + get_u32(file->bytes + record + 12) > 0};
            }
        }
    }
    return drill->count > 2;
}

static void restore(struct drill *drill)
{
    for (size_t i = 0; i < drill->image.count; i++)
        memcpy(drill->image.files[i].bytes, drill->original.files[i].bytes,
               drill->image.files[i].size);
    for (unsigned i = 0; i < IMAGE_LEVELS; i++)
        if (drill->image.levels[i].bytes != NULL)
            memcpy(drill->image.levels[i].bytes, drill->original.levels[i].bytes,
                   drill->image.levels[i].size);
    memcpy(drill->image.note, drill->original.note, sizeof drill->image.note);
    drill->image.note_len = drill->original.note_len;
    drill->compares_kept = false;
}

static uint8_t *record_of(struct drill *drill, uint64_t index)
{
    const struct entry *entry = &drill->entries[index];

    return drill->image.files[entry->file].bytes + entry->at;
}

static void flip(struct drill *drill, uint8_t *bytes, size_t len)
{
    bytes[draw(drill, len)] ^= (uint8_t)(1u << draw(drill, 8));
}

/* ---- the changes ---- */

static bool change_leaf(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count);
    uint8_t *record = record_of(drill, index);

    flip(drill, record + RECORD_HEAD_BYTES, get_u32(record + 4));
    *ret_first = index;
    return true;
}

static bool change_block(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count);
    uint8_t *record = record_of(drill, index);
    size_t len = get_u32(record + 8) + get_u32(record + 12);

    if (!drill->entries[index].has_block)
        return false;
    flip(drill, record + RECORD_HEAD_BYTES + get_u32(record + 4), len);
    *ret_first = index;
    return true;
}

static bool change_tile(struct drill *drill, uint64_t *ret_first)
{
    uint64_t nodes = drill->image.levels[0].size / HASH_BYTES;
    uint64_t index = nodes == 0 ? 0 : draw(drill, nodes);

    if (nodes == 0)
        return false;
    flip(drill, drill->image.levels[0].bytes + index * HASH_BYTES, HASH_BYTES);
    *ret_first = index;
    return true;
}

/* The first entry of the batch is the first that can't be trusted. */
static bool change_header(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count);
    const struct entry *entry = &drill->entries[index];

    while (index > 0 && drill->entries[index - 1].file == entry->file &&
           drill->entries[index - 1].batch == entry->batch)
        index--;
    flip(drill, drill->image.files[entry->file].bytes + entry->batch, 116);
    *ret_first = index;
    return true;
}

/* Out of its batch, and all behind it moves up; the last of a batch takes the batch with it. */
static bool delete_entry(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count);
    const struct entry *entry = &drill->entries[index];
    struct image_file *file = &drill->image.files[entry->file];
    uint8_t *batch = file->bytes + entry->batch;
    size_t length = get_u32(batch + 44);
    size_t bytes = get_u32(file->bytes + entry->at);
    size_t rest = entry->batch + BATCH_HEAD_BYTES + length - (entry->at + bytes);
    uint64_t next = 0;

    if (get_u32(batch + 40) < 2)
        return false;
    /* What is left of its place is filled with a copy of zeros behind the last record's padding:
     * the batch keeps its length, so that nothing behind it has to move. */
    memmove(file->bytes + entry->at, file->bytes + entry->at + bytes, rest);
    size_t last = entry->batch + BATCH_HEAD_BYTES + length - bytes;
    size_t end = end_of(drill, entry->file);
    size_t tail = end - (last + bytes);
    memmove(file->bytes + last, file->bytes + last + bytes, tail);
    memset(file->bytes + end - bytes, 0, bytes);
    put_u32(batch + 40, get_u32(batch + 40) - 1);
    put_u32(batch + 44, (uint32_t)(length - bytes));
    if (entry->file + 1 < drill->image.count)
        put_u64(drill->image.files[entry->file + 1].bytes + 112, end - bytes);
    /* The entries behind it get the index that is theirs now. */
    for (size_t i = 0; i < drill->image.count; i++) {
        struct image_file *each = &drill->image.files[i];

        for (size_t at = SEGMENT_HEAD_BYTES; is_batch(each, at, end_of(drill, i));
             at += BATCH_HEAD_BYTES + get_u32(each->bytes + at + 44)) {
            size_t begin = at + BATCH_HEAD_BYTES;

            for (size_t record = begin; get_u16(each->bytes + at + 6) == BATCH_RECORDS &&
                                        record < begin + get_u32(each->bytes + at + 44);
                 record += get_u32(each->bytes + record))
                put_u64(each->bytes + record + RECORD_HEAD_BYTES + 120, next++);
        }
    }
    seal_all(drill);
    *ret_first = index;
    return true;
}

/* Two neighbours of one batch; each takes the other's index. */
static bool swap_entries(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count - 1);
    const struct entry *first = &drill->entries[index];
    const struct entry *second = &drill->entries[index + 1];
    uint8_t *bytes = drill->image.files[first->file].bytes;
    size_t a = get_u32(bytes + first->at);

    if (second->file != first->file || second->batch != first->batch)
        return false;
    size_t b = get_u32(bytes + second->at);
    uint8_t *held = malloc(a);
    if (held == NULL)
        return false;
    memcpy(held, bytes + first->at, a);
    memmove(bytes + first->at, bytes + second->at, b);
    memcpy(bytes + first->at + b, held, a);
    free(held);
    put_u64(bytes + first->at + RECORD_HEAD_BYTES + 120, index);
    put_u64(bytes + first->at + b + RECORD_HEAD_BYTES + 120, index + 1);
    seal_all(drill);
    *ret_first = index;
    return true;
}

/* Its leaf keeps the number that it had: one number stands there twice. */
static bool double_entry(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count - 1);
    uint8_t *from = record_of(drill, index);
    uint8_t *to = record_of(drill, index + 1);

    if (get_u32(from) != get_u32(to))
        return false;
    memcpy(to, from, get_u32(from));
    seal_all(drill);
    *ret_first = index + 1;
    return true;
}

/* The time when it happened, which nothing else in the log repeats. */
static bool rewrite_entry(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count);
    uint8_t *time = record_of(drill, index) + RECORD_HEAD_BYTES + 56;

    put_u64(time, get_u64(time) - 1 - draw(drill, 1000000));
    seal_all(drill);
    *ret_first = index;
    return true;
}

static bool make_foreign(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count);

    flip(drill, record_of(drill, index) + RECORD_HEAD_BYTES + 8, 16);
    seal_all(drill);
    *ret_first = index;
    return true;
}

static bool orphan_outcome(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count);

    if (drill->entries[index].kind != LEAF_OUTCOME)
        return false;
    flip(drill, record_of(drill, index) + RECORD_HEAD_BYTES + 24, 16);
    seal_all(drill);
    *ret_first = index;
    return true;
}

/* From a batch of the newest file on. */
static bool cut_tail(struct drill *drill, uint64_t *ret_first)
{
    uint64_t index = draw(drill, drill->count);
    const struct entry *entry = &drill->entries[index];
    struct image_file *file = &drill->image.files[entry->file];

    if (entry->file + 1 != drill->image.count)
        return false;
    while (index > 0 && drill->entries[index - 1].file == entry->file &&
           drill->entries[index - 1].batch == entry->batch)
        index--;
    memset(file->bytes + entry->batch, 0, file->size - entry->batch);
    *ret_first = index;
    return true;
}

/* The checkpoint of then is whole and signed; it takes one that was kept to see that it is old.
 * What stands for it here is none at all, which an auditor would be told of, too: what counts is
 * that the kept one finds it. */
static bool put_back(struct drill *drill, uint64_t *ret_first)
{
    if (!cut_tail(drill, ret_first))
        return false;
    drill->image.note_len = 0;
    drill->compares_kept = true;
    return true;
}

/* ---- the verdict ---- */

static void verify(struct drill *drill, struct findings *findings, FILE *nowhere)
{
    const struct log_options options = {.keys = drill->own_keys,
                                        .key_count = drill->key_count,
                                        .since = &drill->kept,
                                        .since_count = drill->compares_kept ? 1 : 0};
    struct log_summary summary;

    *findings = (struct findings){.out = nowhere, .first_index = UINT64_MAX};
    if (!log_check(&drill->image, &options, findings, &summary))
        findings->count++;
}

static const struct {
    const char *name;
    change_fn *change;
    const char *meaning;
} ways[] = {
#define X(name, function, meaning) {name, function, meaning},
#include "drill.def"
#undef X
};

enum { WAYS = sizeof ways / sizeof ways[0] };

/* Returns how many were not found. */
static uint64_t run_way(struct drill *drill, size_t way, uint64_t positions, FILE *nowhere)
{
    uint64_t made = 0;
    uint64_t found = 0;
    uint64_t named = 0;
    uint64_t missed = 0;

    for (uint64_t tries = 0; made < positions && tries < positions * 200; tries++) {
        struct findings findings;
        uint64_t first = UINT64_MAX;

        if (!ways[way].change(drill, &first)) {
            restore(drill);
            continue;
        }
        made++;
        verify(drill, &findings, nowhere);
        found += findings.count > 0;
        named += findings.first_index == first;
        if ((findings.count == 0 || findings.first_index != first) && missed++ < PRINT_MISSED)
            printf("  missed: %s at entry %" PRIu64 ": %" PRIu64 " findings, first %" PRId64 "\n",
                   ways[way].name, first, findings.count,
                   findings.first_index == UINT64_MAX ? -1 : (int64_t)findings.first_index);
        restore(drill);
    }
    printf("%-10s %6" PRIu64 " made %6" PRIu64 " found %6" PRIu64 " named  %s\n", ways[way].name,
           made, found, named, ways[way].meaning);
    fflush(stdout);
    return made == 0 ? 1 : made - named;
}

static bool load(struct drill *drill, const char *dir)
{
    if (!image_load(dir, &drill->image))
        return false;
    if (!image_load(dir, &drill->original)) {
        image_free(&drill->image);
        return false;
    }
    memcpy(drill->kept.text, drill->image.note, drill->image.note_len);
    drill->kept.len = drill->image.note_len;
    return true;
}

static int run(struct drill *drill, uint64_t positions, FILE *nowhere)
{
    struct findings findings;
    uint64_t missed = 0;

    verify(drill, &findings, nowhere);
    if (findings.count > 0 || !find_entries(drill)) {
        fprintf(stderr, "portreeve-verify: the log is not whole, or too short, to begin with\n");
        return 3;
    }
    for (size_t way = 0; way < WAYS; way++)
        missed += run_way(drill, way, positions, nowhere);
    printf("%s\n", missed == 0 ? "every change was found, and the first wrong entry named"
                               : "not every change was found");
    return missed == 0 ? 0 : 1;
}

int drill_run(const char *dir, const struct vkey *keys, size_t key_count, uint64_t positions,
              uint64_t seed)
{
    struct drill *drill = calloc(1, sizeof *drill);
    FILE *nowhere = fopen("/dev/null", "w");
    int code = 3;

    if (drill != NULL && nowhere != NULL && load(drill, dir)) {
        memcpy(drill->own_keys, keys, key_count * sizeof *keys);
        drill->key_count = key_count;
        drill->random = seed;
        code = run(drill, positions, nowhere);
        image_free(&drill->image);
        image_free(&drill->original);
        free(drill->entries);
    }
    if (nowhere != NULL)
        fclose(nowhere);
    free(drill);
    return code;
}
