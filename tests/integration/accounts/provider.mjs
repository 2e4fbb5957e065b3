// A certified identity provider for tests: `node provider.mjs PORT BASE`, BASE the console's address.
//
// Everybody signs in by their name alone. POST /test takes {users, forge, rotate, close}: claims by
// name, what to falsify of the next ID token, and whether to sign with another key from now on.
import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import Provider from 'oidc-provider';

const [port, base] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const state = { users: {}, forge: null, keys: [makeKey()] };

function makeKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

const scopes = ['given_name', 'usual_name', 'siret', 'idp_id', 'groups', 'communes'];
const common = {
  grant_types: ['authorization_code'],
  response_types: ['code'],
  redirect_uris: [`${base}/login/provider/callback`],
  post_logout_redirect_uris: [`${base}/login`],
  backchannel_logout_uri: `${base}/login/provider/logout`,
  backchannel_logout_session_required: true,
};

function start() {
  const provider = new Provider(issuer, {
    acrValues: ['eidas1', 'eidas2'],
    claims: {
      openid: ['sub'],
      acr: null,
      sid: null,
      auth_time: null,
      email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username'],
      ...Object.fromEntries(scopes.map((scope) => [scope, [scope]])),
    },
    clients: [
      { ...common, client_id: 'console', client_secret: 'a secret: of the console' },
      {
        ...common,
        client_id: 'proconnect',
        client_secret: 'another',
        token_endpoint_auth_method: 'client_secret_post',
        userinfo_signed_response_alg: 'RS256',
      },
    ],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    conformIdTokenClaims: true,
    cookies: { keys: ['tests'] },
    features: {
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: false },
      jwtUserinfo: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: askToSignOut },
    },
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options), // it refuses loopback
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ ...state.users[id], sub: id }),
    }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    jwks: { keys: state.keys },
    pkce: { required: () => true },
    scopes: ['openid', 'email', 'profile', ...scopes],
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'token' && ctx.body?.id_token && state.forge) {
      ctx.body.id_token = await forge(ctx.body.id_token, state.forge);
    }
  });
  return provider;
}

async function forge(token, { claims, foreign }) {
  const { alg, kid } = decodeProtectedHeader(token);
  const key = createPrivateKey({ key: foreign ? makeKey() : state.keys[0], format: 'jwk' });
  return new SignJWT({ ...decodeJwt(token), ...claims }).setProtectedHeader({ alg, kid }).sign(key);
}

function askToSignOut(ctx, form) {
  ctx.body = `<!doctype html><html lang="en"><title>Provider</title>${form}
    <button type="submit" form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>`;
}

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function interact(request, response) {
  const { uid, params } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><html lang="en"><title>Provider</title><form method="post"
      action="/interaction/${uid}"><label>Who <input name="login"></label><button>Enter</button></form>`);
    return;
  }
  const login = new URLSearchParams(await read(request)).get('login');
  if (login === 'nobody') {
    await provider.interactionFinished(request, response, { error: 'access_denied' });
    return;
  }
  const grant = new provider.Grant({ accountId: login, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const grantId = await grant.save();
  const acr = params.acr_values?.split(' ').at(-1) ?? 'eidas1';
  await provider.interactionFinished(request, response, {
    login: { accountId: login, acr: state.users[login]?.weak ? 'eidas1' : acr },
    consent: { grantId },
  });
}

let provider = start();
createServer(async (request, response) => {
  if (request.url === '/test') {
    const { rotate, ...rest } = JSON.parse(await read(request));
    Object.assign(state, rest);
    if (rotate) {
      state.keys = [makeKey()];
      provider = start();
    }
    response.end('{}');
  } else if (request.url.startsWith('/interaction/')) {
    await interact(request, response);
  } else {
    provider.callback()(request, response);
  }
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
