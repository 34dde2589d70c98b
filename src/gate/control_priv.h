/*
 * control_priv.h - what the files of the control job thread share: the pair of entries around a
 * change.
 */
#pragma once

#include "gate/control.h"
#include "gate/entry_facts.h"
#include "gate/gate_priv.h"

enum { CONTROL_ARENA_BYTES = 256 << 20 };

struct control {
    struct gate *gate;
    struct audit_port *port;
    struct table *health; /* by id in decimal */
    int64_t looked_us;    /* at the ends of tokens, last time */
};

/* A change under way. */
struct pending {
    struct uuid id;
    char text[UUID_TEXT_BYTES];
    struct store_change change;
    struct audit_entry entry;
    struct entry_facts facts;
};

/* Durable when it returns ERR_OK. */
enum err_code control_record(struct control *control, const struct audit_entry *entry,
                             struct err *err) MUST_CHECK;
/* The intent, durable; then the store may be touched, with pending->change. */
enum err_code control_begin(struct control *control, const struct control_change *change,
                            struct pending *pending, struct err *err) MUST_CHECK;
/* The outcome, and the snapshot that decides by it. code: what became of the change. */
enum err_code control_finish(struct control *control, struct pending *pending, const char *action,
                             enum err_code code, struct err *err) MUST_CHECK;
