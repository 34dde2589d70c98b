#include "keys/data_keys.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/rand.h"
#include "base/table.h"

#define SUBJECT_BYTES 32
#define WRAPPED_BYTES (CRYPTO_NONCE_BYTES + CRYPTO_KEY_BYTES + CRYPTO_TAG_BYTES)
#define SLAB_KEYS     100
#define SUBJECT_MAX   512

/* Keys stand in slabs that are locked and left out of core dumps; a key never moves. */
struct slab {
    struct slab *next;
    size_t used;
    struct data_key keys[SLAB_KEYS];
};

struct data_keys {
    const struct keyring *keyring;
    pthread_rwlock_t memory; /* by_name, by_id, slabs */
    struct table *by_name;
    struct table *by_id;
    struct slab *slabs;
    pthread_mutex_t disk; /* db; taken before `memory` */
    sqlite3 *db;
};

/* The key of by_name: class, period, then the subject, or its hash when it is long. */
struct name_key {
    char bytes[8 + SUBJECT_MAX];
    size_t len;
};

static enum err_code sql_err(sqlite3 *db, const char *what, struct err *err)
{
    return err_set(err, ERR_IO, "%s: %s", what, sqlite3_errmsg(db));
}

static void finalizep(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}

/* Civil months from days, by the arithmetic of the Gregorian calendar with years that begin in
 * March (so that the leap day is last): gmtime takes a lock, and this runs on each call. */
uint32_t data_keys_period(int64_t wall_us)
{
    enum { DAYS_TO_1970 = 719468, ERA_DAYS = 146097 };
    if (wall_us < 0)
        return 0;
    int64_t days = wall_us / ((int64_t)86400 * 1000000) + DAYS_TO_1970;
    int64_t day = days % ERA_DAYS;
    int64_t year_of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153 + 2; /* 2: March */
    return (uint32_t)((days / ERA_DAYS * 400 + year_of_era) * 12 + month);
}

/* ---- names ---- */

static void hash_subject(const struct data_keys *keys, struct str subject,
                         uint8_t hash[SUBJECT_BYTES])
{
    const struct str pieces[] = {STR("portreeve data key subject\n"), subject};
    crypto_hmacv(keyring_get(keys->keyring, KEY_BLIND), pieces, ARRAY_LEN(pieces), hash);
}

static struct str format_name(const struct data_key_name *name, struct name_key *key)
{
    memcpy(key->bytes, &name->retention, 4);
    memcpy(key->bytes + 4, &name->period, 4);
    if (name->subject.len < SUBJECT_MAX) {
        if (name->subject.len > 0)
            memcpy(key->bytes + 8, name->subject.ptr, name->subject.len);
        key->len = 8 + name->subject.len;
    } else {
        uint8_t digest[CRYPTO_SHA256_BYTES];
        crypto_sha256(name->subject, digest);
        memset(key->bytes + 8, 0, SUBJECT_MAX);
        memcpy(key->bytes + 8, digest, sizeof digest);
        key->len = 8 + SUBJECT_MAX;
    }
    return str_of(key->bytes, key->len);
}

static struct str id_view(const uint64_t *id)
{
    return str_of((const char *)id, sizeof *id);
}

/* ---- memory ---- */

static struct slab *slab_new(void)
{
    struct slab *slab =
        mmap(NULL, sizeof *slab, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slab == MAP_FAILED)
        return NULL;
    /* A low lock limit must not stop the log; dumps are shut out all the same. */
    (void)!mlock(slab, sizeof *slab);
    (void)!madvise(slab, sizeof *slab, MADV_DONTDUMP);
    return slab;
}

