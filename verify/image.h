/*
 * image.h - an audit log as it lies in a folder, in memory: files of the journal, stored levels of
 * the tree, the last checkpoint. Changing it changes no file: that is what the drill does.
 */
#pragma once

#include <stdbool.h>

#include "note.h"

enum { IMAGE_LEVELS = 8 };

struct image_file {
    uint64_t number;
    uint8_t *bytes;
    size_t size;
};

struct image {
    struct image_file *files; /* by number */
    size_t count;
    struct {
        uint8_t *bytes; /* NULL: there is none */
        size_t size;
    } levels[IMAGE_LEVELS];
    uint8_t note[NOTE_MAX_BYTES];
    size_t note_len; /* 0: there is none */
};

/* False: out of memory; what can't be read is not in it. */
bool image_load(const char *dir, struct image *ret_image);
void image_free(struct image *image);
/* NULL: there is no such file. */
const struct image_file *image_find(const struct image *image, uint64_t number);
/* A file whole, as long as a note may be. False: it can't be read. */
bool note_load(const char *path, uint8_t ret_text[NOTE_MAX_BYTES], size_t *ret_len);
