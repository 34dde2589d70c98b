#include "audit/tiles.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../keys/keys_dir.h"
#include "../unit.h"
#include "base/crypto.h"

enum { LEAVES = 70000 };

static void leaf_number(uint64_t number, uint8_t ret_hash[TREE_HASH_BYTES])
{
    crypto_sha256(str_of((const char *)&number, sizeof number), ret_hash);
}

static struct tiles *open_tiles(const struct test_dir *dir, uint64_t size)
{
    struct tiles *tiles = NULL;
    struct err err;

    assert_ok(tiles_open(dir->path, size, &tiles, &err), err);
    return tiles;
}

static void add(struct tiles *tiles, struct tree *tree, uint64_t until)
{
    uint8_t hash[TREE_HASH_BYTES];
    struct err err;

    while (tree->size < until) {
        leaf_number(tree->size, hash);
        assert_ok(tiles_add(tiles, hash, &err), err);
        tree_add(tree, hash);
    }
    assert_ok(tiles_sync(tiles, &err), err);
}

static void assert_root(struct tiles *tiles, const struct tree *tree)
{
    const struct tree_source source = {tiles_read, tiles};
    struct tree loaded;
    uint8_t root[TREE_HASH_BYTES];
    uint8_t expected[TREE_HASH_BYTES];
    struct err err;

    assert_ok(tree_load(&source, tree->size, &loaded, &err), err);
    tree_root(&loaded, root);
    tree_root(tree, expected);
    assert_memory_equal(root, expected, sizeof root);
}

static void what_was_synced_gives_the_tree_again(void **state)
{
    static const uint64_t sizes[] = {1,   2,    255,   256,   257,   511,
                                     512, 1000, 65535, 65536, 65537, LEAVES};
    struct test_dir dir = test_dir_make();
    struct tiles *tiles = open_tiles(&dir, 0);
    struct tree tree = {.size = 0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        add(tiles, &tree, sizes[i]);
        assert_root(tiles, &tree);
        tiles_close(tiles);
        tiles = open_tiles(&dir, tree.size);
        assert_root(tiles, &tree);
    }
    tiles_close(tiles);
    test_dir_remove(&dir);
}

/* c2sp.org/tlog-tiles gives this tree as its example. */
static void levels_are_those_of_the_specification(void **state)
{
    static const uint64_t nodes[] = {70000, 273, 1, 0};
    struct test_dir dir = test_dir_make();
    struct tiles *tiles = open_tiles(&dir, 0);
    struct tree tree = {.size = 0};
    uint8_t hash[TREE_HASH_BYTES];
    struct err err;

    (void)state;
    add(tiles, &tree, LEAVES);
    for (unsigned level = 0; level < ARRAY_LEN(nodes); level++) {
        if (nodes[level] > 0)
            assert_ok(tiles_slice(tiles, level, nodes[level] - 1, 1, hash, &err), err);
        assert_int_equal(tiles_slice(tiles, level, nodes[level], 1, hash, &err), ERR_NOT_FOUND);
    }
    assert_int_equal(tiles_slice(tiles, TILES_LEVELS, 0, 1, hash, &err), ERR_NOT_FOUND);
    tiles_close(tiles);
    test_dir_remove(&dir);
}

static void what_lies_behind_the_size_is_written_again(void **state)
{
    struct test_dir dir = test_dir_make();
    struct tiles *tiles = open_tiles(&dir, 0);
    struct tree tree = {.size = 0};
    struct tree shorter = {.size = 0};

    (void)state;
    add(tiles, &tree, 700);
    tiles_close(tiles);
    tiles = open_tiles(&dir, 300);
    for (uint64_t i = 0; i < 300; i++) {
        uint8_t hash[TREE_HASH_BYTES];

        leaf_number(i, hash);
        tree_add(&shorter, hash);
    }
    assert_root(tiles, &shorter);
    add(tiles, &shorter, 900);
    assert_root(tiles, &shorter);
    tiles_close(tiles);
    test_dir_remove(&dir);
}

static void files_that_hold_less_are_damaged(void **state)
{
    struct test_dir dir = test_dir_make();
    struct tiles *tiles = open_tiles(&dir, 0);
    struct tree tree = {.size = 0};
    struct err err;

    (void)state;
    add(tiles, &tree, 300);
    tiles_close(tiles);
    assert_int_equal(tiles_open(dir.path, 301, &tiles, &err), ERR_CORRUPT);
    test_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_synced_gives_the_tree_again),
        cmocka_unit_test(levels_are_those_of_the_specification),
        cmocka_unit_test(what_lies_behind_the_size_is_written_again),
        cmocka_unit_test(files_that_hold_less_are_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
