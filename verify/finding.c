#include "finding.h"

#include <inttypes.h>
#include <stdarg.h>

const char *finding_word(enum finding_kind kind)
{
    static const char *const words[] = {
#define X(name, word, meaning) [name] = word,
#include "findings.def"
#undef X
    };

    return words[kind];
}

/* The sentences are ours: nothing of the log is in them that would have to be escaped. */
static void print_json(struct findings *findings, enum finding_kind kind, struct place place,
                       const char *text)
{
    fprintf(findings->out, "{\"finding\":\"%s\"", finding_word(kind));
    if (place.index != UINT64_MAX)
        fprintf(findings->out, ",\"index\":%" PRIu64, place.index);
    if (place.segment != UINT64_MAX)
        fprintf(findings->out, ",\"segment\":%" PRIu64, place.segment);
    if (place.offset != UINT64_MAX)
        fprintf(findings->out, ",\"offset\":%" PRIu64, place.offset);
    fprintf(findings->out, ",\"text\":\"%s\"}\n", text);
}

static void print_line(struct findings *findings, enum finding_kind kind, struct place place,
                       const char *text)
{
    fprintf(findings->out, "%s: %s", finding_word(kind), text);
    if (place.index != UINT64_MAX)
        fprintf(findings->out, " (entry %" PRIu64 ")", place.index);
    if (place.segment != UINT64_MAX)
        fprintf(findings->out, " [segment %" PRIu64, place.segment);
    if (place.segment != UINT64_MAX && place.offset != UINT64_MAX)
        fprintf(findings->out, ", byte %" PRIu64, place.offset);
    fprintf(findings->out, "%s\n", place.segment != UINT64_MAX ? "]" : "");
}

void finding_add(struct findings *findings, enum finding_kind kind, struct place place,
                 const char *fmt, ...)
{
    char text[512];
    va_list args;

    findings->count++;
    findings->counts[kind]++;
    if (place.index != UINT64_MAX && place.index < findings->first_index)
        findings->first_index = place.index;
    if (findings->count > findings->max)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (findings->is_json)
        print_json(findings, kind, place, text);
    else
        print_line(findings, kind, place, text);
}
