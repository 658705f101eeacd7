// What a job holds, as a page may show it: every text in it visible.

import { visibleText } from '@filefleet/protocol';

/** Deeper than any payload of ours; what lies deeper is somebody's attempt, and is left out. */
const maximumDepth = 16;

/** The same JSON value with every text and key in it visible. */
export function visible(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return visibleText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= maximumDepth) return '...';
  if (Array.isArray(value)) return value.map((one) => visible(one, depth + 1));
  const entries = Object.entries(value).map(
    ([key, one]) => [visibleText(key), visible(one, depth + 1)] as const,
  );
  return Object.fromEntries(entries);
}
