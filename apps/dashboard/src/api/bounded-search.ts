// A search over HTTP: slice by slice, so that others get their turn, until there are enough, or time or rows are used up.

import { setImmediate as letOthersGo } from 'node:timers/promises';
import type { FileFacts, SearchSlice } from '@filefleet/store';
import type { ApiLimits } from './register.ts';
import type { Turns } from './turns.ts';

export interface SearchPlaces {
  readonly searches: Turns;
  readonly limits: Pick<ApiLimits, 'searchMs' | 'searchRows'>;
}

export interface Place {
  readonly limit: number;
  readonly cursor?: string;
}

/**
 * @param slice looks at a bounded number of files from a place on.
 * @throws ApiError BUSY, and what `slice` throws.
 */
export async function boundedSearch(
  { searches, limits }: SearchPlaces,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  slice: (place: Place) => SearchSlice,
): Promise<SearchSlice> {
  const done = await searches.take();
  try {
    const endAtMs = performance.now() + limits.searchMs;
    const matches: FileFacts[] = [];
    let scanned = 0;
    let place: { cursor?: string } = cursor === undefined ? {} : { cursor };
    for (;;) {
      const found = slice({ ...place, limit: limit - matches.length });
      matches.push(...found.matches);
      scanned += found.scanned;
      if (found.nextCursor === undefined) return { matches, scanned };
      place = { cursor: found.nextCursor };
      const enough = matches.length >= limit || scanned >= limits.searchRows;
      if (enough || performance.now() >= endAtMs) return { matches, scanned, nextCursor: found.nextCursor };
      await letOthersGo();
    }
  } finally {
    done();
  }
}
