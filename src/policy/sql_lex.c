/*
 * sql_lex.c - see sql_lex.h. A trait is a way in which the dialects differ.
 */
#include "policy/sql_lex.h"

#include <string.h>

enum { MAX_TOKENS = 8192 };

enum backslash {
    BACKSLASH_IS_TEXT,
    BACKSLASH_ESCAPES,
    BACKSLASH_DEPENDS, /* on a setting of the server */
};

static const struct traits {
    enum backslash backslash;
    bool hash_comments;    /* # to the end of the line */
    bool slash_comments;   /* // to the end of the line */
    bool dash_needs_space; /* -- is a comment only before a space */
    bool double_is_string; /* "…" */
    bool has_backticks;
    bool has_brackets;    /* [name] */
    bool has_dollar;      /* $$…$$, $tag$…$tag$ */
    bool has_triple;      /* '''…''' */
    const char *in_words; /* marks that a name may begin with */
} all_traits[SQL_DIALECTS] = {
    [SQL_POSTGRESQL] = {.backslash = BACKSLASH_DEPENDS, .has_dollar = true, .in_words = ""},
    [SQL_MYSQL] = {.backslash = BACKSLASH_DEPENDS,
                   .hash_comments = true,
                   .dash_needs_space = true,
                   .double_is_string = true,
                   .has_backticks = true,
                   .in_words = "@$"},
    [SQL_SNOWFLAKE] = {.backslash = BACKSLASH_ESCAPES,
                       .slash_comments = true,
                       .has_dollar = true,
                       .in_words = "@$"},
    [SQL_BIGQUERY] = {.backslash = BACKSLASH_ESCAPES,
                      .hash_comments = true,
                      .double_is_string = true,
                      .has_backticks = true,
                      .has_triple = true,
                      .in_words = "@"},
    [SQL_SQLITE] = {.has_backticks = true, .has_brackets = true, .in_words = "@$"},
    [SQL_TSQL] = {.has_brackets = true, .in_words = "@#$"},
};

static const struct sql_token bad_token = {.kind = SQL_BAD};

static const struct traits *traits_of(const struct sql_lex *lex)
{
    return &all_traits[lex->dialect];
}

static int peek(const struct sql_lex *lex, size_t ahead)
{
    size_t at = lex->at + ahead;
    return at < lex->text.len ? (unsigned char)lex->text.ptr[at] : -1;
}

static struct sql_token bad(struct sql_lex *lex, const char *why)
{
    lex->why = why;
    return bad_token;
}

