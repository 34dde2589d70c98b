/*
 * yaml.c - libyaml's events, gathered into a tree without recursion; what YAML can do beyond a tree
 * is refused event by event.
 */
#include "base/yaml.h"

#include <stdarg.h>
#include <stdio.h>

#include <yaml.h>

#include "base/dup.h"

/* An open sequence or mapping. */
struct frame {
    struct yaml_node *node;
    struct yaml_node *last;       /* newest child */
    const struct yaml_node *name; /* of a mapping: read, its value follows */
};

struct builder {
    struct arena *arena;
    struct err *err;
    enum err_code failure; /* set by fail_at() */
    struct frame frames[YAML_MAX_DEPTH];
    size_t depth; /* open frames */
    const struct yaml_node *root;
    uint32_t nodes;
    bool has_document;
    bool is_done;
};

static bool fail_at(struct builder *b, enum err_code code, yaml_mark_t mark, const char *reason)
{
    b->failure =
        err_set(b->err, code, "line %zu, column %zu: %s", mark.line + 1, mark.column + 1, reason);
    return false;
}

static bool refuse(struct builder *b, yaml_mark_t mark, const char *reason)
{
    return fail_at(b, ERR_INVALID, mark, reason);
}

static bool memory(struct builder *b)
{
    b->failure = err_set(b->err, ERR_LIMIT, "memory for this text is used up");
    return false;
}

/* A new node where the event starts; NULL: failed. */
static struct yaml_node *add(struct builder *b, enum yaml_kind kind, yaml_mark_t mark)
{
    if (b->nodes++ == YAML_MAX_NODES) {
        fail_at(b, ERR_LIMIT, mark, "more than 65536 nodes");
        return NULL;
    }
    struct yaml_node *node = arena_new_obj(b->arena, struct yaml_node);
    if (node == NULL) {
        memory(b);
        return NULL;
    }
    node->kind = kind;
    node->line = (uint32_t)mark.line + 1;
    node->column = (uint32_t)mark.column + 1;
    return node;
}

static bool add_name(struct builder *b, struct frame *frame, struct yaml_node *node,
                     yaml_mark_t mark)
{
    if (node->kind != YAML_SCALAR)
        return refuse(b, mark, "a name must be a scalar");
    if (node->is_plain && str_eq(node->text, STR("<<")))
        return refuse(b, mark, "merge keys are not read here");
    frame->name = node;
    return true;
}

/* Hangs a new node into the innermost open container. */
static bool attach(struct builder *b, struct yaml_node *node, yaml_mark_t mark)
{
    if (b->depth == 0) {
        b->root = node;
        return true;
    }
    struct frame *frame = &b->frames[b->depth - 1];
    if (frame->node->kind == YAML_MAPPING && frame->name == NULL)
        return add_name(b, frame, node, mark);
    node->name = frame->name;
    frame->name = NULL;
    if (frame->last == NULL)
        frame->node->first = node;
    else
        frame->last->next = node;
    frame->last = node;
    frame->node->count++;
    return true;
}

static bool is_bare(struct builder *b, yaml_mark_t mark, const yaml_char_t *anchor,
                    const yaml_char_t *tag)
{
    if (anchor != NULL)
        return refuse(b, mark, "anchors are not read here");
    if (tag != NULL)
        return refuse(b, mark, "tags are not read here");
    return true;
}

static bool on_scalar(struct builder *b, const yaml_event_t *event)
{
    yaml_mark_t mark = event->start_mark;
    struct str text = str_of((const char *)event->data.scalar.value, event->data.scalar.length);
    if (!is_bare(b, mark, event->data.scalar.anchor, event->data.scalar.tag))
        return false;
    if (str_find(text, '\0') != text.len)
        return refuse(b, mark, "NUL in a scalar");
    struct yaml_node *node = add(b, YAML_SCALAR, mark);
    if (node == NULL)
        return false;
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_dup(b->arena, text);
    return node->text.ptr == NULL ? memory(b) : attach(b, node, mark);
}

static bool on_open(struct builder *b, enum yaml_kind kind, yaml_mark_t mark)
{
    if (b->depth == YAML_MAX_DEPTH)
        return fail_at(b, ERR_LIMIT, mark, "more than 32 levels of depth");
    struct yaml_node *node = add(b, kind, mark);
    if (node == NULL || !attach(b, node, mark))
        return false;
    b->frames[b->depth++] = (struct frame){.node = node};
    return true;
}

static bool has_distinct_names(struct builder *b, const struct yaml_node *mapping)
{
    struct str *names = arena_calloc(b->arena, mapping->count, sizeof *names);
    uint32_t *slots = arena_alloc(b->arena, dup_slots(mapping->count) * sizeof *slots);
    if (names == NULL || slots == NULL)
        return memory(b);
    size_t count = 0;
    for (const struct yaml_node *node = mapping->first; node != NULL; node = node->next)
        names[count++] = node->name->text;
    size_t twice = dup_find(names, count, slots);
    if (twice == count)
        return true;
    const struct yaml_node *node = mapping->first;
    while (twice-- > 0)
        node = node->next;
    b->failure =
        yaml_err(node->name, b->err, "'" STR_FMT "' stands here twice", STR_ARG(node->name->text));
    return false;
}

