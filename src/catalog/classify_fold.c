#include "catalog/classify_fold.h"

#include "base/attr.h"
#include "catalog/classify_text.h"

enum {
    RLO = 0x202e,
    PDF = 0x202c,
    TAG_FIRST = 0xe0020,
    TAG_LAST = 0xe007e,
    REPLACEMENT = 0xfffd,
};

static const struct {
    uint32_t first;
    uint32_t last;
    char start;
    unsigned oddity;
} alphabets[] = {
#define X_ALPHABET(first, last, start, oddity) {first, last, start, oddity},
#include "catalog/classify_fold.def"
};

static const struct {
    uint32_t first;
    struct str letters;
} letters[] = {
#define X_LETTERS(first, letters) {first, STR_INIT(letters)},
#include "catalog/classify_fold.def"
};

static const struct {
    uint32_t first;
    uint32_t last;
} blanks[] = {
#define X_BLANK(first, last) {first, last},
#include "catalog/classify_fold.def"
};

static const struct {
    uint32_t first;
    uint32_t last;
    unsigned oddity;
} drops[] = {
#define X_DROP(first, last, oddity) {first, last, oddity},
#include "catalog/classify_fold.def"
};

static const struct {
    uint32_t code;
    char letter;
} likes[] = {
#define X_LIKE(code, letter) {code, letter},
#include "catalog/classify_fold.def"
};

/* Punctuation of typesetters and of other scripts. */
static const struct {
    uint32_t code;
    char plain;
} marks[] = {
    {0x2010, '-'},  {0x2011, '-'},  {0x2012, ','}, {0x2013, ','}, {0x2014, ','}, {0x2015, ','},
    {0x2018, '\''}, {0x2019, '\''}, {0x2022, '*'}, {0x2023, '*'}, {0x2026, '.'}, {0x3000, ' '},
    {0x3001, ','},  {0x3002, '.'},  {0xff01, '.'}, {0xff08, '('}, {0xff09, ')'}, {0xff0c, ','},
    {0xff0e, '.'},  {0xff1a, ':'},  {0xff1b, '.'}, {0xff1f, '.'}, {0xff3f, '_'}, {0x60c, ','},
    {0x61b, '.'},   {0x61f, '.'},   {0x964, '.'},  {0x2043, '*'}, {0xff0d, '-'}, {0x2212, '-'},
};

struct folder {
    struct str raw;
    char *out;
    size_t len;
    unsigned oddities;
};

static size_t length_of(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

uint32_t classify_fold_next(struct str text, size_t *at)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned char lead = (unsigned char)text.ptr[*at];
    size_t len = length_of(lead);
    if (len == 0 || len > text.len - *at) {
        (*at)++;
        return REPLACEMENT;
    }
    uint32_t code = lead & masks[len];
    for (size_t i = 1; i < len; i++) {
        unsigned char c = (unsigned char)text.ptr[*at + i];
        if ((c & 0xc0) != 0x80) {
            (*at)++;
            return REPLACEMENT;
        }
        code = code << 6 | (c & 0x3fu);
    }
    *at += len;
    return code;
}

char classify_fold_lookalike(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(likes); i++)
        if (likes[i].code == code)
            return likes[i].letter;
    return 0;
}

static bool is_letter(char c)
{
    return ((unsigned char)c | 0x20) >= 'a' && ((unsigned char)c | 0x20) <= 'z';
}

/* The plain letter, or 0. */
static char plain_letter(struct folder *folder, uint32_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (code >= letters[i].first && code - letters[i].first < letters[i].letters.len) {
            char c = letters[i].letters.ptr[code - letters[i].first];
            return c == '?' ? 0 : c;
        }
    for (size_t i = 0; i < ARRAY_LEN(alphabets); i++)
        if (code >= alphabets[i].first && code <= alphabets[i].last) {
            uint32_t at = (code - alphabets[i].first) % 52;
            folder->oddities |= alphabets[i].oddity;
            return (char)(at < 26 ? alphabets[i].start + (char)at : 'a' + (char)(at - 26));
        }
    return 0;
}

static char plain_mark(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (marks[i].code == code)
            return marks[i].plain;
    for (size_t i = 0; i < ARRAY_LEN(blanks); i++)
        if (code >= blanks[i].first && code <= blanks[i].last)
            return ' ';
    if (code >= 0xff10 && code <= 0xff19)
        return (char)('0' + (code - 0xff10));
    if (code >= 0x1d7ce && code <= 0x1d7ff)
        return (char)('0' + (code - 0x1d7ce) % 10);
    return code == REPLACEMENT ? ' ' : 0;
}

static bool is_dropped(struct folder *folder, uint32_t code, size_t behind)
{
    for (size_t i = 0; i < ARRAY_LEN(drops); i++) {
        if (code < drops[i].first || code > drops[i].last)
            continue;
        if (folder->len > 0 && is_letter(folder->out[folder->len - 1]) &&
            behind < folder->raw.len && is_letter(folder->raw.ptr[behind]))
            folder->oddities |= drops[i].oddity;
        return true;
    }
    return false;
}

