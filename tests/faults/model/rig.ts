// The real thing: a writer's session on a folder. A crash leaves what the disk has at that moment, in the middle of a
// transaction if need be; the next tenure opens that.

import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { intentDigest, parseOperation } from '@filefleet/protocol';
import {
  ContentDesk,
  databasePath,
  type Entry,
  openReader,
  type Result,
  type Slice,
  type SliceRequest,
  type StoreReader,
  WriterSession,
} from '@filefleet/store';
import SQLite, { type Database } from 'better-sqlite3';
import { folderInMemory } from '../../support/memory-room.ts';
import { type Asked, isFileContent, textOf } from './model.ts';
import type { CrashPoint } from './steps.ts';

/** Where files do not need a disk's patience: no power is cut here. */
const fastFolder = folderInMemory() ?? tmpdir();

class Died extends Error {}

/** Names of the steps at which the store can be made to die. */
const deaths: Record<CrashPoint, RegExp> = {
  begun: /^(commit\.begun|slice\.begun)/,
  applied: /^(commit\.applied|slice\.done)/,
  committed: /^(commit\.done|slice\.committed)/,
};

export class Rig {
  readonly clock = { now: Date.UTC(2026, 0, 1), nowMs: () => this.clock.now };
  readonly #root = mkdtempSync(join(fastFolder, 'filefleet-model-'));
  readonly #sabotage: string;
  #lives = 0;
  #dying: CrashPoint | undefined;
  #session: WriterSession | undefined;
  #desk: ContentDesk | undefined;
  reader!: StoreReader;
  look!: Database;
  dataDir = join(this.#root, '0');

  /** @param sabotage SQL that breaks the database behind the store's back, for runs that must go red. */
  constructor(sabotage = '') {
    this.#sabotage = sabotage;
  }

  async open(): Promise<void> {
    const { dataDir, clock } = this;
    const probe = (step: string) => this.#probe(step);
    const session = await WriterSession.open({ dataDir, clock, probe, monotonic: () => 0 });
    this.#session = session;
    this.#desk = new ContentDesk(dataDir, session.epoch);
    this.reader = openReader({ dataDir });
    this.look = new SQLite(databasePath(dataDir), { readonly: true });
    if (this.#sabotage) this.tamper(this.#sabotage);
  }

  /** What a kill at this very moment leaves; the next tenure goes on from it. */
  async kill(): Promise<void> {
    this.#copy();
    await this.#reopen();
  }

  /** @returns undefined when the process died at the armed point. */
  async apply(entries: readonly Entry[], crash: CrashPoint | null): Promise<readonly Result[] | undefined> {
    const results = await this.#untilDeath(crash, (session) => session.apply(entries).results);
    for (const entry of entries) {
      const content = entry.kind === 'operation' ? entry.content : undefined;
      if (content?.kind === 'file' && results) await this.#desk?.discardUnnamed(content.name);
    }
    return results;
  }

  /** All slices of one kind; those that a death interrupts are asked for again. */
  async drain(request: SliceRequest, crash: CrashPoint | null): Promise<void> {
    for (let more = true, armed = crash; more; armed = null) {
      const slice = await this.#untilDeath(armed, (session) => session.maintain(request));
      more = slice?.more ?? true;
      if (slice) await this.#unlink(slice);
    }
  }

  /** What killed tenures left without a row, as the writer's own walk would find it. */
  async clearOrphans(): Promise<void> {
    const blobs = join(this.dataDir, 'blobs');
    const isNamed = this.look.prepare('SELECT 1 FROM blobs WHERE name = ?');
    const names = readdirSync(blobs, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.includes('.') && !isNamed.get(name),
    );
    if (names.length > 0) await this.drain({ kind: 'orphans', names }, null);
  }

  prune(): void {
    // Receipts go in turns. All of them have to go before the audit does, which is what vouches for purged files.
    while ((this.#session?.prune().receipts ?? 0) > 0);
  }

  async entryOf({ name, operationId, vm, fields, withBytes }: Asked): Promise<Entry> {
    const operation = parseOperation(name, { v: 1, operationId, vm, ...fields });
    const entry = { kind: 'operation', operation, intent: intentDigest(operation) } as const;
    return withBytes ? { ...entry, content: await this.contentOf(String(fields.digest)) } : entry;
  }

  async contentOf(digest: string) {
    const bytes = Buffer.from(textOf.get(digest) ?? '');
    const mimeType = null;
    if (!isFileContent(digest)) return { kind: 'inline', bytes, mimeType } as const;
    const draft = await this.#desk?.beginBlob();
    await draft?.write(bytes);
    return { kind: 'file', name: (await draft?.keep(digest)) ?? '', mimeType } as const;
  }

  /** Breaks the bytes of a content, and says so as a scrub would. */
  async damage(digest: string): Promise<void> {
    const sql = 'SELECT blob_id AS blobId, size, name FROM blobs WHERE digest = ?';
    const { blobId, size, name } = this.look.prepare(sql).get(digest) as {
      blobId: number;
      size: number;
      name: string | null;
    };
    const zeros = Buffer.alloc(size);
    if (name !== null) writeFileSync(join(this.dataDir, 'blobs', name), zeros);
    else this.tamper('UPDATE blob_bytes SET bytes = ? WHERE blob_id = ?', zeros, blobId);
    await this.drain({ kind: 'damaged', blobId, digest, reason: 'broken on purpose', name }, null);
    if (name !== null) rmSync(join(this.dataDir, 'blobs', name));
  }

  tamper(sql: string, ...values: unknown[]): void {
    const db = new SQLite(databasePath(this.dataDir));
    try {
      if (values.length > 0) db.prepare(sql).run(...values);
      else db.exec(sql);
    } finally {
      db.close();
    }
  }

  close(): void {
    this.#stop();
    rmSync(this.#root, { recursive: true });
  }

  #probe(step: string): void {
    if (this.#dying === undefined || !deaths[this.#dying].test(step)) return;
    this.#dying = undefined;
    this.#copy();
    throw new Died(step);
  }

  async #untilDeath<T>(
    crash: CrashPoint | null,
    work: (session: WriterSession) => T,
  ): Promise<T | undefined> {
    if (!this.#session) throw new Error('expected the rig to be open, got a closed one');
    this.#dying = crash ?? undefined;
    try {
      return work(this.#session);
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      await this.#reopen();
      return undefined;
    } finally {
      this.#dying = undefined;
    }
  }

  #copy(): void {
    this.#lives += 1;
    cpSync(this.dataDir, join(this.#root, String(this.#lives)), { recursive: true });
  }

  async #reopen(): Promise<void> {
    this.#stop();
    rmSync(this.dataDir, { recursive: true });
    this.dataDir = join(this.#root, String(this.#lives));
    await this.open();
  }

  #stop(): void {
    this.look.close();
    this.reader.close();
    this.#desk?.close();
    this.#session?.close();
  }

  async #unlink({ swept }: Slice): Promise<void> {
    for (const { name } of swept) if (name !== null) await this.#desk?.discardUnnamed(name);
  }
}
