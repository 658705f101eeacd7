// The store against the model: everything that anybody can see of it.

import { buffer } from 'node:stream/consumers';
import { isStoreError, type StoreReader } from '@filefleet/store';
import type { Database, Statement } from 'better-sqlite3';
import { isUnreferenced } from './life.ts';
import { filesOf, isFileContent, type Model, sizeOf, textOf } from './model.ts';

/** Where the two differ. */
export class Difference extends Error {
  override readonly name = 'Difference';
  /** After which step of its run it showed. */
  step = 0;
}

const filesSql = `SELECT f.file_id, f.session_id, f.original_filename, f.file_hash, f.file_size, f.vm, f.origin_file_id,
    f.deleted_at_ms, f.uploaded_at_ms, f.row_version, f.is_deleted = (f.deleted_at_ms IS NOT NULL) AND (f.deleted_at IS NOT NULL) = f.is_deleted,
    f.file_path = iif(b.location = 'file', 'blobs/' || b.name, 'inline:' || b.digest),
    (SELECT json_group_array(json_array(m.metadata_key, m.metadata_value)) FROM (SELECT * FROM file_metadata
      WHERE file_id = f.file_id ORDER BY metadata_key) m),
    (SELECT json_group_array(json_array(a.session_id, a.association_type, a.message_id)) FROM (SELECT * FROM
      session_file_associations WHERE file_id = f.file_id ORDER BY association_id) a)
  FROM conversation_files f JOIN blobs b ON b.digest = f.file_hash ORDER BY f.file_id`;
const sessionsSql = `SELECT session_id, state, first_activity_at_ms, last_activity_at_ms, ended_at_ms, cleaned_at_ms, hold,
    soft_after_ms, purge_after_ms FROM sessions ORDER BY session_id`;
const contentsSql = `SELECT b.digest, b.size, b.location, b.damaged_at_ms IS NOT NULL, u.blob_id IS NOT NULL, u.since_ms
  FROM blobs b LEFT JOIN unreferenced_blobs u USING (blob_id) ORDER BY b.digest`;

