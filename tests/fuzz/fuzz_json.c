/*
 * fuzz_json.c - the strict parser: what it accepts is a sound list of values, and what the writer
 * makes of its strings reads back the same.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/jsonw.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, MAX_LOOKUPS = 64 };

static void check_quoting(struct str text)
{
    struct buf out;
    struct json_doc doc;
    struct err err;
    buf_init(&out, 16 * 1024 * 1024);
    jsonw_quote(&out, text);
    struct arena *arena = arena_new(ARENA_BYTES);
    require(arena != NULL && !out.failed);
    require(json_parse(buf_str(&out), &json_limits_default, arena, &doc, &err) == ERR_OK ||
            out.len > json_limits_default.max_bytes);
    require(out.len > json_limits_default.max_bytes || json_str_is(&doc, 0, text));
    arena_free(arena);
    buf_done(&out);
}

static void check_string(const struct json_doc *doc, json_pos pos, struct arena *arena)
{
    struct str text = STR_NONE;
    if (!json_str(doc, pos, arena, &text))
        return; /* the arena is full */
    require(str_is_utf8(text));
    require(json_str_is(doc, pos, text));
    require(!json_is_variant(doc, pos, text));
    check_quoting(text);
}

/* Children lie inside their container, in order, and are as many as it says. */
static void check_container(const struct json_doc *doc, json_pos container)
{
    const struct json_value *outer = &doc->values[container];
    uint32_t at = outer->start + 1;
    uint32_t count = 0;
    for (json_pos pos = json_first(doc, container); pos != JSON_NONE;
         pos = json_next(doc, container, pos)) {
        require(doc->values[pos].start >= at && doc->values[pos].end < outer->end);
        at = doc->values[pos].end;
        count++;
    }
    require(count == (outer->type == JSON_OBJECT ? 2 * outer->count : outer->count));
}

static void check_members(const struct json_doc *doc, json_pos object, struct arena *arena)
{
    json_pos pos = json_first(doc, object);
    for (int i = 0; i < MAX_LOOKUPS && pos != JSON_NONE; i++) {
        struct str name;
        if (!json_str(doc, pos, arena, &name))
            return;
        require(memchr(name.len == 0 ? "" : name.ptr, '\0', name.len) == NULL);
        require(json_get(doc, object, name) == pos + 1);
        pos = json_next(doc, object, pos + 1);
    }
}

static void check_value(const struct json_doc *doc, json_pos pos, struct arena *arena)
{
    const struct json_value *value = &doc->values[pos];
    int64_t number;
    bool truth;
    require(value->start < value->end && value->end <= doc->text.len);
    require(value->next > pos && value->next <= doc->count);
    require(!json_i64(doc, pos, &number) || value->type == JSON_NUMBER);
    require(json_bool(doc, pos, &truth) == (value->type == JSON_TRUE || value->type == JSON_FALSE));
    if (value->type == JSON_STRING)
        check_string(doc, pos, arena);
    if (value->type == JSON_OBJECT || value->type == JSON_ARRAY)
        check_container(doc, pos);
    if (value->type == JSON_OBJECT)
        check_members(doc, pos, arena);
}

/* Strings and numbers in other limits must not matter to whether memory stays sound. */
static enum err_code parse(struct str text, enum json_profile profile)
{
    struct json_limits limits = json_limits_default;
    struct json_doc doc;
    struct err err = {.text = ""};
    limits.profile = profile;
    struct arena *arena = arena_new(ARENA_BYTES);
    require(arena != NULL);
    enum err_code code = json_parse(text, &limits, arena, &doc, &err);
    require(code == ERR_OK || code == ERR_INVALID || code == ERR_LIMIT);
    require((code == ERR_OK) == (err.text[0] == '\0'));
    for (json_pos pos = 0; code == ERR_OK && pos < doc.count; pos++)
        check_value(&doc, pos, arena);
    if (code == ERR_OK)
        require(doc.values[0].next == doc.count);
    arena_free(arena);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    enum err_code strict = parse(text, JSON_STRICT);
    enum err_code result = parse(text, JSON_RESULT);
    require(strict != ERR_OK || result == ERR_OK);
    return 0;
}
