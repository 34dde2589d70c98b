#include "policy/policy_priv.h"

/* What the sentences speak of. */
struct scene {
    const struct policy *policy;
    const struct policy_subject *subject;
    const struct compiled_tool *tool;     /* NULL: unknown */
    const struct compiled_server *server; /* NULL: unknown */
    const struct policy_verdict *verdict;
    struct buf *out;
};

typedef void say_fn(const struct scene *s);

static void say_who(const struct scene *s)
{
    const char *kind = s->subject->kind == PRINCIPAL_ROBOT ? "robot" : "user";
    buf_printf(s->out, "%s '" STR_FMT "'", kind, STR_ARG(s->subject->name));
}

static void say_tool(const struct scene *s)
{
    buf_printf(s->out, "tool '" STR_FMT "' of server '" STR_FMT "'", STR_ARG(s->tool->name),
               STR_ARG(s->server->name));
}

static void say_granted(const struct scene *s)
{
    const struct compiled_grant *grant = &s->policy->grants[s->verdict->grant];
    bool is_by_category = (grant->categories & CATEGORY_BIT(s->verdict->category)) != 0;
    buf_printf(s->out, "grant '" STR_FMT "' gives ", STR_ARG(grant->name));
    say_who(s);
    buf_printf(s->out, is_by_category ? " the category %s, which holds " : " by name the %s ",
               category_word(s->verdict->category));
    say_tool(s);
}

static void say_principal_unknown(const struct scene *s)
{
    buf_add_c(s->out, "the caller is nobody this gateway knows");
}

static void say_principal_disabled(const struct scene *s)
{
    say_who(s);
    buf_add_c(s->out, " is disabled; an administrator can enable it");
}

static void say_token_expired(const struct scene *s)
{
    buf_add_c(s->out, "the token of ");
    say_who(s);
    buf_add_c(s->out, " has expired; a new one is needed");
}

static void say_token_scope(const struct scene *s)
{
    buf_printf(s->out, "the token lacks the scope %s that ",
               scope_word(category_scope(s->verdict->category)));
    say_tool(s);
    buf_printf(s->out, " (%s) needs; everything else would allow it",
               category_word(s->verdict->category));
}

static void say_server_disabled(const struct scene *s)
{
    buf_printf(s->out, "server '" STR_FMT "' is disabled", STR_ARG(s->server->name));
}

static void say_personal_server(const struct scene *s)
{
    buf_printf(s->out,
               "server '" STR_FMT "' works with each person's own account, and a robot has none",
               STR_ARG(s->server->name));
}

static void say_tool_unknown(const struct scene *s)
{
    buf_add_c(s->out, "there is no such tool");
}

static void say_tool_gone(const struct scene *s)
{
    say_tool(s);
    buf_add_c(s->out, " is not there any more: the server does not list it");
}

static void say_tool_disabled(const struct scene *s)
{
    say_tool(s);
    buf_add_c(s->out, " is disabled");
}

static void say_tool_unclassified(const struct scene *s)
{
    say_tool(s);
    buf_add_c(s->out, " has no category yet and so counts as admin, which is not granted to ");
    say_who(s);
    buf_printf(s->out,
               "; an administrator can set one: portreeve tool set " STR_FMT " " STR_FMT
               " CATEGORY",
               STR_ARG(s->server->name), STR_ARG(s->tool->name));
}

/* What happened to its definition, and what ends the quarantine. */
static void say_held(const struct scene *s, const char *what)
{
    say_tool(s);
    buf_printf(s->out,
               " is in quarantine: %s; an administrator decides: portreeve tool review " STR_FMT,
               what, STR_ARG(s->server->name));
}

static void say_definition_new(const struct scene *s)
{
    say_held(s, "it is new, and nobody has reviewed it yet");
}

static void say_definition_changed(const struct scene *s)
{
    say_held(s, "its definition is not the one that was reviewed");
}

static void say_definition_renamed(const struct scene *s)
{
    say_held(s, "it looks like another tool of this server under a new name");
}

static void say_definition_returned(const struct scene *s)
{
    say_held(s, "it was gone and came back");
}

static void say_definition_differs(const struct scene *s)
{
    say_held(s, "the server does not define it alike for every caller");
}

static void say_tool_quarantined(const struct scene *s)
{
    say_held(s, "an administrator put it there");
}

