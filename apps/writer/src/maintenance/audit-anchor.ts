// Tells the head of the audit's chain where whoever rewrites the database does not reach: in the log, and in Redis.

import type { RedisKeys } from '@filefleet/protocol';
import type { Clock, MaintenanceDesk } from '@filefleet/store';
import type { Emit } from '../events.ts';
import { type Fence, FencedError } from '../fence.ts';
import type { Task } from './task.ts';

/** Anchors that Redis keeps: six weeks of hours. */
const keptAnchors = 1_000;
const hourMs = 3_600_000;

export interface AuditAnchorOptions {
  readonly desk: Pick<MaintenanceDesk, 'auditHead'>;
  readonly fence: Pick<Fence, 'run'>;
  readonly isRedisReady: () => boolean;
  readonly keys: RedisKeys;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly onFenced: (error: FencedError) => void;
}

export class AuditAnchor {
  readonly #options: AuditAnchorOptions;
  #told = 0;

  constructor(options: AuditAnchorOptions) {
    this.#options = options;
  }

  get task(): Task {
    const step = async () => {
      this.drop();
      return { more: false, rows: 0 };
    };
    return { name: 'audit-anchor', everyMs: hourMs, isNoted: false, decidesByAge: false, step };
  }

  /** In the log each time; in Redis when the chain went on, if it is there. @returns when Redis has it. */
  async drop(): Promise<void> {
    const { desk, fence, isRedisReady, keys, clock, emit, onFenced } = this.#options;
    const head = desk.auditHead();
    if (!head) return;
    emit('audit.anchor', head);
    if (head.auditId === this.#told || !isRedisReady()) return;
    this.#told = head.auditId;
    const anchor = JSON.stringify({ ...head, atMs: clock.nowMs() });
    try {
      const refused = await fence.run([
        ['LPUSH', keys.audit, anchor],
        ['LTRIM', keys.audit, 0, keptAnchors - 1],
      ]);
      if (refused.length > 0) this.#told = 0;
    } catch (error) {
      this.#told = 0;
      if (error instanceof FencedError) onFenced(error);
    }
  }
}
