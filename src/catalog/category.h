/*
 * category.h - what a tool can do at its worst: the administrator's word, and what a server's hints
 * would propose.
 *
 * Of an administrator's rules the most specific one holds: an exact name over a pattern, a longer
 * literal prefix over a shorter, then more literal characters over fewer; of equals the worse
 * category. No rule: unclassified, which counts as admin.
 *
 * Hints of a server are claims of whoever wrote it. They become a category only through an
 * administrator, who is shown the proposal and its reason. Absent hints propose nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/str.h"
#include "base/words.h"
#include "store/objects.h"

struct category_judgement {
    const struct tool_rule *rule; /* that holds; NULL: unclassified */
    enum category category;       /* CATEGORY_ADMIN when unclassified */
    bool is_classified;
};

struct category_judgement category_judge(const struct tool_rule *rules, size_t count,
                                         struct str tool);

struct category_proposal {
    bool is_proposed;
    enum category category; /* when proposed */
    const char *reason;     /* a clause: "the server says readOnlyHint: true" */
};

/* annotations: of a tool's definition, or JSON_NONE. A hint that is no boolean, or contradicting
 * hints, propose the worse. */
struct category_proposal category_from_hints(const struct json_doc *doc, json_pos annotations);
