#include "log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "journal.h"
#include "record.h"
#include "tree.h"

enum { PRINT_MAX = 100, TILE_WIDTH = 256, SLACK_SECONDS = 120 };

/* A checkpoint to compare with: the log's own, or one that was kept. */
struct statement {
    uint8_t text[NOTE_MAX_BYTES];
    size_t len;
    struct checkpoint checkpoint;
    uint64_t time; /* 0: not known */
    bool is_own;   /* the log's last one */
    bool is_compared;
};

/* A stored level of the tree. */
struct level {
    const uint8_t *map;
    uint64_t nodes;
};

struct verification {
    const struct log_options *options;
    struct findings findings;
    struct journal journal;
    struct walk walk;
    struct calls *calls;
    struct tree tree;
    bool is_tree_whole; /* no leaf is missing so far */
    struct statement *statements;
    size_t statement_count;
    struct level levels[8];
    uint64_t entries;
    int64_t last_committed_us;
    bool has_signature; /* the log's own checkpoint was signed by a key that was given */
};

bool note_load(const char *path, uint8_t ret_text[NOTE_MAX_BYTES], size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got = 0;

    if (fd < 0)
        return false;
    while (len < NOTE_MAX_BYTES && (got = read(fd, ret_text + len, NOTE_MAX_BYTES - len)) > 0)
        len += (size_t)got;
    close(fd);
    *ret_len = len;
    return got >= 0 && len > 0;
}

/* ---- checkpoints ---- */

/* The log's own, which is the first; NULL: there is none that counts. */
static const struct statement *own_statement(const struct verification *v)
{
    return v->statement_count > 0 && v->statements[0].is_own ? &v->statements[0] : NULL;
}

static uint64_t own_size(const struct verification *v)
{
    return own_statement(v) == NULL ? 0 : own_statement(v)->checkpoint.size;
}

static bool check_signatures(struct verification *v, struct statement *statement)
{
    struct bytes note = bytes_of(statement->text, statement->len);
    bool is_signed = false;

    for (size_t i = 0; i < v->options->key_count; i++) {
        const struct vkey *key = &v->options->keys[i];
        uint64_t time = 0;
        enum signature found = note_check(note, key, &time);

        if (found == SIGNATURE_BAD)
            return false;
        if (found == SIGNATURE_GOOD && statement->checkpoint.origin.len == strlen(key->name) &&
            memcmp(statement->checkpoint.origin.ptr, key->name, strlen(key->name)) == 0)
            is_signed = true;
        if (found == SIGNATURE_GOOD && time > statement->time)
            statement->time = time;
    }
    return is_signed;
}

static void load_statement(struct verification *v, const char *path, bool is_own)
{
    struct statement *statement = &v->statements[v->statement_count];

    *statement = (struct statement){.is_own = is_own};
    if (!note_load(path, statement->text, &statement->len)) {
        finding_add(&v->findings, FINDING_CHECKPOINT, NOWHERE, "%s can't be read",
                    is_own ? "the checkpoint of the log" : "a kept checkpoint");
        return;
    }
    if (!checkpoint_read(bytes_of(statement->text, statement->len), &statement->checkpoint)) {
        finding_add(&v->findings, FINDING_CHECKPOINT, NOWHERE, "%s is no checkpoint",
                    is_own ? "the checkpoint of the log" : "a kept checkpoint");
        return;
    }
    if (v->options->key_count > 0 && !check_signatures(v, statement)) {
        finding_add(&v->findings, FINDING_CHECKPOINT, NOWHERE, "%s is not signed by a given key",
                    is_own ? "the checkpoint of the log" : "a kept checkpoint");
        return;
    }
    v->has_signature = v->has_signature || (is_own && v->options->key_count > 0);
    if (statement->checkpoint.size > v->walk.signed_size)
        v->walk.signed_size = statement->checkpoint.size;
    v->statement_count++;
}

static bool load_statements(struct verification *v)
{
    static char own[PATH_MAX];

    v->statements = calloc(1 + v->options->since_count, sizeof *v->statements);
    if (v->statements == NULL ||
        snprintf(own, sizeof own, "%s/checkpoint", v->options->dir) >= (int)sizeof own)
        return false;
    load_statement(v, own, true);
    for (size_t i = 0; i < v->options->since_count; i++)
        load_statement(v, v->options->since[i], false);
    return true;
}

