/*
 * uuid.h - UUID version 7 (RFC 9562 §5.7): call ids that sort by time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

#define UUID_BYTES      16
#define UUID_TEXT_BYTES 36 /* without a NUL */

struct uuid {
    uint8_t bytes[UUID_BYTES];
};

struct uuid uuid_v7(int64_t wall_us);
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_BYTES]);
bool uuid_parse(struct str text, struct uuid *ret_uuid) MUST_CHECK;
