#include "catalog/classify_text.h"

#include "base/attr.h"
#include "catalog/classify_fold.h"

enum { MIN_RUN_TOGETHER = 6, MAX_WORD = 64 };

struct cutter {
    const struct classify_lexicon *lexicon;
    struct arena *arena;
    struct str text; /* folded; letters are made small in place */
    char *bytes;     /* the same, writable */
    struct text out;
    size_t size; /* room in out.words */
    uint8_t before;
    bool in_code;
    bool is_full; /* the arena was */
};

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_high(char c)
{
    return ((unsigned char)c & 0x80) != 0;
}

static bool is_word_byte(char c)
{
    return is_upper(c) || is_lower(c) || is_digit(c) || is_high(c);
}

static struct text_word *add(struct cutter *cutter, struct str text)
{
    if (cutter->out.count == cutter->size) {
        size_t size = cutter->size == 0 ? 32 : cutter->size * 2;
        struct text_word *words = arena_alloc(cutter->arena, size * sizeof *words);
        if (words == NULL) {
            cutter->is_full = true;
            return NULL;
        }
        if (cutter->out.count > 0)
            memcpy(words, cutter->out.words, cutter->out.count * sizeof *words);
        cutter->out.words = words;
        cutter->size = size;
    }
    struct text_word *word = &cutter->out.words[cutter->out.count++];
    *word = (struct text_word){.text = text, .before = cutter->before};
    cutter->before = TEXT_JOINED;
    return word;
}

/* Is it a word one would hide? */
static bool is_telling(const struct lexeme *lexeme)
{
    return lexeme != NULL && (lexeme->verb > VERB_READ || lexeme->noun >= NOUN_PERSON);
}

static char leet(char c)
{
    static const char digits[] = "0134578$@", plain[] = "oieastbsa";
    for (size_t i = 0; i < sizeof digits - 1; i++)
        if (digits[i] == c)
            return plain[i];
    return c;
}

/* d3l3te: digits inside a word, which is then one that is known. */
static void read_leet(struct cutter *cutter, struct text_word *word)
{
    char text[MAX_WORD];
    bool has_inside = false;
    size_t letters = 0;
    size_t len = word->text.len;
    if (len < 4 || len > MAX_WORD)
        return;
    for (size_t i = 0; i < len; i++) {
        text[i] = leet(word->text.ptr[i]);
        letters += is_lower(word->text.ptr[i]);
        has_inside |= i > 0 && i + 1 < len && is_digit(word->text.ptr[i]);
    }
    const struct lexeme *lexeme = classify_lexicon_find(cutter->lexicon, str_of(text, len));
    if (!has_inside || letters < 2 || !is_telling(lexeme))
        return;
    word->lexeme = lexeme;
    cutter->out.oddities |= ODDITY_LEET;
}

static void look_up(struct cutter *cutter, struct text_word *word)
{
    bool has_digit = false;
    word->lexeme = classify_lexicon_find(cutter->lexicon, word->text);
    for (size_t i = 0; i < word->text.len && word->lexeme == NULL; i++)
        has_digit |= is_digit(word->text.ptr[i]);
    if (has_digit)
        read_leet(cutter, word);
}

/* Latin letters for all that look like them. False: some do not. */
static bool plain_of(struct str text, char *out, size_t *ret_len)
{
    *ret_len = 0;
    for (size_t at = 0; at < text.len;) {
        char c = text.ptr[at];
        if (is_high(c))
            c = classify_fold_lookalike(classify_fold_next(text, &at));
        else
            at++;
        if (c == 0)
            return false;
        out[(*ret_len)++] = c;
    }
    return true;
}

/* A word of other letters: the Latin one that it looks like, where it is one. */
static bool add_lookalike(struct cutter *cutter, struct str text, bool is_mixed)
{
    char plain[MAX_WORD];
    size_t len = 0;
    if (text.len > MAX_WORD || !plain_of(text, plain, &len))
        return false;
    const struct lexeme *lexeme = classify_lexicon_find(cutter->lexicon, str_of(plain, len));
    if (!is_mixed && !is_telling(lexeme))
        return false;
    struct text_word *word = add(cutter, text);
    if (word != NULL)
        word->lexeme = lexeme;
    cutter->out.oddities |= ODDITY_LOOKALIKE;
    return true;
}

static size_t run_length(struct str text, size_t from)
{
    bool high = is_high(text.ptr[from]);
    size_t end = from;
    while (end < text.len && is_high(text.ptr[end]) == high)
        end++;
    return end - from;
}

static void add_foreign(struct cutter *cutter, struct str text)
{
    bool is_mixed = run_length(text, 0) < text.len;
    if (add_lookalike(cutter, text, is_mixed))
        return;
    for (size_t at = 0; at < text.len;) {
        size_t len = run_length(text, at);
        struct text_word *word = add(cutter, str_of(text.ptr + at, len));
        if (word == NULL)
            return;
        word->is_foreign = is_high(text.ptr[at]);
        if (!word->is_foreign)
            look_up(cutter, word);
        at += len;
    }
}

