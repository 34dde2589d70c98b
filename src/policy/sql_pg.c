/*
 * sql_pg.c - the class of statements by PostgreSQL's own parser (libpg-query). Nothing else
 * includes its header.
 *
 * The parser answers with its tree as JSON, which is read here in one pass without recursion: nodes
 * have names with a capital, and each has a category in sql_nodes.def. What a client wrote stands
 * in values alone, with its quotes escaped, so it can't be taken for a node.
 *
 * Bounds: the text has at most REFINE_MAX_BYTES and so many tokens (sql_lex.c) that neither the
 * parser's stack, which it limits itself, nor the writer of the JSON, which recurses once a level,
 * can use up the stack of a thread: 8,192 levels take less than 2 MiB. The library keeps its state
 * per thread; only a first call on a thread creates some.
 */
#include <pg_query.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "policy/sql_priv.h"
#include "policy/sql_words.h"

enum { MAX_UPDATES = 8, MAX_PARTS = 4 };

enum gathering { GATHER_NOTHING, GATHER_FUNCTION, GATHER_OPERATOR };

/* An UPDATE whose end has not come. */
struct update {
    int depth; /* of its members */
    bool is_in_where;
    bool has_column; /* in its WHERE */
};

struct tree {
    const struct refiner *refiner;
    struct refine_verdict *verdict;
    struct refine_verdict verbs; /* of this statement; EXPLAIN alone does none of it */
    const char *at;
    const char *end;
    struct str key;
    int depth;
    enum gathering gathering;
    int gather_depth;
    struct str parts[MAX_PARTS];
    size_t part_count;
    struct update updates[MAX_UPDATES];
    size_t update_count;
    size_t statements;
    bool is_explain;
    bool is_analyze;
    bool is_set;
    bool is_set_harmless;
    bool needs_object;
    bool has_system; /* names a table of the server itself */
};

static pthread_mutex_t first_call = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool is_ready;

/* The library makes a key of pthreads in a variable that all threads share. */
static void make_ready(void)
{
    if (is_ready)
        return;
    (void)pthread_mutex_lock(&first_call);
    pg_query_free_split_result(pg_query_split_with_parser("SELECT 1"));
    (void)pthread_mutex_unlock(&first_call);
    is_ready = true;
}

static const struct {
    struct str name;
    enum category category;
} alters[] = {
#define X_ALTER(subtype, category) {STR_INIT(subtype), category},
#include "policy/sql_nodes.def"
};

static const struct str objects[] = {
#define X_OBJECT(type) STR_INIT(type),
#include "policy/sql_nodes.def"
};

static void raise_verb(struct tree *tree, enum category category, const char *why, struct str what)
{
    refine_raise(&tree->verbs, category, why, what);
}

static void raise_always(struct tree *tree, enum category category, const char *why,
                         struct str what)
{
    refine_raise(tree->verdict, category, why, what);
}

static void begin_update(struct tree *tree)
{
    if (tree->update_count == MAX_UPDATES) {
        raise_verb(tree, CATEGORY_DESTRUCTIVE, "it updates every row", STR_NONE);
        return;
    }
    /* The key stands in the object that holds the node's, whose members come one level deeper. */
    tree->updates[tree->update_count++] = (struct update){.depth = tree->depth + 1};
}

static void on_node(struct tree *tree, struct str node)
{
    enum category category = CATEGORY_ADMIN;

    if (!sql_node_find(node, &category))
        raise_always(tree, CATEGORY_ADMIN, "it holds something that is not known to be harmless",
                     node);
    else
        raise_verb(tree, category, "it is a statement of this kind", node);
    if (category == CATEGORY_READ_ONLY && !str_ends(node, STR("Stmt")) &&
        !str_eq(node, STR("ColumnRef")))
        return;
    if (str_eq(node, STR("ColumnRef"))) {
        for (size_t i = 0; i < tree->update_count; i++)
            tree->updates[i].has_column =
                tree->updates[i].has_column || tree->updates[i].is_in_where;
    } else if (str_eq(node, STR("UpdateStmt"))) {
        begin_update(tree);
    } else if (str_eq(node, STR("ExplainStmt"))) {
        tree->is_explain = true;
    } else if (str_eq(node, STR("VariableSetStmt"))) {
        tree->is_set = true;
    } else if (str_eq(node, STR("DropStmt")) || str_eq(node, STR("RenameStmt")) ||
               str_eq(node, STR("AlterObjectSchemaStmt"))) {
        tree->needs_object = true;
    }
}

static void on_where(struct tree *tree)
{
    for (size_t i = 0; i < tree->update_count; i++)
        if (tree->updates[i].depth == tree->depth)
            tree->updates[i].is_in_where = true;
}

