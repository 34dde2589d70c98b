/*
 * keys_dir.h - a fresh folder for a test, and its removal.
 */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct test_dir {
    char path[64];
};

static inline struct test_dir test_dir_make(void)
{
    struct test_dir dir;
    snprintf(dir.path, sizeof dir.path, "%s", "/tmp/portreeve-test-XXXXXX");
    if (mkdtemp(dir.path) == NULL)
        abort();
    return dir;
}

static inline int test_dir_unlink(const char *path, const struct stat *st, int type,
                                  struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void test_dir_remove(struct test_dir *dir)
{
    nftw(dir->path, test_dir_unlink, 16, FTW_DEPTH | FTW_PHYS);
}
