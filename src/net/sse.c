#include "net/sse.h"

static const struct str bom = STR_INIT("\xEF\xBB\xBF");

struct sse_feeding {
    sse_event_fn *on_event;
    void *ctx;
    bool is_over; /* the parser was freed by on_event() */
};

void sse_parser_init(struct sse_parser *parser, size_t max_event_bytes)
{
    *parser = (struct sse_parser){.retry_ms = -1};
    buf_init(&parser->line, max_event_bytes);
    buf_init(&parser->event, max_event_bytes);
    buf_init(&parser->data, max_event_bytes + 1);
    buf_init(&parser->id, max_event_bytes);
}

void sse_parser_done(struct sse_parser *parser)
{
    if (parser->feeding != NULL)
        parser->feeding->is_over = true;
    parser->feeding = NULL;
    buf_done(&parser->line);
    buf_done(&parser->event);
    buf_done(&parser->data);
    buf_done(&parser->id);
}

int64_t sse_retry_ms(const struct sse_parser *parser)
{
    return parser->retry_ms;
}

static void set(struct buf *buf, struct str value)
{
    buf_clear(buf);
    buf_add(buf, value);
}

/* Digits alone, however many zeros lead them; anything else is ignored. */
static void set_retry(struct sse_parser *parser, struct str value)
{
    uint64_t ms;

    while (value.len > 1 && value.ptr[0] == '0')
        value = str_from(value, 1);
    if (str_u64(value, &ms) && ms <= INT64_MAX)
        parser->retry_ms = (int64_t)ms;
}

/* WHATWG HTML §9.2.6, "process the field". */
static void take_field(struct sse_parser *parser, struct str name, struct str value)
{
    if (str_eq(name, STR("data"))) {
        buf_add(&parser->data, value);
        buf_add_byte(&parser->data, '\n');
    } else if (str_eq(name, STR("event"))) {
        set(&parser->event, value);
    } else if (str_eq(name, STR("id"))) {
        if (str_find(value, '\0') == value.len)
            set(&parser->id, value);
    } else if (str_eq(name, STR("retry"))) {
        set_retry(parser, value);
    }
}

/* An event without any line of data is none. */
static void dispatch(struct sse_parser *parser, struct sse_feeding *feeding)
{
    struct str data = buf_str(&parser->data);

    if (data.len > 0) {
        struct str name = buf_str(&parser->event);
        struct sse_event event = {.event = name.len == 0 ? STR("message") : name,
                                  .data = str_first(data, data.len - 1),
                                  .id = buf_str(&parser->id)};

        feeding->on_event(feeding->ctx, &event);
        if (feeding->is_over)
            return;
    }
    buf_clear(&parser->data);
    buf_clear(&parser->event);
}

static void take_line(struct sse_parser *parser, struct str line, struct sse_feeding *feeding)
{
    struct str value = line;

    if (line.len == 0) {
        dispatch(parser, feeding);
        return;
    }
    struct str name = str_cut(&value, ':');
    if (name.len == 0)
        return;
    if (str_starts(value, STR(" ")))
        value = str_from(value, 1);
    take_field(parser, name, value);
    if (parser->data.failed || parser->event.failed || parser->id.failed)
        parser->has_overflowed = true;
}

/* Takes the end of a line, or a part without one. */
static void take_part(struct sse_parser *parser, struct str part, bool is_end,
                      struct sse_feeding *feeding)
{
    bool is_whole = is_end && parser->line.len == 0;

    if (is_whole && part.len <= parser->line.max) {
        take_line(parser, part, feeding);
        return;
    }
    buf_add(&parser->line, part);
    if (parser->line.failed) {
        parser->has_overflowed = true;
        return;
    }
    if (is_end) {
        /* A line with bytes in it dispatches nothing: the parser is still there behind it. */
        take_line(parser, buf_str(&parser->line), feeding);
        buf_clear(&parser->line);
    }
}

/* What began like a BOM and is none belongs to the first line. */
static void skip_bom(struct sse_parser *parser, struct str *rest)
{
    while (!parser->is_begun && rest->len > 0) {
        if (rest->ptr[0] == bom.ptr[parser->bom_bytes]) {
            *rest = str_from(*rest, 1);
            parser->is_begun = ++parser->bom_bytes == bom.len;
            continue;
        }
        buf_add(&parser->line, str_first(bom, parser->bom_bytes));
        parser->has_overflowed = parser->line.failed;
        parser->is_begun = true;
    }
}

/* Where c stands next, from `from` on: looked for once, not again for every line before it. */
static size_t next(struct str bytes, size_t from, size_t known, char c)
{
    return known >= from ? known : from + str_find(str_of(bytes.ptr + from, bytes.len - from), c);
}

static void feed_lines(struct sse_parser *parser, struct str bytes, struct sse_feeding *feeding)
{
    size_t lf = str_find(bytes, '\n');
    size_t cr = str_find(bytes, '\r');
    size_t at = 0;

    while (at < bytes.len && !feeding->is_over && !parser->has_overflowed) {
        if (parser->skips_lf && bytes.ptr[at] == '\n')
            at++;
        parser->skips_lf = false;
        if (at == bytes.len)
            break;
        lf = next(bytes, at, lf, '\n');
        cr = next(bytes, at, cr, '\r');
        size_t end = lf < cr ? lf : cr;
        parser->skips_lf = cr < lf;
        take_part(parser, str_of(bytes.ptr + at, end - at), end < bytes.len, feeding);
        at = end + 1;
    }
}

/* Not inlined: gcc can't see that a parser which keeps the pointer is one that was freed. */
__attribute__((noinline)) static void set_feeding(struct sse_parser *parser,
                                                  struct sse_feeding *feeding)
{
    parser->feeding = feeding;
}

bool sse_feed(struct sse_parser *parser, struct str bytes, sse_event_fn *on_event, void *ctx)
{
    struct sse_feeding feeding = {.on_event = on_event, .ctx = ctx};

    skip_bom(parser, &bytes);
    set_feeding(parser, &feeding);
    if (bytes.len > 0)
        feed_lines(parser, bytes, &feeding);
    if (feeding.is_over)
        return true;
    set_feeding(parser, NULL);
    return !parser->has_overflowed;
}

/* Writing. */

static bool has_any(struct str s, const char *bytes)
{
    for (; *bytes != '\0'; bytes++)
        if (str_find(s, *bytes) < s.len)
            return true;
    return false;
}

static void write_field(struct buf *out, const char *name, struct str value)
{
    if (value.len == 0 || has_any(value, "\r\n") || str_find(value, '\0') < value.len)
        return;
    buf_add_c(out, name);
    buf_add(out, value);
    buf_add_byte(out, '\n');
}

void sse_write(struct buf *out, const struct sse_event *event)
{
    struct str rest = event->data;

    write_field(out, "event: ", event->event);
    write_field(out, "id: ", event->id);
    for (;;) {
        size_t lf = str_find(rest, '\n');
        size_t end = str_find(str_first(rest, lf), '\r');

        buf_add_c(out, "data: ");
        buf_add(out, str_first(rest, end));
        buf_add_byte(out, '\n');
        if (end == rest.len)
            break;
        rest = str_from(rest, end + (end + 1 == lf && lf < rest.len ? 2 : 1));
    }
    buf_add_byte(out, '\n');
}

void sse_write_ping(struct buf *out)
{
    buf_add_c(out, ":\n\n");
}
