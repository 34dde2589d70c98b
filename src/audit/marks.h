/*
 * marks.h - the secondary index of a sealed partition: for values that few rows have, the list of
 * those rows. Private to the room.
 *
 * What is looked up by value: names, blind identities, kinds, and outcomes. A value that many rows
 * have ("dense") gets no list: walking the rows themselves finds it as fast, and a list of it would
 * cost more than all else about the partition.
 *
 * Threads: as the connection's.
 */
#pragma once

#include <stdint.h>

#include <sqlite3.h>

#include "audit/row.h"
#include "base/attr.h"
#include "base/err.h"

/* Fills the tables mark and dense from table call. */
enum err_code marks_build(sqlite3 *db, struct err *err) MUST_CHECK;
/* The value whose list holds all rows that the filter can match; 0: walk the rows. */
enum err_code marks_pick(sqlite3 *db, const struct row_filter *filter, int64_t *ret_value,
                         struct err *err) MUST_CHECK;
