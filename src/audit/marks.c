#include "audit/marks.h"

#include <stdlib.h>

#define KIND_MARK    ((int64_t)1 << 40)
#define OUTCOME_MARK ((int64_t)1 << 41)
/* A value that more than one in so many rows have is dense. */
#define DENSE_SHARE 16

enum { VALUES_MAX = 8 };

/* How many rows have a value: a hash table with open addressing, at most half full. */
struct tally {
    struct {
        int64_t value; /* 0: free */
        uint64_t rows;
    } * slots;
    size_t size; /* a power of two */
    size_t used;
    uint64_t rows;
};

struct mark {
    int64_t value;
    int64_t row;
};

struct mark_list {
    struct mark *items;
    size_t count;
    size_t size;
};

static enum err_code sql_err(sqlite3 *db, struct err *err)
{
    return err_set(err, ERR_IO, "search index: %s", sqlite3_errmsg(db));
}

static void finalizep(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}

/* ---- counting ---- */

static size_t slot_of(const struct tally *tally, int64_t value)
{
    size_t at = (size_t)(((uint64_t)value * 0x9e3779b97f4a7c15u) >> 20) & (tally->size - 1);
    while (tally->slots[at].value != 0 && tally->slots[at].value != value)
        at = (at + 1) & (tally->size - 1);
    return at;
}

static bool grow(struct tally *tally)
{
    struct tally larger = {.size = tally->size == 0 ? 1024 : tally->size * 2,
                           .used = tally->used,
                           .rows = tally->rows};
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < tally->size; i++)
        if (tally->slots[i].value != 0)
            larger.slots[slot_of(&larger, tally->slots[i].value)] = tally->slots[i];
    free(tally->slots);
    *tally = larger;
    return true;
}

static bool count_value(struct tally *tally, int64_t value)
{
    if (tally->used * 2 >= tally->size && !grow(tally))
        return false;
    size_t at = slot_of(tally, value);
    if (tally->slots[at].value == 0) {
        tally->slots[at].value = value;
        tally->used++;
    }
    tally->slots[at].rows++;
    return true;
}

static bool is_dense(const struct tally *tally, size_t slot)
{
    return tally->slots[slot].rows * DENSE_SHARE > tally->rows;
}

/* ---- rows ---- */

static const char read_rows[] =
    "SELECT row, server, tool, exposed, principal, name, email, facts FROM call";

/* The values of the row that the statement stands on; each once. Returns how many. */
static size_t values_of(sqlite3_stmt *stmt, int64_t values[VALUES_MAX])
{
    uint64_t facts = (uint64_t)sqlite3_column_int64(stmt, 7);
    int64_t outcome = (int64_t)row_fact_of(facts, ROW_OUTCOME);
    size_t count = 0;
    for (int column = 1; column <= 6; column++)
        values[count++] = sqlite3_column_int64(stmt, column);
    values[count++] = KIND_MARK + (int64_t)row_fact_of(facts, ROW_KIND);
    values[count++] = outcome == 0 ? 0 : OUTCOME_MARK + outcome;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_new = values[i] != 0;
        for (size_t j = 0; j < kept && is_new; j++)
            is_new = values[j] != values[i];
        if (is_new)
            values[kept++] = values[i];
    }
    return kept;
}

static enum err_code count_rows(sqlite3 *db, struct tally *tally, struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    int64_t values[VALUES_MAX];
    int rc = SQLITE_DONE;
    if (sqlite3_prepare_v2(db, read_rows, -1, &stmt, NULL) != SQLITE_OK)
        return sql_err(db, err);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        size_t count = values_of(stmt, values);
        tally->rows++;
        for (size_t i = 0; i < count; i++)
            if (!count_value(tally, values[i]))
                return err_set(err, ERR_INTERNAL, "search index: memory is out");
    }
    return rc == SQLITE_DONE ? ERR_OK : sql_err(db, err);
}

static bool has_rare(const struct tally *tally)
{
    for (size_t i = 0; i < tally->size; i++)
        if (tally->slots[i].value != 0 && !is_dense(tally, i))
            return true;
    return false;
}

static bool add_mark(struct mark_list *list, int64_t value, int64_t row)
{
    if (list->count == list->size) {
        size_t size = list->size == 0 ? 4096 : list->size * 2;
        struct mark *items = realloc(list->items, size * sizeof *items);
        if (items == NULL)
            return false;
        list->items = items;
        list->size = size;
    }
    list->items[list->count++] = (struct mark){value, row};
    return true;
}

static enum err_code collect(sqlite3 *db, const struct tally *tally, struct mark_list *list,
                             struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    int64_t values[VALUES_MAX];
    int rc = SQLITE_DONE;
    if (sqlite3_prepare_v2(db, read_rows, -1, &stmt, NULL) != SQLITE_OK)
        return sql_err(db, err);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        size_t count = values_of(stmt, values);
        for (size_t i = 0; i < count; i++)
            if (!is_dense(tally, slot_of(tally, values[i])) &&
                !add_mark(list, values[i], sqlite3_column_int64(stmt, 0)))
                return err_set(err, ERR_INTERNAL, "search index: memory is out");
    }
    return rc == SQLITE_DONE ? ERR_OK : sql_err(db, err);
}

