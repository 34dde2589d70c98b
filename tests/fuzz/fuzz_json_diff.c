/*
 * fuzz_json_diff.c - the strict parser against yyjson: what ours accepts, yyjson reads as the same
 * structure, strings and numbers; what ours refuses and yyjson accepts is refused for a reason that
 * is listed here.
 */
#include "fuzz.h"

#include <yyjson.h>

#include "base/arena.h"
#include "base/json.h"

enum { ARENA_BYTES = 16 * 1024 * 1024 };

/* Refusals beyond RFC 8259 (json.h). */
static const char *const stricter[] = {"twice", "NUL in a name", "more than "};

static bool is_stricter(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(stricter); i++) {
        if (strstr(text, stricter[i]) != NULL)
            return true;
    }
    return false;
}

static struct str text_of(yyjson_val *val)
{
    return str_of(unsafe_yyjson_get_str(val), unsafe_yyjson_get_len(val));
}

static bool is_same_scalar(const struct json_doc *doc, json_pos pos, yyjson_val *theirs)
{
    switch (json_type(doc, pos)) {
    case JSON_NULL:
        return yyjson_is_null(theirs);
    case JSON_FALSE:
        return yyjson_is_false(theirs);
    case JSON_TRUE:
        return yyjson_is_true(theirs);
    case JSON_NUMBER:
        return yyjson_is_raw(theirs) && str_eq(json_raw(doc, pos), text_of(theirs));
    case JSON_STRING:
        return yyjson_is_str(theirs) && json_str_is(doc, pos, text_of(theirs));
    case JSON_ARRAY:
        return yyjson_is_arr(theirs) && doc->values[pos].count == yyjson_arr_size(theirs);
    case JSON_OBJECT:
        return yyjson_is_obj(theirs) && doc->values[pos].count == yyjson_obj_size(theirs);
    }
    return false;
}

/* Recursion ends at the parser's own limit of depth. */
static void compare(const struct json_doc *doc, json_pos pos, yyjson_val *theirs);

static void compare_array(const struct json_doc *doc, json_pos array, yyjson_val *theirs)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(theirs);
    for (json_pos pos = json_first(doc, array); pos != JSON_NONE; pos = json_next(doc, array, pos))
        compare(doc, pos, yyjson_arr_iter_next(&iter));
}

static void compare_object(const struct json_doc *doc, json_pos object, yyjson_val *theirs)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(theirs);
    json_pos pos = json_first(doc, object);
    while (pos != JSON_NONE) {
        yyjson_val *name = yyjson_obj_iter_next(&iter);
        compare(doc, pos, name);
        compare(doc, pos + 1, yyjson_obj_iter_get_val(name));
        pos = json_next(doc, object, pos + 1);
    }
}

static void compare(const struct json_doc *doc, json_pos pos, yyjson_val *theirs)
{
    require(theirs != NULL);
    require(is_same_scalar(doc, pos, theirs));
    if (json_is(doc, pos, JSON_ARRAY))
        compare_array(doc, pos, theirs);
    if (json_is(doc, pos, JSON_OBJECT))
        compare_object(doc, pos, theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc ours;
    struct err err;
    char *copy = malloc(size + 1);
    struct arena *arena = arena_new(ARENA_BYTES);
    require(copy != NULL && arena != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    yyjson_doc *theirs = yyjson_read_opts(copy, size, YYJSON_READ_NUMBER_AS_RAW, NULL, NULL);
    enum err_code code =
        json_parse(str_of((const char *)data, size), &json_limits_default, arena, &ours, &err);
    if (code == ERR_OK)
        compare(&ours, 0, yyjson_doc_get_root(theirs));
    else
        require(theirs == NULL || is_stricter(err.text));
    yyjson_doc_free(theirs);
    arena_free(arena);
    free(copy);
    return 0;
}
