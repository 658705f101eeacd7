// Every event of the writer, with its fields. The one subscriber that writes lines is log.ts.

export interface WriterEvents {
  'writer.starting': { pid: number; dataDir: string };
  /** Test switches are on: this writer does not keep its promises. */
  'writer.unsafe': { without: readonly string[] };
  'writer.opened': { epoch: number; schemaVersion: string; healed: readonly string[] };
  'writer.waiting': { for: string; reason: string };
  'writer.ready': { epoch: number; schemaVersion: string; reclaimed: number };
  'writer.stopping': { reason: string };
  'writer.stopped': { clean: boolean; abandoned: number };
  'writer.failed': { code: string; message: string; exitCode: number };
  'group.committed': { operations: number; commitSequence: number; durationMs: number };
  'group.waiting': { code: string; message: string; attempt: number; retryInMs: number };
  'content.waiting': {
    operationId: string;
    code: string;
    message: string;
    attempt: number;
    retryInMs: number;
  };
  'operation.settled': {
    operationId: string;
    name: string;
    vm: string;
    outcome: 'applied';
    repeated: boolean;
  };
  'operation.refused': {
    operationId: string;
    name: string;
    vm: string;
    code: string;
    message: string;
    repeated: boolean;
  };
  'operation.resent': { operationId: string; name: string; vm: string; code: string };
  'job.quarantined': { jobId: string; name: string; code: string; reason: string };
  'redis.error': { connection: string; message: string };
  'receipts.unpublished': { count: number; message: string };
  'maintenance.pruned': { receipts: number; refusals: number };
}

export type EventName = keyof WriterEvents;
export type Emit = <K extends EventName>(event: K, facts: WriterEvents[K]) => void;
export type Subscriber = <K extends EventName>(event: K, facts: WriterEvents[K]) => void;

/** One emitter for many subscribers; a subscriber is called at once, in the order of subscription. */
export function createEvents(): { emit: Emit; subscribe(subscriber: Subscriber): void } {
  const subscribers: Subscriber[] = [];
  return {
    emit: (event, facts) => {
      for (const subscriber of subscribers) subscriber(event, facts);
    },
    subscribe: (subscriber) => {
      subscribers.push(subscriber);
    },
  };
}
