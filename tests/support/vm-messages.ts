// What a test and an agent process say to each other. Bytes and errors travel as they are (structured clone).

import type { Client, ClientErrorCode, ClientErrorFacts, ClientOptions } from '@filefleet/client';

/** The methods of a client that a test may call in an agent's process. */
export const remoteMethods = [
  'store',
  'enqueueStore',
  'receipt',
  'rename',
  'annotate',
  'link',
  'copy',
  'delete',
  'restore',
  'purge',
  'endSession',
  'cleanupSession',
  'initialize',
  'recordAccess',
  'writerState',
] as const satisfies readonly (keyof Client)[];

export type RemoteMethod = (typeof remoteMethods)[number];
/** A client in another process. Content must be bytes, text or a path: streams do not travel. */
export type RemoteClient = Pick<Client, RemoteMethod>;

export type AgentOptions = Pick<
  ClientOptions,
  'redis' | 'vm' | 'actor' | 'deadlineMs' | 'connectTimeoutMs'
> & {
  /** Where the writer keeps its data: the agent looks there at the moment of each receipt. Only for tests of promises. */
  readonly witness?: string;
};

export interface Call {
  readonly id: number;
  readonly method: RemoteMethod;
  readonly args: readonly unknown[];
}

export interface Failure {
  readonly code: ClientErrorCode | 'UNEXPECTED';
  readonly message: string;
  readonly facts: ClientErrorFacts;
}

export type FromAgent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly failure: Failure };
