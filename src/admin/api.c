#include "admin/api.h"

#include "admin/handlers.h"

static const struct api api = {
    .handlers =
        {
            [ENDPOINT_STATUS] = {API_CONTROL, status_show},
            [ENDPOINT_GOVERNANCE_EXPORT] = {API_CONTROL, governance_show},
            [ENDPOINT_GOVERNANCE_DIFF] = {API_CONTROL, governance_compare},
            [ENDPOINT_GOVERNANCE_APPLY] = {API_CONTROL, governance_apply},
            [ENDPOINT_SERVER_LIST] = {API_CONTROL, servers_list},
            [ENDPOINT_SERVER_ADD] = {API_CONTROL, servers_add},
            [ENDPOINT_SERVER_REMOVE] = {API_CONTROL, servers_remove},
            [ENDPOINT_SERVER_REFRESH] = {API_CONTROL, servers_refresh},
            [ENDPOINT_TOOL_LIST] = {API_CONTROL, tools_list},
            [ENDPOINT_TOOL_SHOW] = {API_CONTROL, tools_show},
            [ENDPOINT_TOOL_HINTS] = {API_CONTROL, tools_hints},
            [ENDPOINT_TOOL_SET] = {API_CONTROL, tools_set},
            [ENDPOINT_TOOL_HISTORY] = {API_CONTROL, tools_history},
            [ENDPOINT_TOOL_DIFF] = {API_CONTROL, tools_diff},
            [ENDPOINT_REVIEW_LIST] = {API_CONTROL, reviews_list},
            [ENDPOINT_REVIEW_SHOW] = {API_CONTROL, reviews_show},
            [ENDPOINT_REVIEW_DECIDE] = {API_CONTROL, reviews_decide},
            [ENDPOINT_USER_LIST] = {API_CONTROL, users_list},
            [ENDPOINT_USER_SET] = {API_CONTROL, users_set},
            [ENDPOINT_USER_SIGN_OUT] = {API_CONTROL, users_sign_out},
            [ENDPOINT_USER_KEYS] = {API_CONTROL, users_keys},
            [ENDPOINT_USER_KEYS_REVOKE] = {API_CONTROL, users_revoke_keys},
            [ENDPOINT_ME] = {API_CONTROL, me_show},
            [ENDPOINT_KEY_LIST] = {API_CONTROL, keys_list},
            [ENDPOINT_KEY_CREATE] = {API_CONTROL, keys_create},
            [ENDPOINT_KEY_REVOKE] = {API_CONTROL, keys_revoke},
            [ENDPOINT_OWNER_SIGN_IN] = {API_CONTROL, owner_sign_in},
            [ENDPOINT_INSTALLATION_KEYS] = {API_CONTROL, installation_keys},
            [ENDPOINT_SIGNING_ROTATE] = {API_CONTROL, signing_rotate_now},
            [ENDPOINT_CLIENT_LIST] = {API_CONTROL, clients_list},
            [ENDPOINT_CLIENT_SHOW] = {API_CONTROL, clients_show},
            [ENDPOINT_CLIENT_ADD] = {API_CONTROL, clients_add},
            [ENDPOINT_CLIENT_REMOVE] = {API_CONTROL, clients_remove},
            [ENDPOINT_CLIENT_BLOCK] = {API_CONTROL, clients_block},
            [ENDPOINT_CLIENT_UNBLOCK] = {API_CONTROL, clients_unblock},
            [ENDPOINT_SESSION_LIST] = {API_CONTROL, sessions_list},
            [ENDPOINT_SESSION_END] = {API_CONTROL, sessions_end},
            [ENDPOINT_ROBOT_LIST] = {API_CONTROL, robots_list},
            [ENDPOINT_ROBOT_SHOW] = {API_CONTROL, robots_show},
            [ENDPOINT_ROBOT_CREATE] = {API_CONTROL, robots_create},
            [ENDPOINT_ROBOT_REVOKE] = {API_CONTROL, robots_revoke},
            [ENDPOINT_TOKEN_LIST] = {API_CONTROL, tokens_list},
            [ENDPOINT_TOKEN_CREATE] = {API_CONTROL, tokens_create},
            [ENDPOINT_TOKEN_REVOKE] = {API_CONTROL, tokens_revoke},
            [ENDPOINT_AUDIT_SEARCH] = {API_SEARCH, audit_find},
            [ENDPOINT_AUDIT_SHOW] = {API_SEARCH, audit_show},
            [ENDPOINT_AUDIT_SEARCH_DECRYPT] = {API_SEARCH, audit_find_decrypted},
            [ENDPOINT_AUDIT_DECRYPT] = {API_SEARCH, audit_decrypt},
            [ENDPOINT_AUDIT_TAIL] = {API_SEARCH, audit_follow},
            [ENDPOINT_AUDIT_STATUS] = {API_SEARCH, audit_state},
            [ENDPOINT_AUDIT_REINDEX] = {API_SEARCH, audit_index_again},
            [ENDPOINT_AUDIT_CHECKPOINT] = {API_SEARCH, audit_checkpoint},
            [ENDPOINT_AUDIT_PROOF] = {API_SEARCH, audit_proof},
        },
};

const struct api *admin_api(void)
{
    return &api;
}
