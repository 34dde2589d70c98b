#include "tree.h"

void tree_join(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES],
               uint8_t ret_hash[HASH_BYTES])
{
    const struct bytes pieces[] = {bytes_of("\x01", 1), bytes_of(left, HASH_BYTES),
                                   bytes_of(right, HASH_BYTES)};

    sha256(pieces, 3, ret_hash);
}

void tree_add(struct tree *tree, const uint8_t leaf[HASH_BYTES])
{
    uint8_t hash[HASH_BYTES];
    unsigned level = 0;

    memcpy(hash, leaf, sizeof hash);
    while ((tree->size >> level & 1) != 0) {
        tree_join(tree->peaks[level], hash, hash);
        level++;
    }
    memcpy(tree->peaks[level], hash, sizeof hash);
    tree->size++;
}

void tree_root(const struct tree *tree, uint8_t ret_root[HASH_BYTES])
{
    uint64_t left = tree->size;

    if (left == 0) {
        sha256(NULL, 0, ret_root);
        return;
    }
    unsigned level = (unsigned)__builtin_ctzll(left);
    memcpy(ret_root, tree->peaks[level], HASH_BYTES);
    for (level++; level < 64; level++)
        if ((left >> level & 1) != 0)
            tree_join(tree->peaks[level], ret_root, ret_root);
}

bool tree_check(const uint8_t leaf[HASH_BYTES], uint64_t index, uint64_t size, const uint8_t *path,
                size_t count, const uint8_t root[HASH_BYTES])
{
    uint8_t hash[HASH_BYTES];
    uint64_t at = index;
    uint64_t last = size - 1;

    if (index >= size)
        return false;
    memcpy(hash, leaf, sizeof hash);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *other = path + i * HASH_BYTES;

        if (last == 0)
            return false;
        if ((at & 1) == 0 && at != last) {
            tree_join(hash, other, hash);
        } else {
            tree_join(other, hash, hash);
            while ((at & 1) == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && memcmp(hash, root, HASH_BYTES) == 0;
}
