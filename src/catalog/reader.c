#include "catalog/reader_priv.h"

enum err_code reader_no_memory(const struct reader *r)
{
    return err_set(r->err, ERR_LIMIT, "the governance file is too large");
}

static const char *found(const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_SEQUENCE:
        return "a list";
    case YAML_MAPPING:
        return "a mapping";
    case YAML_SCALAR:
        break;
    }
    bool truth;
    int64_t number;
    if (yaml_is_null(node))
        return "nothing";
    if (yaml_bool(node, &truth))
        return "a truth value";
    return yaml_i64(node, &number) ? "a number" : "a text";
}

enum err_code reader_expected(const struct reader *r, const struct yaml_node *node,
                              const char *what)
{
    return yaml_err(node, r->err, "found %s; expected is %s", found(node), what);
}

enum err_code reader_note(struct reader *r, const void *ptr, uint32_t line)
{
    if (r->place_count == r->place_max)
        return reader_no_memory(r);
    r->places[r->place_count++] = (struct reader_place){.ptr = ptr, .line = line};
    return ERR_OK;
}

uint32_t reader_line(void *ctx, const void *ptr)
{
    const struct reader *r = ctx;
    for (size_t i = 0; i < r->place_count; i++)
        if (r->places[i].ptr == ptr)
            return r->places[i].line;
    return 0;
}

enum err_code reader_text(struct reader *r, const struct yaml_node *node, struct str *ret_text)
{
    bool truth;
    int64_t number;
    if (node->kind != YAML_SCALAR || yaml_is_null(node))
        return reader_expected(r, node, "a text");
    if (yaml_bool(node, &truth) || yaml_i64(node, &number))
        return reader_expected(r, node, "a text; put it in quotes");
    *ret_text = node->text;
    return reader_note(r, node->text.ptr, node->line);
}

enum err_code reader_flag(struct reader *r, const struct yaml_node *node, bool *ret_flag)
{
    return yaml_bool(node, ret_flag) ? ERR_OK : reader_expected(r, node, "true or false");
}

static const struct reader_key *find_key(const struct reader_key *keys, size_t count,
                                         struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_c(keys[i].name)))
            return &keys[i];
    return NULL;
}

static enum err_code unknown_key(const struct reader *r, const struct yaml_node *name,
                                 const struct reader_key *keys, size_t count)
{
    struct buf known;
    buf_init(&known, 256);
    for (size_t i = 0; i < count; i++)
        buf_printf(&known, "%s%s", i == 0 ? "" : ", ", keys[i].name);
    struct str list = buf_str(&known);
    enum err_code code =
        yaml_err(name, r->err, "unknown key '" STR_FMT "'; expected is one of " STR_FMT,
                 STR_ARG(name->text), STR_ARG(list));
    buf_done(&known);
    return code;
}

enum err_code reader_mapping(struct reader *r, const struct yaml_node *node, const char *what,
                             const struct reader_key *keys, size_t count, void *object)
{
    if (node->kind != YAML_MAPPING)
        return reader_expected(r, node, what);
    for (const struct yaml_node *value = node->first; value != NULL; value = value->next) {
        const struct reader_key *key = find_key(keys, count, value->name->text);
        if (key == NULL)
            return unknown_key(r, value->name, keys, count);
        enum err_code code = key->read(r, value, object);
        if (code != ERR_OK)
            return code;
    }
    for (size_t i = 0; i < count; i++)
        if (keys[i].is_required && yaml_find(node, str_c(keys[i].name)) == NULL)
            return yaml_err(node, r->err, "%s lacks the key '%s'", what, keys[i].name);
    return ERR_OK;
}

enum err_code reader_texts(struct reader *r, const struct yaml_node *node, struct str **ret_texts,
                           size_t *ret_count)
{
    if (node->kind != YAML_SEQUENCE)
        return reader_expected(r, node, "a list of texts");
    struct str *texts = arena_calloc(r->arena, node->count, sizeof *texts);
    if (texts == NULL)
        return reader_no_memory(r);
    size_t count = 0;
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next)
        if (reader_text(r, item, &texts[count++]) != ERR_OK)
            return r->err->code;
    *ret_texts = texts;
    *ret_count = count;
    return ERR_OK;
}

static enum err_code unknown_category(const struct reader *r, const struct yaml_node *node,
                                      struct str word)
{
    struct buf known;
    buf_init(&known, 256);
    category_set_write(&known, CATEGORY_SET_ALL, ", ");
    struct str list = buf_str(&known);
    enum err_code code =
        yaml_err(node, r->err, "unknown category '" STR_FMT "'; expected is one of " STR_FMT,
                 STR_ARG(word), STR_ARG(list));
    buf_done(&known);
    return code;
}

enum err_code reader_category(struct reader *r, const struct yaml_node *node,
                              enum category *ret_category)
{
    struct str word;
    if (reader_text(r, node, &word) != ERR_OK)
        return r->err->code;
    return category_parse(word, ret_category) ? ERR_OK : unknown_category(r, node, word);
}

enum err_code reader_add_to_set(struct reader *r, const struct yaml_node *node, uint8_t bit,
                                uint8_t *set)
{
    if ((*set & bit) != 0)
        return yaml_err(node, r->err, "'" STR_FMT "' stands here twice", STR_ARG(node->text));
    *set = (uint8_t)(*set | bit);
    return ERR_OK;
}

enum err_code reader_categories(struct reader *r, const struct yaml_node *node, uint8_t *set)
{
    if (node->kind != YAML_SEQUENCE)
        return reader_expected(r, node, "a list of categories");
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        enum category category;
        if (reader_category(r, item, &category) != ERR_OK ||
            reader_add_to_set(r, item, CATEGORY_BIT(category), set) != ERR_OK)
            return r->err->code;
    }
    return ERR_OK;
}
