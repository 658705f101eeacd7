// What the Files page shows: a bounded search, how far it looked, and what there is to choose from.

import type { ContentState, FileFacts, StoreStatistics } from '@filefleet/store';
import { boundedSearch, type SearchPlaces } from '../api/bounded-search.ts';
import { ApiError } from '../api/errors.ts';
import type { View } from '../api/view.ts';
import { type ListQuery, readListQuery } from './list-query.ts';

export interface ListedFile {
  readonly file: FileFacts;
  readonly content: ContentState['state'];
}

export interface ListFacts {
  readonly query: ListQuery;
  readonly files: readonly ListedFile[];
  /** Files that were looked at, on this page and those before it. */
  readonly looked: number;
  /** Files that there are, deleted ones among them. */
  readonly total: number;
  readonly nextCursor: string | undefined;
  readonly vms: readonly string[];
}

export const pageFiles = 50;

/** @throws ApiError BUSY; StoreError CURSOR_INVALID */
export async function readList(
  places: SearchPlaces,
  view: View,
  raw: Readonly<Record<string, unknown>>,
): Promise<ListFacts> {
  const query = readListQuery(raw, (id) => isSession(view, id));
  const { filter, content, cursor } = query;
  const found = await boundedSearch(places, { limit: pageFiles, cursor }, (place) =>
    content === undefined
      ? view.search({ ...filter, ...place })
      : view.searchUnsound({ ...filter, ...place, content }),
  );
  const statistics = view.fleet.getStatistics();
  return {
    query,
    files: found.matches.map((file) => ({ file, content: view.contentState(file.fileId).state })),
    looked: lookedBefore(raw, query) + found.scanned,
    total: statistics.files + statistics.deletedFiles,
    nextCursor: found.nextCursor,
    vms: vmsOf(statistics),
  };
}

function isSession(view: View, id: string): boolean {
  try {
    view.session(id);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

/** The address carries it from page to page; without a cursor it means nothing. */
function lookedBefore({ looked }: Readonly<Record<string, unknown>>, { cursor }: ListQuery): number {
  const before = Number(looked);
  return cursor !== undefined && Number.isSafeInteger(before) && before > 0 ? before : 0;
}

const vmsOf = ({ perVm }: StoreStatistics): string[] =>
  perVm.flatMap(({ vm }) => (vm === null ? [] : [vm])).sort();
