#include "keys/keyring.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/rand.h"
#include "base/secret.h"
#include "base/str.h"

#define MANIFEST_NAME  "keyring.manifest"
#define MANIFEST_TITLE "portreeve-keyring v1\n"
#define KEY_TITLE      "portreeve-key v1"
#define FILE_MAX_BYTES 4096

struct keyring {
    struct secret *keys[KEYRING_KEYS];
    uint8_t ids[KEYRING_KEYS][KEYRING_ID_BYTES];
};

static const struct {
    const char *name;
    const char *file;
    const char *purpose;
    const char *lost;
} keys_of_all[KEYRING_KEYS] = {
#define X(name, file, purpose, lost) [name] = {#name, file, purpose, lost},
#include "keys/keyring.def"
#undef X
};

struct id_text {
    char hex[2 * KEYRING_ID_BYTES + 1];
};

static void key_path(const char *data_dir, const char *file, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/keys/%s", data_dir, file);
}

static void manifest_path(const char *data_dir, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", data_dir, MANIFEST_NAME);
}

/* The name is part of the id, so that two files can't be swapped. */
static void compute_id(enum keyring_key key, struct str bytes, uint8_t id[KEYRING_ID_BYTES])
{
    uint8_t digest[CRYPTO_SHA256_BYTES];
    const struct str pieces[] = {STR("portreeve key id"), str_c(keys_of_all[key].file), STR("\n"),
                                 bytes};
    crypto_sha256v(pieces, ARRAY_LEN(pieces), digest);
    memcpy(id, digest, KEYRING_ID_BYTES);
}

static struct id_text format_id(const uint8_t id[KEYRING_ID_BYTES])
{
    struct id_text text;
    hex_encode(id, KEYRING_ID_BYTES, text.hex);
    text.hex[sizeof text.hex - 1] = '\0';
    return text;
}

bool keyring_exists(const char *data_dir)
{
    char path[PATH_MAX];
    manifest_path(data_dir, path);
    if (access(path, F_OK) == 0)
        return true;
    for (size_t i = 0; i < KEYRING_KEYS; i++) {
        key_path(data_dir, keys_of_all[i].file, path);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static enum err_code create_key(const char *data_dir, enum keyring_key key, struct buf *manifest,
                                struct err *err)
{
    char path[PATH_MAX];
    uint8_t bytes[KEYRING_KEY_BYTES];
    uint8_t id[KEYRING_ID_BYTES];
    char text[128 + BASE64URL_LEN(KEYRING_KEY_BYTES)];

    rand_bytes(bytes, sizeof bytes);
    compute_id(key, str_of((const char *)bytes, sizeof bytes), id);
    struct id_text hex = format_id(id);
    int head = snprintf(text, 128, "%s %s %s ", KEY_TITLE, keys_of_all[key].file, hex.hex);
    size_t len = (size_t)head;
    len += base64url_encode(bytes, sizeof bytes, text + len);
    text[len++] = '\n';
    crypto_wipe(bytes, sizeof bytes);
    buf_printf(manifest, "%s %s\n", keys_of_all[key].file, hex.hex);

    key_path(data_dir, keys_of_all[key].file, path);
    enum err_code code = file_write(path, str_of(text, len), 0600, err);
    crypto_wipe(text, sizeof text);
    return code;
}

enum err_code keyring_create(const char *data_dir, struct err *err)
{
    CLEANUP(buf_done) struct buf manifest;
    char path[PATH_MAX];

    buf_init(&manifest, FILE_MAX_BYTES);
    if (keyring_exists(data_dir))
        return err_set(err, ERR_CONFLICT, "there are keys in %s already; they are left alone",
                       data_dir);
    snprintf(path, sizeof path, "%s/keys", data_dir);
    if (file_make_dir(path, err) != ERR_OK)
        return err_wrap(err, "make the folder of keys");
    buf_add_c(&manifest, MANIFEST_TITLE);
    for (size_t i = 0; i < KEYRING_KEYS; i++)
        if (create_key(data_dir, (enum keyring_key)i, &manifest, err) != ERR_OK)
            return err_wrap(err, "write a key");
    if (manifest.failed)
        return err_set(err, ERR_INTERNAL, "memory is out");
    /* The manifest comes last: without it the keys are not in use yet. */
    manifest_path(data_dir, path);
    if (file_write(path, buf_str(&manifest), 0600, err) != ERR_OK)
        return err_wrap(err, "write the manifest of keys");
    return ERR_OK;
}

/* Cuts the next word off a line of `sep`-separated words. */
static struct str next_word(struct str *line)
{
    return str_cut(line, ' ');
}

static enum err_code read_manifest(const char *data_dir, struct arena *arena, struct str *ret_text,
                                   struct err *err)
{
    char path[PATH_MAX];
    struct str text;
    manifest_path(data_dir, path);
    enum err_code code = file_read(arena, path, FILE_MAX_BYTES, &text, err);
    if (code == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND,
                       "%s is missing: without it nobody can tell whether the keys belong to this "
                       "data; restore it from the backup, or run `init` in an empty folder",
                       path);
    if (code != ERR_OK)
        return err_wrap(err, "read the manifest of keys");
    if (!str_starts(text, STR(MANIFEST_TITLE)))
        return err_set(err, ERR_CORRUPT, "%s is no manifest of keys", path);
    *ret_text = str_from(text, sizeof MANIFEST_TITLE - 1);
    return ERR_OK;
}

/* The id that the manifest gives for a key; empty when it names no such key. */
static struct str manifest_id(struct str manifest, const char *file)
{
    while (manifest.len > 0) {
        struct str line = str_cut(&manifest, '\n');
        if (str_eq(next_word(&line), str_c(file)))
            return line;
    }
    return STR_NONE;
}

static enum err_code check_mode(const char *path, const char *lost, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT)
            return err_set(err, ERR_NOT_FOUND,
                           "%s is missing; restore it from the backup. Without it %s", path, lost);
        return err_errno(err, errno, path);
    }
    if ((st.st_mode & 077) != 0)
        return err_set(err, ERR_DENIED, "others may read %s: chmod 600 it", path);
    return ERR_OK;
}

