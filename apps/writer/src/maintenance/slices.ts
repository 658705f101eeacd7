// One slice of the store's maintenance, with what follows its COMMIT: markers of gone contents are taken back, files are
// unlinked, people hear of it. In this order, and before any group that was committed later is answered. While a backup is
// made, files stay: its copy of the database may name them.

import type { RedisKeys } from '@filefleet/protocol';
import type { Slice, SliceRequest, SweptBlob } from '@filefleet/store';
import type { Emit } from '../events.ts';
import { type Fence, FencedError } from '../fence.ts';
import { forgetKnown } from '../known-digests.ts';
import type { Step } from './task.ts';

/** Digests whose markers wait for Redis; those that are too many cost their producers a resend, no more. */
const forgettableDigests = 10_000;
/** Files that wait for the end of a backup; those that are too many are left to the daily walk. */
const keptFiles = 10_000;
/** Of them, in one step. */
const unlinkedAtOnce = 200;

export interface SlicesOptions {
  readonly line: { maintain(request: SliceRequest): Promise<Slice> };
  readonly desk: { removeSwept(swept: readonly SweptBlob[]): Promise<number> };
  readonly fence: Pick<Fence, 'run'>;
  readonly isRedisReady: () => boolean;
  readonly keys: RedisKeys;
  readonly emit: Emit;
  readonly probe: ((step: string) => void) | undefined;
  readonly isBackupUnderWay: () => boolean;
  readonly onFenced: (error: FencedError) => void;
}

export class Slices {
  readonly #options: SlicesOptions;
  #unforgotten: string[] = [];
  /** Their rows are gone, their files are there. Only in memory: what a kill leaves is found as orphans. */
  #kept: readonly SweptBlob[] = [];

  constructor(options: SlicesOptions) {
    this.#options = options;
  }

  /** Does a slice and what follows from it. @throws StoreError as WriterSession.maintain says */
  async run(request: SliceRequest): Promise<Slice> {
    const { line, emit, probe, isBackupUnderWay } = this.#options;
    const slice = await line.maintain(request);
    for (const { event, ...facts } of slice.events) emit(event, facts as never);
    if (slice.swept.length === 0) return slice;
    this.forget(slice.swept.map(({ digest }) => digest));
    probe?.('sweep.committed');
    if (isBackupUnderWay()) this.#kept = [...this.#kept, ...slice.swept].slice(0, keptFiles);
    else await this.#unlink(slice.swept, request.kind === 'orphans');
    return slice;
  }

  /** Unlinks some of the files that stayed because of a backup; none while another one is under way, whose end is told as well. */
  async unlinkKept(): Promise<Step> {
    if (this.#options.isBackupUnderWay()) return { more: false, rows: 0 };
    const swept = this.#kept.slice(0, unlinkedAtOnce);
    if (swept.length > 0) await this.#unlink(swept);
    this.#kept = this.#kept.slice(swept.length);
    return { more: this.#kept.length > 0, rows: swept.length };
  }

  async #unlink(swept: readonly SweptBlob[], areOrphans = false): Promise<void> {
    const { desk, emit, probe } = this.#options;
    const files = await desk.removeSwept(swept);
    probe?.('sweep.unlinked');
    const bytes = swept.reduce((sum, { size }) => sum + size, 0);
    if (areOrphans) emit('orphans.removed', { files });
    else emit('contents.swept', { contents: swept.length, files, bytes });
  }

  /** Takes back what producers were told to be held. Not awaited: Redis may be away, and then markers wait. */
  forget(digests: readonly string[]): void {
    const { fence, keys, isRedisReady, onFenced } = this.#options;
    const all = [...this.#unforgotten, ...digests];
    this.#unforgotten = [];
    if (all.length === 0) return;
    const keep = () => {
      this.#unforgotten = [...this.#unforgotten, ...all].slice(-forgettableDigests);
    };
    if (!isRedisReady()) {
      keep();
      return;
    }
    fence.run(forgetKnown(keys, all)).then(
      (errors) => errors.length > 0 && keep(),
      (error: unknown) => (error instanceof FencedError ? onFenced(error) : keep()),
    );
  }
}
