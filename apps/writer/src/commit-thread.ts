// The commit thread: owns the only writing connection, so that an fsync never holds up the event loop that talks to Redis.
// Does one request at a time, in order. Closes its database inside the thread, then ends by itself.

import { parentPort } from 'node:worker_threads';
import { machineFault, WriterSession } from '@filefleet/store';
import { type Opening, type Reply, type Request, toPlainError, unpackEntries } from './commit-messages.ts';
import { readTestSwitches } from './failpoints.ts';

if (!parentPort) throw new Error('expected to run as a worker thread of the writer, got the main thread');
const port = parentPort;
const { dataDir } = await new Promise<Opening>((resolve) => port.once('message', resolve));
const reply = (message: Reply): void => port.postMessage(message);

try {
  const { probe, without } = readTestSwitches(process.env);
  const protections = new Set([...without].filter((name) => name !== 'reclaim' && name !== 'receipt-first'));
  const session = await WriterSession.open({ dataDir, ...(probe ? { probe } : {}), without: protections });
  port.on('message', (request: Request) => {
    try {
      reply({ kind: 'done', value: serve(session, request) });
      if (request.kind === 'close') port.close();
    } catch (error) {
      reply(failed(error));
    }
  });
  const { epoch, schemaVersion, storeId, healed } = session;
  reply({ kind: 'opened', epoch, schemaVersion, storeId, healed });
} catch (error) {
  reply(failed(error));
}

/** What the disk or SQLite did has one of our codes on the other side, so that it is waited out or ends the process with its exit code. */
function failed(error: unknown): Reply {
  return { kind: 'failed', error: toPlainError(machineFault(error) ?? error) };
}

/** Goes on between other requests, so it is answered when it ends, out of their order. */
async function copyDatabase(session: WriterSession, targetPath: string): Promise<void> {
  try {
    reply({ kind: 'copied', copy: await session.backupTo(targetPath) });
  } catch (error) {
    reply({ kind: 'copied', error: toPlainError(machineFault(error) ?? error) });
  }
}

function serve(session: WriterSession, request: Request): unknown {
  switch (request.kind) {
    case 'apply':
      return session.apply(unpackEntries(request));
    case 'note-suspects':
      return session.noteSuspects(request.jobIds);
    case 'begin-solo':
      return session.beginSolo(request.jobId, request.cleared);
    case 'prune':
      return session.prune();
    case 'maintain':
      return session.maintain(request.request);
    case 'copy-database':
      void copyDatabase(session, request.targetPath);
      return undefined;
    case 'close':
      return session.close();
  }
}
