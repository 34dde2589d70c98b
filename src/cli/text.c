#include "cli/text.h"

#include <stdio.h>
#include <time.h>

/* Length of the well-formed UTF-8 character at the start, 0: none. */
static size_t character(struct str text)
{
    static const size_t lengths[16] = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 3, 4};
    size_t len = text.len == 0 ? 0 : lengths[(unsigned char)text.ptr[0] >> 4];

    return len > 0 && len <= text.len && str_is_utf8(str_first(text, len)) ? len : 0;
}

static uint32_t code_point(struct str utf8)
{
    static const unsigned char first[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t value = (unsigned char)utf8.ptr[0] & first[utf8.len];

    for (size_t i = 1; i < utf8.len; i++)
        value = value << 6 | ((unsigned char)utf8.ptr[i] & 0x3f);
    return value;
}

/* Marks that change the direction of text, or that nobody sees. */
static bool is_deceiving(uint32_t c)
{
    return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0x061c;
}

void text_write(struct buf *out, struct str text)
{
    while (text.len > 0) {
        size_t len = character(text);
        struct str one = str_first(text, len == 0 ? 1 : len);
        uint32_t c = len == 0 ? 0 : code_point(one);

        if (len == 0 || c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned)(unsigned char)one.ptr[0]);
        else if ((c >= 0x80 && c < 0xa0) || is_deceiving(c))
            buf_printf(out, "\\u{%x}", (unsigned)c);
        else
            buf_add(out, one);
        text = str_from(text, one.len);
    }
}

size_t text_width(struct str utf8)
{
    size_t width = 0;

    for (size_t i = 0; i < utf8.len; i++)
        width += ((unsigned char)utf8.ptr[i] & 0xc0) != 0x80;
    return width;
}

void text_write_bytes(struct buf *out, struct str text)
{
    while (text.len > 0) {
        size_t len = character(text);
        struct str one = str_first(text, len == 0 ? 1 : len);
        uint32_t c = len == 0 ? 0x100 : code_point(one);

        if (c <= 0xff)
            buf_add_byte(out, (char)(unsigned char)c);
        else
            buf_add(out, one);
        text = str_from(text, one.len);
    }
}

void text_format_time(int64_t wall_us, char text[TEXT_TIME_BYTES])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    char day[24] = "";
    char zone[8] = "";
    struct tm tm;

    if (localtime_r(&seconds, &tm) == NULL) {
        text[0] = '\0';
        return;
    }
    (void)strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &tm);
    (void)strftime(zone, sizeof zone, "%z", &tm);
    (void)snprintf(text, TEXT_TIME_BYTES, "%s.%03d%.3s:%.2s", day, (int)(wall_us / 1000 % 1000),
                   zone, zone[0] == '\0' ? "" : zone + 3);
}
