#include "base/attr.h"
#include "catalog/classify_priv.h"

static const struct {
    const char *word;
    const char *meaning;
} signals[] = {
#define X_SIGNAL(name, word, meaning) {word, meaning},
#include "catalog/classify_signals.def"
};

static const char *const fields[] = {
    [IN_NAME] = "name",           [IN_TITLE] = "title", [IN_DESCRIPTION] = "description",
    [IN_PARAMETER] = "parameter", [IN_VALUE] = "value", [IN_ANNOTATION] = "annotation",
    [IN_SERVER] = "server",       [IN_MODEL] = "model",
};

bool findings_init(struct findings *findings, const struct classify_lexicon *lexicon,
                   struct arena *arena)
{
    *findings = (struct findings){.lexicon = lexicon, .arena = arena};
    findings->evidence = arena_calloc(arena, FINDINGS_MAX + 1, sizeof *findings->evidence);
    return findings->evidence != NULL;
}

const char *findings_word(enum signal signal)
{
    return signals[signal].word;
}

/* Cut at a character. */
static struct str cut(struct str what)
{
    size_t len = what.len < EVIDENCE_TEXT_BYTES ? what.len : EVIDENCE_TEXT_BYTES;
    while (len < what.len && len > 0 && ((unsigned char)what.ptr[len] & 0xc0) == 0x80)
        len--;
    return str_first(what, len);
}

void findings_add(struct findings *findings, enum signal signal, enum found_in where,
                  struct str what)
{
    if (findings->counts[signal] < UINT16_MAX)
        findings->counts[signal]++;
    for (size_t i = 0; i < findings->evidence_count; i++) {
        struct classify_evidence *evidence = &findings->evidence[i];
        if (evidence->signal == signals[signal].word && evidence->field == fields[where]) {
            evidence->count++;
            return;
        }
    }
    /* The model speaks last, and there is always room for it. */
    if (findings->evidence_count >= FINDINGS_MAX + (size_t)(signal == SIGNAL_MODEL))
        return;
    struct str kept = arena_dup(findings->arena, cut(what));
    findings->is_full |= kept.ptr == NULL;
    findings->evidence[findings->evidence_count++] = (struct classify_evidence){
        .signal = signals[signal].word,
        .meaning = signals[signal].meaning,
        .field = fields[where],
        .what = kept,
        .count = 1,
    };
}
