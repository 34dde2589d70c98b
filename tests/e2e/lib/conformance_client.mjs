// conformance_client.mjs: the client that the conformance suite examines, made of the official SDK, by the name of the
// scenario. The same flows are run against the gateway: what the suite takes for right, the gateway has to take.
//
// As a program it is the suite's `--command`: the server's URL as the last argument, the rest in the environment.
import { fileURLToPath } from 'node:url';
import {
  Client,
  ClientCredentialsProvider,
  CrossAppAccessProvider,
  PrivateKeyJwtProvider,
  StreamableHTTPClientTransport,
  discoverOAuthServerInfo,
  requestJwtAuthorizationGrant,
} from '@modelcontextprotocol/client';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

async function connect(url, options) {
  const client = new Client({ name: 'conformance', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), options));
  return client;
}

const issuerOf = async (url) => (await discoverOAuthServerInfo(url)).authorizationServerUrl;

// What SEP-1933 has a workload ask for; the SDK has no part for it. Returns {status, json}.
export async function askAsWorkload(url, assertion, scope) {
  const { authorizationServerMetadata, resourceMetadata } = await discoverOAuthServerInfo(url);
  const response = await fetch(authorizationServerMetadata.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: JWT_BEARER, assertion, resource: resourceMetadata.resource, ...(scope ? { scope } : {}) }),
  });
  return { status: response.status, json: await response.json() };
}

// (url, context of the suite) to a client that is let in.
export const flows = {
  'auth/client-credentials-basic': async (url, context) =>
    connect(url, {
      authProvider: new ClientCredentialsProvider({ clientId: context.client_id, clientSecret: context.client_secret, expectedIssuer: await issuerOf(url) }),
    }),

  'auth/client-credentials-jwt': async (url, context) =>
    connect(url, {
      authProvider: new PrivateKeyJwtProvider({
        clientId: context.client_id,
        privateKey: context.private_key_pem,
        algorithm: context.signing_algorithm,
        expectedIssuer: await issuerOf(url),
      }),
    }),

  'auth/enterprise-managed-authorization': async (url, context) =>
    connect(url, {
      authProvider: new CrossAppAccessProvider({
        clientId: context.client_id,
        clientSecret: context.client_secret,
        expectedIssuer: await issuerOf(url),
        assertion: async ({ authorizationServerUrl, resourceUrl }) => {
          const { jwtAuthGrant } = await requestJwtAuthorizationGrant({
            tokenEndpoint: context.idp_token_endpoint,
            audience: authorizationServerUrl,
            resource: resourceUrl,
            idToken: context.idp_id_token,
            clientId: context.idp_client_id,
          });
          return jwtAuthGrant;
        },
      }),
    }),

  'auth/wif-jwt-bearer': async (url, context) => {
    const { status, json } = await askAsWorkload(url, context.valid_jwt);
    if (status !== 200) throw new Error(`the assertion was refused: ${JSON.stringify(json)}`);
    return connect(url, { requestInit: { headers: { Authorization: `Bearer ${json.access_token}` } } });
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
  const client = await flows[process.env.MCP_CONFORMANCE_SCENARIO](process.argv.at(-1), context);
  await client.listTools();
  await client.close();
}
