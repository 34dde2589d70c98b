/*
 * text.h - bytes from outside on a terminal: whatever an entry or a server says, it can neither
 * move the cursor nor forge a line.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Appends text as one line of printable UTF-8: control characters and bytes that are no UTF-8
 * become \xXX, characters that change the direction of text \u{…}. */
void text_write(struct buf *out, struct str text);
/* Characters on the screen; every one counts as one column. */
size_t text_width(struct str utf8);

/* A text of the API in which each character up to U+00FF stands for one byte (jsonw_bytes). Appends
 * the bytes that it was made of. */
void text_write_bytes(struct buf *out, struct str text);

/* "2026-11-23 14:45:10.123+01:00" in the time zone of this process. */
#define TEXT_TIME_BYTES 40
void text_format_time(int64_t wall_us, char text[TEXT_TIME_BYTES]);