static void make_small(struct cutter *cutter, size_t start, size_t end)
{
    for (size_t i = start; i < end; i++)
        if (is_upper(cutter->bytes[i]))
            cutter->bytes[i] = (char)(cutter->bytes[i] | 0x20);
}

struct shape {
    bool has_upper;
    bool has_lower;
    bool has_high;
    bool has_underscore;
    bool has_hump; /* a capital behind a small letter */
};

static struct shape shape_of(struct str text)
{
    struct shape shape = {.has_upper = false};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        shape.has_hump |= is_upper(c) && shape.has_lower;
        shape.has_upper |= is_upper(c);
        shape.has_lower |= is_lower(c);
        shape.has_high |= is_high(c);
        shape.has_underscore |= c == '_';
    }
    return shape;
}

/* Pieces that are known words, all of the text: "delete" "all" "files". */
static bool can_split(const struct cutter *cutter, struct str text, unsigned depth, size_t *cuts,
                      size_t *count)
{
    enum { MAX_PIECES = 5, MIN_PIECE = 3 };
    if (text.len == 0)
        return true;
    if (depth == MAX_PIECES)
        return false;
    for (size_t len = text.len; len >= MIN_PIECE; len--) {
        if (classify_lexicon_find(cutter->lexicon, str_first(text, len)) == NULL)
            continue;
        cuts[depth] = len;
        *count = depth + 1;
        if (can_split(cutter, str_from(text, len), depth + 1, cuts, count))
            return true;
    }
    return false;
}

/* "deletexyz": what destroys is seen also before what nobody knows. */
static size_t leading_verb(const struct cutter *cutter, struct str text)
{
    static const struct str endings[] = {STR_INIT("ance"), STR_INIT("able"), STR_INIT("ment"),
                                         STR_INIT("ers"), STR_INIT("ness")};
    for (size_t len = text.len - 3; len >= 5; len--) {
        const struct lexeme *lexeme = classify_lexicon_find(cutter->lexicon, str_first(text, len));
        if (lexeme == NULL || (lexeme->verb != VERB_DESTROY && lexeme->verb != VERB_REMOVE))
            continue;
        for (size_t i = 0; i < ARRAY_LEN(endings); i++)
            if (str_eq(str_from(text, len), endings[i]))
                return 0;
        return len;
    }
    return 0;
}

static void add_run_together(struct cutter *cutter, struct str text)
{
    size_t cuts[8] = {0};
    size_t count = 0;
    struct text_word *word;
    bool is_known = classify_lexicon_find(cutter->lexicon, text) != NULL;
    if (is_known || text.len < MIN_RUN_TOGETHER || text.len > MAX_WORD ||
        !can_split(cutter, text, 0, cuts, &count)) {
        count = 0;
        cuts[0] = !is_known && text.len >= MIN_RUN_TOGETHER + 2 && text.len <= MAX_WORD
                      ? leading_verb(cutter, text)
                      : 0;
        if (cuts[0] > 0) {
            cuts[1] = text.len - cuts[0];
            count = 2;
        }
    }
    if (count < 2) {
        word = add(cutter, text);
        if (word != NULL)
            look_up(cutter, word);
        return;
    }
    for (size_t i = 0; i < count && !cutter->is_full; i++) {
        word = add(cutter, str_first(text, cuts[i]));
        if (word != NULL)
            word->lexeme = classify_lexicon_find(cutter->lexicon, word->text);
        text = str_from(text, cuts[i]);
    }
}

static void add_name_piece(struct cutter *cutter, size_t start, size_t end)
{
    make_small(cutter, start, end);
    struct str text = str_of(cutter->text.ptr + start, end - start);
    if (shape_of(text).has_high)
        add_foreign(cutter, text);
    else
        add_run_together(cutter, text);
}

/* Does a new word begin at i? fooBar, HTTPServer; not: IPs, v2. */
static bool is_hump(struct str text, size_t start, size_t i)
{
    if (!is_upper(text.ptr[i]) || i == start)
        return false;
    if (is_lower(text.ptr[i - 1]) || is_digit(text.ptr[i - 1]))
        return true;
    return is_upper(text.ptr[i - 1]) && i + 1 < text.len && is_lower(text.ptr[i + 1]) &&
           !(text.ptr[i + 1] == 's' && (i + 2 == text.len || !is_lower(text.ptr[i + 2])));
}

static void cut_name(struct cutter *cutter)
{
    size_t i = 0;
    while (i < cutter->text.len && !cutter->is_full) {
        if (!is_word_byte(cutter->text.ptr[i])) {
            cutter->before = TEXT_SPACE;
            i++;
            continue;
        }
        size_t start = i++;
        while (i < cutter->text.len && is_word_byte(cutter->text.ptr[i]) &&
               !is_hump(cutter->text, start, i))
            i++;
        add_name_piece(cutter, start, i);
    }
}