static uint32_t lower(uint32_t code)
{
    if ((code >= 0x410 && code <= 0x42f) || (code >= 0x391 && code <= 0x3a9))
        return code + 0x20;
    if (code >= 0x400 && code <= 0x40f)
        return code + 0x50;
    return code >= 0x531 && code <= 0x556 ? code + 0x30 : code;
}

/* Greek vowels with a tonos. */
static uint32_t unaccented(uint32_t code)
{
    static const uint32_t pairs[][2] = {{0x3ac, 0x3b1}, {0x3ad, 0x3b5}, {0x3ae, 0x3b7},
                                        {0x3af, 0x3b9}, {0x3cc, 0x3bf}, {0x3cd, 0x3c5},
                                        {0x3ce, 0x3c9}, {0x3c2, 0x3c3}, {0x451, 0x435}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (pairs[i][0] == code)
            return pairs[i][1];
    return code;
}

static void put(struct folder *folder, uint32_t code)
{
    char *out = folder->out + folder->len;
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        folder->len += 2;
    } else if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        folder->len += 3;
    } else {
        out[0] = (char)(0xf0 | code >> 18);
        out[1] = (char)(0x80 | (code >> 12 & 0x3f));
        out[2] = (char)(0x80 | (code >> 6 & 0x3f));
        out[3] = (char)(0x80 | (code & 0x3f));
        folder->len += 4;
    }
}

static bool is_direction(uint32_t code)
{
    return (code >= 0x202a && code <= RLO) || (code >= 0x2066 && code <= 0x2069);
}

static void fold_code(struct folder *folder, uint32_t code, size_t behind)
{
    char plain;
    if (is_direction(code)) {
        folder->oddities |= ODDITY_BIDI;
    } else if (code >= 0xe0000 && code <= 0xe007f) {
        folder->oddities |= ODDITY_TAGS;
    } else if (is_dropped(folder, code, behind)) {
        return;
    } else if ((plain = plain_letter(folder, code)) != 0 || (plain = plain_mark(code)) != 0) {
        folder->out[folder->len++] = plain;
    } else {
        put(folder, unaccented(lower(code)));
    }
}

static void fold_ascii(struct folder *folder, char c)
{
    if ((unsigned char)c < 0x20 && c != '\n' && c != '\t' && c != '\r') {
        folder->oddities |= ODDITY_CONTROL;
        c = ' ';
    }
    folder->out[folder->len++] = c == '\x7f' ? ' ' : c;
}

/* What tag characters spell, as one more sentence. */
static void add_tags(struct folder *folder)
{
    folder->out[folder->len++] = '.';
    folder->out[folder->len++] = ' ';
    for (size_t at = 0; at < folder->raw.len;) {
        uint32_t code = classify_fold_next(folder->raw, &at);
        if (code >= TAG_FIRST && code <= TAG_LAST)
            folder->out[folder->len++] = (char)(code - 0xe0000);
    }
}

/* What stands between an override and its end, read the way a person sees it. */
static void add_turned(struct folder *folder)
{
    size_t start = 0;
    folder->out[folder->len++] = '.';
    folder->out[folder->len++] = ' ';
    for (size_t at = 0, next = 0; at <= folder->raw.len; at = next) {
        uint32_t code = at < folder->raw.len ? (next = at, classify_fold_next(folder->raw, &next))
                                             : (next = at + 1, (uint32_t)PDF);
        if (code == RLO && start == 0)
            start = next;
        if ((code != PDF && code != 0x2069) || start == 0)
            continue;
        for (size_t i = at; i > start; i--)
            if ((unsigned char)folder->raw.ptr[i - 1] < 0x80)
                fold_ascii(folder, folder->raw.ptr[i - 1]);
        folder->out[folder->len++] = ' ';
        start = 0;
    }
}

bool classify_fold(struct str raw, struct arena *arena, struct str *ret_folded, unsigned *oddities)
{
    struct folder folder = {.raw = raw};
    folder.out = raw.len > SIZE_MAX / 4 ? NULL : arena_alloc(arena, raw.len * 2 + 16);
    if (folder.out == NULL)
        return false;
    for (size_t at = 0; at < raw.len;) {
        if ((unsigned char)raw.ptr[at] < 0x80) {
            fold_ascii(&folder, raw.ptr[at++]);
        } else {
            uint32_t code = classify_fold_next(raw, &at);
            fold_code(&folder, code, at);
        }
    }
    if ((folder.oddities & ODDITY_TAGS) != 0)
        add_tags(&folder);
    if ((folder.oddities & ODDITY_BIDI) != 0)
        add_turned(&folder);
    *oddities |= folder.oddities;
    *ret_folded = str_of(folder.out, folder.len);
    return true;
}
