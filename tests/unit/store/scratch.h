/*
 * scratch.h - a directory of its own for each test, removed afterwards.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"

struct scratch {
    char dir[64];
};

static inline struct scratch scratch_make(void)
{
    struct scratch scratch;
    strcpy(scratch.dir, "/tmp/portreeve-test-XXXXXX");
    if (mkdtemp(scratch.dir) == NULL)
        abort();
    return scratch;
}

/* Borrowed until the next call. */
static inline const char *scratch_path(const struct scratch *scratch, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", scratch->dir, name);
    return path;
}

static inline void scratch_remove(struct scratch *scratch)
{
    DIR *dir = opendir(scratch->dir);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL;
         entry = readdir(dir))
        if (entry->d_name[0] != '.')
            unlink(scratch_path(scratch, entry->d_name));
    if (dir != NULL)
        closedir(dir);
    rmdir(scratch->dir);
}
