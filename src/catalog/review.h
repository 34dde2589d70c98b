/*
 * review.h - which definitions may be used: what becomes of a tool that a discovery found, and
 * where a tool stands.
 *
 *             found first ──► in force ◄── approved ──┐
 *   (no tool)                    │ changed, back again, │
 *             found later ──┐    │ put there by hand    │
 *                           ▼    ▼                      │
 *                        quarantine ────────────────────┘
 *
 * 1. The definition in force is the one that was taken into use, until a person approves another:
 *    nothing that a server says changes it. Clients are served its text, calls are judged by it.
 * 2. A tool that is new to a known server, whose definition is another than the one in force, or
 *    that was away, is in quarantine until it is approved. Going back does not end it.
 * 3. What a server's rule takes into use by itself is an exception to 2 that an administrator made,
 *    and never one for a tool that a person put into quarantine.
 * 4. A word on a category holds for one definition. Of several words the more specific holds, a
 *    person's before a rule's.
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "catalog/category.h"
#include "store/store.h"

struct review_input {
    const struct server *server;
    bool is_first;            /* no tool of this server was ever found before */
    const struct tool *known; /* by name; those gone included */
    size_t known_count;
};

/* known: by name. NULL: not among them. */
const struct tool *review_find(const struct tool *known, size_t count, struct str name);

/* Sets fate, hold, renamed_from and word of every tool in seen (its verdict, if any, is there). A
 * name that stands twice is the store's to refuse. ERR_LIMIT: arena is full. */
enum err_code review_plan(const struct review_input *input, struct tool_seen *seen, size_t count,
                          struct arena *arena, struct err *err) MUST_CHECK;

/* Whose word the category is. */
enum review_source {
    REVIEW_NOBODY,    /* counts as admin */
    REVIEW_RULE,      /* the administrator's rule in governance */
    REVIEW_WORD,      /* a person's word on this definition */
    REVIEW_AUTOMATIC, /* the server's rule of what is released by itself */
};

struct review_standing {
    enum tool_state state;
    enum category category; /* of the definition in force; admin when nobody said */
    bool is_classified;
    enum review_source source;
    const struct tool_rule *rule; /* of REVIEW_RULE */
};

struct review_standing review_judge(const struct server *server, const struct tool *tool);

/* The category that an approval without a word would leave: of a rule, or of a word on this very
 * definition. False: there is none. */
bool review_would_be(const struct server *server, const struct tool *tool,
                     enum category *ret_category);

/* "certain" */
extern const struct str review_certain;
