/*
 * sql_tokens.c - the class of statements, token by token: the first word says what a statement is,
 * and every other word may only make it worse. A word that is a keyword somewhere counts as one
 * everywhere, so that a name like `update` costs rights instead of hiding something.
 */
#include <string.h>

#include "base/attr.h"
#include "policy/sql_lex.h"
#include "policy/sql_priv.h"
#include "policy/sql_words.h"

enum { MAX_STATEMENTS = REFINE_MAX_ELEMENTS, MAX_NAME = 80, MAX_UNCOUNTED = 16 * 1024 };

/* A name with its parts: a.b.c */
struct chain {
    struct str first;
    struct str last;
    unsigned parts;    /* 0: none ends here */
    struct str before; /* the word before it; empty: no word */
};

/* What the first word of a statement makes of it; one bit each. */
enum {
    KIND_INSERT = 1 << 0, /* REPLACE, too */
    KIND_UPDATE = 1 << 1,
    KIND_PLAIN = 1 << 2, /* INSERT, UPDATE, DELETE, and what asks */
    KIND_CREATE = 1 << 3,
    KIND_OBJECT = 1 << 4, /* CREATE, ALTER, DROP and others that name an object */
    KIND_SHOW = 1 << 5,
    KIND_PRAGMA = 1 << 6,
    KIND_USE = 1 << 7,
    KIND_VACUUM = 1 << 8,
};

static const struct {
    struct str word;
    unsigned kind;
} kinds[] = {
    {STR_INIT("select"), KIND_PLAIN},
    {STR_INIT("with"), KIND_PLAIN},
    {STR_INIT("insert"), KIND_INSERT | KIND_PLAIN},
    {STR_INIT("replace"), KIND_INSERT},
    {STR_INIT("update"), KIND_UPDATE | KIND_PLAIN},
    {STR_INIT("delete"), KIND_PLAIN},
    {STR_INIT("create"), KIND_CREATE | KIND_OBJECT},
    {STR_INIT("alter"), KIND_OBJECT},
    {STR_INIT("drop"), KIND_OBJECT},
    {STR_INIT("rename"), KIND_OBJECT},
    {STR_INIT("comment"), KIND_OBJECT},
    {STR_INIT("undrop"), KIND_OBJECT},
    {STR_INIT("show"), KIND_SHOW},
    {STR_INIT("pragma"), KIND_PRAGMA},
    {STR_INIT("use"), KIND_USE},
    {STR_INIT("vacuum"), KIND_VACUUM},
};

struct reader {
    const struct refiner *refiner;
    struct sql_lex lex;
    struct sql_token token;
    struct sql_token next;
    struct sql_token last; /* before token; SQL_END at the start of a statement */
    struct chain chain;
    struct refine_verdict *verdict;
    const struct sql_word *word;  /* of token; NULL: a name, or no word */
    const struct sql_word *first; /* of the statement; NULL: not known */
    unsigned kind;                /* of the statement */
    struct str second;      /* word behind the first that counts: CREATE UNIQUE INDEX: index */
    size_t words;           /* of the statement */
    enum category by_first; /* the worst of what the first words say */
    int depth;
    bool has_other; /* a statement of another kind than KIND_PLAIN */
    bool is_begun;
    bool may_set;   /* the SET of an UPDATE has not come */
    bool has_where; /* at depth 0 */
    bool has_name;  /* behind WHERE */
    bool is_ended;  /* UPDATE: another statement may have begun */
};

static void raise_by(struct reader *r, enum category category, const char *why)
{
    refine_raise(r->verdict, category, why, r->token.text);
}

static bool is_word(struct sql_token token, struct str word)
{
    return token.kind == SQL_WORD && str_eq_nocase(token.text, word);
}

static bool is_any(struct str text, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq_nocase(text, words[i]))
            return true;
    return false;
}

