// One slice of the store's maintenance, with what follows its COMMIT: markers of gone contents are taken back, files are
// unlinked, people hear of it. In this order, and before any group that was committed later is answered.

import type { RedisKeys } from '@filefleet/protocol';
import type { Slice, SliceRequest, SweptBlob } from '@filefleet/store';
import type { Emit } from '../events.ts';
import { type Fence, FencedError } from '../fence.ts';
import { forgetKnown } from '../known-digests.ts';

/** Digests whose markers wait for Redis; those that are too many cost their producers a resend, no more. */
const forgettableDigests = 10_000;

export interface SlicesOptions {
  readonly line: { maintain(request: SliceRequest): Promise<Slice> };
  readonly desk: { removeSwept(swept: readonly SweptBlob[]): Promise<number> };
  readonly fence: Pick<Fence, 'run'>;
  readonly isRedisReady: () => boolean;
  readonly keys: RedisKeys;
  readonly emit: Emit;
  readonly probe: ((step: string) => void) | undefined;
  readonly onFenced: (error: FencedError) => void;
}

export class Slices {
  readonly #options: SlicesOptions;
  #unforgotten: string[] = [];

  constructor(options: SlicesOptions) {
    this.#options = options;
  }

  /** Does a slice and what follows from it. @throws StoreError as WriterSession.maintain says */
  async run(request: SliceRequest): Promise<Slice> {
    const { line, desk, emit, probe } = this.#options;
    const slice = await line.maintain(request);
    for (const { event, ...facts } of slice.events) emit(event, facts as never);
    if (slice.swept.length === 0) return slice;
    this.forget(slice.swept.map(({ digest }) => digest));
    probe?.('sweep.committed');
    const files = await desk.removeSwept(slice.swept);
    probe?.('sweep.unlinked');
    const bytes = slice.swept.reduce((sum, { size }) => sum + size, 0);
    const facts = { contents: slice.swept.length, files, bytes };
    if (request.kind === 'orphans') emit('orphans.removed', { files });
    else emit('contents.swept', facts);
    return slice;
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
