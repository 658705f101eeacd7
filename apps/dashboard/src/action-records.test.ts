// Who did what in Bull Board and at the login stands in the audit, through a real queue and a real writer; and what is lost
// on the way is told.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReader } from '@filefleet/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDashboard, type TestDashboard } from '../../../tests/support/dashboard.ts';
import { testUsers } from '../../../tests/support/dashboard-users.ts';
import { until } from '../../../tests/support/deadline.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { startWriter, type WriterProcess } from '../../../tests/support/writer.ts';
import { accessTable } from './access.ts';
import { ActionRecords, boardAction } from './action-records.ts';
import { ActionError } from './actions/action-error.ts';

const board = '/queues/manage/api/queues';
let redis: TestRedis;
let writer: WriterProcess;
let dataDir: string;
let dashboard: TestDashboard;

beforeAll(async () => {
  redis = await startRedis();
  dataDir = mkdtempSync(join(tmpdir(), 'filefleet-test-'));
  writer = startWriter({ redisUrl: redis.url, dataDir });
  await writer.ready;
  dashboard = await openTestDashboard(redis.url, { dataDir, now: Date.now });
  await dashboard.connected();
});
afterAll(async () => {
  await dashboard.close();
  await writer.stop();
  await redis.stop();
  rmSync(dataDir, { recursive: true });
});

function recorded() {
  const reader = openReader({ dataDir });
  try {
    return reader.care.pageAudit({ action: 'action-*' }).entries;
  } finally {
    reader.close();
  }
}

test('what people do in Bull Board, and what they are refused, is in the audit with who, what and how it ended', async () => {
  const ask = (role: 'viewer' | 'operator', url: string) =>
    dashboard.app.inject({ method: 'PUT', url, headers: { authorization: testUsers[role].basic } });
  expect((await ask('operator', `${board}/operations/pause`)).statusCode).toBe(200);
  expect((await ask('operator', `${board}/operations/resume`)).statusCode).toBe(200);
  expect((await ask('operator', `${board}/operations/obliterate`)).statusCode).toBe(403);
  await until(() => recorded().length === 3, 'three entries in the audit');
  expect(recorded()).toMatchObject([
    {
      action: 'action-queue-obliterate',
      actor: 'otto',
      vm: 'dashboard',
      details: { role: 'operator', status: 403 },
    },
    { action: 'action-queue-resume', actor: 'otto', details: { target: 'operations', status: 200 } },
    { action: 'action-queue-pause', actor: 'otto', details: { target: 'operations', status: 200 } },
  ]);
});

test('every change that Bull Board knows has a name, and no two the same for a job and for a queue', () => {
  const changes = accessTable.filter(({ method, route }) => method !== 'GET' && route.startsWith(board));
  expect(changes.length).toBeGreaterThan(15);
  const names = changes.map(({ method, route }) => `${method} ${boardAction(route, route)?.action}`);
  for (const name of names) expect(name).toMatch(/^[A-Z]+ (job|queue|all)(-[a-z]+)+$/);
  expect(new Set(names).size).toBe(names.length);
});

test('a target from an address is text that the protocol takes', () => {
  const route = `${board}/:queueName/:jobId/retry`;
  const target = (job: string) => boardAction(route, `${board}/operations/${job}/retry`)?.target;
  expect(target('vm1-1')).toBe('operations vm1-1');
  expect(target('%0A%1b[2J')).toBe('operations   [2J');
  expect(Buffer.byteLength(target(encodeURIComponent('ä'.repeat(400))) ?? '')).toBeLessThanOrEqual(256);
  expect(target('%zz')).toBe('operations %zz');
});

function open(answer: () => Promise<void>) {
  const sent: object[] = [];
  const told: object[] = [];
  const run = async (_actor: object, _name: string, { entries }: { entries: object[] }) => {
    await answer();
    sent.push(...entries);
  };
  const records = new ActionRecords({
    actions: { run: run as never },
    emit: (event, fields) => void told.push({ event, ...fields }),
    now: () => 7,
    everyMs: 60_000,
  });
  return { records, sent, told };
}

test('logins are told one by one, failures counted by address', async () => {
  const { records, sent } = open(async () => {});
  records.hear('login.succeeded', { user: 'olga', role: 'operator', ip: '192.0.2.1' });
  for (let n = 0; n < 5; n++) records.hear('login.failed', { via: 'form', ip: '192.0.2.9' });
  for (let n = 0; n < 300; n++) records.hear('login.limited', { via: 'basic', ip: `198.51.100.${n}` });
  records.hear('session.ended', { user: 'olga' });
  await records.flush();
  expect(sent).toContainEqual({
    action: 'login',
    atMs: 7,
    actor: 'olga',
    role: 'operator',
    target: '192.0.2.1',
  });
  expect(sent).toContainEqual({ action: 'logout', atMs: 7, actor: 'olga' });
  expect(sent).toContainEqual({ action: 'login-failed', atMs: 7, target: '192.0.2.9', count: 5 });
  expect(sent).toContainEqual({ action: 'login-failed', atMs: 7, target: 'other addresses', count: 201 });
  expect(sent).toHaveLength(103);
});

test('while Redis is away entries wait, a thousand of them; the rest is told', async () => {
  let isAway = true;
  const { records, sent, told } = open(() =>
    isAway
      ? Promise.reject(new ActionError('REDIS_UNAVAILABLE', 'away', { status: 503 }))
      : Promise.resolve(),
  );
  const act = (count: number) => {
    for (let n = 0; n < count; n++) records.hear('session.ended', { user: `person ${n}` });
  };
  act(40);
  await records.flush();
  act(1_020);
  isAway = false;
  await records.flush();
  expect(sent).toHaveLength(1_040);
  expect(told).toEqual([{ event: 'action.unrecorded', entries: 20, reason: 'too many at once' }]);
});