#define IS_ANY(text, ...)                                                                          \
    is_any((text), (const struct str[]){__VA_ARGS__},                                              \
           sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

static bool is_kind(const struct reader *r, unsigned kind)
{
    return (r->kind & kind) != 0;
}

static unsigned kind_of(const struct sql_word *first)
{
    for (size_t i = 0; first != NULL && i < ARRAY_LEN(kinds); i++)
        if (str_eq(kinds[i].word, first->text))
            return kinds[i].kind;
    return 0;
}

/* What the effect of a word is as a category; the caller knows that there is one. */
static enum category effect_category(enum sql_effect effect)
{
    switch (effect) {
    case SQL_NOTHING:
    case SQL_READ:
        return CATEGORY_READ_ONLY;
    case SQL_WRITE:
        return CATEGORY_WRITE;
    case SQL_DESTROY:
        return CATEGORY_DESTRUCTIVE;
    case SQL_ADMIN:
    case SQL_NEVER:
        break;
    }
    return CATEGORY_ADMIN;
}

static void begin(struct reader *r)
{
    r->first = r->word;
    r->kind = kind_of(r->first);
    r->is_begun = true;
    r->words = 1;
    r->second = STR_NONE;
    r->may_set = is_kind(r, KIND_UPDATE);
    r->has_where = r->has_name = r->is_ended = false;
    r->chain = (struct chain){.first = r->token.text, .last = r->token.text, .parts = 1};
    if (r->first == NULL || r->first->first == SQL_NEVER)
        raise_by(r, CATEGORY_ADMIN, "it begins with a word that is not known to be harmless");
    else
        raise_by(r, effect_category(r->first->first), "it is a statement of this kind");
    r->has_other = r->has_other || !is_kind(r, KIND_PLAIN);
    if (r->first != NULL)
        r->by_first = category_worse(r->by_first, effect_category(r->first->first));
}

/* Objects that hold data. All others (users, roles, code, policies…) are for administrators. */
static bool is_data(struct str object)
{
    return IS_ANY(object, STR("table"), STR("view"), STR("index"), STR("sequence"), STR("schema"),
                  STR("database"), STR("column"));
}

/* CREATE, ALTER, DROP, RENAME, COMMENT, USE: the object decides. */
static void judge_object(struct reader *r)
{
    bool is_create = is_kind(r, KIND_CREATE);

    if (IS_ANY(r->token.text, STR("or"), STR("alter"), STR("temp"), STR("temporary"),
               STR("transient"), STR("unique"), STR("clustered"), STR("nonclustered"),
               STR("columnstore"), STR("fulltext"), STR("spatial"), STR("virtual"),
               STR("materialized"), STR("global"), STR("local"), STR("volatile"), STR("replace"),
               STR("if"), STR("exists"), STR("not"), STR("online"), STR("on"), STR("algorithm"),
               STR("undefined"), STR("merge"), STR("temptable")))
        return;
    r->second = r->token.text;
    bool is_database = str_eq_nocase(r->second, STR("database"));
    if (r->token.kind != SQL_WORD || !is_data(r->second) ||
        (is_database && !str_eq(r->first->text, STR("drop"))))
        raise_by(r, CATEGORY_ADMIN,
                 is_create ? "it makes something that is more than data"
                           : "it changes something that is more than data");
}

/* SELECT … FOR UPDATE, ON DUPLICATE KEY UPDATE, ON CONFLICT DO UPDATE, ON DELETE CASCADE. */
static bool is_softened(const struct reader *r, enum category *ret_category)
{
    bool is_update = is_word(r->token, STR("update"));
    bool is_rule = is_word(r->last, STR("on")) && is_kind(r, KIND_OBJECT);
    bool is_insert = is_kind(r, KIND_INSERT);

    *ret_category = is_rule ? CATEGORY_READ_ONLY : CATEGORY_WRITE;
    if (is_rule && (is_update || is_word(r->token, STR("delete"))))
        return true;
    if (!is_update || r->lex.dialect == SQL_TSQL)
        return false;
    return is_word(r->last, STR("for")) ||
           (is_insert && (is_word(r->last, STR("key")) || is_word(r->last, STR("do"))));
}

/* NEXT VALUE FOR, FOR SHARE. */
static bool is_pair(const struct reader *r)
{
    return (is_word(r->last, STR("next")) && is_word(r->token, STR("value"))) ||
           (is_word(r->last, STR("for")) && is_word(r->token, STR("share")));
}

/* Words that turn a change of an object into one of rights. */
static bool is_about_rights(const struct reader *r)
{
    return is_kind(r, KIND_OBJECT) && !is_kind(r, KIND_CREATE) &&
           IS_ANY(r->token.text, STR("policy"), STR("owner"), STR("authorization"), STR("trigger"),
                  STR("security"), STR("ownership"), STR("share"), STR("definer"),
                  STR("encryption"));
}

/* Words that the statement itself has: INSERT INTO, UPDATE … SET, DROP TABLE IF EXISTS. */
static bool is_expected(struct reader *r)
{
    bool is_set = is_word(r->token, STR("set")) && r->may_set;

    r->may_set = (r->may_set && !is_set) || is_word(r->token, STR("update"));
    if (is_word(r->token, STR("into")))
        return is_kind(r, KIND_INSERT);
    if (is_word(r->token, STR("if")))
        return is_kind(r, KIND_OBJECT) && r->second.len > 0 && str_eq(r->last.text, r->second);
    return is_set;
}

static void judge_keyword(struct reader *r)
{
    enum category soft;
    const struct sql_word *word = r->word;

    if (is_pair(r))
        raise_by(r, CATEGORY_WRITE, "it takes a lock or a number of a sequence");
    if (is_about_rights(r))
        raise_by(r, CATEGORY_ADMIN, "it changes who may do what");
    if (word == NULL || word->inside == SQL_NOTHING || is_kind(r, KIND_SHOW) || is_expected(r))
        return;
    if (sql_is_mark(r->next, '(') && sql_function_is_pure(r->lex.dialect, r->token.text))
        return;
    if (is_softened(r, &soft))
        raise_by(r, soft, "it locks or updates rows");
    else
        raise_by(r, effect_category(word->inside), "it holds a word that does this");
}

/* A word that may name a column: no constant, no call. */
static bool is_column(const struct reader *r)
{
    if (r->token.kind == SQL_NAME)
        return true;
    return r->token.kind == SQL_WORD && r->word == NULL && !sql_is_mark(r->next, '(') &&
           r->next.kind != SQL_STRING &&
           !IS_ANY(r->token.text, STR("true"), STR("false"), STR("null"), STR("unknown"),
                   STR("current"), STR("current_date"), STR("current_time"),
                   STR("current_timestamp"), STR("current_user"), STR("session_user"), STR("user"),
                   STR("localtime"), STR("localtimestamp"), STR("of"));
}

/* UPDATE … WHERE: a condition that names something, and nothing that could be of another
 * statement before it. */
static void watch_where(struct reader *r)
{
    if (r->depth == 0 && is_word(r->token, STR("where")))
        r->has_where = true;
    else if (r->depth == 0 && !r->has_where && r->lex.dialect == SQL_TSQL &&
             (is_word(r->token, STR("select")) || is_word(r->token, STR("with"))))
        r->is_ended = true;
    else if (r->has_where)
        r->has_name = r->has_name || is_column(r);
}

/* The administrator's own tables of the server. */
static bool is_system(enum sql_dialect dialect, struct str name)
{
    if (dialect == SQL_POSTGRESQL && str_eq_nocase(str_first(name, 3), STR("pg_")))
        return true;
    return IS_ANY(name, STR("mysql"), STR("sys"), STR("information_schema"),
                  STR("performance_schema"), STR("sqlite_master"), STR("sqlite_schema"),
                  STR("sqlite_temp_master"), STR("sqlite_sequence"), STR("master"), STR("msdb"),
                  STR("snowflake"));
}

static void judge_name(struct reader *r)
{
    bool is_query = r->first == NULL || r->first->first == SQL_READ;

    if (!is_query && is_system(r->lex.dialect, r->token.text))
        raise_by(r, CATEGORY_ADMIN, "it changes a table of the server itself");
    if (r->word != NULL && str_eq(r->word->text, STR("nextval")))
        raise_by(r, CATEGORY_WRITE, "it takes a number of a sequence");
}

static void extend(struct reader *r)
{
    struct chain *chain = &r->chain;

    if (sql_is_mark(r->last, '.') && chain->parts > 0) {
        chain->parts++;
        chain->last = r->token.text;
        return;
    }
    *chain = (struct chain){.first = r->token.text,
                            .last = r->token.text,
                            .parts = 1,
                            .before = r->last.kind == SQL_WORD ? r->last.text : STR_NONE};
}

/* A table or column list follows these, not a call. */
static bool is_list(const struct reader *r)
{
    struct str before = r->chain.before;

    /* But a column may be computed: CREATE TABLE t (a AS f(b)). */
    if (IS_ANY(before, STR("as"), STR("with"), STR("recursive")))
        return !is_kind(r, KIND_CREATE) || r->depth < 2;
    if (is_kind(r, KIND_CREATE) &&
        IS_ANY(before, STR("table"), STR("view"), STR("index"), STR("on"), STR("exists"),
               STR("references"), STR("key"), STR("constraint")))
        return !str_eq_nocase(before, STR("on")) || str_eq_nocase(r->second, STR("index"));
    return (is_kind(r, KIND_INSERT)) &&
           (str_eq_nocase(before, STR("into")) || str_eq_nocase(before, STR("insert")) ||
            str_eq_nocase(before, STR("replace")));
}

/* "f", "net.host"; of safe.f and pg_catalog.f the function alone. */
static struct str function_name(const struct reader *r, char out[MAX_NAME])
{
    const struct chain *chain = &r->chain;
    size_t len = chain->first.len + 1 + chain->last.len;
    bool is_own = chain->parts == 2 &&
                  ((r->lex.dialect == SQL_BIGQUERY && str_eq_nocase(chain->first, STR("safe"))) ||
                   (r->lex.dialect == SQL_POSTGRESQL && str_eq(chain->first, STR("pg_catalog"))));

    if (chain->parts == 1 || is_own)
        return chain->last;
    if (chain->parts > 2 || len > MAX_NAME)
        return STR_NONE;
    memcpy(out, chain->first.ptr, chain->first.len);
    out[chain->first.len] = '.';
    memcpy(out + chain->first.len + 1, chain->last.ptr, chain->last.len);
    return str_of(out, len);
}

static void judge_call(struct reader *r)
{
    char buffer[MAX_NAME];
    bool is_quoted = r->last.kind == SQL_NAME;
    const struct sql_word *word =
        r->chain.parts == 1 && !is_quoted ? sql_word_find(r->lex.dialect, r->chain.last) : NULL;
    struct str name = function_name(r, buffer);

    if ((word != NULL && word->is_before) || is_list(r))
        return;
    enum category category = is_quoted && r->chain.parts == 1 && r->lex.dialect == SQL_POSTGRESQL
                                 ? CATEGORY_ADMIN
                                 : sql_function_category(r->refiner, name);
    refine_raise(r->verdict, category,
                 category == CATEGORY_ADMIN ? "it calls a function that is not known to be harmless"
                                            : "it calls a function of this kind",
                 r->chain.last);
}

static void judge_mark(struct reader *r)
{
    if (sql_is_mark(r->token, '(')) {
        r->depth++;
        if (r->last.kind == SQL_WORD || r->last.kind == SQL_NAME)
            judge_call(r);
        else if (sql_is_mark(r->last, ')') || sql_is_mark(r->last, ']') ||
                 r->last.kind == SQL_STRING)
            raise_by(r, CATEGORY_ADMIN, "it calls what another call gave");
    } else if (sql_is_mark(r->token, ')')) {
        r->depth--;
    } else if (r->lex.dialect == SQL_MYSQL && sql_is_mark(r->token, '=') &&
               sql_is_mark(r->last, ':')) {
        raise_by(r, CATEGORY_WRITE, "it sets a variable");
    }
}

/* PRAGMA [schema.]name [(argument)] */
static void judge_pragma(struct reader *r)
{
    bool has_argument = false;
    bool is_schema = r->words == 2 && r->token.kind == SQL_WORD && sql_is_mark(r->next, '.');
    bool is_name = r->second.len == 0 && r->token.kind == SQL_WORD && !is_schema;

    if (is_schema || (r->words == 3 && sql_is_mark(r->token, '.')))
        return;
    if (is_name) {
        r->second = r->token.text;
        bool is_open = sql_is_mark(r->next, '(');
        if (!sql_pragma_find(r->second, &has_argument) || (is_open && !has_argument))
            raise_by(r, CATEGORY_ADMIN, "it is a pragma that is not known to observe only");
    } else if (r->second.len == 0 || sql_is_mark(r->token, '=')) {
        raise_by(r, CATEGORY_ADMIN, "it sets a pragma, or hides which");
    }
}

/* What only some statements have. */
static void judge_by_kind(struct reader *r)
{
    if (is_kind(r, KIND_OBJECT) && r->second.len == 0)
        judge_object(r);
    else if (is_kind(r, KIND_UPDATE))
        watch_where(r);
    else if (is_kind(r, KIND_USE) && r->words == 2 &&
             IS_ANY(r->token.text, STR("role"), STR("secondary"), STR("snowflake"), STR("mysql")))
        raise_by(r, CATEGORY_ADMIN, "it changes the role or the place of everything behind it");
    else if (is_kind(r, KIND_VACUUM) && is_word(r->token, STR("into")))
        raise_by(r, CATEGORY_ADMIN, "it writes a file");
}

static void inside(struct reader *r)
{
    bool is_part = sql_is_mark(r->last, '.') && r->chain.parts > 0;
    bool is_name = r->token.kind == SQL_WORD || r->token.kind == SQL_NAME;

    r->words++;
    if (is_kind(r, KIND_PRAGMA)) {
        judge_pragma(r);
        return;
    }
    judge_by_kind(r);
    if (r->token.kind == SQL_WORD && !is_part)
        judge_keyword(r);
    if (is_name) {
        extend(r);
        judge_name(r);
    } else if (r->token.kind == SQL_MARK) {
        judge_mark(r);
    }
}

static void end(struct reader *r, struct sql_reading *reading)
{
    if (!r->is_begun)
        return;
    if (is_kind(r, KIND_UPDATE) && (!r->has_where || !r->has_name || r->is_ended))
        refine_raise(r->verdict, CATEGORY_DESTRUCTIVE, "it updates every row", STR_NONE);
    if (is_kind(r, KIND_PRAGMA) && r->second.len == 0)
        refine_raise(r->verdict, CATEGORY_ADMIN, "it is a pragma without a name", STR_NONE);
    if (r->depth != 0 && !is_kind(r, KIND_PRAGMA))
        refine_raise(r->verdict, CATEGORY_ADMIN, "its parentheses do not match", STR_NONE);
    if (++reading->statements > MAX_STATEMENTS)
        refine_raise(r->verdict, CATEGORY_ADMIN, "it holds too many statements", STR_NONE);
    r->is_begun = false;
    r->first = NULL;
    r->depth = 0;
    r->chain.parts = 0;
}

static void step(struct reader *r, struct sql_reading *reading)
{
    r->word = r->token.kind == SQL_WORD ? sql_word_find(r->lex.dialect, r->token.text) : NULL;
    if (sql_is_mark(r->token, ';')) {
        end(r, reading);
        r->last = (struct sql_token){.kind = SQL_END};
        return;
    }
    if (r->is_begun) {
        inside(r);
    } else if (sql_is_mark(r->token, '(')) {
        r->depth++;
    } else {
        int depth = r->depth;
        begin(r);
        r->depth = depth;
    }
    r->last = r->token;
}

void sql_tokens_judge(const struct refiner *refiner, struct str text,
                      struct sql_reading *ret_reading)
{
    struct reader r = {.refiner = refiner, .verdict = &ret_reading->verdict};

    *ret_reading = (struct sql_reading){.statements = 0};
    sql_lex_init(&r.lex, refiner->dialect, text);
    for (r.next = sql_lex_next(&r.lex); r.next.kind != SQL_END && r.next.kind != SQL_BAD;) {
        r.token = r.next;
        r.next = sql_lex_next(&r.lex);
        step(&r, ret_reading);
    }
    if (r.next.kind == SQL_BAD)
        refine_raise(r.verdict, CATEGORY_ADMIN, r.lex.why, STR_NONE);
    end(&r, ret_reading);
    if (ret_reading->statements == 0)
        refine_raise(r.verdict, CATEGORY_ADMIN, "it holds no statement", STR_NONE);
    ret_reading->is_plain = r.lex.is_plain && r.lex.why == NULL && !r.has_other &&
                            ret_reading->verdict.category == r.by_first;
    /* What could not be counted is short, so that nothing in it is nested deeply. */
    ret_reading->is_doubt = r.lex.is_doubt || (r.lex.why != NULL && text.len > MAX_UNCOUNTED);
}
