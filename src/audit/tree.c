#include "audit/tree.h"

#include <string.h>

#include "base/crypto.h"

void tree_join(const uint8_t left[TREE_HASH_BYTES], const uint8_t right[TREE_HASH_BYTES],
               uint8_t ret_hash[TREE_HASH_BYTES])
{
    char text[1 + 2 * TREE_HASH_BYTES];

    text[0] = 1;
    memcpy(text + 1, left, TREE_HASH_BYTES);
    memcpy(text + 1 + TREE_HASH_BYTES, right, TREE_HASH_BYTES);
    crypto_sha256(str_of(text, sizeof text), ret_hash);
}

void tree_add(struct tree *tree, const uint8_t leaf[TREE_HASH_BYTES])
{
    uint8_t hash[TREE_HASH_BYTES];
    unsigned level = 0;

    memcpy(hash, leaf, sizeof hash);
    for (; (tree->size >> level & 1) != 0; level++)
        tree_join(tree->peaks[level], hash, hash);
    memcpy(tree->peaks[level], hash, sizeof hash);
    tree->size++;
}

void tree_root(const struct tree *tree, uint8_t ret_root[TREE_HASH_BYTES])
{
    uint8_t hash[TREE_HASH_BYTES];
    bool is_begun = false;

    if (tree->size == 0) {
        crypto_sha256(STR(""), ret_root);
        return;
    }
    for (unsigned level = 0; level < TREE_LEVELS; level++) {
        if ((tree->size >> level & 1) == 0)
            continue;
        if (is_begun)
            tree_join(tree->peaks[level], hash, hash);
        else
            memcpy(hash, tree->peaks[level], sizeof hash);
        is_begun = true;
    }
    memcpy(ret_root, hash, sizeof hash);
}

enum err_code tree_load(const struct tree_source *source, uint64_t size, struct tree *ret_tree,
                        struct err *err)
{
    struct tree tree = {.size = size};
    uint64_t at = 0;

    for (unsigned level = TREE_LEVELS; level-- > 0;) {
        if ((size >> level & 1) == 0)
            continue;
        enum err_code code = source->read(source->ctx, level, at >> level, tree.peaks[level], err);
        if (code != ERR_OK)
            return code;
        at += UINT64_C(1) << level;
    }
    *ret_tree = tree;
    return ERR_OK;
}

/* ---- proving ---- */

/* Leaves [begin, begin + size): begin is a multiple of the largest power of two up to size, as it
 * is everywhere in these trees. */
struct span {
    uint64_t begin;
    uint64_t size;
};

/* The largest power of two below size, as a level. size is at least 2. */
static unsigned split_level(uint64_t size)
{
    unsigned level = 0;

    while (((size - 1) >> (level + 1)) != 0)
        level++;
    return level;
}

static enum err_code read_span(const struct tree_source *source, struct span span,
                               uint8_t ret_hash[TREE_HASH_BYTES], struct err *err)
{
    uint8_t hashes[TREE_LEVELS][TREE_HASH_BYTES];
    size_t count = 0;

    while (span.size > 0) {
        unsigned level = 63 - (unsigned)__builtin_clzll(span.size);
        enum err_code code =
            source->read(source->ctx, level, span.begin >> level, hashes[count++], err);
        if (code != ERR_OK)
            return code;
        span.begin += UINT64_C(1) << level;
        span.size -= UINT64_C(1) << level;
    }
    for (; count > 1; count--)
        tree_join(hashes[count - 2], hashes[count - 1], hashes[count - 2]);
    memcpy(ret_hash, hashes[0], TREE_HASH_BYTES);
    return ERR_OK;
}

/* Halves of a span, at the split of RFC 9162 §2.1.1. */
static void halve(struct span span, struct span *ret_left, struct span *ret_right)
{
    uint64_t left = UINT64_C(1) << split_level(span.size);

    *ret_left = (struct span){span.begin, left};
    *ret_right = (struct span){span.begin + left, span.size - left};
}

/* Proofs are found from the root down, and told from the leaf up. */
static void turn_round(struct tree_proof *proof)
{
    uint8_t hash[TREE_HASH_BYTES];

    for (size_t i = 0, j = proof->count; i + 1 < j; i++) {
        j--;
        memcpy(hash, proof->hashes[i], sizeof hash);
        memcpy(proof->hashes[i], proof->hashes[j], sizeof hash);
        memcpy(proof->hashes[j], hash, sizeof hash);
    }
}

enum err_code tree_prove(const struct tree_source *source, uint64_t index, uint64_t size,
                         struct tree_proof *ret_proof, struct err *err)
{
    struct tree_proof proof = {.count = 0};
    struct span span = {0, size};

