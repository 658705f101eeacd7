// The receipt of an operation that another process sent. Its intent is not known here, so it cannot be asked
// for again; what the queue still holds of its jobs is all there is to go by.

import {
  type AppliedReceipt,
  isSettled,
  makeJobId,
  type RefusedCode,
  refusedCodes,
} from '@filefleet/protocol';
import { type Clock, pause } from './clock.ts';
import { ClientError } from './errors.ts';
import type { Jobs, Sighting } from './jobs.ts';
import { type RedisLink, retryAfterMs } from './redis-link.ts';

/**
 * Waits until the latest job of the operation is settled.
 * @throws ClientError REFUSED (without `receipt`: the failed job holds only the code), UNKNOWN_OPERATION, or the
 * signal's reason when it is aborted.
 */
export async function foreignReceipt(
  place: { link: RedisLink; jobs: Jobs; vm: string; clock: Clock },
  operationId: string,
  signal: AbortSignal,
): Promise<AppliedReceipt> {
  for (let looks = 0; ; looks++) {
    const sightings = await lookAtAll(place, operationId, signal);
    if (sightings.length === 0) throw unknown(operationId);
    for (const sighting of sightings) {
      if (sighting.state === 'failed') throw refused(operationId, sighting.reason);
      const answer = sighting.state === 'completed' ? sighting.answer : undefined;
      if (answer?.operationId === operationId && isSettled(answer) && answer.outcome === 'applied')
        return answer;
    }
    await pause(place.clock, retryAfterMs(looks), signal);
  }
}

async function lookAtAll(
  place: { link: RedisLink; jobs: Jobs; vm: string },
  operationId: string,
  signal: AbortSignal,
): Promise<Sighting[]> {
  const sightings: Sighting[] = [];
  for (let repeat = 0; ; repeat++) {
    const jobId = makeJobId(place.vm, operationId, repeat);
    const sighting = await place.link.persist(signal, () => place.jobs.look(jobId));
    if (sighting.state === 'absent') return sightings;
    sightings.push(sighting);
  }
}

/** The writer fails a refused job with `CODE: message` as reason. */
function refused(operationId: string, reason: string): ClientError {
  const code = reason.split(':', 1)[0] ?? '';
  const refusal: RefusedCode = Object.hasOwn(refusedCodes, code) ? (code as RefusedCode) : 'EXECUTION_FAILED';
  return new ClientError('REFUSED', `expected the operation to be applied, got a refusal: ${reason}`, {
    operationId,
    refusal,
  });
}

function unknown(operationId: string): ClientError {
  return new ClientError(
    'UNKNOWN_OPERATION',
    'expected the operation to be known to this client or to have a job in Redis, got neither; if you still have its content, call again with the same operationId: it takes effect once',
    { operationId },
  );
}
