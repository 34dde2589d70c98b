#include "proof.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tree.h"

enum { PROOF_MAX_BYTES = 1 << 20 };

static struct bytes cut_line(struct bytes *rest)
{
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->ptr, '\n', rest->len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->ptr);
    struct bytes line = {rest->ptr, len};
    size_t gone = len + (at != NULL);

    *rest = (struct bytes){rest->ptr + gone, rest->len - gone};
    return line;
}

/* What stands behind the word. */
static bool after(struct bytes line, const char *word, struct bytes *ret_rest)
{
    size_t len = strlen(word);

    if (line.len <= len || memcmp(line.ptr, word, len) != 0)
        return false;
    *ret_rest = bytes_part(line, len, line.len - len);
    return true;
}

static bool read_index(struct bytes text, uint64_t *ret_index)
{
    uint64_t index = 0;

    if (text.len > 19 || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        index = index * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *ret_index = index;
    return true;
}

static bool read_path(struct bytes *rest, struct proof *proof)
{
    struct bytes line;

    while ((line = cut_line(rest)).len > 0) {
        uint8_t hash[64];
        size_t len = 0;

        if (proof->count == PROOF_MAX_HASHES || line.len != 44 || !base64_read(line, hash, &len) ||
            len != HASH_BYTES)
            return false;
        memcpy(proof->path[proof->count++], hash, HASH_BYTES);
    }
    return true;
}

bool proof_read(struct bytes text, struct proof *ret_proof)
{
    static uint8_t leaf[PROOF_MAX_BYTES];
    struct bytes rest = text;
    struct bytes line = cut_line(&rest);
    struct bytes value;
    struct proof *proof = ret_proof;
    size_t len = 0;

    *proof = (struct proof){.count = 0};
    if (line.len != 22 || memcmp(line.ptr, "c2sp.org/tlog-proof@v1", 22) != 0)
        return false;
    line = cut_line(&rest);
    if (!after(line, "extra ", &value) || !base64_read(value, leaf, &len) || len > LEAF_MAX_BYTES)
        return false;
    memcpy(proof->leaf, leaf, len);
    proof->leaf_len = len;
    line = cut_line(&rest);
    if (!after(line, "index ", &value) || !read_index(value, &proof->index) ||
        !read_path(&rest, proof))
        return false;
    proof->note = rest;
    return true;
}

static bool load(const char *path, uint8_t *text, size_t max, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got = 0;

    if (fd < 0)
        return false;
    while (len < max && (got = read(fd, text + len, max - len)) > 0)
        len += (size_t)got;
    close(fd);
    *ret_len = len;
    return got >= 0;
}

/* NULL: signed by a key that was given, of the log that it names. Else what is wrong. */
static const char *check_note(struct bytes note, const struct vkey *keys, size_t key_count,
                              struct checkpoint *ret_checkpoint, uint64_t *ret_time)
{
    bool is_signed = false;

    *ret_time = 0;
    if (!checkpoint_read(note, ret_checkpoint))
        return "there is no checkpoint in it";
    for (size_t i = 0; i < key_count; i++) {
        uint64_t time = 0;
        enum signature found = note_check(note, &keys[i], &time);

        if (found == SIGNATURE_BAD)
            return "a signature is wrong";
        if (found != SIGNATURE_GOOD || ret_checkpoint->origin.len != strlen(keys[i].name) ||
            memcmp(ret_checkpoint->origin.ptr, keys[i].name, strlen(keys[i].name)) != 0)
            continue;
        is_signed = true;
        *ret_time = time > *ret_time ? time : *ret_time;
    }
    return is_signed ? NULL : "the checkpoint is not signed by a given key";
}

static const char *check_proof(const struct proof *proof, const struct checkpoint *checkpoint,
                               struct leaf *ret_leaf)
{
    if (!leaf_read(bytes_of(proof->leaf, proof->leaf_len), ret_leaf))
        return "the leaf is not well formed";
    if (ret_leaf->index != proof->index)
        return "the leaf is of another entry";
    if (!tree_check(ret_leaf->hash, proof->index, checkpoint->size, proof->path[0], proof->count,
                    checkpoint->root))
        return "the entry is not in the signed log";
    return NULL;
}

static const char *kind_word(uint8_t kind)
{
    static const char *const words[] = {
        "?",    "intent",     "outcome",    "denied", "admin", "session", "approval",
        "read", "definition", "credential", "key",    "erase", "gap"};

    return words[kind];
}

static void format_time(int64_t us, char text[40])
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm parts;

    if (gmtime_r(&seconds, &parts) == NULL || strftime(text, 40, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        (void)snprintf(text, 40, "?");
}

static int say_wrong(const char *path, const char *why, bool is_json)
{
    if (is_json)
        printf("{\"finding\":\"proof\",\"text\":\"%s\"}\n", why);
    else
        printf("%s: %s\n", path, why);
    return 1;
}

static void say_right(const char *path, const struct leaf *leaf, uint64_t size, bool is_json)
{
    char time[40];
    char id[37];
    const uint8_t *u = leaf->call_id;

    format_time(leaf->time_us, time);
    (void)snprintf(id, sizeof id,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
                   u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13],
                   u[14], u[15]);
    if (is_json)
        printf("{\"index\":%" PRIu64 ",\"kind\":\"%s\",\"call_id\":\"%s\",\"time\":\"%s\","
               "\"log_size\":%" PRIu64 "}\n",
               leaf->index, kind_word(leaf->kind), id, time, size);
    else
        printf("%s: entry %" PRIu64 " (%s of call %s, %s) is in the signed log of %" PRIu64
               " entries\n",
               path, leaf->index, kind_word(leaf->kind), id, time, size);
}

int proof_verify(const char *path, const struct vkey *keys, size_t key_count, bool is_json)
{
    static uint8_t text[PROOF_MAX_BYTES];
    static struct proof proof;
    struct checkpoint checkpoint;
    struct leaf leaf;
    uint64_t time = 0;
    size_t len = 0;

    if (!load(path, text, sizeof text, &len)) {
        fprintf(stderr, "portreeve-verify: %s can't be read\n", path);
        return 3;
    }
    if (!proof_read(bytes_of(text, len), &proof))
        return say_wrong(path, "this is no proof", is_json);
    const char *why = check_note(proof.note, keys, key_count, &checkpoint, &time);
    if (why == NULL)
        why = check_proof(&proof, &checkpoint, &leaf);
    if (why != NULL)
        return say_wrong(path, why, is_json);
    say_right(path, &leaf, checkpoint.size, is_json);
    return 0;
}

int checkpoint_verify(const char *path, const struct vkey *keys, size_t key_count, bool is_json)
{
    static uint8_t text[NOTE_MAX_BYTES];
    struct checkpoint checkpoint;
    char signed_at[40] = "";
    uint64_t time = 0;
    size_t len = 0;

    if (!load(path, text, sizeof text, &len)) {
        fprintf(stderr, "portreeve-verify: %s can't be read\n", path);
        return 3;
    }
    const char *why = check_note(bytes_of(text, len), keys, key_count, &checkpoint, &time);
    if (why != NULL)
        return say_wrong(path, why, is_json);
    if (time > 0)
        format_time((int64_t)time * 1000000, signed_at);
    if (is_json)
        printf("{\"size\":%" PRIu64 ",\"time\":\"%s\"}\n", checkpoint.size, signed_at);
    else
        printf("%s: %.*s had %" PRIu64 " entries%s%s\n", path, (int)checkpoint.origin.len,
               (const char *)checkpoint.origin.ptr, checkpoint.size, time > 0 ? " at " : "",
               signed_at);
    return 0;
}
