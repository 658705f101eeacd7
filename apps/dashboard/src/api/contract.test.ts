import { makeOperationId } from '@filefleet/protocol';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiStore, bearers, openApiStore } from '../../../../tests/support/api-store.ts';
import { testUsers } from '../../../../tests/support/dashboard-users.ts';
import { storeEntry } from '../../../../tests/support/operations.ts';
import { startRedis, type TestRedis } from '../../../../tests/support/redis.ts';
import { publishWriter } from '../../../../tests/support/writer-state.ts';
import { accessTable, apiRoot } from '../access.ts';

let redis: TestRedis;
let store: ApiStore;
type Found = { matches: { fileId: string }[]; scanned: number; nextCursor?: string };
type Operation = { responses: Record<string, { content?: Record<string, { schema: object }> }> };
let document: { openapi: string; paths: Record<string, Record<string, Operation>> };

const ofApi = accessTable.filter(({ route }) => route.startsWith(apiRoot));
/** Reads; what changes something has tests of its own. */
const apiRules = ofApi.filter(({ method }) => method === 'GET');
const as = (name: keyof typeof bearers) => ({ authorization: `Bearer ${bearers[name]}` });

beforeAll(async () => {
  redis = await startRedis();
  store = await openApiStore(redis.url, { apiLimits: { searchRows: 50 } });
  await store.dashboard.connected();
  await publishWriter(store.dashboard.redis, store.dashboard.nowMs());
  document = (await (await store.get('/openapi.json')).json()) as typeof document;
});

afterAll(async () => {
  await store.close();
  await redis.stop();
});

/** The address of a route, with ids of what is there, or of what a token for `mine/` must not see. */
function addressOf(route: string, whose: 'mine' | 'other' | 'nobody'): string {
  const { note, other, refused, otherRefused, plan } = store.ids;
  const id = { mine: note, other, nobody: makeOperationId() }[whose];
  const operation = { mine: refused, other: otherRefused, nobody: makeOperationId() }[whose];
  const session = { mine: 'mine%2F1', other: 'other-session', nobody: 'no-such' }[whose];
  return route
    .slice(apiRoot.length)
    .replace(':fileId', id)
    .replace(':sessionId', session)
    .replace(':operationId', operation)
    .replace(':planId', whose === 'nobody' ? makeOperationId() : plan);
}

const pathOf = (route: string) => route.replace(/:(\w+)/g, '{$1}');

function validate(route: string, status: number, body: unknown): void {
  const { responses } = document.paths[pathOf(route)]?.get ?? { responses: {} };
  const key = String(status) in responses ? String(status) : `${String(status)[0]}XX`;
  const schema = (responses[key] ?? responses[key.toLowerCase()])?.content?.['application/json']?.schema;
  expect(schema, `${route} ${status}`).toBeDefined();
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  const check = ajv.compile({ ...schema, ...closed });
  expect(check(body) ? [] : check.errors, route).toEqual([]);
}

const closed = { $schema: 'https://json-schema.org/draft/2020-12/schema' };

describe('the OpenAPI document', () => {
  test('describes every route of the table and no other', () => {
    expect(document.openapi).toBe('3.1.0');
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => method !== 'head') // is a GET, and has its row
        .map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(ofApi.map(({ method, route }) => `${method} ${pathOf(route)}`).sort());
  });

  test('a body that is not as described is noticed', () => {
    expect(() => validate(`${apiRoot}/files/:fileId`, 200, { fileId: 1 })).toThrow();
  });
});

describe.each(apiRules.filter(({ route }) => !/content|openapi/.test(route)))('$route', ({ route }) => {
  test('answers what its schema says, and its errors too', async () => {
    const response = await store.get(addressOf(route, 'mine'));
    const body = await response.json();
    expect(response.status, JSON.stringify(body)).toBe(200);
    validate(route, 200, body);
    const wrong = await store.get(`${addressOf(route, 'nobody')}?limit=0`);
    const problem = await wrong.json();
    if (wrong.status !== 200) validate(route, wrong.status, problem);
    if (route.includes(':')) {
      const missing = await store.get(addressOf(route, 'nobody'));
      expect(missing.status).toBe(404);
      validate(route, 404, await missing.json());
    }
  });
});

test.each([
  '/files',
  '/sessions',
  '/sessions/mine%2F1/files',
  '/dead-letters',
  '/cleanups',
  '/audit',
  '/plans',
])('%s refuses a filter that it does not know, instead of answering with everything', async (list) => {
  const wrong = await store.get(`${list}?session=mine%2F1`);
  expect([wrong.status, await wrong.json()]).toEqual([
    400,
    { error: { code: 'REQUEST_INVALID', message: expect.stringContaining('"session"') } },
  ]);
});

