/*
 * reader_priv.h - from YAML nodes to objects: mappings with known keys, texts, sets. What is not
 * understood is refused with line, what was found, and what was expected.
 *
 * Every text and object is noted with its line, so that checks that come later can still name it.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/words.h"
#include "base/yaml.h"

struct reader_place {
    const void *ptr;
    uint32_t line;
};

struct reader {
    struct arena *arena;
    struct reader_place *places; /* place_max of them */
    size_t place_count;
    size_t place_max;
    struct err *err; /* not NULL */
};

/* Reads node into the object it belongs to. */
typedef enum err_code reader_fn(struct reader *r, const struct yaml_node *node, void *object);

/* One key of a mapping. */
struct reader_key {
    const char *name;
    reader_fn *read;
    bool is_required;
};

enum err_code reader_no_memory(const struct reader *r);
/* "found …; expected is what". */
enum err_code reader_expected(const struct reader *r, const struct yaml_node *node,
                              const char *what);
enum err_code reader_note(struct reader *r, const void *ptr, uint32_t line) MUST_CHECK;
/* ctx: struct reader. 0: ptr was not noted. */
uint32_t reader_line(void *ctx, const void *ptr);

/* Calls each key's read. what: "a server", for the sentence. */
enum err_code reader_mapping(struct reader *r, const struct yaml_node *node, const char *what,
                             const struct reader_key *keys, size_t count, void *object) MUST_CHECK;
/* A text; what YAML readers may take for something else must be quoted. */
enum err_code reader_text(struct reader *r, const struct yaml_node *node,
                          struct str *ret_text) MUST_CHECK;
enum err_code reader_texts(struct reader *r, const struct yaml_node *node, struct str **ret_texts,
                           size_t *ret_count) MUST_CHECK;
enum err_code reader_flag(struct reader *r, const struct yaml_node *node,
                          bool *ret_flag) MUST_CHECK;
enum err_code reader_category(struct reader *r, const struct yaml_node *node,
                              enum category *ret_category) MUST_CHECK;
/* Adds to *set. */
enum err_code reader_categories(struct reader *r, const struct yaml_node *node,
                                uint8_t *set) MUST_CHECK;
/* Refused when the bit is there already. */
enum err_code reader_add_to_set(struct reader *r, const struct yaml_node *node, uint8_t bit,
                                uint8_t *set) MUST_CHECK;