static bool on_close(struct builder *b)
{
    const struct yaml_node *node = b->frames[--b->depth].node;
    return node->kind != YAML_MAPPING || has_distinct_names(b, node);
}

static bool on_document(struct builder *b, const yaml_event_t *event)
{
    if (b->has_document)
        return refuse(b, event->start_mark, "a second document");
    b->has_document = true;
    if (event->data.document_start.version_directive != NULL ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end)
        return refuse(b, event->start_mark, "directives are not read here");
    return true;
}

static bool on_event(struct builder *b, const yaml_event_t *event)
{
    yaml_mark_t mark = event->start_mark;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return on_document(b, event);
    case YAML_ALIAS_EVENT:
        return refuse(b, mark, "aliases are not read here");
    case YAML_SCALAR_EVENT:
        return on_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return is_bare(b, mark, event->data.sequence_start.anchor,
                       event->data.sequence_start.tag) &&
               on_open(b, YAML_SEQUENCE, mark);
    case YAML_MAPPING_START_EVENT:
        return is_bare(b, mark, event->data.mapping_start.anchor, event->data.mapping_start.tag) &&
               on_open(b, YAML_MAPPING, mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(b);
    case YAML_STREAM_END_EVENT:
        b->is_done = true;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return true;
    }
    return refuse(b, mark, "this is not read here");
}

/* Line and column of a byte of the text. */
static yaml_mark_t mark_of(struct str text, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static bool parser_failed(struct builder *b, const yaml_parser_t *parser, struct str text)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return memory(b);
    bool is_reader = parser->error == YAML_READER_ERROR;
    yaml_mark_t mark = is_reader ? mark_of(text, parser->problem_offset) : parser->problem_mark;
    return refuse(b, mark, parser->problem == NULL ? "no YAML" : parser->problem);
}

static bool run(struct builder *b, yaml_parser_t *parser, struct str text)
{
    while (!b->is_done) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return parser_failed(b, parser, text);
        bool is_ok = on_event(b, &event);
        yaml_event_delete(&event);
        if (!is_ok)
            return false;
    }
    return true;
}

/* YAML 1.1 breaks lines at these, 1.2 does not; a byte order mark is taken for text by some. */
static bool has_plain_characters(struct builder *b, struct str text)
{
    static const struct str odd[] = {STR_INIT("\xc2\x85"), STR_INIT("\xe2\x80\xa8"),
                                     STR_INIT("\xe2\x80\xa9"), STR_INIT("\xef\xbb\xbf")};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        size_t at = str_find_str(text, odd[i]);
        if (at != text.len)
            return refuse(b, mark_of(text, at),
                          "a byte order mark or a line break that is not an ASCII one");
    }
    return true;
}

static bool build(struct builder *b, struct str text)
{
    yaml_parser_t parser;
    if (!has_plain_characters(b, text))
        return false;
    if (!yaml_parser_initialize(&parser))
        return memory(b);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    bool is_ok = run(b, &parser, text);
    yaml_parser_delete(&parser);
    return is_ok;
}

enum err_code yaml_parse(struct str text, struct arena *arena, const struct yaml_node **ret_root,
                         struct err *err)
{
    if (text.len > YAML_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "more than %d bytes", YAML_MAX_BYTES);
    struct builder b = {.arena = arena, .err = err};
    if (!build(&b, text.len == 0 ? STR("") : text))
        return b.failure;
    if (b.root == NULL) {
        struct yaml_node *empty = add(&b, YAML_SCALAR, (yaml_mark_t){.index = 0});
        if (empty == NULL)
            return b.failure;
        empty->is_plain = true;
        empty->text = STR("");
        b.root = empty;
    }
    *ret_root = b.root;
    return ERR_OK;
}

const struct yaml_node *yaml_find(const struct yaml_node *node, struct str name)
{
    if (node == NULL || node->kind != YAML_MAPPING)
        return NULL;
    const struct yaml_node *member = node->first;
    while (member != NULL && !str_eq(member->name->text, name))
        member = member->next;
    return member;
}

static bool is_word(const struct yaml_node *node, struct str word)
{
    return node->kind == YAML_SCALAR && node->is_plain && str_eq(node->text, word);
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node == NULL || is_word(node, STR("")) || is_word(node, STR("~")) ||
           is_word(node, STR("null"));
}

bool yaml_bool(const struct yaml_node *node, bool *ret_value)
{
    if (node == NULL || (!is_word(node, STR("true")) && !is_word(node, STR("false"))))
        return false;
    *ret_value = is_word(node, STR("true"));
    return true;
}

bool yaml_i64(const struct yaml_node *node, int64_t *ret_value)
{
    uint64_t size;
    if (node == NULL || node->kind != YAML_SCALAR || !node->is_plain)
        return false;
    bool is_negative = str_starts(node->text, STR("-"));
    if (!str_u64(str_from(node->text, is_negative ? 1 : 0), &size))
        return false;
    if (size > (uint64_t)INT64_MAX + (is_negative ? 1 : 0))
        return false;
    /* INT64_MIN has no positive twin. */
    *ret_value = is_negative && size != 0 ? -(int64_t)(size - 1) - 1 : (int64_t)size;
    return true;
}

enum err_code yaml_err(const struct yaml_node *node, struct err *err, const char *fmt, ...)
{
    char text[ERR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(err, ERR_INVALID, "line %u, column %u: %s", node->line, node->column, text);
}