describe('tokens', () => {
  test.each(apiRules)(
    '$route: whoever has none is told so; one for all sees what a viewer sees',
    async ({ route }) => {
      const path = addressOf(route, 'mine');
      expect((await store.get(path, {})).status).toBe(401);
      const wrong = await store.get(path, { authorization: `Bearer ${bearers.all}x` });
      expect([wrong.status, await wrong.json()]).toEqual([
        401,
        { error: { code: 'TOKEN_INVALID', message: expect.not.stringContaining(bearers.all) } },
      ]);
      const people = await (await store.get(path)).text();
      for (const name of ['all', 'writing'] as const) {
        expect(await (await store.get(path, as(name))).text()).toBe(people);
      }
    },
  );

  test.each(apiRules)(
    '$route: one for sessions of mine/ sees nothing of others',
    async ({ route, token }) => {
      const other = await store.get(addressOf(route, 'other'), as('mine'));
      const text = await other.text();
      expect(text).not.toMatch(/other-session|other-name|other secret/);
      for (const id of [store.ids.other, store.ids.otherRefused]) expect(text).not.toContain(id);
      if (token?.reach === 'session' || token?.reach === 'fleet') expect(other.status).toBe(404);
      else expect(other.status).toBe(200);
      if (token?.reach === 'session') {
        const nobody = await store.get(addressOf(route, 'nobody'), as('mine'));
        expect(text).toBe(await nobody.text());
        expect((await store.get(addressOf(route, 'mine'), as('mine'))).status).toBe(200);
        expect((await store.get(addressOf(route, 'other'), as('all'))).status).toBe(200);
      }
      if (token?.reach === 'list') {
        expect(await (await store.get(addressOf(route, 'other'), as('all'))).text()).toContain(
          'other-session',
        );
      }
    },
  );

  test('filters do not lead out of the prefix', async () => {
    for (const query of [
      'sessionId=other-session',
      'sessionPrefix=other',
      'text=other',
      `digest=${'0'.repeat(64)}`,
    ]) {
      const found = (await (await store.get(`/files?${query}`, as('mine'))).json()) as { matches: unknown[] };
      expect(found.matches).toEqual([]);
    }
    const wide = (await (await store.get('/sessions?prefix=m', as('mine'))).json()) as { sessions: object[] };
    expect(wide.sessions).toMatchObject([{ sessionId: 'mine/1' }]);
  });

  test.each(['all', 'writing'] as const)('a cursor of another token is none: %s', async (name) => {
    const { nextCursor } = (await (await store.get('/files?limit=1', as(name))).json()) as Found;
    const answer = await store.get(`/files?limit=1&cursor=${nextCursor}`, as('mine'));
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'CURSOR_INVALID' } }]);
  });

  test('open nothing but the API, whatever comes beside them, and are never written down', async () => {
    const { app, events } = store.dashboard;
    const outside = accessTable.filter(
      ({ access, route }) => access !== 'public' && !route.startsWith(apiRoot),
    );
    for (const { method, route } of outside) {
      const answer = await app.inject({ method: method as 'GET', url: route, headers: as('writing') });
      expect(answer.statusCode, `${method} ${route}`).toBe(403);
    }
    expect(outside.length).toBeGreaterThan(20);
    expect(JSON.stringify(events)).not.toMatch(/token-/);
  });

  test('a search says nothing of files outside the prefix: neither how many, nor which one it looked at last', async () => {
    // More than one slice looks at, so that the first ends between files of others.
    store.apply(...Array.from({ length: 1_050 }, () => storeEntry('x', { sessionId: 'other-session' })));
    const pages: Found[] = [];
    let cursor: string | undefined = '';
    while (cursor !== undefined) {
      const query: string = cursor && `&cursor=${cursor}`;
      const page = (await (await store.get(`/files?limit=2${query}`, as('mine'))).json()) as Found;
      pages.push(page);
      cursor = page.nextCursor;
    }
    expect(pages[0]).toMatchObject({ matches: [], scanned: 0 });
    for (const { matches, scanned, nextCursor = '' } of pages) {
      expect(scanned).toBe(matches.length);
      expect(Buffer.from(nextCursor, 'base64url').toString('latin1')).not.toContain('search');
    }
    expect(pages.flatMap(({ matches }) => matches.map(({ fileId }) => fileId))).toContain(store.ids.note);
  });
});

test('a store that is not there yet is 503, and found when it is; Redis away is 503 where it is needed', async () => {
  const { openTestDashboard } = await import('../../../../tests/support/dashboard.ts');
  const early = await openTestDashboard('redis://127.0.0.1:1');
  const say = async (path: string) => {
    const url = `${apiRoot}${path}`;
    const answer = await early.app.inject({ url, headers: { authorization: testUsers.viewer.basic } });
    expect(answer.body).not.toMatch(/nonexistent|127\.0\.0\.1/);
    return [answer.statusCode, answer.json().error.code];
  };
  try {
    expect(await say('/sessions')).toEqual([503, 'NOT_INITIALIZED']);
    expect(await say('/queue')).toEqual([503, 'REDIS_UNAVAILABLE']);
    expect(await say('/writer')).toEqual([503, 'REDIS_UNAVAILABLE']);
    expect(await say('/nothing')).toEqual([404, 'NOT_FOUND']);
  } finally {
    await early.close();
  }
});
