#include "audit/checkpoint.h"

#include <inttypes.h>
#include <string.h>

#include "base/base64.h"
#include "base/crypto.h"

#define DASH "\xe2\x80\x94 "

enum { TYPE_ED25519 = 1, TYPE_COSIGNATURE = 4, ID_BYTES = 4, TIME_BYTES = 8, SIGNATURE_BYTES = 64 };

bool checkpoint_is_origin(struct str origin)
{
    for (size_t i = 0; i < origin.len; i++) {
        char c = origin.ptr[i];

        if (c <= ' ' || c > '~' || c == '+')
            return false;
    }
    return origin.len > 0 && origin.len <= CHECKPOINT_MAX_ORIGIN;
}

/* Standard base64, without an arena: bytes is at most some hundred, a multiple of nothing. */
static void add_base64(struct buf *out, const void *bytes, size_t len)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(CHECKPOINT_MAX_BYTES * 2);
    struct str text =
        arena == NULL ? STR_NONE : base64_encode(arena, str_of((const char *)bytes, len));

    if (text.ptr == NULL)
        out->failed = true;
    else
        buf_add(out, text);
}

static void put_be(uint8_t *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

/* signed-note, "Signatures" */
static void key_id(struct str name, uint8_t type, const struct pkey *key, uint8_t ret_id[ID_BYTES])
{
    uint8_t material[1 + 32];
    uint8_t digest[CRYPTO_SHA256_BYTES];
    const struct str pieces[] = {name, STR("\n"), str_of((const char *)material, sizeof material)};

    material[0] = type;
    pkey_public(key, material + 1);
    crypto_sha256v(pieces, ARRAY_LEN(pieces), digest);
    memcpy(ret_id, digest, ID_BYTES);
}

static void add_body(struct buf *out, const struct checkpoint *checkpoint)
{
    buf_add(out, checkpoint->origin);
    buf_printf(out, "\n%" PRIu64 "\n", checkpoint->size);
    add_base64(out, checkpoint->root, sizeof checkpoint->root);
    buf_add_byte(out, '\n');
}

/* What a cosignature signs: header, time, body. */
static void add_timed(struct buf *out, int64_t time, struct str body)
{
    buf_printf(out, "cosignature/v1\ntime %" PRId64 "\n", time);
    buf_add(out, body);
}

static bool add_line(struct buf *out, struct str origin, uint8_t type, const struct pkey *key,
                     int64_t time, struct str text)
{
    uint8_t line[ID_BYTES + TIME_BYTES + SIGNATURE_BYTES];
    size_t len = ID_BYTES;

    key_id(origin, type, key, line);
    if (type == TYPE_COSIGNATURE) {
        put_be(line + len, (uint64_t)time, TIME_BYTES);
        len += TIME_BYTES;
    }
    if (!pkey_sign(key, text, line + len))
        return false;
    buf_add_c(out, DASH);
    buf_add(out, origin);
    buf_add_byte(out, ' ');
    add_base64(out, line, len + SIGNATURE_BYTES);
    buf_add_byte(out, '\n');
    return !out->failed;
}

bool checkpoint_write(const struct checkpoint *checkpoint, const struct pkey *key, struct buf *out)
{
    CLEANUP(buf_done) struct buf body;
    CLEANUP(buf_done) struct buf timed;

    buf_init(&body, CHECKPOINT_MAX_BYTES);
    buf_init(&timed, CHECKPOINT_MAX_BYTES);
    add_body(&body, checkpoint);
    add_timed(&timed, checkpoint->time, buf_str(&body));
    if (body.failed || timed.failed)
        return false;
    buf_add(out, buf_str(&body));
    buf_add_byte(out, '\n');
    return add_line(out, checkpoint->origin, TYPE_ED25519, key, 0, buf_str(&body)) &&
           add_line(out, checkpoint->origin, TYPE_COSIGNATURE, key, checkpoint->time,
                    buf_str(&timed));
}

void checkpoint_write_vkey(struct str origin, const struct pkey *key, bool is_cosignature,
                           struct buf *out)
{
    uint8_t type = is_cosignature ? TYPE_COSIGNATURE : TYPE_ED25519;
    uint8_t id[ID_BYTES];
    uint8_t material[1 + 32] = {type};

    key_id(origin, type, key, id);
    pkey_public(key, material + 1);
    buf_add(out, origin);
    buf_printf(out, "+%02x%02x%02x%02x+", id[0], id[1], id[2], id[3]);
    add_base64(out, material, sizeof material);
}

void checkpoint_write_proof(uint64_t index, struct str leaf, const struct tree_proof *proof,
                            struct str note, struct buf *out)
{
    buf_add_c(out, "c2sp.org/tlog-proof@v1\nextra ");
    add_base64(out, leaf.ptr, leaf.len);
    buf_printf(out, "\nindex %" PRIu64 "\n", index);
    for (size_t i = 0; i < proof->count; i++) {
        add_base64(out, proof->hashes[i], TREE_HASH_BYTES);
        buf_add_byte(out, '\n');
    }
    buf_add_byte(out, '\n');
    buf_add(out, note);
}

/* ---- reading ---- */

struct note {
    struct str body; /* with its last newline */
    struct str lines;
};

/* The text ends at the last empty line. */
static bool split(struct str text, struct note *ret_note)
{
    size_t at = text.len;

    if (text.len == 0 || text.len > CHECKPOINT_MAX_BYTES || text.ptr[text.len - 1] != '\n')
        return false;
    while (at >= 2 && !(text.ptr[at - 1] == '\n' && text.ptr[at - 2] == '\n'))
        at--;
    if (at < 2 || at == text.len)
        return false;
    *ret_note = (struct note){str_first(text, at - 1), str_from(text, at)};
    return true;
}

static bool read_body(struct str body, struct arena *arena, struct checkpoint *checkpoint)
{
    struct str rest = body;
    struct str root = STR_NONE;

    checkpoint->origin = str_cut(&rest, '\n');
    struct str size = str_cut(&rest, '\n');
    if (!str_u64(size, &checkpoint->size) || (size.len > 1 && size.ptr[0] == '0') ||
        !base64_decode(arena, str_cut(&rest, '\n'), &root) || root.len != TREE_HASH_BYTES)
        return false;
    memcpy(checkpoint->root, root.ptr, TREE_HASH_BYTES);
    return rest.len == 0;
}

/* The signature of this type; ptr NULL: there is none. False: the lines are no signature lines. */
static bool find_line(const struct note *note, struct str origin, uint8_t type,
                      const struct pkey *key, struct arena *arena, struct str *ret_signature)
{
    uint8_t id[ID_BYTES];
    struct str rest = note->lines;

    key_id(origin, type, key, id);
    *ret_signature = STR_NONE;
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        struct str bytes = STR_NONE;

        if (!str_starts(line, STR(DASH)))
            return false;
        line = str_from(line, strlen(DASH));
        struct str name = str_cut(&line, ' ');
        if (!base64_decode(arena, line, &bytes) || bytes.len <= ID_BYTES)
            return false;
        if (str_eq(name, origin) && memcmp(bytes.ptr, id, ID_BYTES) == 0)
            *ret_signature = str_from(bytes, ID_BYTES);
    }
    return true;
}