/* Under `memory` for writing. NULL when memory is out. */
static struct data_key *keep(struct data_keys *keys, uint64_t id,
                             const uint8_t bytes[CRYPTO_KEY_BYTES])
{
    struct data_key *known = table_get(keys->by_id, id_view(&id));
    if (known != NULL)
        return known;
    if (keys->slabs == NULL || keys->slabs->used == SLAB_KEYS) {
        struct slab *slab = slab_new();
        if (slab == NULL)
            return NULL;
        slab->next = keys->slabs;
        keys->slabs = slab;
    }
    struct data_key *key = &keys->slabs->keys[keys->slabs->used];
    key->id = id;
    memcpy(key->bytes, bytes, CRYPTO_KEY_BYTES);
    if (!table_put(keys->by_id, id_view(&id), key, NULL)) {
        crypto_wipe(key, sizeof *key);
        return NULL;
    }
    keys->slabs->used++;
    return key;
}

/* Keeps a key that was read or made. name may be NULL: by id alone. */
static enum err_code remember(struct data_keys *keys, const struct data_key_name *name, uint64_t id,
                              const uint8_t bytes[CRYPTO_KEY_BYTES],
                              const struct data_key **ret_key, struct err *err)
{
    struct name_key text;
    pthread_rwlock_wrlock(&keys->memory);
    struct data_key *key = keep(keys, id, bytes);
    bool is_kept = key != NULL &&
                   (name == NULL || table_put(keys->by_name, format_name(name, &text), key, NULL));
    pthread_rwlock_unlock(&keys->memory);
    if (!is_kept)
        return err_set(err, ERR_INTERNAL, "memory is out");
    *ret_key = key;
    return ERR_OK;
}

static const struct data_key *find_id(struct data_keys *keys, uint64_t id)
{
    pthread_rwlock_rdlock(&keys->memory);
    const struct data_key *key = table_get(keys->by_id, id_view(&id));
    pthread_rwlock_unlock(&keys->memory);
    return key;
}

const struct data_key *data_keys_find(struct data_keys *keys, const struct data_key_name *name)
{
    struct name_key text;
    struct str view = format_name(name, &text);
    pthread_rwlock_rdlock(&keys->memory);
    const struct data_key *key = table_get(keys->by_name, view);
    pthread_rwlock_unlock(&keys->memory);
    return key;
}

/* ---- wrapping ---- */

struct wrapped {
    uint8_t bytes[WRAPPED_BYTES]; /* nonce, ciphertext, tag */
};

/* The id and the subject are bound, so that a row can't be passed off as another. */
static size_t wrap_aad(uint64_t id, const uint8_t subject[SUBJECT_BYTES], char aad[64])
{
    static const char title[] = "data key v1";
    memcpy(aad, title, sizeof title);
    memcpy(aad + sizeof title, &id, sizeof id);
    memcpy(aad + sizeof title + sizeof id, subject, SUBJECT_BYTES);
    return sizeof title + sizeof id + SUBJECT_BYTES;
}

static void wrap(const struct data_keys *keys, uint64_t id, const uint8_t subject[SUBJECT_BYTES],
                 const uint8_t key[CRYPTO_KEY_BYTES], struct wrapped *out)
{
    char aad[64];
    size_t len = wrap_aad(id, subject, aad);
    rand_bytes(out->bytes, CRYPTO_NONCE_BYTES);
    crypto_seal(keyring_get(keys->keyring, KEY_ENCRYPTION), out->bytes, str_of(aad, len),
                str_of((const char *)key, CRYPTO_KEY_BYTES), out->bytes + CRYPTO_NONCE_BYTES);
}

static bool unwrap(const struct data_keys *keys, uint64_t id, struct str subject,
                   struct str wrapped, uint8_t key[CRYPTO_KEY_BYTES])
{
    char aad[64];
    if (wrapped.len != WRAPPED_BYTES || subject.len != SUBJECT_BYTES)
        return false;
    size_t len = wrap_aad(id, (const uint8_t *)subject.ptr, aad);
    return crypto_open(keyring_get(keys->keyring, KEY_ENCRYPTION), (const uint8_t *)wrapped.ptr,
                       str_of(aad, len), str_from(wrapped, CRYPTO_NONCE_BYTES), key);
}