/* What was signed at this size: is it what is there? */
static void compare_roots(struct verification *v)
{
    uint8_t root[HASH_BYTES];

    for (size_t i = 0; i < v->statement_count; i++) {
        struct statement *statement = &v->statements[i];

        if (statement->is_compared || !v->is_tree_whole ||
            statement->checkpoint.size != v->tree.size)
            continue;
        tree_root(&v->tree, root);
        statement->is_compared = true;
        if (memcmp(root, statement->checkpoint.root, HASH_BYTES) != 0)
            finding_add(&v->findings, FINDING_ROOT, NOWHERE,
                        "the first %" PRIu64 " entries are not those that were signed",
                        statement->checkpoint.size);
    }
}

/* ---- the stored tree ---- */

static void map_levels(struct verification *v)
{
    for (unsigned i = 0; i < 8; i++) {
        char path[PATH_MAX];
        struct stat found;
        int fd = -1;

        if (snprintf(path, sizeof path, "%s/tree/level-%u", v->options->dir, i) >= (int)sizeof path)
            return;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (fstat(fd, &found) == 0 && found.st_size >= HASH_BYTES) {
            void *map = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

            if (map != MAP_FAILED)
                v->levels[i] = (struct level){map, (uint64_t)found.st_size / HASH_BYTES};
        }
        close(fd);
    }
}

static void unmap_levels(struct verification *v)
{
    for (unsigned i = 0; i < 8; i++)
        if (v->levels[i].map != NULL)
            munmap((void *)(uintptr_t)v->levels[i].map, (size_t)v->levels[i].nodes * HASH_BYTES);
}

/* The root of 256 nodes of the level below. */
static void fold(const uint8_t *nodes, uint8_t ret_hash[HASH_BYTES])
{
    uint8_t tile[TILE_WIDTH][HASH_BYTES];

    memcpy(tile, nodes, sizeof tile);
    for (size_t count = TILE_WIDTH; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++)
            tree_join(tile[2 * i], tile[2 * i + 1], tile[i]);
    memcpy(ret_hash, tile[0], HASH_BYTES);
}

/* Level 0 was compared leaf by leaf; the others follow from it. */
static void check_levels(struct verification *v)
{
    uint64_t size = own_size(v);

    for (unsigned i = 1; i < 8 && v->levels[0].map != NULL; i++) {
        uint64_t nodes = size >> (8 * i);

        if (nodes == 0 || v->levels[i - 1].nodes < nodes * TILE_WIDTH)
            return;
        for (uint64_t at = 0; at < nodes; at++) {
            uint8_t hash[HASH_BYTES];

            fold(v->levels[i - 1].map + at * TILE_WIDTH * HASH_BYTES, hash);
            if (at >= v->levels[i].nodes ||
                memcmp(v->levels[i].map + at * HASH_BYTES, hash, HASH_BYTES) != 0)
                finding_add(&v->findings, FINDING_TREE, NOWHERE,
                            "node %" PRIu64 " of level %u of the stored tree is wrong", at, i);
        }
    }
}

/* ---- entries ---- */

static void check_call(struct verification *v, const struct leaf *leaf, struct place place)
{
    uint64_t intent = NO_INTENT;

    if (leaf->kind == LEAF_INTENT &&
        !calls_add(v->calls, leaf->call_id, leaf->attempt, leaf->index))
        finding_add(&v->findings, FINDING_ORDER, place, "the same intent stands there twice");
    if (leaf->kind != LEAF_OUTCOME)
        return;
    if (!calls_find(v->calls, leaf->call_id, leaf->attempt, &intent) || intent != leaf->intent) {
        if (!v->walk.has_gap)
            finding_add(&v->findings, FINDING_OUTCOME, place,
                        "the outcome has no intent, or its intent has another one");
        return;
    }
    calls_remove(v->calls, leaf->call_id, leaf->attempt);
}

