#include "log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

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
    const struct image *image;
    uint64_t entries;
    int64_t last_committed_us;
    bool has_signature; /* the log's own checkpoint was signed by a key that was given */
};

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

static void take_statement(struct verification *v, bool is_own)
{
    struct statement *statement = &v->statements[v->statement_count];

    statement->is_own = is_own;
    statement->time = 0;
    statement->is_compared = false;
    if (!checkpoint_read(bytes_of(statement->text, statement->len), &statement->checkpoint)) {
        finding_add(&v->findings, FINDING_CHECKPOINT, NOWHERE, "%s is missing, or none",
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
    v->statements = calloc(1 + v->options->since_count, sizeof *v->statements);
    if (v->statements == NULL)
        return false;
    memcpy(v->statements[0].text, v->image->note, v->image->note_len);
    v->statements[0].len = v->image->note_len;
    take_statement(v, true);
    for (size_t i = 0; i < v->options->since_count; i++) {
        struct statement *statement = &v->statements[v->statement_count];

        memcpy(statement->text, v->options->since[i].text, v->options->since[i].len);
        statement->len = v->options->since[i].len;
        take_statement(v, false);
    }
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

static uint64_t nodes_of(const struct verification *v, unsigned level)
{
    return v->image->levels[level].size / HASH_BYTES;
}

static const uint8_t *node_at(const struct verification *v, unsigned level, uint64_t index)
{
    return v->image->levels[level].bytes + index * HASH_BYTES;
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

    for (unsigned i = 1; i < IMAGE_LEVELS && v->image->levels[0].bytes != NULL; i++) {
        uint64_t nodes = size >> (8 * i);

        if (nodes == 0 || nodes_of(v, i - 1) < nodes * TILE_WIDTH)
            return;
        for (uint64_t at = 0; at < nodes; at++) {
            uint8_t hash[HASH_BYTES];

            fold(node_at(v, i - 1, at * TILE_WIDTH), hash);
            if (at >= nodes_of(v, i) || memcmp(node_at(v, i, at), hash, HASH_BYTES) != 0)
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

    if (stored > nodes_of(v, 0))
        stored = nodes_of(v, 0);
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
    if (place.index < stored && memcmp(node_at(v, 0, place.index), leaf->hash, HASH_BYTES) != 0)
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
                    (struct place){batch->first_index + count, batch->segment, batch->offset},
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

/* What is wrong with a batch lies at its first entry, when no other one was named. */
static void name_damage(struct verification *v, const struct batch *batch, uint64_t findings_before)
{
    bool is_damaged = !batch->is_payload_good || v->findings.count > findings_before;

    if (is_damaged && v->findings.first_index > batch->first_index + batch->count)
        finding_add(&v->findings, FINDING_BATCH,
                    (struct place){batch->first_index, batch->segment, batch->offset},
                    "no entry of a damaged batch can be told from the others");
}

static void read_all(struct verification *v)
{
    struct batch batch;

    compare_roots(v); /* with one of an empty log */
    while (walk_next(&v->walk, &batch)) {
        uint8_t hash[HASH_BYTES];
        uint64_t before = v->findings.count;

        if (batch.kind == BATCH_RECORDS)
            read_records(v, &batch, hash);
        else
            read_open_intents(v, &batch, hash);
        walk_took(&v->walk, &batch, hash);
        name_damage(v, &batch, before);
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

bool log_check(const struct image *image, const struct log_options *options,
               struct findings *findings, struct log_summary *ret_summary)
{
    struct verification v = {
        .options = options,
        .image = image,
        .findings = *findings,
        .is_tree_whole = true,
        .calls = calls_new(),
    };
    bool is_read = false;

    v.walk = (struct walk){.journal = &v.journal, .findings = &v.findings};
    if (v.calls != NULL && load_statements(&v) && journal_open(image, &v.findings, &v.journal)) {
        read_all(&v);
        check_levels(&v);
        judge_statements(&v);
        judge_age(&v);
        *ret_summary = (struct log_summary){.entries = v.entries,
                                            .files = v.journal.count,
                                            .signed_entries = own_size(&v),
                                            .open_calls = calls_count(v.calls),
                                            .is_signature_checked = v.has_signature};
        is_read = true;
    }
    *findings = v.findings;
    journal_close(&v.journal);
    calls_free(v.calls);
    free(v.statements);
    return is_read;
}

static void print_summary(const struct log_summary *summary, const struct findings *findings)
{
    if (findings->is_json) {
        printf("{\"entries\":%" PRIu64 ",\"segments\":%zu,\"signed\":%" PRIu64
               ",\"is_signature_checked\":%s,\"open_calls\":%zu,\"findings\":%" PRIu64,
               summary->entries, summary->files, summary->signed_entries,
               summary->is_signature_checked ? "true" : "false", summary->open_calls,
               findings->count);
        if (findings->first_index != UINT64_MAX)
            printf(",\"first_bad_index\":%" PRIu64, findings->first_index);
        printf("}\n");
        return;
    }
    if (findings->count > findings->max)
        printf("… and %" PRIu64 " more\n", findings->count - findings->max);
    printf("%" PRIu64 " entries in %zu files, %" PRIu64 " of them signed%s; %zu calls without an "
           "outcome\n",
           summary->entries, summary->files, summary->signed_entries,
           summary->is_signature_checked ? "" : " (the signature was not checked: give --key)",
           summary->open_calls);
    if (findings->count == 0)
        printf("nothing is wrong\n");
    else if (findings->first_index != UINT64_MAX)
        printf("%" PRIu64 " findings; the first entry that is wrong is %" PRIu64 "\n",
               findings->count, findings->first_index);
    else
        printf("%" PRIu64 " findings\n", findings->count);
}

int log_verify(const char *dir, const struct log_options *options, bool is_json)
{
    struct findings findings = {
        .out = stdout, .is_json = is_json, .max = PRINT_MAX, .first_index = UINT64_MAX};
    struct log_summary summary;
    struct image *image = malloc(sizeof *image);
    bool is_read = false;

    if (image == NULL || !image_load(dir, image)) {
        free(image);
        return 3;
    }
    is_read = log_check(image, options, &findings, &summary);
    if (is_read)
        print_summary(&summary, &findings);
    image_free(image);
    free(image);
    if (!is_read)
        return 3;
    return findings.count == 0 ? 0 : 1;
}
