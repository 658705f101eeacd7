// Blob files that seemed to have no row, looked at again inside the writer's turn: only what no row names now may go.

import { isBlobName } from '../blobs.ts';
import { one } from '../statements.ts';
import type { SliceMoment } from './moment.ts';

/** @param names below `blobs/`, each older than a day; names that the store does not make are left alone. */
export function findOrphans(moment: SliceMoment, names: readonly string[]): boolean {
  for (const name of names) {
    moment.budget.take();
    if (!isBlobName(name) || one(moment.db, 'SELECT 1 FROM blobs WHERE name = ?', name)) continue;
    // How large it is, nobody needs to know: no row counted its bytes.
    moment.swept.push({ digest: name.slice(3, 67), size: 0, name });
  }
  return false;
}