/* ---- database ---- */

static struct str column_bytes(sqlite3_stmt *stmt, int column)
{
    const char *ptr = sqlite3_column_blob(stmt, column);
    return str_of(ptr, ptr == NULL ? 0 : (size_t)sqlite3_column_bytes(stmt, column));
}

static enum err_code exec(struct data_keys *keys, const char *sql, struct err *err)
{
    if (sqlite3_exec(keys->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sql_err(keys->db, "data keys", err);
    return ERR_OK;
}

/* Reads the row of a statement that selects (id, subject, wrapped). ERR_NOT_FOUND: no row. */
static enum err_code read_row(struct data_keys *keys, sqlite3_stmt *stmt, uint64_t *ret_id,
                              uint8_t key[CRYPTO_KEY_BYTES], struct err *err)
{
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE)
        return err_set(err, ERR_NOT_FOUND, "no such data key: never made, or destroyed");
    if (rc != SQLITE_ROW)
        return sql_err(keys->db, "read a data key", err);
    *ret_id = (uint64_t)sqlite3_column_int64(stmt, 0);
    if (!unwrap(keys, *ret_id, column_bytes(stmt, 1), column_bytes(stmt, 2), key))
        return err_set(err, ERR_CORRUPT, "data key %llu does not open under the key encryption key",
                       (unsigned long long)*ret_id);
    return ERR_OK;
}

static enum err_code read_by_name(struct data_keys *keys, const struct data_key_name *name,
                                  const uint8_t subject[SUBJECT_BYTES], uint64_t *ret_id,
                                  uint8_t key[CRYPTO_KEY_BYTES], struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(keys->db,
                           "SELECT id, subject, wrapped FROM data_key WHERE subject = ?1 AND "
                           "retention = ?2 AND period = ?3",
                           -1, &stmt, NULL) != SQLITE_OK)
        return sql_err(keys->db, "find a data key", err);
    sqlite3_bind_blob(stmt, 1, subject, SUBJECT_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, name->retention);
    sqlite3_bind_int64(stmt, 3, name->period);
    return read_row(keys, stmt, ret_id, key, err);
}

static enum err_code insert(struct data_keys *keys, const struct data_key_name *name,
                            const uint8_t subject[SUBJECT_BYTES], uint64_t id,
                            const struct wrapped *wrapped, struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(
            keys->db,
            "INSERT INTO data_key (id, subject, retention, period, wrapped, made_us) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            -1, &stmt, NULL) != SQLITE_OK)
        return sql_err(keys->db, "add a data key", err);
    sqlite3_bind_int64(stmt, 1, (int64_t)id);
    sqlite3_bind_blob(stmt, 2, subject, SUBJECT_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, name->retention);
    sqlite3_bind_int64(stmt, 4, name->period);
    sqlite3_bind_blob(stmt, 5, wrapped->bytes, WRAPPED_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 6, clock_wall_us());
    if (sqlite3_step(stmt) != SQLITE_DONE)
        return sql_err(keys->db, "add a data key", err);
    return ERR_OK;
}

/* Random, so that an id tells nothing and is not used again after its row is gone. */
static uint64_t new_id(void)
{
    uint64_t id = 0;
    while (id == 0)
        id = rand_u64() >> 1;
    return id;
}

static enum err_code read_or_insert(struct data_keys *keys, const struct data_key_name *name,
                                    uint64_t *ret_id, uint8_t key[CRYPTO_KEY_BYTES],
                                    struct err *err)
{
    uint8_t subject[SUBJECT_BYTES];
    struct wrapped wrapped;

    hash_subject(keys, name->subject, subject);
    enum err_code code = read_by_name(keys, name, subject, ret_id, key, err);
    if (code != ERR_NOT_FOUND)
        return code;
    uint64_t id = new_id();
    rand_bytes(key, CRYPTO_KEY_BYTES);
    wrap(keys, id, subject, key, &wrapped);
    code = insert(keys, name, subject, id, &wrapped, err);
    if (code == ERR_OK)
        *ret_id = id;
    return code;
}

enum err_code data_keys_make(struct data_keys *keys, const struct data_key_name *name,
                             const struct data_key **ret_key, struct err *err)
{
    uint8_t bytes[CRYPTO_KEY_BYTES];
    uint64_t id = 0;
    const struct data_key *known = data_keys_find(keys, name);
    if (known != NULL) {
        *ret_key = known;
        return ERR_OK;
    }
    pthread_mutex_lock(&keys->disk);
    enum err_code code = read_or_insert(keys, name, &id, bytes, err);
    if (code == ERR_OK)
        code = remember(keys, name, id, bytes, ret_key, err);
    pthread_mutex_unlock(&keys->disk);
    crypto_wipe(bytes, sizeof bytes);
    return code;
}

static enum err_code read_by_id(struct data_keys *keys, uint64_t id, uint8_t key[CRYPTO_KEY_BYTES],
                                struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(keys->db, "SELECT id, subject, wrapped FROM data_key WHERE id = ?1", -1,
                           &stmt, NULL) != SQLITE_OK)
        return sql_err(keys->db, "find a data key", err);
    sqlite3_bind_int64(stmt, 1, (int64_t)id);
    return read_row(keys, stmt, &id, key, err);
}