static void gather(struct tree *tree, enum gathering what)
{
    if (tree->at < tree->end && *tree->at == '[') {
        tree->gathering = what;
        tree->gather_depth = tree->depth;
        tree->part_count = 0;
    }
}

/* Members that say more than the node they are of. */
static const struct {
    struct str key;
    enum category category;
    const char *why;
} members[] = {
    {STR_INIT("lockingClause"), CATEGORY_WRITE, "it locks rows"},
    {STR_INIT("intoClause"), CATEGORY_WRITE, "it makes a table"},
    {STR_INIT("is_from"), CATEGORY_WRITE, "it copies rows into a table"},
    {STR_INIT("is_program"), CATEGORY_ADMIN, "it runs a program of the server"},
    {STR_INIT("filename"), CATEGORY_ADMIN, "it uses files of the server"},
    {STR_INIT("replace"), CATEGORY_DESTRUCTIVE, "it replaces what is there"},
};

static void on_member(struct tree *tree, struct str key)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (str_eq(key, members[i].key))
            raise_verb(tree, members[i].category, members[i].why, STR_NONE);
}

static void on_key(struct tree *tree, struct str key)
{
    tree->key = key;
    if (key.len > 0 && key.ptr[0] >= 'A' && key.ptr[0] <= 'Z')
        on_node(tree, key);
    else if (str_eq(key, STR("funcname")) || str_eq(key, STR("method")))
        gather(tree, GATHER_FUNCTION);
    else if (str_eq(key, STR("name")) || str_eq(key, STR("operName")) || str_eq(key, STR("useOp")))
        gather(tree, GATHER_OPERATOR);
    else if (str_eq(key, STR("whereClause")))
        on_where(tree);
    else
        on_member(tree, key);
}

static void on_alter(struct tree *tree, struct str subtype)
{
    for (size_t i = 0; i < ARRAY_LEN(alters); i++) {
        if (str_eq(alters[i].name, subtype)) {
            raise_verb(tree, alters[i].category, "it alters a table", subtype);
            return;
        }
    }
    raise_verb(tree, CATEGORY_ADMIN, "it alters more than data", subtype);
}

static void on_object(struct tree *tree, struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(objects); i++)
        if (str_eq(objects[i], type))
            tree->needs_object = false;
}

static bool is_system(struct str name)
{
    return str_starts(name, STR("pg_")) || str_eq(name, STR("information_schema"));
}

/* Not relationType: what is renamed is inside of that. */
static bool names_object(struct str key)
{
    return str_eq(key, STR("removeType")) || str_eq(key, STR("renameType")) ||
           str_eq(key, STR("objectType"));
}

static void on_value(struct tree *tree, struct str value)
{
    struct str key = tree->key;

    if (str_eq(key, STR("sval")) && tree->gathering != GATHER_NOTHING) {
        if (tree->part_count < MAX_PARTS)
            tree->parts[tree->part_count] = value;
        tree->part_count++;
    } else if (str_eq(key, STR("relname")) || str_eq(key, STR("schemaname"))) {
        tree->has_system = tree->has_system || is_system(value);
    } else if (str_eq(key, STR("name")) && tree->is_set) {
        tree->is_set_harmless = sql_setting_is_harmless(value);
    } else if (str_eq(key, STR("defname"))) {
        tree->is_analyze = tree->is_analyze || str_eq_nocase(value, STR("analyze"));
    } else if (str_eq(key, STR("subtype"))) {
        on_alter(tree, value);
    } else if (names_object(key)) {
        on_object(tree, value);
    }
}

static void on_function(struct tree *tree)
{
    size_t count = tree->part_count;
    bool is_own = count == 2 && str_eq(tree->parts[0], STR("pg_catalog"));
    struct str last = count > 0 && count <= MAX_PARTS ? tree->parts[count - 1] : STR_NONE;
    char buffer[REFINE_WHAT_BYTES * 2];
    struct str name = last;

    if (count == 2 && !is_own && tree->parts[0].len + last.len + 1 <= sizeof buffer) {
        size_t len = tree->parts[0].len;
        memcpy(buffer, tree->parts[0].ptr, len);
        buffer[len] = '.';
        memcpy(buffer + len + 1, last.ptr, last.len);
        name = str_of(buffer, len + 1 + last.len);
    } else if (count != 1 && !is_own) {
        name = STR_NONE;
    }
    enum category category = sql_function_category(tree->refiner, name);
    /* "Lower" in quotes is another function than lower. */
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
            category = CATEGORY_ADMIN;
    raise_always(tree, category,
                 category == CATEGORY_ADMIN ? "it calls a function that is not known to be harmless"
                                            : "it calls a function of this kind",
                 last);
}

