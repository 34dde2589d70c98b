/*
 * fuzz_sse.c - server-sent events: the same events however the bytes are cut, within the bound;
 * what is written again reads the same.
 */
#include "fuzz.h"

#include "net/sse.h"

enum { MAX_EVENT_BYTES = 256 };

struct heard {
    struct buf text;
    struct buf rewritten;
    size_t count;
};

static void on_event(void *ctx, const struct sse_event *event)
{
    struct heard *heard = ctx;

    require(event->event.len > 0 && event->data.len <= MAX_EVENT_BYTES);
    require(str_find(event->id, '\n') == event->id.len);
    buf_add(&heard->text, event->event);
    buf_add_byte(&heard->text, '\n');
    buf_add(&heard->text, event->id);
    buf_add_byte(&heard->text, '\n');
    buf_add(&heard->text, event->data);
    buf_add(&heard->text, STR("\n\n"));
    sse_write(&heard->rewritten, event);
    heard->count++;
}

/* steps: how many bytes to feed, over and over; NULL: all at once. */
static bool hear(struct heard *heard, struct str bytes, const uint8_t *steps, size_t step_count,
                 size_t max_event_bytes)
{
    struct sse_parser parser;
    bool is_fine = true;

    buf_init(&heard->text, (size_t)1 << 30);
    buf_init(&heard->rewritten, (size_t)1 << 30);
    heard->count = 0;
    sse_parser_init(&parser, max_event_bytes);
    for (size_t i = 0; bytes.len > 0 && is_fine; i++) {
        size_t step = steps == NULL ? bytes.len : (size_t)steps[i % step_count] % 8 + 1;

        is_fine = sse_feed(&parser, str_first(bytes, step), on_event, heard);
        bytes = str_from(bytes, step);
    }
    sse_parser_done(&parser);
    return is_fine;
}

static void forget(struct heard *heard)
{
    buf_done(&heard->text);
    buf_done(&heard->rewritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heard whole;
    struct heard cut;
    struct heard again;
    struct str bytes = str_of((const char *)data, size);

    bool is_fine = hear(&whole, bytes, NULL, 0, MAX_EVENT_BYTES);
    if (size > 0) {
        require(hear(&cut, bytes, data, size, MAX_EVENT_BYTES) == is_fine);
        require(str_eq(buf_str(&whole.text), buf_str(&cut.text)));
        forget(&cut);
    }
    /* "data: " makes lines a little longer. */
    require(hear(&again, buf_str(&whole.rewritten), NULL, 0, MAX_EVENT_BYTES + 16));
    require(whole.count == again.count);
    forget(&again);
    forget(&whole);
    return 0;
}
