// A store as it should be, with the journal that goes with it: what an oracle must be content with, and what a test
// can then doctor.

import { createHash } from 'node:crypto';
import { intentDigest, makeOperationId, parseOperation } from '@filefleet/protocol';
import { type Content, ContentDesk, type Entry, WriterSession } from '@filefleet/store';
import { bytesOf } from '../load/content.ts';
import type { Call, Ending, Journal } from '../load/journal.ts';

export interface SoundStore {
  readonly dataDir: string;
  readonly journal: Journal;
  /** A file in the database, a file on the disk. */
  readonly small: Call;
  readonly large: Call;
  /** Two renames of the small file, one after the other. */
  readonly renames: readonly [Call, Call];
}

const producer = '0192f5a0-0000-4000-8000-000000000001';

/** Makes it through the store's own verbs, so that a change of the schema is noticed here. */
export async function makeSoundStore(dataDir: string): Promise<SoundStore> {
  const small = storeCall('small', 100);
  const large = storeCall('large', 70_000);
  const same = { sessionId: 's1', fileId: small.operationId };
  const rename = (filename: string): Call => {
    return { ...same, operationId: makeOperationId(), name: 'file-rename', filename };
  };
  const renames = [rename('first.bin'), rename('second.bin')] as const;
  const refused: Call = { ...same, operationId: makeOperationId(), name: 'file-delete', fileId: producer };
  const calls = [small, large, ...renames, refused];
  const session = await WriterSession.open({ dataDir });
  try {
    const endings = new Map<string, Ending>();
    for (const [index, call] of calls.entries()) {
      const name = call === large ? await keepFile(dataDir, session.epoch, large) : undefined;
      const result = session.apply([entryOf(call, index + 1, name)]).results[0];
      if (result?.kind !== 'settled') throw new Error(`expected ${call.name} to be settled`);
      endings.set(call.operationId, { kind: 'receipt', receipt: result.receipt });
    }
    return { dataDir, journal: { producer: 'vm5-1', calls, endings }, small, large, renames };
  } finally {
    session.close();
  }
}

function storeCall(seed: string, size: number): Call {
  const content = { seed, size };
  const digest = createHash('sha256').update(bytesOf(content)).digest('hex');
  return {
    operationId: makeOperationId(),
    name: 'file-store',
    sessionId: 's1',
    filename: `${seed}.bin`,
    metadata: { made: seed },
    content: { ...content, digest, streamed: false },
  };
}

async function keepFile(dataDir: string, epoch: number, { content }: Call): Promise<string> {
  if (!content) throw new Error('expected a store, got a call without content');
  const desk = new ContentDesk(dataDir, epoch);
  try {
    const draft = await desk.beginBlob();
    await draft.write(bytesOf(content));
    return await draft.keep(content.digest);
  } finally {
    desk.close();
  }
}

function entryOf(call: Call, sequence: number, blobName: string | undefined): Entry {
  const { name, operationId, sessionId, content, fileId, filename, metadata } = call;
  const stored = content && {
    digest: content.digest,
    size: content.size,
    content: { from: 'staged', chunks: 1 },
    metadata,
  };
  const numbers = { producer, sequence, previous: sequence - 1 };
  const named = { ...(fileId ? { fileId } : {}), ...(filename ? { filename } : {}) };
  const payload = { v: 1, operationId, vm: 'vm5', sessionId, ...numbers, ...named, ...stored };
  const operation = parseOperation(name, payload);
  const bytes = content && contentOf(content, blobName);
  return {
    kind: 'operation',
    operation,
    intent: intentDigest(operation),
    ...(bytes ? { content: bytes } : {}),
  };
}

function contentOf(facts: { seed: string; size: number }, name: string | undefined): Content {
  if (name !== undefined) return { kind: 'file', name, mimeType: null };
  return { kind: 'inline', bytes: bytesOf(facts), mimeType: null };
}