enum err_code data_keys_by_id(struct data_keys *keys, uint64_t id, const struct data_key **ret_key,
                              struct err *err)
{
    uint8_t bytes[CRYPTO_KEY_BYTES];
    const struct data_key *known = find_id(keys, id);
    if (known != NULL) {
        *ret_key = known;
        return ERR_OK;
    }
    pthread_mutex_lock(&keys->disk);
    enum err_code code = read_by_id(keys, id, bytes, err);
    if (code == ERR_OK)
        code = remember(keys, NULL, id, bytes, ret_key, err);
    pthread_mutex_unlock(&keys->disk);
    crypto_wipe(bytes, sizeof bytes);
    return code;
}

/* ---- erasing ---- */

/* Forgets the key in memory. The table of names may still point to it: those are looked through. */
static void forget(struct data_keys *keys, uint64_t id)
{
    struct data_key *key = table_take(keys->by_id, id_view(&id));
    if (key == NULL)
        return;
    size_t pos = 0;
    struct str name;
    void *value;
    while (table_next(keys->by_name, &pos, &name, &value))
        if (value == key) {
            table_take(keys->by_name, name);
            pos = 0;
        }
    crypto_wipe(key->bytes, sizeof key->bytes);
}

static enum err_code forget_rows(struct data_keys *keys, const uint8_t subject[SUBJECT_BYTES],
                                 uint64_t *ret_count, struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(keys->db, "DELETE FROM data_key WHERE subject = ?1 RETURNING id", -1,
                           &stmt, NULL) != SQLITE_OK)
        return sql_err(keys->db, "destroy data keys", err);
    sqlite3_bind_blob(stmt, 1, subject, SUBJECT_BYTES, SQLITE_STATIC);
    int rc;
    uint64_t count = 0;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        forget(keys, (uint64_t)sqlite3_column_int64(stmt, 0));
        count++;
    }
    if (rc != SQLITE_DONE)
        return sql_err(keys->db, "destroy data keys", err);
    *ret_count = count;
    return ERR_OK;
}

enum err_code data_keys_erase(struct data_keys *keys, struct str subject, uint64_t *ret_count,
                              struct err *err)
{
    uint8_t hash[SUBJECT_BYTES];

    hash_subject(keys, subject, hash);
    pthread_mutex_lock(&keys->disk);
    pthread_rwlock_wrlock(&keys->memory);
    enum err_code code = forget_rows(keys, hash, ret_count, err);
    pthread_rwlock_unlock(&keys->memory);
    if (code == ERR_OK)
        code = exec(keys, "VACUUM", err);
    pthread_mutex_unlock(&keys->disk);
    return code;
}

