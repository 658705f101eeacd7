// Has a writer's session do its maintenance, slice after slice, as the writer's timer would.

import type { RetentionPolicy, Slice, SliceEvent, SliceRequest, WriterSession } from '@filefleet/store';

export const dayMs = 24 * 3_600_000;

/** The policy of a new store. */
export const thirtyDays: RetentionPolicy = {
  softAfterMs: 30 * dayMs,
  purgeAfterMs: 30 * dayMs,
  idleAfterMs: null,
  spaceBytes: null,
};

/** Slices until one says that there is no more; a thousand are taken for a loop that does not end. */
export function drain(session: WriterSession, request: SliceRequest): Slice[] {
  const slices: Slice[] = [];
  do slices.push(session.maintain(request));
  while (slices.at(-1)?.more && slices.length < 1_000);
  if (slices.at(-1)?.more) throw new Error(`expected ${request.kind} to end, got 1,000 slices`);
  return slices;
}

export const eventsOf = (slices: readonly Slice[]): SliceEvent[] => slices.flatMap(({ events }) => events);

export const sweptOf = (slices: readonly Slice[]) => slices.flatMap(({ swept }) => swept);
