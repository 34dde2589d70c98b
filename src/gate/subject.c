#include "gate/subject.h"

const struct policy_subject *subject_of(const struct snapshot *snapshot,
                                        const struct caller *caller, struct arena *arena)
{
    const struct policy *policy = snapshot_policy(snapshot);
    const struct policy_names groups = {.names = caller->groups, .count = caller->group_count};
    const struct policy_subject *subject = NULL;

    if (caller->kind == PRINCIPAL_ROBOT)
        return policy_robot(policy, caller->robot_id);
    /* The owner's administration token is no person that could hold grants. */
    if (caller->provider.len == 0)
        return NULL;
    /* A person without a verified e-mail address is known by the provider's name for them. */
    struct str name = caller->email.len > 0 ? caller->email : caller->id;
    if (policy_user(policy, arena, caller->kind, name, &groups, &subject, NULL) != ERR_OK)
        return NULL;
    return subject;
}
