// Whether the writer says that it holds some content already. It is only believed: the answer CONTENT_MISSING says that it was wrong.

import { limits } from '@filefleet/protocol';
import type { Source } from './source.ts';
import type { StagingPlace } from './staged.ts';
import { hashSource, measured } from './staging-source.ts';

/**
 * Asks for content that is large enough to be worth it. It is read once, to its end.
 * @returns digest and size when the writer seems to hold it. @throws as `hashSource` does.
 */
export async function knownContent(
  { link, keys, clock }: StagingPlace,
  source: Source,
  operationId: string,
  signal: AbortSignal,
): Promise<{ digest: string; size: number } | undefined> {
  const expected = await measured(source, operationId);
  if (expected === undefined || expected <= limits.knownBytesFrom) return undefined;
  const content = await hashSource(source, operationId, signal);
  const untilMs = await link.persist(signal, (redis) => redis.zscore(keys.known, content.digest));
  return untilMs !== null && Number(untilMs) > clock.nowMs() ? content : undefined;
}
