// Stores against the sweep, one small step after another in an order that a seed decides: contents are looked up, staged, stored
// and purged; the sweep and its plans run in slices; files are unlinked late, also by a writer that was replaced meanwhile;
// tenures end anywhere. After every step each file's bytes have to be there.

import { existsSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import {
  blobsDir,
  ContentDesk,
  databasePath,
  type Protection,
  type SweptBlob,
  WriterSession,
} from '@filefleet/store';
import SQLite, { type Database } from 'better-sqlite3';
import { entry, type OperationEntry, sha256, storeEntry } from './operations.ts';
import { seededRandom } from './seeded-random.ts';

/** Nothing dies here for want of power, so nothing is synced. */
const unsynced: readonly Protection[] = ['fsync-commit', 'fsync-file', 'fsync-directory'];
const texts = ['', 'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'] as const;
const byDigest = new Map<string, string>(texts.map((text) => [sha256(text), text]));
const sessions = ['s1', 's2', 's3'] as const;

export interface SimulationOptions {
  readonly dataDir: string;
  readonly seed: number;
  /** Protections taken out. */
  readonly without?: readonly Protection[];
  /** Contents go by plans only, and nobody writes wrong hints where the sweep looks, as a lost trigger would. */
  readonly onlyPlans?: boolean;
}

export interface SimulationCounts {
  readonly steps: number;
  readonly swept: number;
  readonly healedRaces: number;
  readonly restarts: number;
  readonly plansApplied: number;
  readonly orphans: number;
}

/** @throws Error at the first file without its bytes, or content that goes although a file names it. */
export async function simulate(options: SimulationOptions, steps: number): Promise<SimulationCounts> {
  const simulation = new Simulation(options);
  await simulation.open();
  try {
    for (let step = 0; step < steps; step += 1) await simulation.step(step);
    return { ...simulation.counts, steps };
  } finally {
    simulation.close();
  }
}

class Simulation {
  readonly counts = { swept: 0, healedRaces: 0, restarts: 0, plansApplied: 0, orphans: 0 };
  readonly #options: SimulationOptions;
  readonly #without: ReadonlySet<Protection>;
  readonly #random: () => number;
  readonly #clock = { now: Date.UTC(2026, 0, 1), nowMs: () => this.#clock.now };
  readonly #look: Database[] = [];
  #monotonicMs = 0;
  #session: WriterSession | undefined;
  #desk: ContentDesk | undefined;
  /** Stores whose content was seen or staged, on their way to a group. */
  #staged: OperationEntry[] = [];
  /** Batches whose rows are gone and whose files are not yet. */
  #toUnlink: (readonly SweptBlob[])[] = [];
  /** The same of tenures that have ended: they unlink without a further look, as a process that wakes late would. */
  #late: string[] = [];

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#without = new Set([...unsynced, ...(options.without ?? [])]);
    this.#random = seededRandom(options.seed);
  }

  async open(): Promise<void> {
    const { dataDir } = this.#options;
    // Slices of one row and of many.
    const monotonic = () => (this.#monotonicMs += this.#chance(0.5) ? 100 : 0);
    this.#session = await WriterSession.open({
      dataDir,
      clock: this.#clock,
      without: this.#without,
      monotonic,
    });
    this.#desk = new ContentDesk(dataDir, this.#session.epoch, undefined, this.#without);
    if (this.#look.length === 0) this.#look.push(new SQLite(databasePath(dataDir)));
  }

  close(): void {
    this.#desk?.close();
    this.#session?.close();
    for (const db of this.#look.splice(0)) db.close();
  }

  async step(step: number): Promise<void> {
    const { onlyPlans } = this.#options;
    this.#clock.now += this.#below(400);
    const acts: [number, () => Promise<void> | void][] = [
      [30, () => this.#stage()],
      [20, () => this.#commit()],
      [24, () => this.#purge()],
      [onlyPlans ? 0 : 14, () => this.#maintain({ kind: 'sweep', graceMs: this.#pick([0, 500]) })],
      [5, () => this.#makePlan()],
      [10, () => this.#maintain({ kind: 'plan' })],
      [4, () => this.#applyPlan()],
      [10, () => this.#unlink()],
      [3, () => this.#unlinkLate()],
      [2, () => this.#removeOrphans()],
      [onlyPlans ? 0 : 2, () => this.#lie()],
      [0.4, () => this.#restart()],
    ];
    let at = this.#random() * acts.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, act] of acts) {
      at -= weight;
      if (at >= 0) continue;
      await act();
      break;
    }
    this.#judge(step);
  }

  /** The content stage: looks whether the bytes are held, and brings them otherwise. */
  async #stage(again?: OperationEntry): Promise<void> {
    const text = again ? (byDigest.get(String(digestOf(again))) ?? '') : this.#pick(texts);
    const made = again ?? storeEntry(text, { sessionId: this.#pick(sessions) });
    const desk = this.#open.desk;
    if (desk.findBlob(sha256(text))) {
      this.#staged.push({ ...made, content: { kind: 'held' } });
    } else if (this.#chance(0.3)) {
      this.#staged.push({ ...made, content: { kind: 'inline', bytes: Buffer.from(text), mimeType: null } });
    } else {
      const draft = await desk.beginBlob();
      await draft.write(Buffer.from(text));
      const name = await draft.keep(sha256(text));
      this.#staged.push({ ...made, content: { kind: 'file', name, mimeType: null } });
    }
  }

  /** Some of what was staged, in any order, as one group. */
  async #commit(): Promise<void> {
    const group: OperationEntry[] = [];
    for (let n = this.#below(4); n >= 0 && this.#staged.length > 0; n -= 1)
      group.push(...this.#staged.splice(this.#below(this.#staged.length), 1));
    const { results } = this.#open.session.apply(group);
    for (const [n, result] of results.entries()) {
      const stored = group[n];
      if (!stored) continue;
      if (result.kind === 'content-gone') {
        this.counts.healedRaces += 1;
        await this.#stage(stored);
      } else if (stored.content?.kind === 'file') await this.#open.desk.discardUnnamed(stored.content.name);
    }
  }

  #purge(): void {
    const files = Number(
      this.#first<{ count: number }>('SELECT count(*) AS count FROM conversation_files')?.count,
    );
    const row = this.#first<{ fileId: string; sessionId: string }>(
      'SELECT file_id AS fileId, session_id AS sessionId FROM conversation_files ORDER BY rowid LIMIT 1 OFFSET ?',
      this.#below(files),
    );
    if (!row) return;
    const { sessionId } = row;
    const whole = this.#chance(0.3);
    this.#open.session.apply([
      whole ? entry('session-cleanup', { sessionId, mode: 'hard' }) : entry('file-purge', row),
    ]);
  }

  #maintain(request: Parameters<WriterSession['maintain']>[0]): void {
    const slice = this.#open.session.maintain(request);
    for (const { digest } of slice.swept) this.#assertUnreferenced(digest, request.kind);
    if (slice.swept.length > 0) this.#toUnlink.push(slice.swept);
    this.counts.swept += slice.swept.length;
    for (const event of slice.events)
      if (event.event === 'plan.finished' && event.state === 'applied') this.counts.plansApplied += 1;
  }

  #makePlan(): void {
    this.#open.session.apply([entry('plan-make', { plan: { kind: 'sweep', graceMs: 0 } })]);
  }

  #applyPlan(): void {
    const sql =
      "SELECT plan_id AS planId FROM plans WHERE state = 'ready' ORDER BY rows DESC, created_at_ms LIMIT 1";
    const plan = this.#first<{ planId: string }>(sql);
    if (plan) this.#open.session.apply([entry('plan-apply', plan)]);
  }

  async #unlink(): Promise<void> {
    const [batch] = this.#toUnlink.splice(this.#below(this.#toUnlink.length), 1);
    if (batch) await this.#open.desk.removeSwept(batch);
  }

  #unlinkLate(): void {
    const [name] = this.#late.splice(this.#below(this.#late.length), 1);
    const path = join(blobsDir(this.#options.dataDir), name ?? '.');
    if (name !== undefined && existsSync(path)) unlinkSync(path);
  }

  /** Files without a row that are nobody's any more: in the life of a store those older than a day. */
  #removeOrphans(): void {
    const root = blobsDir(this.#options.dataDir);
    const young = new Set(this.#staged.map(({ content }) => (content?.kind === 'file' ? content.name : '')));
    const names = [...byDigest.keys()]
      .map((digest) => digest.slice(0, 2))
      .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
      .filter((name) => !young.has(name));
    const { swept } = this.#open.session.maintain({ kind: 'orphans', names });
    for (const { name } of swept) if (name !== null) unlinkSync(join(root, name));
    this.counts.orphans += swept.length;
  }

  /** Says of a content that nobody names it, and for long. */
  #lie(): void {
    this.#look[0]
      ?.prepare(
        `INSERT INTO unreferenced_blobs (blob_id, digest, size, since_ms)
         SELECT blob_id, digest, size, 1 FROM blobs WHERE digest = ? ON CONFLICT DO NOTHING`,
      )
      .run(sha256(this.#pick(texts)));
  }

  /** A kill and a new tenure. What was staged is lost and comes again; what was to be unlinked is, some day. */
  async #restart(): Promise<void> {
    this.counts.restarts += 1;
    this.#late.push(...this.#toUnlink.flat().flatMap(({ name }) => name ?? []));
    this.#toUnlink = [];
    const lost = this.#staged;
    this.#staged = [];
    this.#open.desk.close();
    this.#open.session.close();
    await this.open();
    for (const made of lost) await this.#stage(made);
  }

  #assertUnreferenced(digest: string, by: string): void {
    const file = this.#first<{ id: string }>(
      'SELECT file_id AS id FROM conversation_files WHERE file_hash = ?',
      digest,
    );
    if (file) throw new Error(`${by} took content ${digest}, which file ${file.id} names`);
  }

  /** No file without its bytes. */
  #judge(step: number): void {
    const held = this.#look[0]?.prepare(heldSql).all() as Held[];
    for (const { digest, location, name, bytes } of held) {
      const text = byDigest.get(digest) ?? '';
      const got =
        location === 'inline'
          ? bytes
          : location === 'file'
            ? readOf(this.#options.dataDir, name ?? '')
            : null;
      if (got?.equals(Buffer.from(text))) continue;
      const where = location === null ? 'no row' : `${location} ${name ?? ''}`;
      throw new Error(`step ${step}: a file names ${digest}, whose bytes are gone (${where})`);
    }
  }

  get #open(): { session: WriterSession; desk: ContentDesk } {
    if (!this.#session || !this.#desk) throw new Error('expected the simulation to be open');
    return { session: this.#session, desk: this.#desk };
  }

  #first<Row>(sql: string, ...values: unknown[]): Row | undefined {
    return this.#look[0]?.prepare(sql).get(...values) as Row | undefined;
  }

  #below = (bound: number): number => Math.floor(this.#random() * bound);
  #chance = (probability: number): boolean => this.#random() < probability;
  #pick = <T>(from: readonly T[]): T => from[this.#below(from.length)] as T;
}

const digestOf = ({ operation }: OperationEntry): unknown =>
  'digest' in operation.payload && operation.payload.digest;

interface Held {
  readonly digest: string;
  readonly location: 'inline' | 'file' | null;
  readonly name: string | null;
  readonly bytes: Buffer | null;
}

const heldSql = `SELECT f.digest, b.location, b.name, y.bytes FROM (SELECT DISTINCT file_hash AS digest FROM conversation_files) f
  LEFT JOIN blobs b ON b.digest = f.digest LEFT JOIN blob_bytes y ON y.blob_id = b.blob_id`;

function readOf(dataDir: string, name: string): Buffer | null {
  const path = join(blobsDir(dataDir), name);
  return existsSync(path) ? readFileSync(path) : null;
}
