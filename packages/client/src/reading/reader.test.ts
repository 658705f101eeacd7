import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { makeOperationId } from '@filefleet/protocol';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type ApiStore, bearers, openApiStore } from '../../../../tests/support/api-store.ts';
import { hastyClock } from '../../../../tests/support/hasty-clock.ts';
import { idOf, storeEntry } from '../../../../tests/support/operations.ts';
import { ClientError } from '../errors.ts';
import * as answers from './answers.ts';
import { createReader } from './reader.ts';
import type { ReaderOptions } from './settings.ts';

let store: ApiStore;
/** Files of one millisecond come in any order. */
const startMs = Date.now();
const error = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing went wrong',
    (thrown: unknown) => thrown,
  );
const reader = (options: Partial<ReaderOptions> = {}) =>
  createReader({ url: store.url, token: bearers.all, ...options });

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

beforeAll(async () => {
  store = await openApiStore('redis://127.0.0.1:1');
});
afterAll(() => store.close());

describe('with a dashboard and a store', () => {
  test('lists the files of a session: a page, all pages, all files; also the deleted ones', async () => {
    const made = Array.from({ length: 5 }, (_, n) =>
      storeEntry('x', { sessionId: 'five', filename: `${n}` }, { atMs: startMs + n }),
    );
    store.apply(...made);
    const listing = reader().list({ sessionId: 'five', limit: 2 });
    const first = await listing.page();
    expect(first.items.map(({ filename }) => filename)).toEqual(['4', '3']);
    const pages = await all(listing.pages());
    expect(pages.map(({ items }) => items.length)).toEqual([2, 2, 1]);
    const ids = made.map(idOf).reverse();
    expect((await all(listing)).map(({ fileId }) => fileId)).toEqual(ids);
    const behind = reader().list({
      sessionId: 'five',
      ...(first.nextCursor && { cursor: first.nextCursor }),
    });
    expect((await all(behind)).map(({ fileId }) => fileId)).toEqual(ids.slice(2));
    const deleted = await all(reader().list({ sessionId: 'mine/1', deleted: true }));
    expect(deleted.filter(({ isDeleted }) => isDeleted).map(({ fileId }) => fileId)).toEqual([
      store.ids.deleted,
    ]);
  });

  test('finds files, says how many were looked at, and goes on until all were', async () => {
    const made = Array.from({ length: 60 }, (_, n) =>
      storeEntry('x', { sessionId: 'many', filename: `häufig ${n}` }, { atMs: startMs + n }),
    );
    store.apply(...made);
    const search = reader().search({ text: 'HÄUFIG', sessionId: 'many', limit: 25 });
    const page = await search.page();
    expect([page.items.length, page.complete, page.scanned > 0]).toEqual([25, false, true]);
    expect((await all(search)).map(({ fileId }) => fileId)).toEqual(made.map(idOf).reverse());
    expect(await reader().search({ text: 'nowhere' }).page()).toMatchObject({ items: [], complete: true });
  });

  test('gives a file, its metadata, its log, its operation, and sessions', async () => {
    const { note } = store.ids;
    expect(await reader().get(note)).toMatchObject({
      fileId: note,
      filename: 'note.txt',
      messageIds: ['m1'],
    });
    expect(await reader().metadata(note)).toEqual({ topic: 'fleet' });
    expect(await reader().accessLog(note, { limit: 1 })).toMatchObject([{ accessType: 'upload' }]);
    expect(await reader().operation(note)).toMatchObject({ state: 'applied', receipt: { fileId: note } });
    const sessions = await all(reader().sessions({ limit: 1 }));
    expect(sessions.map(({ sessionId }) => sessionId)).toContain('mine/1');
    expect(await all(reader().sessions({ prefix: 'mi' }))).toMatchObject([{ sessionId: 'mine/1' }]);
  });

  test('what is not there, and what a token may not see, are the same error', async () => {
    const mine = reader({ token: bearers.mine });
    const notThere = await Promise.all([
      error(mine.get(store.ids.other)),
      error(mine.get(makeOperationId())),
      error(all(mine.list({ sessionId: 'other-session' }))),
      error(mine.operation(store.ids.otherRefused)),
      error(mine.read(store.ids.other)),
    ]);
    for (const thrown of notThere)
      expect(thrown).toMatchObject({ code: 'NOT_FOUND', facts: { status: 404 } });
    expect(await mine.get(store.ids.note)).toMatchObject({ sessionId: 'mine/1' });
    expect(await error(reader({ token: 'nobody-has-this' }).get(store.ids.note))).toMatchObject({
      code: 'TOKEN_REFUSED',
      facts: { status: 401, answer: 'TOKEN_INVALID' },
    });
    const wrong = await error(reader().list({ sessionId: 'mine/1', cursor: 'x' }).page());
    expect(wrong).toMatchObject({ code: 'INVALID', facts: { answer: 'CURSOR_INVALID' } });
    for (const id of ['', '.', '..', '\ud800']) {
      expect(await error(reader().get(id)), id).toMatchObject({ code: 'INVALID', field: 'fileId' });
    }
  });

  test('knows every field that the document of the API names, and no other', async () => {
    const document = (await (await store.get('/openapi.json')).json()) as Document;
    const served = (path: string) => {
      const content = document.paths[`/api/v1${path}`]?.get.responses['200']?.content;
      return fieldsOf(content?.['application/json'].schema);
    };
    const known = (schema: z.ZodType) => fieldsOf(z.toJSONSchema(schema) as JsonSchema);
    expect(known(answers.fileSchema)).toEqual(served('/files/{fileId}'));
    expect(known(answers.filePageSchema)).toEqual(served('/sessions/{sessionId}/files'));
    expect(known(answers.foundSchema)).toEqual(served('/files'));
    expect(known(answers.sessionPageSchema)).toEqual(served('/sessions'));
    expect(known(answers.accessLogSchema)).toEqual(served('/files/{fileId}/access-log'));
    expect(served('/operations/{operationId}')).toEqual(
      expect.arrayContaining(known(answers.operationSchema)),
    );
  });
});

