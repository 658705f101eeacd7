// Example: the NPU worker hands over a batch of results. Every result has had its operation id since it was made, so a
// worker that is killed and started again hands the same batch over and each result is stored once.

import { type AppliedReceipt, type Client, ClientError, type StoreRequest } from '@filefleet/client';

export interface NpuResult {
  /** A UUIDv7, made with the result and kept with it: the key under which it is stored once. */
  readonly operationId: string;
  readonly name: string;
  readonly model: string;
  readonly processingMs: number;
  readonly output: unknown;
}

export interface BatchReport {
  readonly stored: AppliedReceipt[];
  /** What the writer refused, and why; asking again would change nothing. */
  readonly refused: ClientError[];
}

/**
 * Stores a batch. The client takes one result after the other and has as many under way as are good for it.
 * @throws ClientError when it could not be known what became of a result; hand the batch over again later.
 */
export async function handOver(
  files: Client,
  sessionId: string,
  results: Iterable<NpuResult> | AsyncIterable<NpuResult>,
): Promise<BatchReport> {
  const outcomes = await files.storeMany(requests(sessionId, results));
  const report: BatchReport = { stored: [], refused: [] };
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') report.stored.push(outcome.value);
    else if (isRefusal(outcome.reason)) report.refused.push(outcome.reason);
    else throw outcome.reason;
  }
  return report;
}

/** Made one by one, so that a batch of a million is never in memory at once. */
async function* requests(
  sessionId: string,
  results: Iterable<NpuResult> | AsyncIterable<NpuResult>,
): AsyncGenerator<StoreRequest> {
  for await (const { operationId, name, model, processingMs, output } of results) {
    yield {
      operationId,
      sessionId,
      filename: `${name}.json`,
      content: JSON.stringify(output),
      mimeType: 'application/json',
      associationType: 'generated',
      metadata: { model, processing_time_ms: String(processingMs) },
    };
  }
}

const isRefusal = (error: unknown): error is ClientError =>
  error instanceof ClientError && error.code === 'REFUSED';