/* ---- writing ---- */

static int compare_marks(const void *a, const void *b)
{
    const struct mark *x = a;
    const struct mark *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row ? 1 : 0;
}

static enum err_code run(sqlite3 *db, sqlite3_stmt *stmt, struct err *err)
{
    int rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? ERR_OK : sql_err(db, err);
}

static enum err_code write_marks(sqlite3 *db, struct mark_list *list, struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    enum err_code code = ERR_OK;
    if (sqlite3_prepare_v2(db, "INSERT OR IGNORE INTO mark VALUES (?1, ?2)", -1, &stmt, NULL) !=
        SQLITE_OK)
        return sql_err(db, err);
    if (list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, compare_marks);
    for (size_t i = 0; i < list->count && code == ERR_OK; i++) {
        sqlite3_bind_int64(stmt, 1, list->items[i].value);
        sqlite3_bind_int64(stmt, 2, list->items[i].row);
        code = run(db, stmt, err);
    }
    return code;
}

static enum err_code write_dense(sqlite3 *db, const struct tally *tally, struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    enum err_code code = ERR_OK;
    if (sqlite3_prepare_v2(db, "INSERT OR IGNORE INTO dense VALUES (?1)", -1, &stmt, NULL) !=
        SQLITE_OK)
        return sql_err(db, err);
    for (size_t i = 0; i < tally->size && code == ERR_OK; i++) {
        if (tally->slots[i].value == 0 || !is_dense(tally, i))
            continue;
        sqlite3_bind_int64(stmt, 1, tally->slots[i].value);
        code = run(db, stmt, err);
    }
    return code;
}

static enum err_code build(sqlite3 *db, struct tally *tally, struct mark_list *list,
                           struct err *err)
{
    enum err_code code = count_rows(db, tally, err);
    if (code == ERR_OK && has_rare(tally))
        code = collect(db, tally, list, err);
    if (code == ERR_OK)
        code = write_marks(db, list, err);
    if (code == ERR_OK)
        code = write_dense(db, tally, err);
    return code;
}

enum err_code marks_build(sqlite3 *db, struct err *err)
{
    struct tally tally = {.size = 0};
    struct mark_list list = {.count = 0};
    static const char tables[] =
        "BEGIN; DROP TABLE IF EXISTS mark; DROP TABLE IF EXISTS dense;"
        "CREATE TABLE mark (value INTEGER, row INTEGER, PRIMARY KEY (value, row)) WITHOUT ROWID;"
        "CREATE TABLE dense (value INTEGER PRIMARY KEY);";
    if (sqlite3_exec(db, tables, NULL, NULL, NULL) != SQLITE_OK)
        return sql_err(db, err);
    enum err_code code = build(db, &tally, &list, err);
    free(tally.slots);
    free(list.items);
    if (sqlite3_exec(db, code == ERR_OK ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK &&
        code == ERR_OK)
        code = sql_err(db, err);
    return code;
}

/* ---- picking ---- */

/* What the filter asks for by value, that which finds the fewest rows first. Returns how many. */
static size_t candidates(const struct row_filter *filter, int64_t values[VALUES_MAX])
{
    uint64_t kind_mask = row_fact_bits(ROW_KIND, 0xff);
    int64_t outcome = (int64_t)row_fact_of(filter->facts, ROW_OUTCOME);
    bool is_one_kind = filter->kinds != 0 && (filter->kinds & (filter->kinds - 1)) == 0 &&
                       (filter->facts_mask & kind_mask) == 0;
    size_t count = 0;
    if (filter->who != 0)
        values[count++] = filter->who;
    if (filter->tool != 0)
        values[count++] = filter->tool;
    if (filter->server != 0)
        values[count++] = filter->server;
    if (outcome != 0)
        values[count++] = OUTCOME_MARK + outcome;
    if (is_one_kind)
        values[count++] = KIND_MARK + __builtin_ctz(filter->kinds);
    return count;
}

enum err_code marks_pick(sqlite3 *db, const struct row_filter *filter, int64_t *ret_value,
                         struct err *err)
{
    CLEANUP(finalizep) sqlite3_stmt *stmt = NULL;
    int64_t values[VALUES_MAX];
    size_t count = candidates(filter, values);
    *ret_value = 0;
    if (count == 0)
        return ERR_OK;
    if (sqlite3_prepare_v2(db, "SELECT 1 FROM dense WHERE value = ?1", -1, &stmt, NULL) !=
        SQLITE_OK)
        return sql_err(db, err);
    for (size_t i = 0; i < count && *ret_value == 0; i++) {
        sqlite3_bind_int64(stmt, 1, values[i]);
        int rc = sqlite3_step(stmt);
        sqlite3_reset(stmt);
        if (rc == SQLITE_DONE)
            *ret_value = values[i];
        else if (rc != SQLITE_ROW)
            return sql_err(db, err);
    }
    return ERR_OK;
}
