// An authorization server for test_foreign_oauth.py: oidc-provider with its own pages for login and
// consent, PKCE (S256) required, and refresh tokens that work once.
//
// Usage: node server.mjs CONFIG, where CONFIG is a JSON file with "clients" (metadata of OpenID
// Connect Dynamic Client Registration) and "accessTokenLife" in seconds. The first line of output
// says where it listens; it ends when its standard input does. GET /events tells what it saw.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const { clients, accessTokenLife } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const events = [];
let answer;
const server = createServer((request, response) => {
  if (request.url === '/events') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(events));
  } else {
    answer(request, response);
  }
});

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients,
    pkce: { methods: ['S256'], required: () => true },
    rotateRefreshToken: true,
    features: { revocation: { enabled: true } },
    ttl: {
      AccessToken: accessTokenLife,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 3600,
      Session: 3600,
    },
  });
  const note = (event) => (context, error) => {
    const { oidc, headers } = context;
    const inBody = oidc.params?.client_secret ? 'body' : 'none';
    events.push({
      event,
      grant: oidc.params?.grant_type,
      client: oidc.client?.clientId,
      authentication: headers.authorization?.split(' ')[0] ?? inBody,
      verifier: Boolean(oidc.params?.code_verifier),
      method: oidc.params?.code_challenge_method,
      problem: error?.error_detail ?? error?.error_description,
    });
  };
  provider.on('authorization.success', note('authorized'));
  provider.on('authorization.error', note('not authorized'));
  provider.on('grant.success', note('granted'));
  provider.on('grant.error', note('not granted'));
  provider.on('grant.revoked', note('revoked'));
  provider.on('revocation.error', note('not revoked'));
  answer = provider.callback();
  console.log(`listening on ${issuer}`);
});

process.stdin.on('end', () => process.exit(0)).resume();
