import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../../../tests/support/dashboard.ts';
import { testUsers } from '../../../tests/support/dashboard-users.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';

let redis: TestRedis;
let dashboard: TestDashboard;
let port: number;

beforeAll(async () => {
  redis = await startRedis();
  dashboard = await openTestDashboard(redis.url);
  port = Number(new URL(await dashboard.app.listen({ host: '127.0.0.1', port: 0 })).port);
});
afterAll(async () => {
  await dashboard.close();
  await redis.stop();
});

const authorization = testUsers.operator.basic;
const problem = (code: string) => ({ error: { code, message: expect.stringMatching(/^[^{}]{10,}$/) } });
const tooLong = 'x'.repeat(513);

describe('every failure of the API is {error: {code, message}}', () => {
  test.each([
    ['an id that is no UTF-8', 'GET', '/api/v1/files/%ff', 400, 'ADDRESS_INVALID'],
    ['a broken escape', 'GET', '/api/v1/sessions/%E0%A4%A/files', 400, 'ADDRESS_INVALID'],
    ['the same where nothing is', 'GET', '/api/files/%ff', 400, 'ADDRESS_INVALID'],
    ['an id longer than any', 'POST', `/api/v1/sessions/${tooLong}/files`, 414, 'ADDRESS_TOO_LONG'],
    ['an address of nothing', 'GET', '/api/v1/nothing', 404, 'NOT_FOUND'],
    ['the root', 'GET', '/api', 404, 'NOT_FOUND'],
    ['another version', 'POST', '/api/v2/files', 404, 'NOT_FOUND'],
    ['another method', 'DELETE', '/api/v1/files/x', 405, 'METHOD_NOT_ALLOWED'],
    ['another method beside two', 'PUT', '/api/v1/sessions/s1/files', 405, 'METHOD_NOT_ALLOWED'],
  ] as const)('%s', async (_what, method, url, status, code) => {
    const headers = { authorization, accept: 'text/html,*/*' };
    const answer = await dashboard.app.inject({ method, url, headers });
    expect([answer.statusCode, answer.json()]).toEqual([status, problem(code)]);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.headers['cache-control']).toContain('no-');
  });

  test('a 405 says what is allowed', async () => {
    const url = '/api/v1/sessions/s1/files';
    const answer = await dashboard.app.inject({ method: 'PUT', url, headers: { authorization } });
    expect(answer.headers.allow).toBe('GET, POST, HEAD');
  });

  test('a body that is too large for what reads it', async () => {
    const answer = await dashboard.app.inject({
      method: 'POST',
      url: '/api/v1/nothing',
      headers: { authorization, 'content-type': 'application/json' },
      payload: JSON.stringify('x'.repeat(100_000)),
    });
    expect([answer.statusCode, answer.json()]).toEqual([413, problem('FST_ERR_CTP_BODY_TOO_LARGE')]);
  });

  test.each([
    ['headers that are too large', `GET /api/v1/files HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}`, 431],
    ['an address that is too long', `GET /api/v1/files?${'x'.repeat(20_000)} HTTP/1.1\r\nHost: x`, 431],
    ['no HTTP', 'GET /api/v1/files HTTP/one\r\nHost: x', 400],
  ])('%s', async (_what, head, status) => {
    const answer = await wire(`${head}\r\n\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(bodyOf(answer)).toEqual(problem(status === 431 ? 'HEADERS_TOO_LARGE' : 'REQUEST_INVALID'));
  });
});

test('bytes that are no HTTP do not get into an answer that is under way', async () => {
  const head = `GET /live HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: ${authorization}`;
  const answer = await wire(`${head}\r\n\r\n`, 'no HTTP\r\n\r\n');
  expect(answer).toContain('retry: ');
  expect(answer).not.toContain('REQUEST_INVALID');
});

describe('people get a page', () => {
  test.each([
    ['an id that is no UTF-8', '/files/%ff'],
    ['an id longer than any', `/files/${tooLong}`],
  ])('%s', async (_what, url) => {
    const answer = await dashboard.app.inject({ url, headers: { accept: 'text/html' } });
    expect(answer.headers['content-type']).toContain('text/html');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.body).toContain('<h1>This cannot be shown</h1>');
  });
});

test('what comes on an open connection while the dashboard stops is told so', async () => {
  const stopping = await openTestDashboard(redis.url);
  const { server } = stopping.app;
  const address = new URL(await stopping.app.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(address.port), '127.0.0.1');
  socket.write('GET /api/v1/files HTTP/1.1\r\n');
  await once(server, 'connection');
  const closed = stopping.close();
  await expect.poll(() => server.listening).toBe(false);
  const answer = readAll(socket);
  socket.write('Host: x\r\n\r\n');
  expect(await answer).toMatch(/^HTTP\/1.1 503 /);
  expect(bodyOf(await answer)).toEqual(problem('STOPPING'));
  await closed;
});

/** All that comes back. @param next sent once something came back. */
async function wire(text: string, next?: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  if (next !== undefined) socket.once('data', () => socket.write(next));
  socket.write(text);
  return readAll(socket);
}

async function readAll(socket: Socket): Promise<string> {
  let answer = '';
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    answer += bytes;
  });
  await once(socket, 'close');
  return answer;
}

const bodyOf = (answer: string): unknown => JSON.parse(answer.split('\r\n\r\n')[1] ?? '');
