// Every event of the writer, with its fields. The one subscriber that writes lines is log.ts.

import type { SliceEvent } from '@filefleet/store';

/** What slices of maintenance tell: the store says what there is to say. */
type SliceEvents = {
  [K in SliceEvent['event']]: Omit<Extract<SliceEvent, { event: K }>, 'event'>;
};

/** The operation that an event is about. */
interface OperationFacts {
  operationId: string;
  name: string;
  vm: string;
}

export interface WriterEvents extends SliceEvents {
  'writer.starting': { pid: number; dataDir: string };
  /** Test switches are on: this writer does not keep its promises. */
  'writer.unsafe': { without: readonly string[] };
  'writer.opened': { epoch: number; schemaVersion: string; storeId: string; healed: readonly string[] };
  'writer.waiting': { for: string; reason: string };
  'writer.suspects': { jobs: number };
  'writer.ready': { epoch: number; schemaVersion: string; reclaimed: number };
  'writer.stopping': { reason: string };
  /** `abandoned`: operations under way that are left to the successor. */
  'writer.stopped': { clean: boolean; abandoned: number };
  'writer.failed': { code: string; message: string; exitCode: number };
  'metrics.ready': { url: string };
  'metrics.failed': { message: string };
  'group.committed': { operations: number; commitSequence: number; durationMs: number };
  'group.waiting': { code: string; message: string; attempt: number; retryInMs: number };
  'content.kept': { operationId: string; bytes: number };
  'content.waiting': {
    operationId: string;
    code: string;
    message: string;
    attempt: number;
    retryInMs: number;
  };
  /** Bytes of a refused store that could not be kept for a retry. */
  'refused.unkept': { operationId: string; reason: string };
  /** A file in the folder `incoming` that cannot be removed. */
  'incoming.stuck': { name: string; code: string };
  /** `tookMs`: from enqueueing to the commit, as far as the producer's clock can be believed. `bytes`: of the file, if it stored one. */
  'operation.settled': OperationFacts & {
    outcome: 'applied';
    repeated: boolean;
    tookMs: number;
    bytes?: number;
  };
  'operation.refused': OperationFacts & { code: string; message: string; repeated: boolean; tookMs: number };
  'operation.resent': OperationFacts & { code: string };
  /** Jobs that a writer with a lower epoch had fetched, taken back from it. */
  'jobs.strayed': { jobs: number };
  'job.redelivered': { jobId: string; starts: number };
  'job.clamped': { jobId: string; options: readonly string[] };
  'job.quarantined': { jobId: string; name: string; code: string; reason: string };
  'disk.pressure': { pressure: 'none' | 'disk'; freeBytes?: number; totalBytes?: number };
  'disk.ballast': { state: 'taken' | 'released'; bytes: number };
  'disk.unmeasured': { message: string };
  'disk.ballast.stuck': { message: string };
  'redis.error': { connection: string; message: string };
  'receipts.unpublished': { count: number; message: string };
  'state.unpublished': { message: string };
  /** Redis has the limits and the functions through which producers stage. */
  'staging.prepared': { limitBytes: number };
  'staging.unprepared': { message: string };
  /** Reservations that nobody renewed and no job used; their chunks are gone. */
  'staging.orphaned': { operations: number; bytes: number };
  /** Left for later, because of something that passes. */
  'maintenance.postponed': { task: string; code: string; message: string };
  'maintenance.step': { task: string; rows: number; tookMs: number };
  'maintenance.done': { task: string; rows: number; steps: number };
  'maintenance.pruned': { receipts: number; refusals: number };
  /** From now on nothing goes because of its age. `byMs`: how far the clock seems to be ahead. */
  'clock.doubted': { because: string; byMs: number; wallMs: number };
  'clock.trusted': { because: 'agrees' | 'accepted' };
  /** `files`: of those that were no part of the database. */
  'contents.swept': { contents: number; files: number; bytes: number };
  'orphans.removed': { files: number };
  'blob.damaged': { digest: string; size: number; location: 'inline' | 'file'; reason: string };
  'blob.healed': { digest: string; from: string };
  /** The head of the audit's chain: whoever has this line can tell whether what came before it was changed. */
  'audit.anchor': { auditId: number; hash: string };
  'backup.made': {
    name: string;
    commitSequence: number;
    missing: number;
    blobs: number;
    bytes: number;
    tookMs: number;
  };
  'backup.failed': { code: string; message: string };
}

export type EventName = keyof WriterEvents;
export type Emit = <K extends EventName>(event: K, facts: WriterEvents[K]) => void;

/** One event with its fields, as a union over all names. */
export type WriterEvent = {
  [K in EventName]: { readonly event: K; readonly facts: WriterEvents[K] };
}[EventName];
export type Subscriber = (event: WriterEvent) => void;

/** One emitter for many subscribers; a subscriber is called at once, in the order of subscription. */
export function createEvents(): { emit: Emit; subscribe(subscriber: Subscriber): void } {
  const subscribers: Subscriber[] = [];
  return {
    emit: (event, facts) => {
      for (const subscriber of subscribers) subscriber({ event, facts } as WriterEvent);
    },
    subscribe: (subscriber) => {
      subscribers.push(subscriber);
    },
  };
}
