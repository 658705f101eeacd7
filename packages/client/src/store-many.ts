// Many files by one call: taken from their source no faster than they are settled, so that a million of them never are in
// memory at once. They share round trips as concurrent calls do: the connection merges what is sent in one turn.

import type { AppliedReceipt } from '@filefleet/protocol';
import type { ClientError } from './errors.ts';
import { Gate } from './gate.ts';
import type { StoreRequest } from './requests.ts';

/** Files under way at once: four of the writer's groups, so that it never waits for this producer. */
const filesUnderWay = 1_024;
/** Bytes of their contents, as far as they are in memory. */
const bytesUnderWay = 64 * 1024 * 1024;

/** How one file of many ended, as `Promise.allSettled` says it; the reason is a ClientError. */
export type StoreResult = PromiseSettledResult<AppliedReceipt>;

/** What is pulled is stored, so nothing ends the wait for a free place but a settled file. */
const never = new AbortController().signal;

/**
 * Calls `store` for every request, in their order.
 * @param store of a client.
 * @returns one result per request, at its place.
 * @throws what `requests` throws, after everything that it gave before has ended.
 */
export async function storeMany(
  store: (request: StoreRequest) => Promise<AppliedReceipt>,
  requests: Iterable<StoreRequest> | AsyncIterable<StoreRequest>,
): Promise<StoreResult[]> {
  const results: StoreResult[] = [];
  const files = new Gate(filesUnderWay);
  const bytes = new Gate(bytesUnderWay);
  let isClosed = false;
  let pulled = 0;

  const storeOne = async (index: number, request: StoreRequest, held: number) => {
    try {
      results[index] = { status: 'fulfilled', value: await store(request) };
    } catch (reason) {
      results[index] = { status: 'rejected', reason };
      isClosed ||= (reason as ClientError | undefined)?.code === 'CLIENT_CLOSED';
    } finally {
      files.leave(1);
      bytes.leave(held);
    }
  };

  try {
    for await (const request of requests) {
      const held = heldBytes(request?.content);
      await files.enter(1, never);
      await bytes.enter(held, never);
      void storeOne(pulled++, request, held);
      if (isClosed) break;
    }
  } finally {
    await files.enter(filesUnderWay, never); // all have left
  }
  return results;
}

/** Files and streams are read as they are sent: they hold next to nothing. */
function heldBytes(content: unknown): number {
  if (typeof content === 'string') return content.length; // twice that at most, and most text is ASCII
  return ArrayBuffer.isView(content) ? content.byteLength : 0;
}
