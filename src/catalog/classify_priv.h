/*
 * classify_priv.h - what the parts of the classifier share: a tool while it is being judged, and
 * what was found about it.
 */
#pragma once

#include "catalog/classify.h"
#include "catalog/classify_lexicon.h"
#include "catalog/classify_text.h"

enum signal {
#define X_SIGNAL(name, word, meaning) SIGNAL_##name,
#include "catalog/classify_signals.def"
    SIGNALS
};

/* Where a word was found. */
enum found_in {
    IN_NAME,
    IN_TITLE,
    IN_DESCRIPTION,
    IN_PARAMETER,
    IN_VALUE,
    IN_ANNOTATION,
    IN_SERVER,
    IN_MODEL,
};

enum { FINDINGS_PARAMETERS = 24 };

struct findings {
    struct arena *arena;
    const struct classify_lexicon *lexicon;
    uint16_t counts[SIGNALS];
    struct classify_evidence *evidence; /* the first of each signal and field */
    size_t evidence_count;
    unsigned oddities; /* enum oddity, several */
    bool is_full;      /* the arena was: the findings are worth nothing */
    /* For the rules that look at several parts. */
    const struct lexeme *name_verb;             /* the action of the name; NULL: none */
    const struct lexeme *lead_verb;             /* the first that the description says */
    enum noun_kind name_noun;                   /* what the name's action is done to */
    struct str parameters[FINDINGS_PARAMETERS]; /* last words of their names; the first ones */
    size_t parameter_count;
};

enum { FINDINGS_MAX = 48, EVIDENCE_TEXT_BYTES = 80 };

/* False: arena is full. */
bool findings_init(struct findings *findings, const struct classify_lexicon *lexicon,
                   struct arena *arena) MUST_CHECK;
const char *findings_word(enum signal signal);
/* Notes a signal with the word that gave it. */
void findings_add(struct findings *findings, enum signal signal, enum found_in where,
                  struct str what);
static inline bool findings_has(const struct findings *findings, enum signal signal)
{
    return findings->counts[signal] > 0;
}

/* What an action is done to: the words behind a verb up to a preposition. */
struct object {
    const struct text_word *head; /* NULL: none */
    size_t words;                 /* how many it has */
    uint32_t modifiers;           /* bit per enum noun_kind */
    bool has_sharing;             /* a word of sharing stands before the head */
    bool is_key;                  /* api key, access key, ssh key … */
    bool is_access;               /* access list, allow list, security group, branch policy */
    bool is_to_power;             /* "to administrator", "as owner" */
    bool is_in_content;           /* "from card", "of issue" */
    bool is_current;              /* "active account": which one is used, not what it may */
    bool is_calm;                 /* "escalation policy": not about access */
    bool is_in_list;              /* "from playlist": only the place is lost */
    size_t end;                   /* behind its last word */
};

struct object classify_object(const struct text_word *words, size_t count, size_t from);
/* Does changing it change what others may do? */
bool classify_object_is_sensitive(const struct object *object, const struct findings *findings);
bool classify_object_is_light(const struct object *object);

/* A verb together with what it is done to: running a search is reading. */
enum verb_kind classify_kind(const struct lexeme *verb, const struct object *object);
/* Is it done to people without touching their rights? notify_user, assign to a member. */
bool classify_spares(const struct lexeme *verb, const struct object *object);

/* Each of these looks at one part of a definition and notes what it finds. */

/* prefix: leading words that are the server's. Behind classify_prose(), whose first action helps.
 */
void classify_name(struct findings *findings, const struct text *name, size_t prefix);
void classify_prose(struct findings *findings, const struct text *text);
/* Counts as the description where that says nothing, else as little as a parameter's text. */
void classify_prose_title(struct findings *findings, const struct text *text);
/* The text of a parameter: what it says counts less. */
void classify_prose_parameter(struct findings *findings, const struct text *text);
void classify_foreign(struct findings *findings, const struct text *text, enum found_in where);
/* root: JSON_NONE when there is none. */
void classify_schema(struct findings *findings, const struct json_doc *doc, json_pos root);
void classify_hints(struct findings *findings, const struct json_doc *doc, json_pos annotations,
                    bool is_trusted);

const struct classify_lexicon *classify_lexicon_of(const struct classifier *classifier);

/* Everything that was found about one tool, before it is judged. */
struct classify_reading {
    struct findings findings;
    struct text name;
    struct text description;
};

enum err_code classify_read(const struct classify_server *server, const struct json_doc *doc,
                            json_pos tool, struct arena *arena,
                            struct classify_reading *ret_reading, struct err *err) MUST_CHECK;

/* What the rules say, without the model. */
struct opinion {
    enum category category;
    unsigned level;     /* 0: nothing was said … 3: said clearly */
    bool is_clear_read; /* name and description both read, and nothing speaks against it */
    bool is_floor;      /* no trust may say less */
    bool has_doubt;     /* something worse is at least mentioned */
};

struct opinion classify_rules(const struct findings *findings);

/* What the linear model says: distances from two borders, in logits. */
struct scores {
    double changes;  /* more than reading */
    double harms;    /* destructive or admin */
    struct str word; /* the feature that weighs most towards harm; empty: none does */
};

/* Where the model's word counts, in logits, chosen on the trade-off curve of `make eval`. */
struct borders {
    double harms;       /* above, it raises what the rules found likely */
    double harms_clear; /* above, also what they found clear */
    double changes;     /* above, a reading tool is no certain one */
};
extern const struct borders classify_borders;

/* Rules and model together. The model raises and takes certainty; it never lowers. */
void classify_conclude(const struct classify_reading *reading, struct scores scores,
                       const struct borders *borders, struct classify_verdict *ret_verdict);
