#include "audit/tree.h"

#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "base/base64.h"
#include "base/crypto.h"

enum { LEAVES = 131 };

static void leaf_of(struct str data, uint8_t ret_hash[TREE_HASH_BYTES])
{
    const struct str pieces[] = {str_of("\0", 1), data};

    crypto_sha256v(pieces, 2, ret_hash);
}

static void leaf_number(uint64_t number, uint8_t ret_hash[TREE_HASH_BYTES])
{
    leaf_of(str_of((const char *)&number, sizeof number), ret_hash);
}

/* RFC 9162 §2.1.1, as it is written there. */
static void slow_root(uint64_t begin, uint64_t end, uint8_t ret_hash[TREE_HASH_BYTES])
{
    uint8_t left[TREE_HASH_BYTES];
    uint8_t right[TREE_HASH_BYTES];
    uint64_t k = 1;

    if (end - begin == 1) {
        leaf_number(begin, ret_hash);
        return;
    }
    while (k * 2 < end - begin)
        k *= 2;
    slow_root(begin, begin + k, left);
    slow_root(begin + k, end, right);
    tree_join(left, right, ret_hash);
}

static enum err_code slow_read(void *ctx, unsigned level, uint64_t index,
                               uint8_t ret_hash[TREE_HASH_BYTES], struct err *err)
{
    uint64_t end = (index + 1) << level;

    (void)err;
    assert_true(end <= *(uint64_t *)ctx); /* whole nodes alone are asked for */
    slow_root(index << level, end, ret_hash);
    return ERR_OK;
}

static void assert_hash(const uint8_t hash[TREE_HASH_BYTES], const char *hex)
{
    uint8_t expected[TREE_HASH_BYTES];

    assert_true(hex_decode(str_c(hex), expected, sizeof expected));
    assert_memory_equal(hash, expected, sizeof expected);
}

static void roots_are_those_of_the_known_tree(void **state)
{
    static const struct {
        struct str leaf;
        const char *root;
    } rows[] = {
        {{"", 0}, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {{"\x00", 1}, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {{"\x10", 1}, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {{"\x20\x21", 2}, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {{"\x30\x31", 2}, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {{"\x40\x41\x42\x43", 4},
         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {{"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {{"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16},
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct tree tree = {.size = 0};
    uint8_t hash[TREE_HASH_BYTES];

    (void)state;
    tree_root(&tree, hash);
    assert_hash(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        leaf_of(rows[i].leaf, hash);
        tree_add(&tree, hash);
        tree_root(&tree, hash);
        assert_hash(hash, rows[i].root);
    }
}

static void a_tree_that_grows_has_the_root_of_one_that_is_made_at_once(void **state)
{
    struct tree tree = {.size = 0};
    uint8_t hash[TREE_HASH_BYTES];
    uint8_t expected[TREE_HASH_BYTES];

    (void)state;
    for (uint64_t size = 1; size <= LEAVES; size++) {
        struct tree loaded;
        struct err err;
        const struct tree_source source = {slow_read, &size};

        leaf_number(size - 1, hash);
        tree_add(&tree, hash);
        tree_root(&tree, hash);
        slow_root(0, size, expected);
        assert_memory_equal(hash, expected, sizeof hash);
        assert_ok(tree_load(&source, size, &loaded, &err), err);
        tree_root(&loaded, hash);
        assert_memory_equal(hash, expected, sizeof hash);
    }
}

static void every_leaf_can_be_proved_in_every_tree(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= LEAVES; size++) {
        const struct tree_source source = {slow_read, &size};
        uint8_t root[TREE_HASH_BYTES];

        slow_root(0, size, root);
        for (uint64_t index = 0; index < size; index++) {
            struct tree_proof proof;
            uint8_t leaf[TREE_HASH_BYTES];
            struct err err;

            assert_ok(tree_prove(&source, index, size, &proof, &err), err);
            leaf_number(index, leaf);
            assert_true(tree_check(leaf, index, size, &proof, root));
        }
    }
}

static void a_proof_fits_one_leaf_one_place_and_one_root_alone(void **state)
{
    uint64_t size = 77;
    const struct tree_source source = {slow_read, &size};
    uint8_t root[TREE_HASH_BYTES];

    (void)state;
    slow_root(0, size, root);
    for (uint64_t index = 0; index < size; index++) {
        struct tree_proof proof;
        struct tree_proof other;
        uint8_t leaf[TREE_HASH_BYTES];
        struct err err;

        assert_ok(tree_prove(&source, index, size, &proof, &err), err);
        leaf_number(index, leaf);
        for (uint64_t at = 0; at < size; at++)
            assert_int_equal(tree_check(leaf, at, size, &proof, root), at == index);
        assert_false(tree_check(leaf, index, size / 2, &proof, root));
        assert_false(tree_check(leaf, index, size * 2, &proof, root));
        for (size_t i = 0; i < proof.count; i++) {
            other = proof;
            other.hashes[i][7] ^= 1;
            assert_false(tree_check(leaf, index, size, &other, root));
        }
        other = proof;
        other.count--;
        assert_false(tree_check(leaf, index, size, &other, root));
        other.count += 2;
        memset(other.hashes[other.count - 1], 0, TREE_HASH_BYTES);
        assert_false(tree_check(leaf, index, size, &other, root));
        leaf[0] ^= 1;
        assert_false(tree_check(leaf, index, size, &proof, root));
    }
}

static void every_growth_can_be_proved(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= LEAVES; size++) {
        const struct tree_source source = {slow_read, &size};
        uint8_t root[TREE_HASH_BYTES];

        slow_root(0, size, root);
        for (uint64_t old = 1; old <= size; old++) {
            struct tree_proof proof;
            uint8_t old_root[TREE_HASH_BYTES];
            struct err err;

            slow_root(0, old, old_root);
            assert_ok(tree_prove_growth(&source, old, size, &proof, &err), err);
            assert_true(tree_check_growth(old, old_root, size, root, &proof));
            old_root[3] ^= 1;
            assert_false(tree_check_growth(old, old_root, size, root, &proof));
            old_root[3] ^= 1;
            for (size_t i = 0; i < proof.count; i++) {
                proof.hashes[i][0] ^= 1;
                assert_false(tree_check_growth(old, old_root, size, root, &proof));
                proof.hashes[i][0] ^= 1;
            }
        }
    }
}

static void what_is_not_there_is_not_proved(void **state)
{
    uint64_t size = 5;
    const struct tree_source source = {slow_read, &size};
    struct tree_proof proof;
    struct err err;

    (void)state;
    assert_int_equal(tree_prove(&source, 5, 5, &proof, &err), ERR_INVALID);
    assert_int_equal(tree_prove(&source, 0, 0, &proof, &err), ERR_INVALID);
    assert_int_equal(tree_prove_growth(&source, 0, 5, &proof, &err), ERR_INVALID);
    assert_int_equal(tree_prove_growth(&source, 6, 5, &proof, &err), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_the_known_tree),
        cmocka_unit_test(a_tree_that_grows_has_the_root_of_one_that_is_made_at_once),
        cmocka_unit_test(every_leaf_can_be_proved_in_every_tree),
        cmocka_unit_test(a_proof_fits_one_leaf_one_place_and_one_root_alone),
        cmocka_unit_test(every_growth_can_be_proved),
        cmocka_unit_test(what_is_not_there_is_not_proved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