static struct sql_token doubt(struct sql_lex *lex, const char *why)
{
    lex->is_doubt = true;
    return bad(lex, why);
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(int c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c >= 0x80;
}

static bool begins_word(const struct sql_lex *lex, int c)
{
    return is_letter(c) || (c > 0 && strchr(traits_of(lex)->in_words, c) != NULL);
}

static bool goes_on(const struct sql_lex *lex, int c)
{
    return begins_word(lex, c) || is_digit(c) || c == '$';
}

void sql_lex_init(struct sql_lex *lex, enum sql_dialect dialect, struct str text)
{
    *lex = (struct sql_lex){.text = text, .dialect = dialect, .is_plain = true};
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
        (void)doubt(lex, "it holds a NUL byte");
    else if (!str_is_utf8(text))
        (void)doubt(lex, "it is not UTF-8");
}

/* Letters of real alphabets; no spaces, no signs, no wide forms of ASCII, nothing private. The
 * bytes are UTF-8. */
static bool is_plain_letter(const unsigned char *p, size_t *ret_len)
{
    uint32_t point = 0;

    *ret_len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (*ret_len == 4)
        return false;
    if (*ret_len == 2)
        point = ((uint32_t)p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    else
        point = ((uint32_t)p[0] & 0x0f) << 12 | ((uint32_t)p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    /* Dotless and dotted i and long s become ASCII where somebody folds case. */
    return point >= 0xc0 && point != 0x130 && point != 0x131 && point != 0x17f && point != 0x1680 &&
           point != 0x180e && !(point >= 0x2000 && point < 0x2c00) &&
           !(point >= 0x3000 && point < 0x3005) && point < 0xe000;
}

/* A line separator of Unicode ends a line for some. */
static bool has_other_newline(struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '\r' && (i + 1 == line.len || line.ptr[i + 1] != '\n'))
            return true;
        if ((unsigned char)line.ptr[i] >= 0x80)
            return str_find_str(line, STR("\xc2\x85")) < line.len ||
                   str_find_str(line, STR("\xe2\x80\xa8")) < line.len ||
                   str_find_str(line, STR("\xe2\x80\xa9")) < line.len;
    }
    return false;
}

static void skip_line(struct sql_lex *lex)
{
    struct str rest = str_from(lex->text, lex->at);
    size_t len = str_find(rest, '\n');

    /* The \r of \r\n at the end belongs to the end. */
    if (has_other_newline(str_first(rest, len < rest.len ? len + 1 : len))) {
        lex->why = "a comment holds a line end that not everybody takes for one";
        return;
    }
    lex->at += len;
}

static bool sets_variables(struct str hint)
{
    for (size_t i = 0; i + 7 <= hint.len; i++)
        if (str_eq_nocase(str_of(hint.ptr + i, 7), STR("set_var")))
            return true;
    return false;
}

static void skip_block(struct sql_lex *lex)
{
    size_t start = lex->at;
    unsigned depth = 1;

    if (lex->dialect == SQL_MYSQL &&
        (peek(lex, 2) == '!' || (peek(lex, 2) == 'M' && peek(lex, 3) == '!'))) {
        lex->why = "it holds a comment that the server runs";
        return;
    }
    for (lex->at += 2; depth > 0; lex->at++) {
        if (peek(lex, 1) < 0) {
            lex->why = "a comment does not end";
            return;
        }
        bool is_end = peek(lex, 0) == '*' && peek(lex, 1) == '/';
        bool is_start = peek(lex, 0) == '/' && peek(lex, 1) == '*';
        if (is_start && lex->dialect != SQL_POSTGRESQL) {
            lex->why = "a comment inside a comment is read in two ways";
            return;
        }
        lex->is_plain = lex->is_plain && !is_start;
        depth += is_start;
        depth -= is_end;
        lex->at += is_end || is_start;
    }
    if (lex->dialect == SQL_MYSQL &&
        sets_variables(str_of(lex->text.ptr + start, lex->at - start))) {
        lex->why = "a hint sets a variable";
    }
}

static bool begins_line_comment(const struct sql_lex *lex, int c)
{
    const struct traits *traits = traits_of(lex);
    int after = peek(lex, 2);

    if (c == '#')
        return traits->hash_comments;
    if (c == '/')
        return peek(lex, 1) == '/' && traits->slash_comments;
    if (c != '-' || peek(lex, 1) != '-')
        return false;
    return !traits->dash_needs_space || after < 0 || after <= ' ';
}

/* False: lex->why says what is wrong. */
static bool skip_blank(struct sql_lex *lex)
{
    for (;;) {
        int c = peek(lex, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f')
            lex->at++;
        else if (begins_line_comment(lex, c))
            skip_line(lex);
        else if (c == '/' && peek(lex, 1) == '*')
            skip_block(lex);
        else
            return true;
        if (lex->why != NULL)
            return false;
    }
}

static struct sql_token take(struct sql_lex *lex, enum sql_token_kind kind, size_t start)
{
    return (struct sql_token){.kind = kind, .text = str_of(lex->text.ptr + start, lex->at - start)};
}

/* Two quotes are one inside the quotes; not everywhere. */
static bool doubles(const struct sql_lex *lex, char quote)
{
    return lex->dialect != SQL_BIGQUERY && !(quote == ']' && lex->dialect == SQL_SQLITE);
}

/* How many bytes belong together at lex->at, which is no end. 0: lex->why says what is wrong. */
static size_t quoted_step(struct sql_lex *lex, char quote, enum backslash backslash)
{
    int c = peek(lex, 0);
    int next = peek(lex, 1);

    if (c == (unsigned char)quote) {
        if (!doubles(lex, quote))
            (void)bad(lex, "two quotes follow each other");
        return lex->why == NULL ? 2 : 0;
    }
    if (c != '\\' || next < 0 || backslash == BACKSLASH_IS_TEXT)
        return 1;
    if (backslash == BACKSLASH_DEPENDS && next == (unsigned char)quote) {
        (void)doubt(lex, "a backslash before a quote is read in two ways");
        return 0;
    }
    return backslash == BACKSLASH_ESCAPES || next == '\\' ? 2 : 1;
}

/* lex->at is behind the opening quote. False: there is no end, or lex->why says why not. */
static bool find_end(struct sql_lex *lex, char quote, enum backslash backslash)
{
    while (lex->at < lex->text.len) {
        if (lex->text.ptr[lex->at] == quote && peek(lex, 1) != (unsigned char)quote)
            return true;
        size_t step = quoted_step(lex, quote, backslash);
        if (step == 0)
            return false;
        lex->at += step;
    }
    return false;
}

static struct sql_token take_quoted(struct sql_lex *lex, enum sql_token_kind kind, char end,
                                    enum backslash backslash)
{
    size_t start = lex->at++;

    if (!find_end(lex, end, backslash))
        return bad(lex, lex->why != NULL ? lex->why : "a quote does not end");
    lex->at++;
    struct sql_token token = take(lex, kind, start);
    if (kind == SQL_NAME)
        token.text = str_of(token.text.ptr + 1, token.text.len - 2);
    return token;
}

static struct sql_token take_triple(struct sql_lex *lex, char quote)
{
    size_t start = lex->at;

    for (lex->at += 3; lex->at < lex->text.len; lex->at++) {
        if (peek(lex, 0) == '\\')
            lex->at++;
        else if (peek(lex, 0) == quote && peek(lex, 1) == quote && peek(lex, 2) == quote) {
            lex->at += 3;
            return take(lex, SQL_STRING, start);
        }
    }
    return bad(lex, "a quote does not end");
}

/* $$…$$, and $tag$…$tag$ in PostgreSQL. */
static struct sql_token take_dollar(struct sql_lex *lex, size_t tag_len)
{
    size_t start = lex->at;
    struct str tag = str_of(lex->text.ptr + start, tag_len);
    struct str rest = str_from(lex->text, start + tag_len);
    size_t len = str_find_str(rest, tag);

    if (len == rest.len)
        return bad(lex, "a quote does not end");
    lex->is_plain = false;
    lex->at = start + tag_len + len + tag_len;
    return take(lex, SQL_STRING, start);
}

/* Length of the opening mark of a dollar quote at lex->at, or 0. */
static size_t dollar_tag(const struct sql_lex *lex)
{
    size_t len = 1;

    if (peek(lex, 0) != '$' || !traits_of(lex)->has_dollar)
        return 0;
    if (lex->dialect == SQL_POSTGRESQL && is_letter(peek(lex, 1)))
        while (is_letter(peek(lex, len)) || is_digit(peek(lex, len)))
            len++;
    return peek(lex, len) == '$' ? len + 1 : 0;
}

static struct sql_token take_word(struct sql_lex *lex)
{
    size_t start = lex->at;

    while (goes_on(lex, peek(lex, 0))) {
        size_t len = 1;
        if (peek(lex, 0) >= 0x80 &&
            !is_plain_letter((const unsigned char *)lex->text.ptr + lex->at, &len))
            return bad(lex, "a name holds a character that some take for a space or a sign");
        if (peek(lex, 0) == '$' && peek(lex, 1) == '$' && traits_of(lex)->has_dollar)
            return bad(lex, "a name runs into a quote");
        lex->at += len;
    }
    /* E'…', U&"…", N'…', x'…' and the like. */
    if (peek(lex, 0) == '\'' || peek(lex, 0) == '"' || peek(lex, 0) == '&')
        lex->is_plain = false;
    return take(lex, SQL_WORD, start);
}

static bool is_hex_digit(int c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static void skip_digits(struct sql_lex *lex, bool (*is_one)(int c))
{
    while (is_one(peek(lex, 0)))
        lex->at++;
}

static void skip_exponent(struct sql_lex *lex)
{
    bool has_sign = peek(lex, 1) == '+' || peek(lex, 1) == '-';

    if ((peek(lex, 0) | 0x20) != 'e' || !is_digit(peek(lex, has_sign ? 2 : 1)))
        return;
    lex->at += has_sign ? 2 : 1;
    skip_digits(lex, is_digit);
}

static void skip_decimal(struct sql_lex *lex)
{
    skip_digits(lex, is_digit);
    if (peek(lex, 0) == '.')
        lex->at++;
    skip_digits(lex, is_digit);
    skip_exponent(lex);
}

static struct sql_token take_number(struct sql_lex *lex)
{
    size_t start = lex->at;

    if (peek(lex, 0) == '0' && (peek(lex, 1) | 0x20) == 'x') {
        lex->at += 2;
        skip_digits(lex, is_hex_digit);
    } else {
        skip_decimal(lex);
    }
    /* Some read `1DELETE` as 1 and DELETE. */
    if (goes_on(lex, peek(lex, 0)))
        return bad(lex, "a number runs into a word");
    return take(lex, SQL_NUMBER, start);
}

static bool is_escape_string(const struct sql_lex *lex)
{
    char before = lex->at > 0 ? lex->text.ptr[lex->at - 1] : ' ';
    bool is_alone = lex->at < 2 || !goes_on(lex, (unsigned char)lex->text.ptr[lex->at - 2]);

    return lex->dialect == SQL_POSTGRESQL && (before == 'e' || before == 'E') && is_alone;
}

static struct sql_token take_string(struct sql_lex *lex, char quote)
{
    enum backslash backslash = traits_of(lex)->backslash;

    if (traits_of(lex)->has_triple && peek(lex, 1) == quote && peek(lex, 2) == quote)
        return take_triple(lex, quote);
    if (is_escape_string(lex))
        backslash = BACKSLASH_ESCAPES;
    return take_quoted(lex, SQL_STRING, quote, backslash);
}

/* A mark that begins a quoted name here; *ret_end is the one that ends it. */
static bool begins_name(const struct sql_lex *lex, int c, char *ret_end)
{
    const struct traits *traits = traits_of(lex);

    *ret_end = c == '[' ? ']' : (char)c;
    return (c == '"' && !traits->double_is_string) || (c == '`' && traits->has_backticks) ||
           (c == '[' && traits->has_brackets);
}

static struct sql_token take_mark(struct sql_lex *lex, int c)
{
    size_t start = lex->at;

    if (c < ' ' || c == 0x7f || c == '\\')
        return bad(lex, "it holds a mark that has no place in a statement");
    if ((c == '{' && (lex->dialect == SQL_MYSQL || lex->dialect == SQL_TSQL)) ||
        (c == '&' && lex->dialect == SQL_SNOWFLAKE))
        return bad(lex, "it holds a mark that a driver replaces");
    lex->at++;
    /* Snowflake: statement ->> statement. */
    if (lex->dialect == SQL_SNOWFLAKE && c == '-' && peek(lex, 0) == '>' && peek(lex, 1) == '>') {
        lex->at += 2;
        return (struct sql_token){.kind = SQL_MARK, .text = STR(";")};
    }
    return take(lex, SQL_MARK, start);
}

struct sql_token sql_lex_next(struct sql_lex *lex)
{
    if (lex->why != NULL || !skip_blank(lex))
        return bad_token;
    int c = peek(lex, 0);
    char end = 0;
    size_t tag_len = dollar_tag(lex);
    if (c < 0)
        return (struct sql_token){.kind = SQL_END};
    if (++lex->count > MAX_TOKENS)
        return doubt(lex, "it has too many words");
    if (tag_len > 0)
        return take_dollar(lex, tag_len);
    if (c == '\'' || (c == '"' && traits_of(lex)->double_is_string))
        return take_string(lex, (char)c);
    if (begins_name(lex, c, &end))
        return take_quoted(lex, SQL_NAME, end,
                           lex->dialect == SQL_BIGQUERY ? BACKSLASH_ESCAPES : BACKSLASH_IS_TEXT);
    if (begins_word(lex, c))
        return take_word(lex);
    if (is_digit(c) || (c == '.' && is_digit(peek(lex, 1))))
        return take_number(lex);
    return take_mark(lex, c);
}
