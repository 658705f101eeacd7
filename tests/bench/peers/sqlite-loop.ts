// Peer: SQLite alone, the rows of a plain worker in groups of 256 per transaction. No queue, no Redis, no ledger.

import { makeOperationId } from '@filefleet/protocol';
import { annotateJob, storeJob } from '../rig/jobs.ts';
import { runLoop } from './loop.ts';
import { openPlainStore } from './plain-store.ts';
import { setting } from './worker.ts';

const store = openPlainStore(setting('BENCH_FOLDER'));
const annotates = setting('BENCH_OPERATION') === 'file-annotate';
const files = Array.from({ length: Number(setting('BENCH_FILES')) }, () => makeOperationId());

if (annotates) {
  runLoop({
    make: (index) => ({
      fileId: files[index % files.length] ?? '',
      metadata: annotateJob(index, { fileId: '', sessionId: '' }).fields.metadata as Record<string, string>,
    }),
    commit: store.db.transaction((items) => items.forEach(store.annotate)).immediate,
  });
} else {
  runLoop({
    make: (index) => {
      const { operationId, sessionId, fields, bytes = Buffer.alloc(0) } = storeJob(index, 4096);
      const { filename, digest, size } = fields as { filename: string; digest: string; size: number };
      return { data: { operationId, sessionId, filename, digest, size, vm: 'vm5' }, bytes };
    },
    commit: store.db.transaction((items) => {
      for (const { data, bytes } of items) store.store(data, bytes);
    }).immediate,
  });
}
