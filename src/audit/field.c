#include "audit/field.h"

#include <string.h>

#include "audit/wire.h"
#include "base/crypto.h"

enum { CLEAR = FIELD_CLEAR, PRIVATE = FIELD_PRIVATE };

struct field {
    uint16_t tag;
    uint8_t place;
    bool is_text;
    uint16_t cap;
    size_t offset; /* in struct audit_entry */
};

static const struct field fields[] = {
#define TEXT(tag, name, place, cap, meaning)                                                       \
    {(tag), (place), true, (cap), offsetof(struct audit_entry, name)},
#define NUMBER(tag, name, place, meaning)                                                          \
    {(tag), (place), false, 8, offsetof(struct audit_entry, name)},
#include "audit/fields.def"
};

static struct str text_of(const struct audit_entry *entry, const struct field *field)
{
    struct str text;
    memcpy(&text, (const char *)entry + field->offset, sizeof text);
    return text;
}

static uint64_t number_of(const struct audit_entry *entry, const struct field *field)
{
    uint64_t number;
    memcpy(&number, (const char *)entry + field->offset, sizeof number);
    return number;
}

static size_t number_bytes(uint64_t number)
{
    return number == 0 ? 0 : (size_t)(64 - __builtin_clzll(number) + 7) / 8;
}

static size_t text_bytes(struct str text, size_t cap)
{
    if (text.len == 0)
        return 0;
    return FIELD_HEAD_BYTES + (text.len <= cap ? text.len : FIELD_CUT_BYTES + cap);
}

static size_t field_bytes(const struct audit_entry *entry, const struct field *field)
{
    if (field->is_text)
        return text_bytes(text_of(entry, field), field->cap);
    uint64_t number = number_of(entry, field);
    return number == 0 ? 0 : FIELD_HEAD_BYTES + number_bytes(number);
}

/* How many of the extensions fit. */
static size_t extras_kept(const struct audit_entry *entry, size_t *ret_bytes)
{
    size_t kept = 0;
    size_t bytes = 0;
    while (kept < entry->extra_count) {
        size_t more = FIELD_HEAD_BYTES + entry->extras[kept].value.len;
        if (entry->extras[kept].value.len > FIELD_EXTRAS_MAX || bytes + more > FIELD_EXTRAS_MAX)
            break;
        bytes += more;
        kept++;
    }
    *ret_bytes = bytes;
    return kept;
}

size_t field_measure(const struct audit_entry *entry, enum field_place place)
{
    size_t bytes = 0;
    if (place == FIELD_CLEAR && entry->extra_count > 0)
        extras_kept(entry, &bytes);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (fields[i].place == place)
            bytes += field_bytes(entry, &fields[i]);
    return bytes;
}

static uint8_t *write_head(uint8_t *at, uint16_t tag, size_t len)
{
    wire_put_u16(at, tag);
    wire_put_u16(at + 2, (uint16_t)len);
    return at + FIELD_HEAD_BYTES;
}

static uint8_t *write_text(uint8_t *at, const struct field *field, struct str text)
{
    size_t len = text.len;
    if (len == 0)
        return at;
    if (len <= field->cap) {
        at = write_head(at, field->tag, len);
    } else {
        len = field->cap;
        at = write_head(at, (uint16_t)(field->tag | FIELD_CUT), FIELD_CUT_BYTES + len);
        wire_put_u64(at, text.len);
        crypto_sha256(text, at + 8);
        at += FIELD_CUT_BYTES;
    }
    memcpy(at, text.ptr, len);
    return at + len;
}

static uint8_t *write_number(uint8_t *at, const struct field *field, uint64_t number)
{
    uint8_t bytes[8];
    size_t len = number_bytes(number);
    if (len == 0)
        return at;
    wire_put_u64(bytes, number);
    at = write_head(at, field->tag, len);
    memcpy(at, bytes, len);
    return at + len;
}

static uint8_t *write_extras(uint8_t *at, const struct audit_entry *entry)
{
    size_t bytes;
    size_t kept = extras_kept(entry, &bytes);
    for (size_t i = 0; i < kept; i++) {
        struct str value = entry->extras[i].value;
        uint16_t tag = (uint16_t)((entry->extras[i].tag | FIELD_EXTRA) & FIELD_TAG_MASK);
        at = write_head(at, tag, value.len);
        if (value.len > 0)
            memcpy(at, value.ptr, value.len);
        at += value.len;
    }
    return at;
}

