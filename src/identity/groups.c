#include "identity/groups.h"

#include "base/json.h"

bool groups_read(struct str text, struct arena *arena, struct caller *caller)
{
    struct json_doc doc;
    size_t count = 0;
    /* A text without escapes is read as a view into what was parsed. */
    struct str kept = arena_dup(arena, text);
    if (kept.ptr == NULL || json_parse(kept, &json_limits_default, arena, &doc, NULL) != ERR_OK ||
        !json_is(&doc, 0, JSON_ARRAY))
        return false;
    struct str *groups = arena_calloc(arena, doc.values[0].count + 1, sizeof *groups);
    for (json_pos each = json_first(&doc, 0); groups != NULL && each != JSON_NONE;
         each = json_next(&doc, 0, each))
        if (!json_str(&doc, each, arena, &groups[count++]))
            return false;
    if (groups == NULL)
        return false;
    caller->groups = groups;
    caller->group_count = count;
    return true;
}

void groups_write(struct jsonw *w, const struct caller *caller)
{
    jsonw_array(w);
    for (size_t i = 0; i < caller->group_count; i++)
        jsonw_str(w, caller->groups[i]);
    jsonw_end_array(w);
}