static void on_gathered(struct tree *tree)
{
    bool is_own = tree->part_count == 2 && str_eq(tree->parts[0], STR("pg_catalog"));

    if (tree->gathering == GATHER_FUNCTION)
        on_function(tree);
    else if (tree->part_count > 1 && !is_own)
        raise_always(tree, CATEGORY_ADMIN, "it uses an operator of a schema", STR_NONE);
    tree->gathering = GATHER_NOTHING;
}

static void end_statement(struct tree *tree)
{
    bool does_it = !tree->is_explain || tree->is_analyze;

    if (tree->is_set && !tree->is_set_harmless)
        raise_verb(tree, CATEGORY_ADMIN, "it changes a setting", STR_NONE);
    if (tree->needs_object)
        raise_verb(tree, CATEGORY_ADMIN, "it changes something that is more than data", STR_NONE);
    if (tree->has_system && tree->verbs.category > CATEGORY_READ_ONLY)
        raise_verb(tree, CATEGORY_ADMIN, "it changes a table of the server itself", STR_NONE);
    if (does_it)
        raise_always(tree, tree->verbs.category, tree->verbs.why, str_c(tree->verbs.what));
    else
        raise_always(tree, CATEGORY_READ_ONLY, "it explains a statement", STR_NONE);
    if (++tree->statements > REFINE_MAX_ELEMENTS)
        raise_always(tree, CATEGORY_ADMIN, "it holds too many statements", STR_NONE);
    tree->verbs = (struct refine_verdict){.why = ""};
    tree->update_count = 0;
    tree->is_explain = tree->is_analyze = tree->is_set = tree->is_set_harmless = false;
    tree->needs_object = tree->has_system = false;
}

static void on_close(struct tree *tree)
{
    tree->depth--;
    if (tree->gathering != GATHER_NOTHING && tree->depth == tree->gather_depth)
        on_gathered(tree);
    for (size_t i = tree->update_count; i > 0; i--) {
        struct update *update = &tree->updates[i - 1];
        if (tree->depth == update->depth)
            update->is_in_where = false;
        if (tree->depth >= update->depth)
            break;
        if (!update->has_column)
            raise_verb(tree, CATEGORY_DESTRUCTIVE, "it updates every row", STR_NONE);
        tree->update_count--;
    }
    /* {"version":…,"stmts":[{"stmt":…}]}: an element has ended. */
    if (tree->depth == 2)
        end_statement(tree);
}

/* tree->at is behind the opening quote. */
static void on_string(struct tree *tree)
{
    const char *start = tree->at;

    while (tree->at < tree->end && *tree->at != '"')
        tree->at += *tree->at == '\\' ? 2 : 1;
    if (tree->at >= tree->end) {
        tree->at = tree->end;
        return;
    }
    struct str text = str_of(start, (size_t)(tree->at - start));
    tree->at++;
    if (tree->at < tree->end && *tree->at == ':') {
        tree->at++;
        on_key(tree, text);
    } else {
        on_value(tree, text);
    }
}

static void walk(struct tree *tree)
{
    while (tree->at < tree->end) {
        char c = *tree->at++;
        if (c == '"')
            on_string(tree);
        else if (c == '{' || c == '[')
            tree->depth++;
        else if (c == '}' || c == ']')
            on_close(tree);
    }
}

void sql_pg_judge(const struct refiner *refiner, struct str text, struct refine_verdict *verdict)
{
    char *copy = strndup(text.ptr == NULL ? "" : text.ptr, text.len);
    struct tree tree = {.refiner = refiner, .verdict = verdict, .verbs = {.why = ""}};

    if (copy == NULL) {
        refine_raise(verdict, CATEGORY_ADMIN, "memory is out", STR_NONE);
        return;
    }
    make_ready();
    PgQueryParseResult result = pg_query_parse(copy);
    if (result.error != NULL || result.parse_tree == NULL) {
        refine_raise(verdict, CATEGORY_ADMIN, "PostgreSQL's parser does not understand it",
                     STR_NONE);
    } else {
        tree.at = result.parse_tree;
        tree.end = tree.at + strlen(tree.at);
        walk(&tree);
        if (tree.statements == 0 || tree.depth != 0)
            refine_raise(verdict, CATEGORY_ADMIN, "it holds no statement", STR_NONE);
    }
    pg_query_free_parse_result(result);
    free(copy);
}

bool sql_pg_counts(struct str text, size_t statements)
{
    char *copy = strndup(text.ptr == NULL ? "" : text.ptr, text.len);
    bool is_so = false;

    if (copy == NULL)
        return false;
    make_ready();
    PgQuerySplitResult result = pg_query_split_with_parser(copy);
    is_so = result.error == NULL && result.n_stmts >= 0 && (size_t)result.n_stmts == statements;
    pg_query_free_split_result(result);
    free(copy);
    return is_so;
}