/* ---- opening ---- */

/* DELETE mode and no WAL: a destroyed key leaves no copy behind in a log. */
static const char setup[] =
    "PRAGMA secure_delete = ON; PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;"
    "PRAGMA temp_store = MEMORY; PRAGMA locking_mode = EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS data_key (id INTEGER PRIMARY KEY, subject BLOB NOT NULL,"
    " retention INTEGER NOT NULL, period INTEGER NOT NULL, wrapped BLOB NOT NULL,"
    " made_us INTEGER NOT NULL, UNIQUE (subject, retention, period));";

/* Binds the database to a key of the keyring, or finds out that it is bound to another. */
static enum err_code bind_key(struct data_keys *keys, enum keyring_key key, struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    const uint8_t *id = keyring_get_id(keys->keyring, key);
    if (sqlite3_prepare_v2(keys->db,
                           "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO "
                           "UPDATE SET value = value RETURNING value",
                           -1, &stmt, NULL) != SQLITE_OK)
        return sql_err(keys->db, "open data keys", err);
    sqlite3_bind_text(stmt, 1, keyring_key_name(key), -1, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 2, id, KEYRING_ID_BYTES, SQLITE_STATIC);
    if (sqlite3_step(stmt) != SQLITE_ROW)
        return sql_err(keys->db, "open data keys", err);
    if (!str_eq(column_bytes(stmt, 0), str_of((const char *)id, KEYRING_ID_BYTES)))
        return err_set(err, ERR_CONFLICT,
                       "the data keys were made with another `%s` key; restore the right one, or "
                       "identities and arguments in the audit log can't be read",
                       keyring_key_name(key));
    return ERR_OK;
}

static enum err_code open_db(struct data_keys *keys, const char *path, struct err *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    if (sqlite3_open_v2(path, &keys->db, flags, NULL) != SQLITE_OK)
        return sql_err(keys->db, "open data keys", err);
    if (chmod(path, 0600) != 0)
        return err_errno(err, errno, "chmod the data keys");
    sqlite3_extended_result_codes(keys->db, 1);
    sqlite3_busy_timeout(keys->db, 2000);
    if (exec(keys, setup, err) != ERR_OK)
        return err_wrap(err, "open");
    enum err_code code = bind_key(keys, KEY_ENCRYPTION, err);
    return code != ERR_OK ? code : bind_key(keys, KEY_BLIND, err);
}

enum err_code data_keys_open(const char *path, const struct keyring *keyring,
                             struct data_keys **ret_keys, struct err *err)
{
    CLEANUP(data_keys_closep) struct data_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    keys->keyring = keyring;
    pthread_rwlock_init(&keys->memory, NULL);
    pthread_mutex_init(&keys->disk, NULL);
    keys->by_name = table_new();
    keys->by_id = table_new();
    if (keys->by_name == NULL || keys->by_id == NULL)
        return err_set(err, ERR_INTERNAL, "memory is out");
    enum err_code code = open_db(keys, path, err);
    if (code == ERR_OK)
        *ret_keys = MOVE(keys);
    return code;
}

void data_keys_close(struct data_keys *keys)
{
    if (keys == NULL)
        return;
    sqlite3_close(keys->db);
    table_free(keys->by_name);
    table_free(keys->by_id);
    while (keys->slabs != NULL) {
        struct slab *next = keys->slabs->next;
        crypto_wipe(keys->slabs, sizeof *keys->slabs);
        munmap(keys->slabs, sizeof *keys->slabs);
        keys->slabs = next;
    }
    pthread_rwlock_destroy(&keys->memory);
    pthread_mutex_destroy(&keys->disk);
    free(keys);
}

void data_keys_closep(struct data_keys **keys)
{
    data_keys_close(*keys);
    *keys = NULL;
}
