// A producer with a spool, as a process that is killed: it notes each call before it makes it, and each acceptance as
// soon as it hears of it. Started by child.ts.

import { randomUUID } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { type Client, ClientError, createClient } from '@filefleet/client';
import { makeOperationId } from '@filefleet/protocol';
import { sha256 } from '../../support/operations.ts';
import { bytesOf, streamOf } from '../load/content.ts';
import { randomOf } from '../load/random.ts';
import type { ProducerOrder, SpoolCall, SpoolLine } from './journal.ts';

/** The same for every process, so that one goes on where another was killed. */
const sessions = ['s0', 's1', 's2'];

const order = JSON.parse(process.argv[2] ?? '') as ProducerOrder;
const journal = openSync(order.journalPath, 'a');
const note = (line: SpoolLine): void => void writeSync(journal, `${JSON.stringify(line)}\n`);
const random = randomOf(order.seed);

let hasCalled = false;
let passed = 0;
function probe(step: string): void {
  if (step !== order.killAt?.step) return;
  passed += 1;
  if (passed === (order.killAt.nth ?? 1)) process.kill(process.pid, 'SIGKILL');
}

function nextCall(): SpoolCall {
  const kind = random.below(10);
  const size = kind < 7 ? random.below(5_000) : kind < 9 ? 100_000 : 262_144 + random.below(300_000);
  const content = { seed: randomUUID(), size };
  return {
    operationId: makeOperationId(),
    sessionId: random.pick(sessions),
    digest: sha256(bytesOf(content)),
    content,
    isStreamed: random.chance(0.2),
  };
}

async function make(client: Client, call: SpoolCall): Promise<void> {
  note({ kind: 'call', call });
  const { operationId, sessionId, content, isStreamed } = call;
  try {
    await client.enqueueStore({
      operationId,
      sessionId,
      filename: `${content.seed}.bin`,
      content: isStreamed ? streamOf(content) : bytesOf(content),
    });
    note({ kind: 'accepted', operationId });
  } catch (error) {
    note({ kind: 'failed', operationId, code: error instanceof ClientError ? error.code : String(error) });
  }
}

const client = await createClient({
  redis: order.redisUrl,
  vm: 'vm5',
  deadlineMs: 600_000,
  spool: { dir: order.folder, probe, without: order.without },
});
process.once('disconnect', () => void client.close());
process.on('message', () => {
  const timer = setInterval(() => {
    if (!hasCalled || client.spoolStatus()?.entries !== 0) return;
    clearInterval(timer);
    process.send?.('drained');
  }, 20);
});
process.send?.('ready');
const calls = Array.from({ length: order.calls }, nextCall);
// Some together, some alone: both ways of writing a batch are met by the kill.
while (calls.length > 0) {
  await Promise.all(calls.splice(0, 1 + random.below(6)).map((call) => make(client, call)));
}
hasCalled = true;
