#include "admin/handlers.h"
#include "admin/reply.h"
#include "audit/audit.h"
#include "audit/search.h"
#include "base/uuid.h"
#include "gate/gate.h"

void audit_checkpoint(const struct api_request *request, struct api_reply *reply)
{
    struct audit *audit = gate_audit(request->gate);
    struct str note = STR_NONE;
    struct str key = STR_NONE;
    struct str timed_key = STR_NONE;
    struct jsonw w;
    struct err err;
    enum err_code code = audit_get_checkpoint(audit, request->arena, &note, &err);

    if (code == ERR_OK)
        code = audit_get_vkey(audit, false, request->arena, &key, &err);
    if (code == ERR_OK)
        code = audit_get_vkey(audit, true, request->arena, &timed_key, &err);
    if (code != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name_str(&w, "checkpoint", note);
    jsonw_name_str(&w, "key", key);
    jsonw_name_str(&w, "time_key", timed_key);
    jsonw_end_object(&w);
}

static enum err_code write_proof(const struct api_request *request, struct jsonw *w, uint64_t index,
                                 const char *kind, struct err *err)
{
    struct str proof = STR_NONE;
    enum err_code code = audit_prove(gate_audit(request->gate), index, request->arena, &proof, err);

    if (code != ERR_OK)
        return code;
    jsonw_object(w);
    jsonw_name_i64(w, "index", (int64_t)index);
    if (kind != NULL)
        jsonw_name_str(w, "kind", str_c(kind));
    jsonw_name_str(w, "proof", proof);
    jsonw_end_object(w);
    return ERR_OK;
}

/* One entry by its index, or all of a call by its id. */
static enum err_code write_proofs(const struct api_request *request, struct jsonw *w,
                                  struct err *err)
{
    struct audit_page page = {0};
    struct uuid id;
    uint64_t index = 0;
    enum err_code code = ERR_OK;

    if (str_u64(request->params[0], &index))
        return write_proof(request, w, index, NULL, err);
    if (!uuid_parse(request->params[0], &id))
        return err_set(err, ERR_INVALID,
                       "'" STR_FMT "' is neither the index of an entry nor the id of a call",
                       STR_ARG(request->params[0]));
    code = audit_show_call(gate_audit(request->gate), &id, false, request->arena, &page, err);
    for (size_t i = 0; i < page.count && code == ERR_OK; i++)
        code = write_proof(request, w, page.records[i].index,
                           audit_kind_word(page.records[i].entry.kind), err);
    return code;
}

void audit_proof(const struct api_request *request, struct api_reply *reply)
{
    struct jsonw w;
    struct err err;

    jsonw_init(&w, &reply->body);
    jsonw_object(&w);
    jsonw_name(&w, "proofs");
    jsonw_array(&w);
    if (write_proofs(request, &w, &err) != ERR_OK) {
        reply_err(reply, &err);
        return;
    }
    jsonw_end_array(&w);
    jsonw_end_object(&w);
}
