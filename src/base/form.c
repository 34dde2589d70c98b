#include "base/form.h"

#include "base/base64.h"

bool form_decode(struct str text, struct arena *arena, struct str *ret_value)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    if (out == NULL)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            struct str digits = str_first(str_from(text, i + 1), 2);

            if (digits.len != 2 || !hex_decode(digits, &c, 1) || c == '\0')
                return false;
            i += 2;
        } else if (c == '+') {
            c = ' ';
        } else if (c == '\0') {
            return false;
        }
        out[len++] = c;
    }
    out[len] = '\0';
    *ret_value = str_of(out, len);
    return true;
}

enum err_code form_parse(struct str text, struct arena *arena, struct form *ret_form,
                         struct err *err)
{
    struct str rest = text;

    ret_form->count = 0;
    while (rest.len > 0) {
        struct str value = str_cut(&rest, '&');
        struct str name = str_cut(&value, '=');
        struct form_field field;

        if (ret_form->count == FORM_MAX_FIELDS)
            return err_set(err, ERR_LIMIT, "more than %d fields", FORM_MAX_FIELDS);
        if (!form_decode(name, arena, &field.name) || !form_decode(value, arena, &field.value))
            return err_set(err, ERR_INVALID, "a field is not encoded right");
        if (form_get(ret_form, field.name).ptr != NULL)
            return err_set(err, ERR_INVALID, "a field stands there twice");
        ret_form->fields[ret_form->count++] = field;
    }
    return ERR_OK;
}

bool form_is_type(struct str content_type)
{
    struct str rest = content_type;

    return str_eq_nocase(str_trim(str_cut(&rest, ';')), STR("application/x-www-form-urlencoded"));
}

struct str form_get(const struct form *form, struct str name)
{
    for (size_t i = 0; i < form->count; i++) {
        if (str_eq(form->fields[i].name, name))
            return form->fields[i].value;
    }
    return STR_NONE;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void form_encode(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(text.ptr[i]))
            buf_add_byte(out, text.ptr[i]);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)text.ptr[i]);
    }
}
