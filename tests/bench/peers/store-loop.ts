// Our own store alone: the group transaction with ledger, order and audit, fed from memory. What the writer could reach if
// the queue cost nothing.

import { intentDigest, parseOperation } from '@filefleet/protocol';
import { type Entry, openReader, WriterSession } from '@filefleet/store';
import { annotateJob, type BenchJob, storeJob } from '../rig/jobs.ts';
import { runLoop } from './loop.ts';
import { setting } from './worker.ts';

const dataDir = setting('BENCH_FOLDER');
const files = Number(setting('BENCH_FILES'));
const producer = '0190a0a0-0000-4000-8000-000000000001';
const lasts = new Map<string, number>();

function entryOf({ name, sessionId, operationId, fields, bytes }: BenchJob): Entry {
  const previous = lasts.get(sessionId) ?? 0;
  lasts.set(sessionId, previous + 1);
  const envelope = { v: 1, operationId, vm: 'vm5', producer, sequence: previous + 1, previous, sessionId };
  const operation = parseOperation(name, { ...envelope, ...fields });
  const made = { kind: 'operation', operation, intent: intentDigest(operation) } as const;
  return bytes ? { ...made, content: { kind: 'inline', bytes, mimeType: null } } : made;
}

const session = await WriterSession.open({ dataDir });
const known = setting('BENCH_OPERATION') === 'file-annotate' ? listFiles() : [];
runLoop({
  make: (index) => {
    const file = known[index % known.length];
    return entryOf(file ? annotateJob(index, file) : storeJob(index, 4096));
  },
  commit: (entries) => {
    const { results } = session.apply(entries);
    const odd = results.find((result) => result.kind !== 'settled' || result.receipt.outcome !== 'applied');
    if (odd) throw new Error(`expected every operation to be applied, got ${JSON.stringify(odd)}`);
  },
});
session.close();

function listFiles(): { fileId: string; sessionId: string }[] {
  const reader = openReader({ dataDir });
  try {
    const sessions = reader.listSessions({ limit: 500 });
    return sessions
      .flatMap(({ sessionId }) => reader.listSessionFiles(sessionId, { limit: 500 }).files)
      .slice(0, files);
  } finally {
    reader.close();
  }
}