/* "portreeve-key v1 NAME ID BASE64URL" */
static bool parse_key(enum keyring_key key, struct str text, uint8_t bytes[KEYRING_KEY_BYTES])
{
    struct str title = next_word(&text);
    struct str version = next_word(&text);
    struct str name = next_word(&text);
    struct str id = next_word(&text);
    uint8_t computed[KEYRING_ID_BYTES];
    size_t len = 0;

    if (!str_eq(title, STR("portreeve-key")) || !str_eq(version, STR("v1")) ||
        !str_eq(name, str_c(keys_of_all[key].file)))
        return false;
    if (text.len != BASE64URL_LEN(KEYRING_KEY_BYTES) || !base64url_decode(text, bytes, &len) ||
        len != KEYRING_KEY_BYTES)
        return false;
    compute_id(key, str_of((const char *)bytes, len), computed);
    struct id_text hex = format_id(computed);
    return str_eq(id, str_c(hex.hex));
}

static enum err_code read_key(const char *path, enum keyring_key key, struct keyring *keyring,
                              struct err *err)
{
    CLEANUP(secret_freep) struct secret *text = NULL;
    uint8_t bytes[BASE64URL_LEN(KEYRING_KEY_BYTES)];

    if (check_mode(path, keys_of_all[key].lost, err) != ERR_OK)
        return err_wrap(err, "load a key");
    if (secret_read_file(path, &text, err) != ERR_OK)
        return err_wrap(err, "load a key");
    if (!parse_key(key, secret_reveal(text), bytes))
        return err_set(err, ERR_CORRUPT, "%s is damaged; restore it from the backup. Without it %s",
                       path, keys_of_all[key].lost);
    struct str view = str_of((const char *)bytes, KEYRING_KEY_BYTES);
    compute_id(key, view, keyring->ids[key]);
    keyring->keys[key] = secret_new(view);
    crypto_wipe(bytes, sizeof bytes);
    if (keyring->keys[key] == NULL)
        return err_set(err, ERR_INTERNAL, "no locked memory for a key");
    return ERR_OK;
}

static enum err_code load_key(const char *data_dir, enum keyring_key key, struct str manifest,
                              struct keyring *keyring, struct err *err)
{
    char path[PATH_MAX];

    key_path(data_dir, keys_of_all[key].file, path);
    enum err_code code = read_key(path, key, keyring, err);
    if (code != ERR_OK)
        return code;
    struct id_text hex = format_id(keyring->ids[key]);
    if (!str_eq(manifest_id(manifest, keys_of_all[key].file), str_c(hex.hex)))
        return err_set(err, ERR_CONFLICT,
                       "%s is not the key that this data was made with; restore the right one from "
                       "the backup. Without it %s",
                       path, keys_of_all[key].lost);
    return ERR_OK;
}

enum err_code keyring_load(const char *data_dir, struct keyring **ret_keyring, struct err *err)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(2 * FILE_MAX_BYTES);
    CLEANUP(keyring_freep) struct keyring *keyring = calloc(1, sizeof *keyring);
    struct str manifest;

    if (arena == NULL || keyring == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    enum err_code code = read_manifest(data_dir, arena, &manifest, err);
    if (code != ERR_OK)
        return code;
    for (size_t i = 0; i < KEYRING_KEYS; i++) {
        code = load_key(data_dir, (enum keyring_key)i, manifest, keyring, err);
        if (code != ERR_OK)
            return code;
    }
    *ret_keyring = MOVE(keyring);
    return ERR_OK;
}

void keyring_free(struct keyring *keyring)
{
    if (keyring == NULL)
        return;
    for (size_t i = 0; i < KEYRING_KEYS; i++)
        secret_free(keyring->keys[i]);
    free(keyring);
}

void keyring_freep(struct keyring **keyring)
{
    keyring_free(*keyring);
    *keyring = NULL;
}

const uint8_t *keyring_get(const struct keyring *keyring, enum keyring_key key)
{
    return (const uint8_t *)secret_reveal(keyring->keys[key]).ptr;
}

const uint8_t *keyring_get_id(const struct keyring *keyring, enum keyring_key key)
{
    return keyring->ids[key];
}

const char *keyring_key_purpose(enum keyring_key key)
{
    return (size_t)key < KEYRING_KEYS ? keys_of_all[key].purpose : "?";
}

const char *keyring_key_name(enum keyring_key key)
{
    return (size_t)key < KEYRING_KEYS ? keys_of_all[key].file : "?";
}