const byKey = <T>(map: ReadonlyMap<string, T>): [string, T][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

/** @throws Difference */
export function compareRows(model: Model, db: Database): void {
  same(
    'files',
    raw(db, filesSql),
    byKey(model.files).map(([id, file]) => [
      id,
      file.sessionId,
      file.filename,
      file.digest,
      sizeOf(file.digest),
      file.vm,
      file.origin,
      file.deletedAtMs,
      file.uploadedAtMs,
      file.version,
      1,
      1,
      JSON.stringify(byKey(file.metadata)),
      JSON.stringify(file.associations.map(({ type, messageId }) => [file.sessionId, type, messageId])),
    ]),
  );
  same(
    'sessions',
    raw(db, sessionsSql),
    byKey(model.sessions).map(([id, one]) => [
      id,
      one.state,
      one.firstAtMs,
      one.lastAtMs,
      one.endedAtMs,
      one.cleanedAtMs,
      one.hold ? 1 : 0,
      one.softAfterMs,
      one.purgeAfterMs,
    ]),
  );
  same(
    'contents',
    raw(db, contentsSql),
    byKey(model.contents).map(([digest, { isDamaged, sinceMs }]) => {
      const isUnused = isUnreferenced(model, digest);
      const location = isFileContent(digest) ? 'file' : 'inline';
      return [
        digest,
        sizeOf(digest),
        location,
        isDamaged ? 1 : 0,
        isUnused ? 1 : 0,
        isUnused ? sinceMs : null,
      ];
    }),
  );
}

/** @throws Difference */
export function compareFigures(model: Model, reader: StoreReader): void {
  const usage = (files: readonly { digest: string; deletedAtMs: number | null }[]) => {
    const sum = (some: typeof files) => some.reduce((bytes, { digest }) => bytes + sizeOf(digest), 0);
    const [active, deleted] = [false, true].map((is) =>
      files.filter((file) => (file.deletedAtMs !== null) === is),
    );
    return [active?.length, sum(active ?? []), deleted?.length, sum(deleted ?? [])];
  };
  const files = [...model.files.values()];
  const digests = [...model.contents.keys()];
  const unused = digests.filter((digest) => isUnreferenced(model, digest));
  const bytes = (some: readonly string[]) => some.reduce((sum, digest) => sum + sizeOf(digest), 0);
  const got = reader.getStatistics();
  const ends = [...model.sessions.values()].filter(({ state }) => state === 'live').length;
  same(
    'figures',
    [
      got.files,
      got.logicalBytes,
      got.deletedFiles,
      got.deletedBytes,
      got.sessions,
      got.liveSessions,
      got.storedBytes,
      got.savedBytes,
      got.reclaimableBlobs,
      got.reclaimableBytes,
      got.inlineBlobs + got.fileBlobs,
    ],
    [
      ...usage(files),
      model.sessions.size,
      ends,
      bytes(digests),
      files.reduce((sum, { digest }) => sum + sizeOf(digest), 0) - (bytes(digests) - bytes(unused)),
      unused.length,
      bytes(unused),
      digests.length,
    ],
  );
  for (const { vm, files: active, logicalBytes, deletedFiles, deletedBytes } of got.perVm)
    same(
      `figures of ${vm}`,
      [active, logicalBytes, deletedFiles, deletedBytes],
      usage(files.filter((file) => file.vm === vm)),
    );
  same('VMs', got.perVm.length, new Set(files.map(({ vm }) => vm)).size);
  for (const sessionId of ['s1', 's2', 's3', 's4']) {
    const one = reader.getSessionUsage(sessionId);
    same(
      `figures of ${sessionId}`,
      [one.files, one.logicalBytes, one.deletedFiles, one.deletedBytes],
      usage(filesOf(model, sessionId)),
    );
  }
}

/** What a plan says of itself, and what applying it did. @throws Difference */
export function comparePlans(model: Model, reader: StoreReader): void {
  for (const { planId, state, planned, done } of reader.listPlans({ limit: 20 })) {
    const plan = model.plans.get(planId);
    if (!plan || plan.state === 'planning') continue;
    same(`state of plan ${planId}`, state, plan.state);
    if (plan.state === 'expired') continue;
    const { rows, blobs, blobBytes, sessions } = plan.planned;
    const said = `plan ${planId} (${JSON.stringify(plan.request)})`;
    same(
      said,
      [planned.rows, planned.blobs, planned.blobBytes, planned.sessions],
      [rows, blobs, blobBytes, sessions],
    );
    if (plan.state !== 'applied') continue;
    same(
      `${said}, applied`,
      [done.rows, done.blobs, done.blobBytes, done.skipped],
      [plan.done.rows, plan.done.blobs, plan.done.blobBytes, 0],
    );
    same(`${said}, promised and done`, [done.rows, done.blobs, done.blobBytes], [rows, blobs, blobBytes]);
  }
}

/** The bytes of one file, or of none when they are known to be damaged. @throws Difference */
export async function compareBytes(model: Model, reader: StoreReader, fileId: string): Promise<void> {
  const digest = model.files.get(fileId)?.digest ?? '';
  const expected = model.contents.get(digest)?.isDamaged ? 'CONTENT_DAMAGED' : textOf.get(digest);
  try {
    const { stream } = await reader.openContent(fileId, { includeDeleted: true });
    same(`bytes of ${fileId}`, (await buffer(stream)).toString(), expected);
  } catch (error) {
    if (!isStoreError(error)) throw error;
    same(`bytes of ${fileId}`, error.code, expected);
  }
}

const prepared = new WeakMap<Database, Map<string, Statement>>();

function raw(db: Database, sql: string): unknown[][] {
  const statements = prepared.get(db) ?? new Map<string, Statement>();
  prepared.set(db, statements);
  const statement = statements.get(sql) ?? db.prepare(sql).raw();
  statements.set(sql, statement);
  return statement.all() as unknown[][];
}

export function same(what: string, got: unknown, expected: unknown): void {
  const [ours, theirs] = [JSON.stringify(got), JSON.stringify(expected)];
  if (ours === theirs) return;
  const lines = (value: unknown) =>
    (Array.isArray(value) ? value : [value]).map((one) => JSON.stringify(one));
  const [store, model] = [lines(got), lines(expected)];
  const only = (some: string[], others: string[]) =>
    some
      .filter((one) => !others.includes(one))
      .slice(0, 3)
      .join('; ');
  throw new Difference(
    `expected ${what} to be as in the model\n  model: ${only(model, store) || theirs}\n  store: ${only(store, model) || ours}`,
  );
}
