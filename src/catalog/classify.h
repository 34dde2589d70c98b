/*
 * classify.h - what can this tool do at its worst? A verdict out of its definition, the server's
 * other tools, and a small linear model. No network, no clock, no randomness: the same input gives
 * the same verdict.
 *
 * 1. The worst plausible category wins.
 * 2. Nothing a server claims lowers a verdict, unless an administrator trusts the server; claims of
 *    harm raise it. Text that speaks to whoever judges is a finding and raises.
 * 3. What nobody can understand (empty, opaque, in an unknown language) is admin.
 * 4. Every verdict names its evidence.
 *
 * Use: one classifier per process or thread; per server a profile that has seen all its tools
 * (classify_server_add), then classify_tool() for each. docs/classification.md explains.
 *
 * Threads: a classifier is immutable; a server belongs to one thread while it is being filled, then
 * it is immutable, too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/words.h"

enum certainty {
    CERTAINTY_UNSURE, /* somebody should look */
    CERTAINTY_LIKELY,
    CERTAINTY_CERTAIN, /* everything says the same */
};

struct classify_evidence {
    const char *signal;  /* a word of classify_signals.def */
    const char *meaning; /* a clause: "the name says that it deletes or ends" */
    const char *field;   /* name, title, description, parameter, value, annotation, server, model */
    struct str what;     /* the word found, folded, cut; may be empty */
    unsigned count;      /* how often */
};

struct classify_verdict {
    enum category category;
    enum certainty certainty;
    const struct classify_evidence *evidence; /* in the order of discovery */
    size_t evidence_count;
    bool is_raised;   /* the model says worse than the rules; "model" is in the evidence */
    bool has_finding; /* hidden or disguised text, or text that speaks to the judge */
    /* How far the model is from its border, for read-only against all others; for the trade-off. */
    double margin;
};

struct classifier;

/* ERR_LIMIT: memory is out. */
enum err_code classifier_new(struct classifier **ret_classifier, struct err *err) MUST_CHECK;
void classifier_free(struct classifier *classifier); /* NULL is fine */
void classifier_freep(struct classifier **classifier);

struct classify_server;

/* name is copied. is_trusted: an administrator said that this server's hints may lower a verdict.
 * NULL: memory is out. */
struct classify_server *classify_server_new(const struct classifier *classifier, struct str name,
                                            bool is_trusted);
void classify_server_free(struct classify_server *server); /* NULL is fine */
void classify_server_freep(struct classify_server **server);

/* Takes one tool of the server (an element of a tools/list result, any JSON value) into account.
 * ERR_LIMIT: memory is out. scratch is used and may be reset afterwards. */
enum err_code classify_server_add(struct classify_server *server, const struct json_doc *doc,
                                  json_pos tool, struct arena *scratch, struct err *err) MUST_CHECK;

/* *ret_verdict lives in arena. ERR_LIMIT: arena is full: then the tool has no verdict, which counts
 * as admin. Any JSON value gets a verdict; what is no tool is opaque. */
enum err_code classify_tool(const struct classify_server *server, const struct json_doc *doc,
                            json_pos tool, struct arena *arena,
                            struct classify_verdict *ret_verdict, struct err *err) MUST_CHECK;

/* "certain", "likely", "unsure" */
const char *certainty_word(enum certainty certainty);
