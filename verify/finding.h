/*
 * finding.h - what is wrong with a log, told one by one, and counted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum finding_kind {
#define X(name, word, meaning) name,
#include "findings.def"
#undef X
    FINDINGS
};

/* Where; what does not apply is UINT64_MAX. */
struct place {
    uint64_t index; /* of the entry */
    uint64_t segment;
    uint64_t offset; /* in the segment */
};

#define NOWHERE ((struct place){UINT64_MAX, UINT64_MAX, UINT64_MAX})

struct findings {
    FILE *out;
    bool is_json;
    uint64_t max; /* printed; all are counted */
    uint64_t count;
    uint64_t first_index; /* the lowest that was named; UINT64_MAX: none */
    uint64_t counts[FINDINGS];
};

void finding_add(struct findings *findings, enum finding_kind kind, struct place place,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
const char *finding_word(enum finding_kind kind);