static void check_leaf(struct verification *v, const struct batch *batch,
                       const struct record *record, struct place place)
{
    const struct leaf *leaf = &record->leaf;
    uint64_t stored = own_size(v);

    if (stored > v->levels[0].nodes)
        stored = v->levels[0].nodes;
    if (!record->is_leaf_good)
        finding_add(&v->findings, FINDING_LEAF, place, "the leaf does not fit its hash");
    if (!record->is_blocks_good)
        finding_add(&v->findings, FINDING_BLOCK, place, "a block does not fit the leaf");
    if (leaf->index != place.index)
        finding_add(&v->findings, FINDING_ORDER, place, "the entry says that it is number %" PRIu64,
                    leaf->index);
    if (memcmp(leaf->log_id, v->journal.segments[v->walk.at].log_id, 16) != 0)
        finding_add(&v->findings, FINDING_FOREIGN, place, "the entry is of another log");
    if (leaf->committed_us != batch->committed_us)
        finding_add(&v->findings, FINDING_RECORD, place,
                    "the entry was not committed when its batch was");
    if (place.index < stored &&
        memcmp(v->levels[0].map + place.index * HASH_BYTES, leaf->hash, HASH_BYTES) != 0)
        finding_add(&v->findings, FINDING_TREE, place,
                    "the stored tree has another entry in this place");
}

static void take_leaf(struct verification *v, const struct record *record, uint64_t index)
{
    if (index != v->tree.size)
        v->is_tree_whole = false;
    if (!v->is_tree_whole)
        return;
    tree_add(&v->tree, record->leaf.hash);
    compare_roots(v);
}

/* Returns the hash that the batch should have. */
static void read_records(struct verification *v, const struct batch *batch,
                         uint8_t ret_hash[HASH_BYTES])
{
    static struct bytes pieces[1 + 65536];
    static uint8_t hashes[65536][HASH_BYTES];
    struct bytes rest = batch->payload;
    uint32_t count = 0;

    for (; rest.len > 0 && count < 65536; count++) {
        struct record record;
        struct place place = {batch->first_index + count, batch->segment,
                              batch->offset + BATCH_HEAD_BYTES +
                                  (uint64_t)(rest.ptr - batch->payload.ptr)};

        if (!record_read(rest, &record)) {
            finding_add(&v->findings, FINDING_RECORD, place, "the record is not well formed");
            v->is_tree_whole = false;
            v->walk.has_gap = true;
            break;
        }
        check_leaf(v, batch, &record, place);
        check_call(v, &record.leaf, place);
        take_leaf(v, &record, place.index);
        /* What the writer hashed is what stands in the record. */
        memcpy(hashes[count], rest.ptr + 16, HASH_BYTES);
        pieces[1 + count] = bytes_of(hashes[count], HASH_BYTES);
        rest = bytes_part(rest, record.bytes, rest.len - record.bytes);
        v->entries++;
    }
    if (count != batch->count)
        finding_add(&v->findings, FINDING_BATCH,
                    (struct place){batch->first_index, batch->segment, batch->offset},
                    "a batch holds not as many records as it says");
    v->last_committed_us = batch->committed_us;
    pieces[0] = bytes_of(batch->head, 80);
    sha256(pieces, 1 + count, ret_hash);
}

/* The calls that were open when the segment began: all of them, and no other. */
static void read_open_intents(struct verification *v, const struct batch *batch,
                              uint8_t ret_hash[HASH_BYTES])
{
    const struct bytes pieces[] = {bytes_of(batch->head, 80), batch->payload};
    struct place place = {UINT64_MAX, batch->segment, batch->offset};

    sha256(pieces, 2, ret_hash);
    if (v->walk.has_gap)
        return;
    if (batch->payload.len != (size_t)batch->count * 48 || batch->count != calls_count(v->calls))
        finding_add(&v->findings, FINDING_OUTCOME, place,
                    "the list of open calls is not as long as it should be");
    for (size_t at = 0; at + 48 <= batch->payload.len; at += 48) {
        const uint8_t *call = batch->payload.ptr + at;
        uint64_t index = NO_INTENT;

        if (!calls_find(v->calls, call, get_u32(call + 16), &index) || index != get_u64(call + 24))
            finding_add(&v->findings, FINDING_OUTCOME, place,
                        "the list of open calls has one that is not open");
    }
}

