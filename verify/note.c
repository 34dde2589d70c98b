#include "note.h"

#include <inttypes.h>
#include <stdio.h>

enum { TYPE_PLAIN = 1, TYPE_TIMED = 4, ID_BYTES = 4, TIME_BYTES = 8, SIGNATURE_BYTES = 64 };

static const char dash[] = "\xe2\x80\x94 ";

/* Up to the byte, which is dropped; the rest stays. */
static struct bytes cut(struct bytes *rest, uint8_t byte)
{
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->ptr, byte, rest->len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->ptr);
    struct bytes part = {rest->ptr, len};
    size_t gone = len + (at != NULL);

    *rest = (struct bytes){rest->ptr + gone, rest->len - gone};
    return part;
}

static bool read_hex(struct bytes text, uint8_t *ret, size_t len)
{
    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (value < 0)
            return false;
        ret[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : ret[i / 2] | value);
    }
    return true;
}

bool vkey_read(struct bytes text, struct vkey *ret_key)
{
    struct vkey key = {.type = 0};
    struct bytes rest = text;
    struct bytes name = cut(&rest, '+');
    struct bytes id = cut(&rest, '+');
    uint8_t material[64];
    uint8_t expected[HASH_BYTES];
    size_t len = 0;

    if (name.len == 0 || name.len > NOTE_MAX_NAME || rest.len != 44 ||
        !read_hex(id, key.id, ID_BYTES) || !base64_read(rest, material, &len) || len != 33)
        return false;
    memcpy(key.name, name.ptr, name.len);
    key.type = material[0];
    memcpy(key.key, material + 1, sizeof key.key);
    const struct bytes pieces[] = {name, bytes_of("\n", 1), bytes_of(material, len)};
    sha256(pieces, 3, expected);
    if ((key.type != TYPE_PLAIN && key.type != TYPE_TIMED) ||
        memcmp(expected, key.id, ID_BYTES) != 0)
        return false;
    *ret_key = key;
    return true;
}

/* Text with its last newline, and the lines behind the last empty line. */
static bool split(struct bytes note, struct bytes *ret_text, struct bytes *ret_lines)
{
    size_t at = note.len;

    if (note.len == 0 || note.len > NOTE_MAX_BYTES || note.ptr[note.len - 1] != '\n')
        return false;
    while (at >= 2 && !(note.ptr[at - 1] == '\n' && note.ptr[at - 2] == '\n'))
        at--;
    if (at < 2)
        return false;
    *ret_text = bytes_part(note, 0, at - 1);
    *ret_lines = bytes_part(note, at, note.len - at);
    return true;
}

static bool read_size(struct bytes text, uint64_t *ret_size)
{
    uint64_t size = 0;

    if (text.len == 0 || text.len > 19 || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        size = size * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *ret_size = size;
    return true;
}

bool checkpoint_read(struct bytes note, struct checkpoint *ret_checkpoint)
{
    struct checkpoint checkpoint = {.size = 0};
    struct bytes text;
    struct bytes lines;
    uint8_t root[64];
    size_t len = 0;

    if (!split(note, &text, &lines))
        return false;
    checkpoint.origin = cut(&text, '\n');
    struct bytes size = cut(&text, '\n');
    struct bytes hash = cut(&text, '\n');
    if (checkpoint.origin.len == 0 || !read_size(size, &checkpoint.size) || hash.len != 44 ||
        !base64_read(hash, root, &len) || len != HASH_BYTES)
        return false;
    memcpy(checkpoint.root, root, HASH_BYTES);
    *ret_checkpoint = checkpoint;
    return true;
}

/* The bytes behind the id of this key's line. */
static bool find_line(struct bytes lines, const struct vkey *key, uint8_t *bytes, size_t max,
                      size_t *ret_len)
{
    while (lines.len > 0) {
        struct bytes line = cut(&lines, '\n');
        uint8_t decoded[8192];
        size_t len = 0;

        if (line.len < sizeof dash || memcmp(line.ptr, dash, sizeof dash - 1) != 0)
            continue;
        line = bytes_part(line, sizeof dash - 1, line.len - (sizeof dash - 1));
        struct bytes name = cut(&line, ' ');
        if (name.len != strlen(key->name) || memcmp(name.ptr, key->name, name.len) != 0 ||
            line.len > sizeof decoded || !base64_read(line, decoded, &len) || len <= ID_BYTES ||
            memcmp(decoded, key->id, ID_BYTES) != 0 || len - ID_BYTES > max)
            continue;
        memcpy(bytes, decoded + ID_BYTES, len - ID_BYTES);
        *ret_len = len - ID_BYTES;
        return true;
    }
    return false;
}

static bool check_timed(const struct vkey *key, struct bytes text, const uint8_t *line,
                        uint64_t *ret_time)
{
    static char message[NOTE_MAX_BYTES + 64];
    uint64_t time = 0;

    for (size_t i = 0; i < TIME_BYTES; i++)
        time = time << 8 | line[i];
    int head = snprintf(message, sizeof message, "cosignature/v1\ntime %" PRIu64 "\n", time);
    if (head < 0 || (size_t)head + text.len > sizeof message)
        return false;
    memcpy(message + head, text.ptr, text.len);
    if (!ed25519_verify(key->key, bytes_of(message, (size_t)head + text.len), line + TIME_BYTES))
        return false;
    *ret_time = time;
    return true;
}

enum signature note_check(struct bytes note, const struct vkey *key, uint64_t *ret_time)
{
    struct bytes text;
    struct bytes lines;
    uint8_t line[TIME_BYTES + SIGNATURE_BYTES];
    uint64_t time = 0;
    size_t len = 0;
    bool is_good = false;

    if (!split(note, &text, &lines) || !find_line(lines, key, line, sizeof line, &len))
        return SIGNATURE_NONE;
    if (key->type == TYPE_PLAIN)
        is_good = len == SIGNATURE_BYTES && ed25519_verify(key->key, text, line);
    else
        is_good = len == sizeof line && check_timed(key, text, line, &time);
    if (ret_time != NULL)
        *ret_time = time;
    return is_good ? SIGNATURE_GOOD : SIGNATURE_BAD;
}
