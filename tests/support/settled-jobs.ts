// A queue as the writer leaves it: one operation applied, its receipt the return value, and one refused with its reason.

import { makeJobId, makeOperationId, queueName, type Receipt, redisPrefix } from '@filefleet/protocol';
import { Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';

export interface SettledJobs {
  readonly appliedJobId: string;
  readonly refusedJobId: string;
  readonly digest: string;
  readonly refusal: string;
}

/** Enqueues two operations and settles them with a worker that stands in for the writer. */
export async function settleTwoJobs(url: string): Promise<SettledJobs> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const prefix = redisPrefix(0);
  const queue = new Queue(queueName, { connection, prefix });
  const digest = 'ab'.repeat(32);
  const refusal = 'FILE_NOT_FOUND: No file with this id is in this session.';
  const applied = await add(queue, 'file-store', 'vm5', { filename: 'screenshot.png', digest, size: 3 });
  const refused = await add(queue, 'file-delete', 'vm2', { fileId: makeOperationId() });
  const settled = Promise.withResolvers<void>();
  let left = 2;
  const worker = new Worker(
    queueName,
    async (job): Promise<Receipt> => {
      if (job.id === refused.jobId) throw refuse(refusal);
      return {
        operationId: applied.operationId,
        outcome: 'applied',
        fileId: applied.operationId,
        digest,
        size: 3,
        deduplicated: false,
        commitSequence: 1,
        committedAt: new Date().toISOString(),
      };
    },
    { connection, prefix },
  );
  worker.on('error', settled.reject);
  for (const event of ['completed', 'failed'] as const) {
    worker.on(event, () => {
      left -= 1;
      if (left === 0) settled.resolve();
    });
  }
  try {
    await settled.promise;
  } finally {
    await worker.close();
    await queue.close();
    connection.disconnect();
  }
  return { appliedJobId: applied.jobId, refusedJobId: refused.jobId, digest, refusal };
}

/** As the writer refuses: no stack trace goes to Redis. */
function refuse(reason: string): UnrecoverableError {
  const error = new UnrecoverableError(reason);
  error.stack = reason;
  return error;
}

async function add(queue: Queue, name: string, vm: string, fields: object) {
  const operationId = makeOperationId();
  const jobId = makeJobId(vm, operationId);
  await queue.add(name, { v: 1, operationId, vm, sessionId: 'session-1', ...fields }, { jobId, attempts: 1 });
  return { operationId, jobId };
}
