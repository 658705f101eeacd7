// Ids: operation ids (UUIDv7, so that they sort by time), producers, VM names, job ids.

import { v7, validate, version } from 'uuid';
import { ProtocolError } from './errors.ts';

/** VM5 in prose, `vm5` as a name. Redis ACLs pin a VM to keys that carry it, so no separators. */
export const vmNamePattern = /^[a-z][a-z0-9]{0,31}$/;

/**
 * Makes an operation id.
 * @param nowMs wall clock in milliseconds since 1970; the id carries it in its first 48 bits.
 * @returns a UUIDv7, lower case.
 */
export function makeOperationId(nowMs: number = Date.now()): string {
  return v7({ msecs: nowMs });
}

export function isOperationId(value: unknown): value is string {
  return (
    typeof value === 'string' && validate(value) && version(value) === 7 && value === value.toLowerCase()
  );
}

/** The time that a UUIDv7 carries, in milliseconds since 1970. */
export function operationIdTimeMs(operationId: string): number {
  return Number.parseInt(operationId.slice(0, 8) + operationId.slice(9, 13), 16);
}

/**
 * The BullMQ job id of an operation. A job id that is still in Redis swallows a repeated add, so a producer
 * that asks again numbers its repeats.
 * @param repeat 0 for the first add, 1, 2, ... for repeats.
 */
export function makeJobId(vm: string, operationId: string, repeat = 0): string {
  const id = `${vm}-${operationId}`;
  return repeat === 0 ? id : `${id}-${repeat}`;
}

const jobIdPattern = /^([a-z][a-z0-9]{0,31})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-(\d{1,9}))?$/;

/** Reads a job id back, or returns undefined when it is not one of ours. */
export function parseJobId(jobId: string): { vm: string; operationId: string; repeat: number } | undefined {
  const match = jobIdPattern.exec(jobId);
  if (!match?.[1] || !match[2] || !isOperationId(match[2])) return undefined;
  return { vm: match[1], operationId: match[2], repeat: Number(match[3] ?? 0) };
}

/** @throws ProtocolError PAYLOAD_INVALID */
export function assertVmName(vm: string): void {
  if (vmNamePattern.test(vm)) return;
  throw new ProtocolError(
    'PAYLOAD_INVALID',
    'vm',
    `expected the VM name to be a lower-case letter followed by up to 31 letters or digits (such as vm5), got ${JSON.stringify(vm)}; rename it`,
  );
}