static void say_no_grant(const struct scene *s)
{
    say_who(s);
    buf_printf(s->out, " holds no grant on server '" STR_FMT "'", STR_ARG(s->server->name));
}

/* The categories that grants give the subject on the server. */
static uint8_t granted_categories(const struct scene *s)
{
    uint8_t set = 0;
    for (size_t i = 0; i < CATEGORIES; i++)
        if (policy_first_grant(s->policy, s->subject, s->server, s->server->by_category[i], NULL) !=
            POLICY_NONE)
            set = (uint8_t)(set | CATEGORY_BIT(i));
    return set;
}

static void say_category_not_granted(const struct scene *s)
{
    uint8_t granted = granted_categories(s);
    say_tool(s);
    buf_printf(s->out, " is %s, and ", category_word(s->verdict->category));
    say_who(s);
    buf_add_c(s->out, " is granted ");
    if (granted == 0)
        buf_add_c(s->out, "other tools by name only");
    else
        category_set_write(s->out, granted, ", ");
    buf_printf(s->out, "; no grant on server '" STR_FMT "' covers it", STR_ARG(s->server->name));
}

static void say_ceiling(const struct scene *s)
{
    buf_printf(s->out,
               "a ceiling denies %s tools to every caller of kind %s, whatever is granted; ",
               category_word(s->verdict->category), principal_word(s->subject->kind));
    say_tool(s);
    buf_printf(s->out, " %s",
               s->tool->is_classified ? "is one" : "has no category yet and so counts as one");
}

static void say_approval_required(const struct scene *s)
{
    buf_printf(s->out,
               "a ceiling asks for an approval of every %s call by a caller of kind %s, and "
               "approvals are not yet available; so ",
               category_word(s->verdict->category), principal_word(s->subject->kind));
    say_tool(s);
    buf_add_c(s->out, " is refused");
}

/* Other reasons are not the policy's. */
static say_fn *const sentences[REASONS] = {
    [REASON_GRANTED] = say_granted,
    [REASON_PRINCIPAL_UNKNOWN] = say_principal_unknown,
    [REASON_PRINCIPAL_DISABLED] = say_principal_disabled,
    [REASON_TOKEN_EXPIRED] = say_token_expired,
    [REASON_TOKEN_SCOPE] = say_token_scope,
    [REASON_SERVER_DISABLED] = say_server_disabled,
    [REASON_PERSONAL_SERVER] = say_personal_server,
    [REASON_TOOL_UNKNOWN] = say_tool_unknown,
    [REASON_TOOL_GONE] = say_tool_gone,
    [REASON_TOOL_DISABLED] = say_tool_disabled,
    [REASON_TOOL_UNCLASSIFIED] = say_tool_unclassified,
    [REASON_DEFINITION_NEW] = say_definition_new,
    [REASON_DEFINITION_CHANGED] = say_definition_changed,
    [REASON_DEFINITION_RENAMED] = say_definition_renamed,
    [REASON_DEFINITION_RETURNED] = say_definition_returned,
    [REASON_DEFINITION_DIFFERS] = say_definition_differs,
    [REASON_TOOL_QUARANTINED] = say_tool_quarantined,
    [REASON_NO_GRANT] = say_no_grant,
    [REASON_CATEGORY_NOT_GRANTED] = say_category_not_granted,
    [REASON_CEILING] = say_ceiling,
    [REASON_APPROVAL_REQUIRED] = say_approval_required,
};

void policy_explain(const struct policy *policy, const struct policy_facts *facts,
                    const struct policy_verdict *verdict, struct buf *out)
{
    struct scene scene = {
        .policy = policy, .subject = facts->subject, .verdict = verdict, .out = out};
    if (facts->tool < policy->tool_count) {
        scene.tool = &policy->tools[facts->tool];
        scene.server = &policy->servers[scene.tool->server];
    }
    if (verdict->decision == DECISION_ALLOW)
        buf_add_c(out, "Allowed: ");
    else
        buf_printf(out, "Denied by %s: ", factor_word(verdict->factor));
    say_fn *say = verdict->reason < REASONS ? sentences[verdict->reason] : NULL;
    if (say == NULL)
        buf_add_c(out, reason_word(verdict->reason));
    else
        say(&scene);
    buf_add_c(out, ".");
}
