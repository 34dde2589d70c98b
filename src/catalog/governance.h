/*
 * governance.h - the governance file: what is governed, as text, as objects, and as a difference.
 *
 * 1. governance_read(governance_export(g)) says what g says, and governance_diff() of both is
 * empty.
 * 2. The file never holds a secret, a command or a path: it names secrets and programs, which the
 *    settings file provides; whether they are there, the caller answers through struct
 * governance_host.
 * 3. Everything that is not understood is refused: unknown keys, wrong types, unknown words,
 * references to what is not there. The sentence names the line, what was found and what was
 * expected.
 * 4. A file says everything: what it does not hold is removed when it is applied.
 *
 * Pure but for the callbacks of the host. Objects and texts live in the given arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/objects.h"

/* What a server has that says nothing of its review. */
#define GOVERNANCE_RELEASE_PRESET RELEASE_BIT(RELEASE_FIRST)
#define GOVERNANCE_LOOK_PRESET                                                                     \
    ((uint8_t)(CATEGORY_BIT(CATEGORY_DESTRUCTIVE) | CATEGORY_BIT(CATEGORY_ADMIN)))

/* What the settings of the gateway provide. A NULL function, or a NULL host, answers yes to all. */
struct governance_host {
    bool (*has_program)(void *ctx, struct str name);
    bool (*has_secret)(void *ctx, struct str name);
    void *ctx;
};

/* Reads and checks a governance file (YAML, within the limits of base/yaml.h). version and all ids
 * of *ret_governance are 0. ERR_INVALID: "line 4: …". ERR_LIMIT: the text or the arena is too
 * small. */
enum err_code governance_read(struct str text, const struct governance_host *host,
                              struct arena *arena, struct governance *ret_governance,
                              struct err *err) MUST_CHECK;

/* The same checks over objects that did not come from a file (edits through the API); sentences
 * without line. */
enum err_code governance_check(const struct governance *governance,
                               const struct governance_host *host, struct err *err) MUST_CHECK;

/* Appends the governance file that says what governance says. Failure shows in the buf. */
void governance_export(const struct governance *governance, struct buf *out);

enum governance_change_kind {
    GOVERNANCE_ADDED,
    GOVERNANCE_CHANGED,
    GOVERNANCE_REMOVED,
};

struct governance_change {
    enum governance_change_kind kind;
    const char *object; /* "server", "role", "grant", "ceiling", "robot" */
    struct str name;    /* of the object; of a ceiling, whom it limits */
    struct str details; /* what it is now or what changed; empty when it is removed */
};

struct governance_diff {
    struct governance_change *changes; /* in the order of the file's sections */
    size_t count;
};

/* What changes when `to` replaces `from`. Objects are matched by name (ceilings by what they say),
 * the order of lists says nothing. ERR_LIMIT: arena is full. */
enum err_code governance_diff(const struct governance *from, const struct governance *to,
                              struct arena *arena, struct governance_diff *ret_diff,
                              struct err *err) MUST_CHECK;
/* "+ server docs: program docs, no credential"; no newline. */
void governance_change_write(const struct governance_change *change, struct buf *out);

/* Views into governance; NULL: not there. */
struct server *governance_find_server(const struct governance *governance, struct str name);
struct role *governance_find_role(const struct governance *governance, struct str name);
struct grant *governance_find_grant(const struct governance *governance, struct str name);
struct robot *governance_find_robot(const struct governance *governance, struct str name);

/* [a-z0-9] then [a-z0-9._-], at most 64: names of robots, programs and secrets. */
bool governance_is_name(struct str name);
/* Something on both sides of one '@', no spaces or control characters, at most 254 bytes. */
bool governance_is_email(struct str text);
