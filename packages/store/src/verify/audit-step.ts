// The audit's chain, link by link, against what is written in it and against anchors: heads of the chain that were kept
// elsewhere. Without an anchor a chain that was rewritten up to its end looks like a true one.

import type { Database } from 'better-sqlite3';
import { type ChainedEntry, chainBeginning, chainedEntries, chainHash } from '../audit-chain.ts';
import type { Step, Tally } from './step.ts';

/** A head of the chain as somebody wrote it down. */
export interface AuditAnchor {
  readonly auditId: number;
  /** SHA-256 of that entry, in hex. */
  readonly hash: string;
  /** When it was written down, if that is known: one from before a restore may be of the history that it replaced. */
  readonly atMs?: number;
}

/** Where the chain begins after pruning. */
interface Beginning {
  readonly through: number;
  readonly hash: Buffer;
}

/** A writer may prune while we look; then the look begins again. It prunes hourly at most. */
const looks = 3;

export const auditStep: Step = {
  name: 'audit chain',
  run({ db, anchors = [] }, tally) {
    for (let look = 1; ; look++) {
      const beginning = readBeginning(db);
      const walk = new Walk(beginning, anchors);
      for (const entry of chainedEntries(db, beginning.through)) walk.take(entry);
      walk.end(db);
      if (walk.faults.length > 0 && look < looks && readBeginning(db).through !== beginning.through) continue;
      walk.tell(tally);
      return;
    }
  },
};

function readBeginning(db: Database): Beginning {
  const sql = 'SELECT pruned_through AS through, pruned_hash AS hash FROM audit_state WHERE id = 1';
  const state = db.prepare<[], { through: number; hash: Buffer | null }>(sql).get();
  return { through: state?.through ?? 0, hash: state?.hash ?? chainBeginning };
}

class Walk {
  readonly faults: string[] = [];
  readonly #beginning: Beginning;
  /** By entry and hash: when it was written down last. */
  readonly #anchors: Map<number, Map<string, number>>;
  readonly #restores: { readonly auditId: number; readonly atMs: number }[] = [];
  #previous: Buffer;
  #last: number;
  #entries = 0;
  #isChained = false;
  #isPruningTold: boolean;
  #met = 0;
  #pruned = 0;
  #replaced = 0;

  constructor(beginning: Beginning, anchors: readonly AuditAnchor[]) {
    this.#beginning = beginning;
    this.#previous = beginning.hash;
    this.#last = beginning.through;
    this.#isPruningTold = beginning.through === 0;
    this.#anchors = new Map();
    for (const { auditId, hash, atMs = Infinity } of anchors.filter((anchor) => anchor.auditId > 0)) {
      const known = this.#anchors.get(auditId) ?? new Map<string, number>();
      const latest = Math.max(atMs, known.get(hash.toLowerCase()) ?? 0);
      this.#anchors.set(auditId, known.set(hash.toLowerCase(), latest));
    }
    this.#meet(beginning.through, beginning.hash);
  }

  take(entry: ChainedEntry & { readonly hash: Buffer | null }): void {
    const expected = chainHash(this.#previous, entry);
    if (entry.hash === null && this.#isChained) {
      this.faults.push(`entry ${entry.auditId}: it has no hash, and those before it have`);
    } else if (entry.hash !== null) {
      if (!entry.hash.equals(expected)) this.faults.push(this.#describeBreak(entry));
      else if (!this.#isChained && this.#entries > 0 && entry.action !== 'audit-seal')
        this.faults.push(`entry ${entry.auditId}: no seal holds the ${this.#entries} entries before it`);
      this.#isChained = true;
    }
    // What the entry says of itself, so that one break is told once.
    this.#previous = entry.hash ?? expected;
    this.#noteRestore(entry);
    this.#meet(entry.auditId, this.#previous);
    this.#isPruningTold ||= this.#tellsOfPruning(entry);
    this.#last = entry.auditId;
    this.#entries += 1;
  }

  end(db: Database): void {
    if (!this.#isPruningTold) {
      const { through } = this.#beginning;
      this.faults.push(`entries up to ${through} are gone, and no checkpoint says that they were pruned`);
    }
    const given = highestGiven(db);
    if (given.last === this.#last && given.ever > this.#last)
      this.faults.push(`entries ${this.#last + 1} to ${given.ever} were removed from the end`);
    for (const [auditId, known] of this.#anchors) {
      if (auditId < this.#beginning.through) this.#pruned += 1;
      else if ([...known.values()].every((atMs) => this.#isReplaced(auditId, atMs)))
        this.#replaced += known.size;
      else this.faults.push(`entry ${auditId}: it is gone, and an anchor names it`);
    }
  }

  tell(tally: Tally): void {
    tally.checked = this.#entries;
    for (const fault of this.faults) tally.fault(fault);
    tally.note('anchors that the chain goes through', this.#met);
    tally.note('anchors of entries that were pruned since', this.#pruned);
    tally.note('anchors of a history that a restore has replaced', this.#replaced);
    if (!this.#isChained) tally.note('entries that no seal holds yet', this.#entries);
  }

  #meet(auditId: number, hash: Buffer): void {
    const known = this.#anchors.get(auditId);
    if (!known) return;
    this.#anchors.delete(auditId);
    for (const [anchor, atMs] of known) {
      if (anchor === hash.toString('hex')) this.#met += 1;
      else if (this.#isReplaced(auditId, atMs)) this.#replaced += 1;
      else this.faults.push(`entry ${auditId}: an anchor gives it another hash`);
    }
  }

  /** A restore takes the chain back to where its backup was made; what was told in between was of a history that is gone. */
  #noteRestore({ action, details, atMs }: ChainedEntry): void {
    if (action !== 'store-restore' || details === null) return;
    const { auditId } = JSON.parse(details) as { auditId?: unknown };
    if (typeof auditId === 'number') this.#restores.push({ auditId, atMs });
  }

  #isReplaced(auditId: number, atMs: number): boolean {
    return this.#restores.some((restore) => auditId > restore.auditId && atMs <= restore.atMs);
  }

  #describeBreak({ auditId, action }: ChainedEntry): string {
    if (auditId !== this.#last + 1 && this.#isChained)
      return `entry ${auditId}: it does not follow entry ${this.#last}; entries between them were removed or moved`;
    if (!this.#isChained && action === 'audit-seal')
      return `entry ${auditId}: the entries before it are not those that it seals`;
    return `entry ${auditId}: it, or where it stands, is not what its hash says`;
  }

  #tellsOfPruning({ action, details }: ChainedEntry): boolean {
    if (action !== 'audit-checkpoint' || details === null) return false;
    const told = JSON.parse(details) as { through?: unknown; hash?: unknown };
    const { through, hash } = this.#beginning;
    return told.through === through && told.hash === hash.toString('hex');
  }
}

/** AUTOINCREMENT remembers the highest number that was ever given. In one statement: a group may commit between two. */
function highestGiven(db: Database): { last: number; ever: number } {
  const sql = `SELECT (SELECT coalesce(max(audit_id), 0) FROM audit_entries) AS last,
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit_entries'), 0) AS ever`;
  return db.prepare<[], { last: number; ever: number }>(sql).get() ?? { last: 0, ever: 0 };
}
