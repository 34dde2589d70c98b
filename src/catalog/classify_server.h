/*
 * classify_server.h - a server as the classifier sees it: what its tools have in common, and what
 * kind of product it is of.
 */
#pragma once

#include "catalog/classify_priv.h"

/* How many leading words of a tool's name are the server's: github_create_issue. */
size_t classify_server_prefix(const struct classify_server *server, const struct text *name);
/* Notes the signals that hold for all tools of the server, and whether the description is shared.
 */
void classify_server_note(const struct classify_server *server, struct findings *findings,
                          struct str description);
const struct classifier *classify_server_classifier(const struct classify_server *server);
bool classify_server_is_trusted(const struct classify_server *server);
/* Text of a member: a string, or the strings of an array, one after the other. Empty: none. False:
 * arena is full. */
bool classify_server_text(const struct json_doc *doc, json_pos pos, struct arena *arena,
                          struct str *ret_text) MUST_CHECK;
