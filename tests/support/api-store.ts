// A store with some of everything in it, behind a dashboard that listens, for tests of the read API.

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DashboardToken } from '@filefleet/config';
import { makeOperationId } from '@filefleet/protocol';
import { ContentDesk, databasePath, WriterSession } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { damage } from './blob-files.ts';
import { openTestDashboard, type TestDashboard, type TestDashboardOptions } from './dashboard.ts';
import { testUsers } from './dashboard-users.ts';
import { entry, idOf, type OperationEntry, sha256, storeEntry } from './operations.ts';

/** Tokens as programs have them: all sessions, those of `mine/`, one that may also write. */
export const bearers = Object.freeze({
  all: 'token-of-all',
  mine: 'token-of-mine',
  writing: 'token-writing',
});

const token = (
  name: keyof typeof bearers,
  scope: 'read' | 'write',
  sessionPrefix?: string,
): DashboardToken => ({
  name,
  scope,
  hash: createHash('sha256').update(bearers[name]).digest(),
  sessionPrefix,
});

export interface ApiStore {
  readonly dashboard: TestDashboard;
  readonly dataDir: string;
  readonly url: string;
  readonly large: Buffer;
  /** Ids of what is there. `html` is stored HTML; `damaged` has a file of which one bit is turned; `other` is not of `mine/`. */
  readonly ids: Record<
    | 'note'
    | 'html'
    | 'large'
    | 'damaged'
    | 'empty'
    | 'deleted'
    | 'other'
    | 'purged'
    | 'refused'
    | 'otherRefused'
    | 'plan',
    string
  >;
  apply(...entries: OperationEntry[]): void;
  damageName(): string;
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Response>;
  /** Blob files that this process has open. */
  openBlobs(): string[];
  close(): Promise<void>;
}

/** @param url of Redis; it may be away. */
export async function openApiStore(url: string, options: TestDashboardOptions = {}): Promise<ApiStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'filefleet-test-'));
  const session = await WriterSession.open({ dataDir });
  const desk = new ContentDesk(dataDir, session.epoch);
  const large = Buffer.alloc(24 * 1024 * 1024, 'filefleet ');
  const apply = (...entries: OperationEntry[]) => void session.apply(entries);
  const keepFile = async (bytes: Buffer, filename: string, sessionId: string) => {
    const draft = await desk.beginBlob();
    await draft.write(bytes);
    const name = await draft.keep(sha256(bytes));
    const fields = { sessionId, filename, digest: sha256(bytes), size: bytes.length };
    const made = storeEntry(
      '',
      { ...fields, content: { from: 'staged', chunks: 1 } },
      { content: { kind: 'file', name, mimeType: 'image/png' } },
    );
    apply(made);
    return { fileId: idOf(made), name };
  };
  const inline = (text: string, fields: Record<string, unknown>, mimeType: string | null = null) => {
    const content = { kind: 'inline', bytes: Buffer.from(text), mimeType } as const;
    const made = storeEntry(text, fields, { content });
    apply(made);
    return idOf(made);
  };
  const remove = (name: 'file-delete' | 'file-purge', fileId: string, sessionId = 'mine/1') =>
    apply(entry(name, { sessionId, fileId }));
  const refuse = (sessionId: string) => {
    const made = entry('file-delete', { sessionId, fileId: makeOperationId() });
    apply(made);
    return idOf(made);
  };
  const note = inline('a note', {
    sessionId: 'mine/1',
    filename: 'note.txt',
    messageId: 'm1',
    metadata: { topic: 'fleet' },
  });
  const html = inline('<script>alert(1)</script>', { sessionId: 'mine/1', filename: 'x.html' }, 'text/html');
  const empty = inline('', { sessionId: 'mine/1', filename: 'empty' });
  const deleted = inline('gone', { sessionId: 'mine/1', filename: 'gone.txt' });
  const purged = inline('purged', { sessionId: 'mine/1', filename: 'purged.txt' });
  const other = inline('other secret', { sessionId: 'other-session', filename: 'other-name.txt' });
  remove('file-delete', deleted);
  remove('file-purge', purged);
  const { fileId: largeId } = await keepFile(large, 'large.png', 'mine/1');
  const broken = await keepFile(Buffer.alloc(3_000_000, 'damaged '), 'damaged.png', 'mine/1');
  damage(dataDir, broken.name);
  const [refused, otherRefused] = [refuse('mine/1'), refuse('other-session')];
  const plan = makeOperationId();
  seed(dataDir, note, other, plan);

  const dashboard = await openTestDashboard(url, {
    dataDir,
    tokens: [token('all', 'read'), token('mine', 'read', 'mine/'), token('writing', 'write')],
    ...options,
  });
  const address = await dashboard.app.listen({ host: '127.0.0.1', port: 0 });
  return {
    dashboard,
    dataDir,
    url: address,
    large,
    ids: {
      note,
      html,
      large: largeId,
      damaged: broken.fileId,
      empty,
      deleted,
      other,
      purged,
      refused,
      otherRefused,
      plan,
    },
    apply,
    damageName: () => broken.name,
    get: (path, headers = { authorization: testUsers.viewer.basic }, method = 'GET') =>
      fetch(`${address}/api/v1${path}`, { headers, method }),
    openBlobs: () => openFiles().filter((path) => path.startsWith(join(dataDir, 'blobs/'))),
    close: async () => {
      dashboard.app.server.closeAllConnections();
      await dashboard.close();
      session.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

/** Rows that other parts of the writer make. */
function seed(dataDir: string, note: string, other: string, plan: string): void {
  const db = new SQLite(databasePath(dataDir));
  try {
    const reminder = db.prepare(
      "INSERT INTO file_cleanup_queue (file_id, session_id, scheduled_deletion_time) VALUES (?, ?, '2030-01-01 00:00:00')",
    );
    reminder.run(note, 'mine/1');
    reminder.run(other, 'other-session');
    db.exec(`INSERT INTO quarantine (job_id, name, code, reason, payload, quarantined_at_ms)
      VALUES ('other-session', 'x', 'UNREADABLE', 'why', '{', 1)`);
    db.prepare(
      `INSERT INTO plans (plan_id, kind, request, vm, state, created_at_ms, expires_at_ms)
       VALUES (?, 'cleanup', '{"kind":"cleanup","mode":"soft","sessionId":"other-session"}', 'vm0', 'planning', 1, 2)`,
    ).run(plan);
  } finally {
    db.close();
  }
}

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // closed since it was listed
    }
  });
}
