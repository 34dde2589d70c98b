#include "gate/settings_read.h"

enum err_code settings_out_of_memory(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the settings need more memory than is allowed");
}

enum err_code settings_want(const struct yaml_node *node, enum yaml_kind kind, const char *what,
                            struct err *err)
{
    if (node->kind == kind)
        return ERR_OK;
    return yaml_err(node, err, "expected %s", what);
}

enum err_code settings_read_text(const struct yaml_node *node, const char *what,
                                 struct str *ret_text, struct err *err)
{
    enum err_code code = settings_want(node, YAML_SCALAR, what, err);

    if (code != ERR_OK)
        return code;
    if (node->text.len == 0)
        return yaml_err(node, err, "expected %s, found nothing", what);
    *ret_text = node->text;
    return ERR_OK;
}

enum err_code settings_read_texts(struct reader *r, const struct yaml_node *node, const char *what,
                                  const struct str **ret_texts, size_t *ret_count, struct err *err)
{
    enum err_code code = settings_want(node, YAML_SEQUENCE, "a list", err);
    struct str *texts = arena_calloc(r->arena, node->count + 1, sizeof *texts);
    size_t count = 0;

    if (code != ERR_OK)
        return code;
    if (texts == NULL)
        return settings_out_of_memory(err);
    for (const struct yaml_node *each = node->first; each != NULL; each = each->next) {
        code = settings_read_text(each, what, &texts[count++], err);
        if (code != ERR_OK)
            return code;
    }
    *ret_texts = texts;
    *ret_count = count;
    return ERR_OK;
}

enum err_code settings_read_path(struct reader *r, const struct yaml_node *node,
                                 struct str *ret_path, struct err *err)
{
    struct str text = STR_NONE;
    enum err_code code = settings_read_text(node, "a path", &text, err);

    if (code != ERR_OK)
        return code;
    if (text.ptr[0] == '/')
        *ret_path = arena_dup(r->arena, text);
    else
        *ret_path = arena_printf(r->arena, STR_FMT "/" STR_FMT, STR_ARG(r->directory),
                                 STR_ARG(str_starts(text, STR("./")) ? str_from(text, 2) : text));
    return ret_path->ptr == NULL ? settings_out_of_memory(err) : ERR_OK;
}

enum err_code settings_read_bool(const struct yaml_node *node, bool *ret_value, struct err *err)
{
    if (!yaml_bool(node, ret_value))
        return yaml_err(node, err, "expected true or false");
    return ERR_OK;
}