type JsonSchema = { properties?: Record<string, JsonSchema>; items?: JsonSchema };
type Document = {
  paths: Record<
    string,
    { get: { responses: Record<string, { content: { 'application/json': { schema: JsonSchema } } }> } }
  >;
};

/** Names of all fields, with those inside of them. */
function fieldsOf(schema: JsonSchema | undefined, path = ''): string[] {
  const inside = Object.entries(schema?.properties ?? {}).flatMap(([name, inner]) => [
    `${path}${name}`,
    ...fieldsOf(inner, `${path}${name}.`),
  ]);
  return [...inside, ...(schema?.items ? fieldsOf(schema.items, `${path}[].`) : [])].sort();
}

/** A server that answers as it is told, however wrong. */
async function strange(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const token = 'the-token-itself';
  return { url, asked, token, reader: createReader({ url, token, clock: hastyClock(20) }) };
}

describe('with something else', () => {
  test.each<[string, (response: ServerResponse) => void]>([
    ['a page of somebody', (response) => response.end('<h1>Welcome</h1>')],
    ['JSON of somebody', (response) => response.end('{}')],
    ['a list that has no files', (response) => response.end('{"files":null}')],
    ['a file without its digest', (response) => response.end('{"files":[{"fileId":"x"}]}')],
    ['a 404 that is not ours', (response) => response.writeHead(404).end('nothing here')],
  ])('%s is an error, never an empty list', async (_what, answer) => {
    const { reader } = await strange((_request, response) => answer(response));
    const lists = [all(reader.list({ sessionId: 's' })), all(reader.search({ text: 'x' }))];
    for (const thrown of await Promise.all(lists.map(error))) {
      expect(thrown).toMatchObject({ code: 'API_UNEXPECTED' });
    }
  });

  test('a page that leads to itself is no endless list', async () => {
    const { reader } = await strange((_request, response) =>
      response.end('{"files":[],"nextCursor":"same"}'),
    );
    expect(await error(all(reader.list({ sessionId: 's' })))).toMatchObject({ code: 'API_UNEXPECTED' });
  });

  test('redirects are not followed, and the token is in no error, whatever is sent back', async () => {
    const elsewhere = await strange((_request, response) => response.end('{"files":[]}'));
    for (const status of [301, 302, 303, 307, 308]) {
      const { reader } = await strange((_request, response) =>
        response.writeHead(status, { location: elsewhere.url }).end(),
      );
      expect(await error(all(reader.list({ sessionId: 's' })))).toMatchObject({ code: 'API_UNEXPECTED' });
    }
    expect(elsewhere.asked).toEqual([]);

    const echo = await strange(({ headers }, response) => {
      const message = `you sent ${headers.authorization}`;
      response.writeHead(400).end(JSON.stringify({ error: { code: 'REQUEST_INVALID', message } }));
    });
    const closed = createReader({ url: 'http://127.0.0.1:9999', token: echo.token, attempts: 1 });
    const refused = [
      echo.reader.get('x'),
      closed.get('x'),
      Promise.resolve().then(() => createReader({ url: echo.url, token: `${echo.token}\n` })),
      Promise.resolve().then(() => createReader({ url: `http://${echo.token}:x@h`, token: echo.token })),
    ];
    for (const thrown of await Promise.all(refused.map(error))) {
      expect(thrown).toBeInstanceOf(ClientError);
      expect(inspect(thrown, { depth: 10, showHidden: true })).not.toContain(echo.token);
    }
    expect(inspect(echo.reader, { depth: 10 })).not.toContain(echo.token);
  });

  test('who is busy is asked again after as long as it says, and not for ever', async () => {
    let busy = 2;
    const passing = await strange((_request, response) => {
      if (busy-- > 0) response.writeHead(503, { 'retry-after': '1' }).end();
      else response.end('{"metadata":{"a":"b"}}');
    });
    const startedAt = performance.now();
    expect(await passing.reader.metadata('x')).toEqual({ a: 'b' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(2 * (1_000 / 20));
    expect(passing.asked).toHaveLength(3);
    const always = await strange((_request, response) => response.writeHead(503).end());
    expect(await error(always.reader.get('x'))).toMatchObject({
      code: 'API_UNAVAILABLE',
      facts: { status: 503 },
    });
    expect(always.asked).toHaveLength(6);
  });

  test('a deadline and a signal end a call, with all its tries', async () => {
    const { reader } = await strange(() => undefined); // never answers
    expect(await error(reader.get('x', { deadlineMs: 1_000 }))).toMatchObject({ code: 'TIMED_OUT' });
    const signal = AbortSignal.abort('no need');
    expect(await error(reader.get('x', { signal }))).toMatchObject({ code: 'ABORTED', cause: 'no need' });
    expect(await error(all(reader.list({ sessionId: 's', signal })))).toMatchObject({ code: 'ABORTED' });
  });

  test.each([
    [{ url: 'vm0:8080' }, 'url'],
    [{ url: 'http://vm0/?a=b' }, 'url'],
    [{ token: '' }, 'token'],
    [{ attempts: 0 }, 'attempts'],
    [{ stallMs: Number.NaN }, 'stallMs'],
  ])('%j is refused, and says which option it was', (wrong, field) => {
    expect(() => createReader({ url: 'http://vm0', token: 't', ...wrong })).toThrow(
      expect.objectContaining({ code: 'INVALID', field }),
    );
  });

  test('a path before the API is kept', async () => {
    const { url, asked, token } = await strange((_request, response) => response.end('{"metadata":{}}'));
    await createReader({ url: `${url}/fleet/`, token }).metadata('a/b');
    expect(asked[0]?.url).toBe('/fleet/api/v1/files/a%2Fb/metadata');
  });
});
