/*
 * fuzz_journal.c - the bytes of the journal: headers, records and fields. Whatever a damaged disk
 * holds is refused or read within its bounds, and a header that is read is written back as it was.
 */
#include "fuzz.h"

#include "audit/field.h"
#include "audit/frame.h"
#include "audit/leaf.h"
#include "base/arena.h"

static void check_fields(struct str list)
{
    struct audit_entry entry = {0};
    struct field_cuts cuts = {.count = 0};
    struct arena *arena = arena_new((size_t)1 << 20);
    require(arena != NULL);
    if (field_read(list, &entry, &cuts, arena)) {
        size_t bytes = field_measure(&entry, FIELD_CLEAR);
        uint8_t *out = malloc(bytes + 1);
        require(out != NULL);
        require(field_write(&entry, FIELD_CLEAR, out) == bytes);
        free(out);
    }
    arena_free(arena);
}

static void check_segment(const uint8_t *data)
{
    struct segment_head head;
    uint8_t again[SEGMENT_HEAD_BYTES];
    struct segment_head same;
    if (!segment_head_parse(data, &head))
        return;
    segment_head_write(&head, again);
    require(segment_head_parse(again, &same));
    require(same.number == head.number && same.salt == head.salt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t previous[FRAME_HASH_BYTES];
    struct leaf_view view;
    struct frame_head head;
    struct str bytes = str_of((const char *)data, size);

    check_fields(bytes);
    if (leaf_parse(bytes, &view)) {
        (void)leaf_verify(&view);
        check_fields(view.clear);
    }
    if (frame_check(bytes, 1, 0, previous, &head) == FRAME_GOOD)
        require(size >= FRAME_HEAD_BYTES + (size_t)head.payload_bytes);
    (void)frame_is_stray(bytes, 0);
    if (size >= SEGMENT_HEAD_BYTES)
        check_segment(data);
    return 0;
}
