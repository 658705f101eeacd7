// The scrub: reads and hashes a share of all contents each hour, so that damage is found while the bytes can still be had from
// elsewhere. It is in nobody's way: small reads, and pauses while operations are under way.

import type { Clock, MaintenanceDesk, ScrubContent } from '@filefleet/store';
import type { Emit } from '../events.ts';
import type { Slices } from './slices.ts';
import type { Step, Task } from './task.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Of one step: contents, and bytes after which no further content is begun. */
const stepContents = 64;
const stepBytes = 4 * 1024 * 1024;
/** What was missed in a longer time than this is not caught up with at once, in milliseconds. */
const caughtUpMs = dayMs;

export interface ScrubOptions {
  readonly desk: Pick<
    MaintenanceDesk,
    'task' | 'contentCount' | 'contentsAfter' | 'findDamage' | 'isCurrent' | 'moveToQuarantine'
  >;
  readonly slices: Pick<Slices, 'run' | 'forget'>;
  /** Brings the bytes of a damaged content back from elsewhere, if somebody has them. @returns from where. */
  readonly heal: (content: ScrubContent) => Promise<string | undefined>;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Awaited before each read. */
  readonly pause: () => Promise<unknown>;
  readonly probe: ((step: string) => void) | undefined;
  /** Days of a whole round. */
  readonly days: number;
}

/** Pure: how many of all contents are due after a time, so that a round takes `days`. */
export function shareOf(contents: number, passedMs: number, days: number): number {
  return Math.min(contents, Math.ceil((contents * Math.min(passedMs, caughtUpMs)) / (days * dayMs)));
}

/** An hour; for short rounds a part of them. */
const everyMsOf = (days: number): number => Math.max(100, Math.min(hourMs, (days * dayMs) / 24));

export class Scrub {
  readonly #options: ScrubOptions;
  /** Of the run under way. */
  #left: number | undefined;
  #cursor = 0;
  #checked = 0;
  #damaged = 0;

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  get task(): Task {
    const { days } = this.#options;
    return {
      name: 'scrub',
      everyMs: everyMsOf(days),
      isNoted: true,
      decidesByAge: false,
      step: () => this.#step(),
    };
  }

  async #step(): Promise<Step> {
    this.#left ??= this.#begin();
    const contents = this.#options.desk.contentsAfter(this.#cursor, Math.min(stepContents, this.#left));
    let bytes = 0;
    for (const content of contents) {
      await this.#check(content);
      this.#cursor = content.blobId;
      this.#left -= 1;
      this.#checked += 1;
      bytes += content.size;
      if (bytes >= stepBytes) return { more: true, rows: 0 };
    }
    const isRoundOver = contents.length === 0 && this.#cursor > 0;
    if (isRoundOver) this.#cursor = 0;
    if (this.#left > 0 && (isRoundOver || contents.length > 0)) return { more: true, rows: 0 };
    return this.#end();
  }

  #begin(): number {
    const { desk, clock, days } = this.#options;
    const noted = desk.task('scrub');
    this.#cursor = Number(noted?.cursor ?? 0);
    this.#checked = 0;
    this.#damaged = 0;
    const passedMs = noted?.finishedAtMs ? clock.nowMs() - noted.finishedAtMs : everyMsOf(days);
    return shareOf(desk.contentCount(), Math.max(passedMs, everyMsOf(days)), days);
  }

  #end(): Step {
    this.#left = undefined;
    const result = { checked: this.#checked, damaged: this.#damaged };
    return { more: false, rows: 0, cursor: String(this.#cursor), result };
  }

  async #check(content: ScrubContent): Promise<void> {
    const { desk, pause } = this.#options;
    if ((await desk.findDamage(content, pause)) === undefined) return;
    // Read once more, with its row as it is now: it may have been swept, and one bad read is no damage.
    if (!desk.isCurrent(content)) return;
    const reason = await desk.findDamage(content, pause);
    if (reason !== undefined) await this.#report(content, reason);
  }

  async #report(content: ScrubContent, reason: string): Promise<void> {
    const { desk, slices, clock, emit, heal, probe } = this.#options;
    const { blobId, digest, size, name } = content;
    const { rows } = await slices.run({ kind: 'damaged', blobId, digest, reason, name });
    if (rows === 0) return; // swept or stored anew meanwhile
    this.#damaged += 1;
    slices.forget([digest]);
    probe?.('damage.marked');
    if (name !== null) await desk.moveToQuarantine(name, clock.nowMs());
    probe?.('damage.moved');
    emit('blob.damaged', { digest, size, location: name === null ? 'inline' : 'file', reason });
    const from = await heal(content);
    if (from !== undefined) emit('blob.healed', { digest, from });
  }
}