size_t field_write(const struct audit_entry *entry, enum field_place place, uint8_t *out)
{
    uint8_t *at = out;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (fields[i].place != place)
            continue;
        if (fields[i].is_text)
            at = write_text(at, &fields[i], text_of(entry, &fields[i]));
        else
            at = write_number(at, &fields[i], number_of(entry, &fields[i]));
    }
    if (place == FIELD_CLEAR && entry->extra_count > 0)
        at = write_extras(at, entry);
    return (size_t)(at - out);
}

bool field_next(struct str *list, struct field_item *ret_item)
{
    const uint8_t *at = (const uint8_t *)list->ptr;
    if (list->len < FIELD_HEAD_BYTES)
        return false;
    uint16_t tag = wire_u16(at);
    size_t len = wire_u16(at + 2);
    if (len > list->len - FIELD_HEAD_BYTES)
        return false;
    struct field_item item = {.tag = tag & FIELD_TAG_MASK, .is_cut = (tag & FIELD_CUT) != 0};
    item.value = str_of(list->ptr + FIELD_HEAD_BYTES, len);
    if (item.is_cut) {
        if (len < FIELD_CUT_BYTES)
            return false;
        item.full_bytes = wire_u64(at + FIELD_HEAD_BYTES);
        item.sha256 = at + FIELD_HEAD_BYTES + 8;
        item.value = str_of(list->ptr + FIELD_HEAD_BYTES + FIELD_CUT_BYTES, len - FIELD_CUT_BYTES);
    }
    *ret_item = item;
    *list = str_of(list->ptr + FIELD_HEAD_BYTES + len, list->len - FIELD_HEAD_BYTES - len);
    return true;
}

static const struct field *find_field(uint16_t tag)
{
    /* Tags ascend, and lists are written in that order. */
    size_t low = 0;
    size_t high = ARRAY_LEN(fields);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (fields[middle].tag == tag)
            return &fields[middle];
        if (fields[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void set_number(struct audit_entry *entry, const struct field *field, struct str value)
{
    uint8_t bytes[8] = {0};
    if (value.len > sizeof bytes)
        return;
    memcpy(bytes, value.ptr, value.len);
    uint64_t number = wire_u64(bytes);
    memcpy((char *)entry + field->offset, &number, sizeof number);
}

static void note_cut(struct field_cuts *cuts, const struct field_item *item)
{
    if (cuts == NULL || cuts->count == ARRAY_LEN(cuts->items))
        return;
    struct audit_cut *cut = &cuts->items[cuts->count++];
    cut->tag = item->tag;
    cut->full_bytes = item->full_bytes;
    memcpy(cut->sha256, item->sha256, sizeof cut->sha256);
}

static size_t count_unknown(struct str list)
{
    struct field_item item;
    size_t count = 0;
    while (field_next(&list, &item))
        if (find_field(item.tag) == NULL && item.tag != FIELD_ARGUMENTS)
            count++;
    return count;
}

/* Room for the unknown fields of the list behind those that entry has already. */
static bool grow_extras(struct str list, struct audit_entry *entry, struct arena *arena,
                        struct audit_extra **ret_end)
{
    size_t more = count_unknown(list);
    *ret_end = NULL;
    if (more == 0)
        return true;
    struct audit_extra *extras = arena_calloc(arena, entry->extra_count + more, sizeof *extras);
    if (extras == NULL)
        return false;
    if (entry->extra_count > 0)
        memcpy(extras, entry->extras, entry->extra_count * sizeof *extras);
    entry->extras = extras;
    *ret_end = extras + entry->extra_count;
    entry->extra_count += more;
    return true;
}

bool field_read(struct str list, struct audit_entry *entry, struct field_cuts *cuts,
                struct arena *arena)
{
    struct audit_extra *extra = NULL;
    struct field_item item;
    if (arena != NULL && !grow_extras(list, entry, arena, &extra))
        return false;
    while (field_next(&list, &item)) {
        const struct field *field = find_field(item.tag);
        if (item.is_cut)
            note_cut(cuts, &item);
        if (field != NULL && field->is_text)
            memcpy((char *)entry + field->offset, &item.value, sizeof item.value);
        else if (field != NULL)
            set_number(entry, field, item.value);
        else if (extra != NULL && item.tag != FIELD_ARGUMENTS)
            *extra++ = (struct audit_extra){item.tag, item.value};
    }
    return true;
}
