#include "catalog/classify.h"

#include <stdlib.h>

#include "base/attr.h"
#include "catalog/classify_model.h"
#include "catalog/classify_server.h"

struct classifier {
    struct classify_lexicon *lexicon;
    struct classify_model *model;
};

const char *certainty_word(enum certainty certainty)
{
    static const char *const words[] = {"unsure", "likely", "certain"};
    return words[certainty];
}

enum err_code classifier_new(struct classifier **ret_classifier, struct err *err)
{
    struct classifier *classifier = calloc(1, sizeof *classifier);
    if (classifier != NULL) {
        classifier->lexicon = classify_lexicon_new();
        classifier->model = classify_model_new();
    }
    if (classifier == NULL || classifier->lexicon == NULL || classifier->model == NULL) {
        classifier_free(classifier);
        return err_set(err, ERR_LIMIT, "classify: memory is used up");
    }
    *ret_classifier = classifier;
    return ERR_OK;
}

void classifier_free(struct classifier *classifier)
{
    if (classifier == NULL)
        return;
    classify_lexicon_free(classifier->lexicon);
    classify_model_free(classifier->model);
    free(classifier);
}

void classifier_freep(struct classifier **classifier)
{
    classifier_free(*classifier);
}

const struct classify_lexicon *classify_lexicon_of(const struct classifier *classifier)
{
    return classifier->lexicon;
}

static void note_oddities(struct findings *findings)
{
    const unsigned hidden = ODDITY_INVISIBLE | ODDITY_BIDI | ODDITY_TAGS | ODDITY_CONTROL;
    const unsigned disguised = ODDITY_LOOKALIKE | ODDITY_STYLED | ODDITY_LEET;
    if ((findings->oddities & hidden) != 0)
        findings_add(findings, SIGNAL_HIDDEN, IN_DESCRIPTION, STR_NONE);
    if ((findings->oddities & disguised) != 0)
        findings_add(findings, SIGNAL_DISGUISED, IN_DESCRIPTION, STR_NONE);
}

static bool says_nothing(const struct findings *f)
{
    return f->name_verb == NULL && f->lead_verb == NULL &&
           !findings_has(f, SIGNAL_NAME_KNOWLEDGE) && !findings_has(f, SIGNAL_LEAD_THING) &&
           !findings_has(f, SIGNAL_NAME_CODE) && !findings_has(f, SIGNAL_FOREIGN) &&
           !findings_has(f, SIGNAL_ENUM_READ) && !findings_has(f, SIGNAL_ENUM_WRITE);
}

/* The title of the tool, else the one of the annotations. */
static enum err_code read_title(struct findings *findings, const struct json_doc *doc,
                                json_pos tool, struct err *err)
{
    struct str raw;
    struct text text;
    json_pos pos = json_get(doc, tool, STR("title"));
    if (!json_is(doc, pos, JSON_STRING))
        pos = json_get(doc, json_get(doc, tool, STR("annotations")), STR("title"));
    if (!classify_server_text(doc, pos, findings->arena, &raw))
        return err_set(err, ERR_LIMIT, "classify: memory is used up");
    enum err_code code = classify_text_prose(findings->lexicon, raw, findings->arena, &text, err);
    if (code == ERR_OK)
        classify_prose_title(findings, &text);
    return code;
}

static enum err_code read_parts(const struct classify_server *server, const struct json_doc *doc,
                                json_pos tool, struct classify_reading *reading, struct err *err)
{
    struct findings *findings = &reading->findings;
    struct arena *arena = findings->arena;
    struct str name;
    struct str description;
    enum err_code code;
    if (!classify_server_text(doc, json_get(doc, tool, STR("name")), arena, &name) ||
        !classify_server_text(doc, json_get(doc, tool, STR("description")), arena, &description))
        return err_set(err, ERR_LIMIT, "classify: memory is used up");
    if ((code = classify_text_name(findings->lexicon, name, arena, &reading->name, err)) !=
            ERR_OK ||
        (code = classify_text_prose(findings->lexicon, description, arena, &reading->description,
                                    err)) != ERR_OK)
        return code;
    findings->oddities |= reading->name.oddities;
    classify_server_note(server, findings, description);
    classify_prose(findings, &reading->description);
    classify_foreign(findings, &reading->description, IN_DESCRIPTION);
    if ((code = read_title(findings, doc, tool, err)) != ERR_OK)
        return code;
    if (findings->lead_verb == NULL && !findings_has(findings, SIGNAL_FOREIGN))
        findings_add(findings, SIGNAL_LEAD_NONE, IN_DESCRIPTION, STR_NONE);
    classify_name(findings, &reading->name, classify_server_prefix(server, &reading->name));
    if (findings->name_verb == NULL)
        classify_foreign(findings, &reading->name, IN_NAME);
    classify_schema(findings, doc, json_get(doc, tool, STR("inputSchema")));
    classify_hints(findings, doc, json_get(doc, tool, STR("annotations")),
                   classify_server_is_trusted(server));
    note_oddities(findings);
    if (says_nothing(findings))
        findings_add(findings, SIGNAL_OPAQUE, IN_DESCRIPTION, STR_NONE);
    return ERR_OK;
}

enum err_code classify_read(const struct classify_server *server, const struct json_doc *doc,
                            json_pos tool, struct arena *arena,
                            struct classify_reading *ret_reading, struct err *err)
{
    const struct classify_lexicon *lexicon =
        classify_lexicon_of(classify_server_classifier(server));
    if (!findings_init(&ret_reading->findings, lexicon, arena))
        return err_set(err, ERR_LIMIT, "classify: memory is used up");
    enum err_code code = read_parts(server, doc, tool, ret_reading, err);
    if (code == ERR_OK && ret_reading->findings.is_full)
        return err_set(err, ERR_LIMIT, "classify: memory is used up");
    return code;
}

enum err_code classify_tool(const struct classify_server *server, const struct json_doc *doc,
                            json_pos tool, struct arena *arena,
                            struct classify_verdict *ret_verdict, struct err *err)
{
    struct classify_reading *reading = arena_new_obj(arena, struct classify_reading);
    if (reading == NULL)
        return err_set(err, ERR_LIMIT, "classify: memory is used up");
    enum err_code code = classify_read(server, doc, tool, arena, reading, err);
    if (code != ERR_OK)
        return code;
    struct findings *findings = &reading->findings;
    struct scores scores = classify_model_score(classify_server_classifier(server)->model, reading);
    classify_conclude(reading, scores, &classify_borders, ret_verdict);
    if (ret_verdict->is_raised)
        findings_add(findings, SIGNAL_MODEL, IN_MODEL, scores.word);
    ret_verdict->evidence_count = findings->evidence_count;
    return findings->is_full ? err_set(err, ERR_LIMIT, "classify: memory is used up") : ERR_OK;
}