static void read_all(struct verification *v)
{
    struct batch batch;

    compare_roots(v); /* with one of an empty log */
    while (walk_next(&v->walk, &batch)) {
        uint8_t hash[HASH_BYTES];

        if (batch.kind == BATCH_RECORDS)
            read_records(v, &batch, hash);
        else
            read_open_intents(v, &batch, hash);
        walk_took(&v->walk, &batch, hash);
    }
}

/* ---- at the end ---- */

static void judge_statements(struct verification *v)
{
    for (size_t i = 0; i < v->statement_count; i++) {
        const struct statement *statement = &v->statements[i];
        const struct checkpoint *checkpoint = &statement->checkpoint;

        if (statement->is_compared)
            continue;
        if (checkpoint->size > v->walk.index)
            finding_add(&v->findings, FINDING_TRUNCATED,
                        (struct place){v->walk.index, UINT64_MAX, UINT64_MAX},
                        "the log ends here; %" PRIu64 " entries were signed", checkpoint->size);
        else
            finding_add(&v->findings, FINDING_ROOT, NOWHERE,
                        "entries are missing, so that the first %" PRIu64 " can't be compared",
                        checkpoint->size);
    }
}

static void judge_age(struct verification *v)
{
    uint64_t signed_at = own_statement(v) == NULL ? 0 : own_statement(v)->time;
    uint64_t now = (uint64_t)time(NULL);

    if (signed_at == 0)
        return;
    if (v->last_committed_us > 0 &&
        signed_at + SLACK_SECONDS < (uint64_t)(v->last_committed_us / 1000000))
        finding_add(&v->findings, FINDING_STALE, NOWHERE,
                    "entries came after the last checkpoint was signed, and none followed");
    if (v->options->max_age_s > 0 && signed_at + v->options->max_age_s < now)
        finding_add(&v->findings, FINDING_STALE, NOWHERE,
                    "the last checkpoint was signed %" PRIu64 " seconds ago", now - signed_at);
}

static void print_summary(const struct verification *v)
{
    const struct findings *findings = &v->findings;
    uint64_t size = own_size(v);

    if (v->options->is_json) {
        printf("{\"entries\":%" PRIu64 ",\"segments\":%zu,\"signed\":%" PRIu64
               ",\"is_signature_checked\":%s,\"open_calls\":%zu,\"findings\":%" PRIu64,
               v->entries, v->journal.count, size, v->has_signature ? "true" : "false",
               calls_count(v->calls), findings->count);
        if (findings->first_index != UINT64_MAX)
            printf(",\"first_bad_index\":%" PRIu64, findings->first_index);
        printf("}\n");
        return;
    }
    if (findings->count > findings->max)
        printf("… and %" PRIu64 " more\n", findings->count - findings->max);
    printf("%" PRIu64 " entries in %zu files, %" PRIu64 " of them signed%s; %zu calls without an "
           "outcome\n",
           v->entries, v->journal.count, size,
           v->has_signature ? "" : " (the signature was not checked: give --key)",
           calls_count(v->calls));
    if (findings->count == 0)
        printf("nothing is wrong\n");
    else if (findings->first_index != UINT64_MAX)
        printf("%" PRIu64 " findings; the first entry that is wrong is %" PRIu64 "\n",
               findings->count, findings->first_index);
    else
        printf("%" PRIu64 " findings\n", findings->count);
}

int log_verify(const struct log_options *options)
{
    struct verification v = {
        .options = options,
        .findings = {.out = stdout,
                     .is_json = options->is_json,
                     .max = PRINT_MAX,
                     .first_index = UINT64_MAX},
        .is_tree_whole = true,
        .calls = calls_new(),
    };
    int code = 3;

    v.walk = (struct walk){.journal = &v.journal, .findings = &v.findings};
    if (v.calls != NULL && load_statements(&v) &&
        journal_open(options->dir, &v.findings, &v.journal)) {
        map_levels(&v);
        read_all(&v);
        check_levels(&v);
        judge_statements(&v);
        judge_age(&v);
        print_summary(&v);
        unmap_levels(&v);
        code = v.findings.count == 0 ? 0 : 1;
    }
    journal_close(&v.journal);
    calls_free(v.calls);
    free(v.statements);
    return code;
}
