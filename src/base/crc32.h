/*
 * crc32.h - CRC-32 (IEEE, as in zlib) for tokens, CRC-32C (Castagnoli, RFC 3720) for the journal.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_ieee(const void *data, size_t len);
/* Start with crc 0 and chain: crc32c(crc32c(0, a), b) is that of a then b. Uses the CPU's
 * instruction where it has one. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
