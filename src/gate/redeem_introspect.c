/*
 * redeem_introspect.c - what an access token of ours is, told to the client it was issued to
 * (RFC 7662): that and nothing else is anybody's business. A token that is no good, and one of
 * somebody else's, are answered alike.
 */
#include "base/jsonw.h"
#include "gate/redeem_priv.h"
#include "identity/issuer.h"

enum { ANSWER_BYTES = 64 << 10 };

/* Only a client that is a robot gets here: the workload's tokens have no client. */
static bool is_robot_there(struct inquiry *q, const struct jwt *jwt)
{
    struct snapshot *snapshot = gate_snapshot(q->redemption->gate);
    struct caller caller;
    struct issued_robot robot = {.name = jwt_text(jwt, STR("robot"), q->arena),
                                 .client_id = q->client->id};
    bool is_there =
        json_i64(&jwt->claims, json_get(&jwt->claims, 0, STR("robot_id")), &robot.id) &&
        token_table_find_issued(snapshot_tokens(snapshot), &robot, &caller, NULL, NULL) == ERR_OK;

    snapshot_unref(snapshot);
    return is_there;
}

/* A good token of ours, of this client, whose person and session, or robot, are still there. */
static bool is_active(struct inquiry *q, struct str token, struct jwt *jwt,
                      struct jwt_claims *claims)
{
    const struct identity_rules *rules = &q->settings->identity;
    struct issuer *issuer = q->redemption->gate->issuer;

    if (jwt_parse(token, q->arena, jwt) != JWT_OK || !str_eq(jwt->issuer, q->url) ||
        issuer_verify(issuer, jwt) != JWT_OK ||
        inquiry_judge_subject(q, jwt->issuer, jwt, claims) != JWT_OK ||
        !str_eq(jwt_text(jwt, STR("client_id"), q->arena), q->client->id))
        return false;
    if (json_get(&jwt->claims, 0, STR("robot")) != JSON_NONE)
        return is_robot_there(q, jwt);
    const struct provider *vouches = provider_by_name(rules, jwt_text(jwt, STR("idp"), q->arena));
    if (vouches == NULL)
        return false;
    const struct provider own = provider_own(vouches);
    bool is_taken_back = true;
    return inquiry_find_person(q, &own, jwt, claims, jwt_text(jwt, STR("sid"), q->arena),
                               &is_taken_back) == PERSON_OK &&
           !is_taken_back;
}

/* As they stand in the token. */
static void copy_claim(struct jsonw *w, const struct jwt *jwt, const char *name)
{
    json_pos claim = json_get(&jwt->claims, 0, str_c(name));

    if (claim == JSON_NONE)
        return;
    jsonw_name(w, name);
    jsonw_raw(w, json_raw(&jwt->claims, claim));
}

static void write_answer(struct inquiry *q, const struct jwt *jwt)
{
    static const char *const claims[] = {"iss", "sub", "aud",   "client_id", "jti",
                                         "iat", "exp", "scope", "act"};
    CLEANUP(buf_done) struct buf text;
    struct jsonw w;

    buf_init(&text, ANSWER_BYTES);
    jsonw_init(&w, &text);
    jsonw_object(&w);
    jsonw_name_bool(&w, "active", true);
    jsonw_name_str(&w, "token_type", STR("Bearer"));
    for (size_t i = 0; i < ARRAY_LEN(claims); i++)
        copy_claim(&w, jwt, claims[i]);
    jsonw_end_object(&w);
    q->redemption->answer = text.failed ? STR_NONE : arena_dup(q->arena, buf_str(&text));
    if (q->redemption->answer.ptr == NULL)
        redeem_refuse(q->redemption, 503, "temporarily_unavailable", "memory");
}

void redeem_introspect(struct redemption *redemption)
{
    struct inquiry q;
    struct jwt jwt;
    struct jwt_claims claims;

    redemption->answer = STR("{\"active\":false}");
    if (!inquiry_begin(&q, redemption) || !inquiry_check_client(&q))
        return;
    struct str token = form_get(&q.form, STR("token"));
    if (token.len == 0)
        (void)inquiry_refuse(&q, "invalid_request", "token_missing");
    else if (is_active(&q, token, &jwt, &claims))
        write_answer(&q, &jwt);
}