    if (index >= size)
        return err_set(err, ERR_INVALID, "the tree of %llu entries has no entry %llu",
                       (unsigned long long)size, (unsigned long long)index);
    while (span.size > 1) {
        struct span left;
        struct span right;

        halve(span, &left, &right);
        bool is_left = index < right.begin;
        enum err_code code =
            read_span(source, is_left ? right : left, proof.hashes[proof.count++], err);
        if (code != ERR_OK)
            return code;
        span = is_left ? left : right;
    }
    turn_round(&proof);
    *ret_proof = proof;
    return ERR_OK;
}

enum err_code tree_prove_growth(const struct tree_source *source, uint64_t old_size,
                                uint64_t new_size, struct tree_proof *ret_proof, struct err *err)
{
    struct tree_proof proof = {.count = 0};
    struct span span = {0, new_size};
    uint64_t end = old_size; /* of the old tree */
    bool is_known = true;    /* the checker has the root of what is left of the old tree */

    if (old_size == 0 || old_size > new_size)
        return err_set(err, ERR_INVALID, "the tree of %llu entries did not begin with %llu",
                       (unsigned long long)new_size, (unsigned long long)old_size);
    while (end < span.begin + span.size) {
        struct span left;
        struct span right;

        halve(span, &left, &right);
        bool is_left = end <= right.begin;
        enum err_code code =
            read_span(source, is_left ? right : left, proof.hashes[proof.count++], err);
        if (code != ERR_OK)
            return code;
        is_known = is_known && is_left;
        span = is_left ? left : right;
    }
    if (!is_known) {
        enum err_code code = read_span(source, span, proof.hashes[proof.count++], err);
        if (code != ERR_OK)
            return code;
    }
    turn_round(&proof);
    *ret_proof = proof;
    return ERR_OK;
}

/* ---- checking ---- */

static bool is_same(const uint8_t a[TREE_HASH_BYTES], const uint8_t b[TREE_HASH_BYTES])
{
    return memcmp(a, b, TREE_HASH_BYTES) == 0;
}

bool tree_check(const uint8_t leaf[TREE_HASH_BYTES], uint64_t index, uint64_t size,
                const struct tree_proof *proof, const uint8_t root[TREE_HASH_BYTES])
{
    uint8_t hash[TREE_HASH_BYTES];
    uint64_t node = index;
    uint64_t last = size - 1;

    if (index >= size)
        return false;
    memcpy(hash, leaf, sizeof hash);
    for (size_t i = 0; i < proof->count; i++) {
        if (last == 0)
            return false;
        if ((node & 1) != 0 || node == last) {
            tree_join(proof->hashes[i], hash, hash);
            for (; (node & 1) == 0 && node != 0; node >>= 1)
                last >>= 1;
        } else {
            tree_join(hash, proof->hashes[i], hash);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && is_same(hash, root);
}

/* Of two trees of different size. */
static bool check_grown(uint64_t old_size, const uint8_t old_root[TREE_HASH_BYTES],
                        uint64_t new_size, const uint8_t new_root[TREE_HASH_BYTES],
                        const struct tree_proof *proof)
{
    bool is_whole = (old_size & (old_size - 1)) == 0; /* its root is a node of the new tree */
    size_t at = is_whole ? 0 : 1;
    uint8_t old_hash[TREE_HASH_BYTES];
    uint8_t new_hash[TREE_HASH_BYTES];
    uint64_t node = old_size - 1;
    uint64_t last = new_size - 1;

    if (proof->count < at)
        return false;
    for (; (node & 1) != 0; node >>= 1)
        last >>= 1;
    memcpy(old_hash, is_whole ? old_root : proof->hashes[0], sizeof old_hash);
    memcpy(new_hash, old_hash, sizeof new_hash);
    for (; at < proof->count; at++) {
        if (last == 0)
            return false;
        if ((node & 1) != 0 || node == last) {
            tree_join(proof->hashes[at], old_hash, old_hash);
            tree_join(proof->hashes[at], new_hash, new_hash);
            for (; (node & 1) == 0 && node != 0; node >>= 1)
                last >>= 1;
        } else {
            tree_join(new_hash, proof->hashes[at], new_hash);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && is_same(old_hash, old_root) && is_same(new_hash, new_root);
}

bool tree_check_growth(uint64_t old_size, const uint8_t old_root[TREE_HASH_BYTES],
                       uint64_t new_size, const uint8_t new_root[TREE_HASH_BYTES],
                       const struct tree_proof *proof)
{
    if (old_size == 0 || old_size > new_size)
        return false;
    if (old_size == new_size)
        return proof->count == 0 && is_same(old_root, new_root);
    return check_grown(old_size, old_root, new_size, new_root, proof);
}
