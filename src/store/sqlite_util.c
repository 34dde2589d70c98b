#include <string.h>

#include "store/sqlite_priv.h"

enum err_code loader_read(struct loader *loader, const struct loader_query *query,
                          const struct sql_value *args, size_t arg_count, void **ret_items,
                          size_t *ret_count, struct err *err)
{
    int64_t count = 0;
    enum err_code code = sql_get_i64(loader->sql, query->count, args, arg_count, &count, err);
    if (code != ERR_OK)
        return code;
    char *items = arena_calloc(loader->arena, (size_t)count, query->item_bytes);
    if (items == NULL)
        return err_set(err, ERR_LIMIT, "database: no room for what was read");

    CLEANUP(sql_endp) struct sqlite3_stmt *rows = NULL;
    bool has_row = false;
    code = sql_start(loader->sql, query->rows, args, arg_count, &rows, err);
    for (int64_t i = 0; code == ERR_OK && i < count; i++) {
        code = sql_next(loader->sql, rows, &has_row, err);
        if (code == ERR_OK && !has_row)
            code = err_set(err, ERR_CORRUPT, "database: a table has fewer rows than it counts");
        if (code == ERR_OK)
            code = query->read(loader, rows, items + (size_t)i * query->item_bytes, err);
    }
    if (code != ERR_OK)
        return code;
    *ret_items = items;
    *ret_count = (size_t)count;
    return ERR_OK;
}

enum err_code loader_str(struct loader *loader, struct sqlite3_stmt *row, int column,
                         struct str *ret_text, struct err *err)
{
    return sql_dup(row, column, loader->arena, ret_text, err);
}

enum err_code unknown_word(struct str word, struct err *err)
{
    return err_set(err, ERR_CORRUPT, "database: the word '" STR_FMT "' means nothing here",
                   STR_ARG(word));
}

enum err_code read_set(struct str text, word_bit_fn *bit_of, uint32_t *ret_set, struct err *err)
{
    uint32_t set = 0;
    while (text.len > 0) {
        uint32_t bit = 0;
        struct str word = str_cut(&text, ',');
        if (!bit_of(word, &bit))
            return unknown_word(word, err);
        set |= bit;
    }
    *ret_set = set;
    return ERR_OK;
}

bool category_bit_of(struct str word, uint32_t *ret_bit)
{
    enum category category = CATEGORY_ADMIN;
    if (!category_parse(word, &category))
        return false;
    *ret_bit = CATEGORY_BIT(category);
    return true;
}

bool principal_bit_of(struct str word, uint32_t *ret_bit)
{
    enum principal_kind kind = PRINCIPAL_ROBOT;
    if (!principal_parse(word, &kind))
        return false;
    *ret_bit = PRINCIPAL_BIT(kind);
    return true;
}

bool scope_bit_of(struct str word, uint32_t *ret_bit)
{
    enum scope scope = SCOPE_LIST;
    if (!scope_parse(word, &scope))
        return false;
    *ret_bit = SCOPE_BIT(scope);
    return true;
}

bool release_bit_of(struct str word, uint32_t *ret_bit)
{
    enum release release = RELEASE_FIRST;
    if (!release_parse(word, &release))
        return false;
    *ret_bit = RELEASE_BIT(release);
    return true;
}

enum err_code get_policy_version(struct sql *sql, uint64_t *ret_version, struct err *err)
{
    int64_t version = 0;
    enum err_code code = sql_get_i64(sql, "SELECT value FROM counter WHERE name = 'policy'",
                                     SQL_NO_ARGS, &version, err);
    if (code == ERR_OK)
        *ret_version = (uint64_t)version;
    return code;
}

enum err_code raise_policy_version(struct sql *sql, uint64_t *ret_version, struct err *err)
{
    enum err_code code = sql_run(sql, "UPDATE counter SET value = value + 1 WHERE name = 'policy'",
                                 SQL_NO_ARGS, err);
    return code == ERR_OK ? get_policy_version(sql, ret_version, err) : code;
}

enum err_code remember_change(struct sql *sql, const struct store_change *change, struct err *err)
{
    if (change->id.len == 0)
        return ERR_OK;
    enum err_code code = sql_run(
        sql, "INSERT INTO pending_change (id, author, made_at_us) VALUES (?1, ?2, ?3)",
        SQL_ARGS(SQL_TEXT(change->id), SQL_TEXT(change->author), SQL_INT(change->now_us)), err);
    if (code == ERR_CONFLICT)
        return err_set(err, ERR_CONFLICT, "the change '" STR_FMT "' was made before",
                       STR_ARG(change->id));
    return code;
}
