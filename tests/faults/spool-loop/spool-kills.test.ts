// A producer with a spool dies at every named step of spooling. Its successor on the same folder starts, hands over what was accepted, and leaves nothing behind.

import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../support/deadline.ts';
import { casesOf } from '../../support/full-forms.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { startWriter, type WriterProcess } from '../../support/writer.ts';
import { readEvidence } from '../oracle/evidence.ts';
import { startSpoolProducer } from './child.ts';
import { readSpoolJournal } from './journal.ts';
import { judge } from './oracle.ts';

const steps = [
  { step: 'spool.locked' },
  { step: 'spool.numbering' },
  { step: 'spool.loaded' },
  { step: 'spool.content-begun', nth: 2 },
  { step: 'spool.content-synced' },
  { step: 'spool.batch-made', nth: 3 },
  { step: 'spool.batch-begun', nth: 3 },
  { step: 'spool.batch-written', nth: 3 },
  { step: 'spool.batch-synced', nth: 3 },
  { step: 'spool.folder-synced', nth: 3 },
  { step: 'spool.settled' },
  { step: 'spool.record-gone', nth: 2 },
  { step: 'spool.freed', nth: 2 },
];
/** Passed only with something refused: spool-folder.test.ts of the client interrupts it there. */
const stepsOfRefusal = ['spool.refused'];

let root = '';
let redis: TestRedis;
let writer: WriterProcess;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'filefleet-spool-kills-'));
  redis = await startRedis();
  writer = startWriter({ redisUrl: redis.url, dataDir: join(root, 'data') });
  await writer.ready;
});
afterAll(async () => {
  await writer.kill();
  await redis.stop();
  await rm(root, { recursive: true, force: true });
});

/** Content, the batch before and after its sync, the answer. */
const telling = /(content-synced|batch-written|batch-synced|settled)$/;

it.each(casesOf('tests/faults/spool-loop: kills', steps, ({ step }) => telling.test(step)))(
  'killed at $step, nothing accepted is lost, and nothing is left',
  async (killAt) => {
    const folder = join(root, killAt.step);
    const order = {
      redisUrl: redis.url,
      folder,
      journalPath: join(root, `${killAt.step}.jsonl`),
      without: [],
    };
    const dying = startSpoolProducer({ ...order, seed: `${killAt.step}/1`, calls: 25, killAt });
    expect(await dying.exited).toEqual({ code: null, signal: 'SIGKILL' });
    const next = startSpoolProducer({ ...order, seed: `${killAt.step}/2`, calls: 3 });
    await next.ready;
    await next.drain(30_000);
    // A record goes before its content, so the last of it may still be there for a moment.
    const contents = async () =>
      (await readdir(join(folder, 'entries'))).filter((name) => name.endsWith('.content'));
    await until(async () => (await contents()).length === 0, 'no content to be left');
    await next.kill();
    const { accepted, violations } = judge(
      readSpoolJournal(order.journalPath),
      readEvidence(join(root, 'data')),
    );
    expect(violations).toEqual([]);
    expect(accepted).toBeGreaterThan(0);
  },
);

it('is tried at every step that the code has', () => {
  const code = fileURLToPath(new URL('../../../packages/client/src/spool/', import.meta.url));
  const texts = readdirSync(code)
    .filter((name) => !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(code, name), 'utf8'));
  const named = texts.flatMap((text) =>
    [...text.matchAll(/probe\('(spool\.[a-z-]+)'\)/g)].map(([, name]) => name),
  );
  expect([...new Set(named)].sort()).toEqual([...steps.map(({ step }) => step), ...stepsOfRefusal].sort());
});