static void add_prose_word(struct cutter *cutter, size_t start, size_t end)
{
    struct str text = str_of(cutter->text.ptr + start, end - start);
    struct shape shape = shape_of(text);
    bool is_code = cutter->in_code || shape.has_underscore;
    make_small(cutter, start, end);
    if (shape.has_high) {
        add_foreign(cutter, text);
        return;
    }
    struct text_word *word = add(cutter, text);
    if (word == NULL)
        return;
    word->is_code = is_code;
    word->is_upper = shape.has_upper && !shape.has_lower && text.len > 1;
    if (!is_code || cutter->in_code)
        look_up(cutter, word);
    /* PromQL is a word, listUsers a name. */
    word->is_code |= shape.has_hump && word->lexeme == NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "- …", "2. …" */
static bool begins_item(struct str line)
{
    char c = line.ptr[0];
    if (c == '-' || c == '*' || c == '+')
        return true;
    return is_digit(c) && line.len > 1 && (line.ptr[1] == '.' || line.ptr[1] == ')');
}

/* The line behind a line feed: does it go on, or begin something? */
static uint8_t break_of_line(struct str text, size_t i)
{
    size_t at = i + 1;
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t' || text.ptr[at] == '\r'))
        at++;
    if (at >= text.len || text.ptr[at] == '\n' || text.ptr[at] == '#')
        return TEXT_SENTENCE;
    if (begins_item(str_from(text, at)))
        return TEXT_BULLET;
    return is_upper(text.ptr[at]) ? TEXT_SENTENCE : TEXT_SPACE;
}

static uint8_t break_of(struct cutter *cutter, size_t i)
{
    struct str text = cutter->text;
    bool is_last = i + 1 == text.len || is_blank(text.ptr[i + 1]);
    switch (text.ptr[i]) {
    case '\n':
        return break_of_line(text, i);
    case '.':
        return i > 0 && i + 1 < text.len && is_digit(text.ptr[i - 1]) && is_digit(text.ptr[i + 1])
                   ? TEXT_JOINED
                   : TEXT_SENTENCE;
    case '!':
    case '?':
    case ';':
    case '<':
    case '>':
        return TEXT_SENTENCE;
    case ':':
        return is_last ? TEXT_COLON : TEXT_COMMA;
    case '-':
        return i > 0 && !is_blank(text.ptr[i - 1]) && !is_last ? TEXT_JOINED : TEXT_COMMA;
    case '\'':
        return TEXT_JOINED;
    case ' ':
    case '\t':
    case '\r':
    case '"':
    case '*':
    case '`':
        return TEXT_SPACE;
    default:
        return TEXT_COMMA;
    }
}

/* "don't" is one word. */
static bool is_inside(struct str text, size_t i)
{
    return is_word_byte(text.ptr[i]) || text.ptr[i] == '_' ||
           (text.ptr[i] == '\'' && i + 1 < text.len && text.ptr[i + 1] == 't' &&
            (i + 2 == text.len || !is_word_byte(text.ptr[i + 2])));
}

static void cut_prose(struct cutter *cutter)
{
    struct str text = cutter->text;
    size_t i = 0;
    while (i < text.len && !cutter->is_full) {
        if (!is_word_byte(text.ptr[i]) && text.ptr[i] != '_') {
            uint8_t before = break_of(cutter, i);
            if (before > cutter->before)
                cutter->before = before;
            /* A backtick that nobody closes ends with its line. */
            if (text.ptr[i] == '`')
                cutter->in_code = !cutter->in_code;
            else if (text.ptr[i] == '\n')
                cutter->in_code = false;
            i++;
            continue;
        }
        size_t start = i++;
        while (i < text.len && is_inside(text, i))
            i++;
        add_prose_word(cutter, start, i);
    }
}

static enum err_code read_text(const struct classify_lexicon *lexicon, struct str raw,
                               struct arena *arena, void (*cut)(struct cutter *cutter),
                               struct text *ret_text, struct err *err)
{
    struct cutter cutter = {.lexicon = lexicon, .arena = arena, .before = TEXT_SENTENCE};
    struct str folded = STR_NONE;
    if (!classify_fold(raw, arena, &folded, &cutter.out.oddities))
        return err_set(err, ERR_LIMIT, "classify: memory is used up");
    cutter.bytes = arena_alloc(arena, folded.len + 1);
    if (cutter.bytes == NULL)
        return err_set(err, ERR_LIMIT, "classify: memory is used up");
    if (folded.len > 0)
        memcpy(cutter.bytes, folded.ptr, folded.len);
    cutter.text = str_of(cutter.bytes, folded.len);
    cut(&cutter);
    if (cutter.is_full)
        return err_set(err, ERR_LIMIT, "classify: memory is used up");
    *ret_text = cutter.out;
    return ERR_OK;
}

enum err_code classify_text_prose(const struct classify_lexicon *lexicon, struct str raw,
                                  struct arena *arena, struct text *ret_text, struct err *err)
{
    return read_text(lexicon, raw, arena, cut_prose, ret_text, err);
}

enum err_code classify_text_name(const struct classify_lexicon *lexicon, struct str raw,
                                 struct arena *arena, struct text *ret_text, struct err *err)
{
    return read_text(lexicon, raw, arena, cut_name, ret_text, err);
}
