// What an operation needs before its job can be added, for the first time or again: its bytes in Redis, a job id
// that nobody else has taken, and the payload.

import { makeJobId, protocolVersion } from '@filefleet/protocol';
import type { Entry } from './entry.ts';
import { ClientError } from './errors.ts';
import type { Jobs } from './jobs.ts';
import type { RedisLink } from './redis-link.ts';
import type { Staging } from './staging.ts';
import { isTurnFree, passTurn, turnOf } from './turns.ts';

export interface PreparationPlace {
  readonly vm: string;
  readonly link: RedisLink;
  readonly jobs: Jobs;
  readonly staging: Staging;
}

/** Counts it, once. @throws ClientError QUOTA */
export function announce(entry: Entry, { staging }: PreparationPlace): void {
  const { operationId, slot } = entry.facts;
  entry.place = staging.queueGate.announce(operationId, slot !== undefined);
}

/** Whether it may go to Redis at once: no turn and no place in the queue to be waited for. */
export function isAdmittedAtOnce({ facts, place }: Entry, { staging }: PreparationPlace): boolean {
  return !facts.before && isTurnFree(facts.lane) && place !== undefined && staging.queueGate.tryEnter(place);
}

/** Waits until anything of it may go to Redis. @throws ClientError as `before` does, and QUOTA. */
export async function admit(entry: Entry, { staging }: PreparationPlace): Promise<void> {
  const turn = turnOf(entry);
  await entry.facts.before?.();
  await turn;
  if (entry.place) await staging.queueGate.enter(entry.place);
}

/**
 * Whether it can be sent in this very moment, once admitted: for the first time, with nothing to be waited for, and what content
 * it has travels with its job. Then it has to be.
 */
export function canGoNow(entry: Entry, { link }: PreparationPlace): boolean {
  const { idGiven, lane, stage } = entry.facts;
  if (entry.hasEnded || entry.handed || idGiven || !link.isReady || !lane.isNext(entry.sequence))
    return false;
  if (stage && (stage.staged || !stage.carry())) return false;
  passTurn(entry);
  return true;
}

/**
 * Waits as long as it takes; failures of Redis are waited out.
 * @throws ClientError when the operation can never be sent, or the reason with which the entry ended meanwhile.
 */
export async function prepare(entry: Entry, place: PreparationPlace): Promise<void> {
  // Room is asked for in the order of calls; who needs none, or believes so, holds nobody up for it.
  await stageContent(entry);
  if (entry.facts.stage?.staged?.from !== 'known') passTurn(entry);
  if (entry.facts.idGiven) await skipForeignJobs(entry, place);
}

/** The data of the job. @param previous as the lane says at this moment. */
export function payloadOf(entry: Entry, producer: string, previous: number): Record<string, unknown> {
  const { payload, ordered, stage } = entry.facts;
  const order = ordered ? { sequence: entry.sequence, previous } : {};
  const envelope = { v: protocolVersion, ...payload, producer, ...order };
  const staged = stage?.staged;
  if (stage === undefined || staged === undefined) return envelope;
  const { digest, size, chunks } = staged;
  if (staged.from === 'known') return { ...envelope, digest, size, content: { from: 'known' } };
  const expiry = chunks > 0 ? { expiresAtMs: stage.expiresAtMs } : {};
  return { ...envelope, digest, size, content: { from: 'staged', chunks, ...expiry } };
}

/** @returns `error` itself when it is one of ours. */
export function asClientError(entry: Entry, error: unknown): ClientError {
  if (error instanceof ClientError) return error;
  return new ClientError(
    'SOURCE_FAILED',
    'expected the operation to be prepared for sending, got an unexpected failure; see its cause',
    { operationId: entry.facts.operationId },
    { cause: error },
  );
}

/** Sees to it that the bytes are in Redis, as far as they can be read, unless the writer is believed to hold them. */
async function stageContent(entry: Entry): Promise<void> {
  const { stage } = entry.facts;
  if (stage === undefined) return;
  const { signal } = entry;
  const issued = () => passTurn(entry);
  const before = stage.staged;
  if (before === undefined) {
    if (!(await stage.learn(signal))) await stage.upload(signal, issued);
    return;
  }
  const isThere = !entry.restage && (await stage.keep(signal));
  entry.restage = false;
  if (isThere) return;
  if (!stage.rereadable) {
    askOnce(entry);
    return;
  }
  await stage.upload(signal, issued);
  if (entry.handed && stage.staged?.digest !== before.digest) {
    throw new ClientError(
      'SOURCE_FAILED',
      'expected the content to be the same when it was read again, got other bytes; do not change it before the receipt, and store the new bytes as a file of their own',
      { operationId: entry.facts.operationId },
    );
  }
}

/**
 * The stream is consumed and its bytes are gone. Perhaps they arrived, and only the receipt was lost: the job is
 * added without them once, and the ledger knows.
 */
function askOnce(entry: Entry): void {
  if (entry.handed && entry.lastQuestions++ === 0) return;
  throw new ClientError(
    'GIVEN_UP',
    'expected Redis to keep the staged bytes until the writer took them, got a Redis that lost them, and their stream cannot be read twice; store them again',
    { operationId: entry.facts.operationId },
  );
}

/** An id of the caller's choice may be in Redis already; an add under it would be swallowed without a word. */
async function skipForeignJobs(entry: Entry, { vm, link, jobs }: PreparationPlace): Promise<void> {
  for (;;) {
    const jobId = makeJobId(vm, entry.facts.operationId, entry.repeat + 1);
    const sighting = await link.persist(entry.signal, () => jobs.look(jobId));
    if (sighting.state === 'absent') return;
    entry.repeat++;
  }
}
