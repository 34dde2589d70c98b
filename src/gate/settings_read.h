/*
 * settings_read.h - what the readers of the settings file share. Private to the files that read it.
 *
 * Every reader takes one node of the file; what it refuses names line, column and what was
 * expected.
 */
#pragma once

#include "base/arena.h"
#include "base/yaml.h"
#include "gate/settings.h"

/* What a reader of one key works on. */
struct reader {
    struct settings *settings;
    struct arena *arena;
    struct str directory; /* of the file: relative paths start there */
};

enum err_code settings_out_of_memory(struct err *err);
/* what: "a list", "a path": the words behind "expected". */
enum err_code settings_want(const struct yaml_node *node, enum yaml_kind kind, const char *what,
                            struct err *err) MUST_CHECK;
enum err_code settings_read_text(const struct yaml_node *node, const char *what,
                                 struct str *ret_text, struct err *err) MUST_CHECK;
enum err_code settings_read_texts(struct reader *r, const struct yaml_node *node, const char *what,
                                  const struct str **ret_texts, size_t *ret_count,
                                  struct err *err) MUST_CHECK;
/* A relative path starts at the folder of the file. */
enum err_code settings_read_path(struct reader *r, const struct yaml_node *node,
                                 struct str *ret_path, struct err *err) MUST_CHECK;
enum err_code settings_read_bool(const struct yaml_node *node, bool *ret_value,
                                 struct err *err) MUST_CHECK;

/* The section `identity` (settings_identity.c). */
enum err_code settings_read_identity(struct reader *r, const struct yaml_node *node,
                                     struct err *err) MUST_CHECK;
/* `client_documents` in it (settings_clients.c). */
enum err_code settings_read_client_documents(struct reader *r, const struct yaml_node *node,
                                             struct err *err) MUST_CHECK;
