/*
 * base64.h - strict base64url without padding, strict standard base64 (RFC 4648 §4, §5), base62.
 *
 * Strict: padding where it must be and nowhere else, no foreign byte, unused bits zero; so one
 * value has one spelling.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"

#define BASE64URL_LEN(bytes) (((bytes)*4 + 2) / 3)

/* dst takes BASE64URL_LEN(len) bytes, no NUL. Returns how many were written. */
size_t base64url_encode(const void *src, size_t len, char *dst);
/* dst takes text.len bytes at least. False: not strict base64url. */
bool base64url_decode(struct str text, void *dst, size_t *ret_len) MUST_CHECK;
/* Standard alphabet with padding. Results live in arena; ptr NULL past its ceiling. */
struct str base64_encode(struct arena *arena, struct str bytes) MUST_CHECK;
/* False: not strict, or arena full. */
bool base64_decode(struct arena *arena, struct str text, struct str *ret_bytes) MUST_CHECK;

/* 32 bytes as exactly 43 base62 digits (0-9A-Za-z), most significant first. */
#define BASE62_32_LEN 43
void base62_encode_32(const uint8_t src[32], char dst[BASE62_32_LEN]);
/* value as exactly 6 base62 digits. */
void base62_encode_u32(uint32_t value, char dst[6]);
bool base62_is(struct str text);

/* Lower-case hexadecimal; dst takes 2 * len bytes, no NUL. */
void hex_encode(const void *src, size_t len, char *dst);
bool hex_decode(struct str text, void *dst, size_t dst_len) MUST_CHECK;
