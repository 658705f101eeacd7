// What became of one operation: what the store has settled, and the job that Redis still has. Each is looked for within a
// bounded time, and Redis may be away.

import { makeJobId } from '@filefleet/protocol';
import type { KeptBytes, OperationFacts, StoreReader } from '@filefleet/store';
import type { Queue } from 'bullmq';
import { dashboardVm } from '../actions/actions.ts';
import { within } from '../deadline.ts';

export interface JobFacts {
  readonly jobId: string;
  readonly name: string;
  readonly state: string;
  readonly addedAtMs: number;
  readonly payload: string;
}

export interface LookUp {
  readonly operationId: string;
  /** Undefined: never settled, or forgotten after 30 days. */
  readonly settled: OperationFacts | undefined;
  readonly bytes: KeptBytes;
  /** Undefined: Redis has none (any more); null: Redis did not say. */
  readonly job: JobFacts | null | undefined;
}

const patienceMs = 800;
/** VMs that a job of an unsettled operation is looked for under; its id begins with the name. */
const vmsAtMost = 50;

export async function lookUp(
  { reader, queue, isRedisReady }: { reader: StoreReader; queue: Queue; isRedisReady: boolean },
  operationId: string,
): Promise<LookUp> {
  const settled = reader.getOperation(operationId);
  const { deadLetter, quarantined } = settled ?? {};
  const ofJob = quarantined ? reader.refused.bytesOfJob(quarantined) : 'none';
  const bytes = deadLetter ? reader.refused.bytesOf(deadLetter) : ofJob;
  const known = settled?.vm ? [settled.vm] : reader.getStatistics().perVm.flatMap(({ vm }) => vm ?? []);
  const vms = [...new Set([dashboardVm, ...known])].slice(0, vmsAtMost);
  const asked = isRedisReady ? within(patienceMs, findJob(queue, operationId, vms)) : undefined;
  const found = await asked?.catch(() => undefined);
  return { operationId, settled, bytes, job: found === undefined ? null : (found.job ?? undefined) };
}

async function findJob(
  queue: Queue,
  operationId: string,
  vms: readonly string[],
): Promise<{ job: JobFacts | undefined }> {
  const jobs = await Promise.all(vms.map((vm) => queue.getJob(makeJobId(vm, operationId))));
  const job = jobs.find((each) => each !== undefined);
  if (!job) return { job: undefined };
  const state = await job.getState();
  const { id = '', name, timestamp: addedAtMs, data } = job;
  return { job: { jobId: id, name, state, addedAtMs, payload: JSON.stringify(data) } };
}