static bool check_plain(const struct note *note, const struct checkpoint *checkpoint,
                        const struct pkey *key, struct arena *arena)
{
    struct str signature;

    return find_line(note, checkpoint->origin, TYPE_ED25519, key, arena, &signature) &&
           signature.len == SIGNATURE_BYTES && pkey_verify(key, PKEY_EDDSA, note->body, signature);
}

/* Sets the time. */
static bool check_timed(const struct note *note, struct checkpoint *checkpoint,
                        const struct pkey *key, struct arena *arena)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct str signature;
    uint64_t time = 0;

    if (!find_line(note, checkpoint->origin, TYPE_COSIGNATURE, key, arena, &signature))
        return false;
    if (signature.ptr == NULL)
        return true;
    if (signature.len != TIME_BYTES + SIGNATURE_BYTES)
        return false;
    for (size_t i = 0; i < TIME_BYTES; i++)
        time = time << 8 | (uint8_t)signature.ptr[i];
    buf_init(&text, CHECKPOINT_MAX_BYTES + 64);
    add_timed(&text, (int64_t)time, note->body);
    checkpoint->time = (int64_t)time;
    return time <= INT64_MAX && !text.failed &&
           pkey_verify(key, PKEY_EDDSA, buf_str(&text), str_from(signature, TIME_BYTES));
}

enum err_code checkpoint_read(struct str text, struct str origin, const struct pkey *key,
                              struct arena *arena, struct checkpoint *ret_checkpoint,
                              struct err *err)
{
    struct checkpoint checkpoint = {.size = 0};
    struct note note;

    if (!split(text, &note) || !read_body(note.body, arena, &checkpoint))
        return err_set(err, ERR_INVALID, "this is no checkpoint");
    if (!str_eq(checkpoint.origin, origin))
        return err_set(err, ERR_INVALID, "the checkpoint is of another log: " STR_FMT,
                       STR_ARG(str_first(checkpoint.origin, CHECKPOINT_MAX_ORIGIN)));
    if (!check_plain(&note, &checkpoint, key, arena) ||
        !check_timed(&note, &checkpoint, key, arena))
        return err_set(err, ERR_INVALID, "the checkpoint is not signed with the key of this log");
    *ret_checkpoint = checkpoint;
    return ERR_OK;
}
