// Before a plan is applied: is everything that it selected still as it was? One difference, and nothing goes.

import { one } from '../../statements.ts';
import type { SliceMoment } from '../moment.ts';
import { policyInForce } from '../policy.ts';
import { findSessionRow } from '../session-files.ts';
import { chooseFiles, graceOf } from './choice.ts';
import type { Plan } from './plan.ts';
import { countReferences, isFirstOfContent, rowsAfter, type SelectedRow } from './selected-rows.ts';

/** @returns 'changed' at the first difference, 'open' when the slice is over before the rows are. */
export function check(moment: SliceMoment, plan: Plan): 'same' | 'changed' | 'open' {
  const { db, budget } = moment;
  const sessions = new ChosenSessions(moment, plan);
  let ordinal = plan.cursor === null ? -1 : Number(plan.cursor);
  for (;;) {
    const rows = rowsAfter(db, plan.planId, ordinal, budget.left);
    if (rows.length === 0) return 'same';
    for (const row of rows) {
      if (!budget.take()) return 'open';
      if (!isUnchanged(moment, plan, row) || !sessions.has(row)) return 'changed';
      ordinal = row.ordinal;
      plan.cursor = String(ordinal);
    }
  }
}

function isUnchanged(moment: SliceMoment, plan: Plan, row: SelectedRow): boolean {
  if (!isThere(moment, plan, row)) return false;
  if (!isFirstOfContent(moment.db, plan.planId, row)) return true;
  return countReferences(moment.db, row.digest) === row.referenceCount;
}

/** Whether the row that was selected is there in the version that it had, a content without files for its grace time. */
export function isThere({ db, nowMs, graceMs }: SliceMoment, { request }: Plan, row: SelectedRow): boolean {
  const { fileId, sessionId, rowVersion, digest } = row;
  if (fileId === null) {
    const sql = 'SELECT 1 FROM unreferenced_blobs WHERE blob_id = ? AND digest = ? AND since_ms <= ?';
    return one(db, sql, rowVersion, digest, nowMs - graceOf(request, graceMs)) !== undefined;
  }
  const sql = 'SELECT 1 FROM conversation_files WHERE file_id = ? AND session_id = ? AND row_version = ?';
  return one(db, sql, fileId, sessionId, rowVersion) !== undefined;
}

/** Whether the plan would still take anything of a row's session; asked once per session and slice. */
export class ChosenSessions {
  readonly #moment: SliceMoment;
  readonly #plan: Plan;
  readonly #known = new Map<string, boolean>();

  constructor(moment: SliceMoment, plan: Plan) {
    this.#moment = moment;
    this.#plan = plan;
  }

  has({ sessionId }: SelectedRow): boolean {
    if (sessionId === null) return true;
    const known = this.#known.get(sessionId) ?? this.#ask(sessionId);
    this.#known.set(sessionId, known);
    return known;
  }

  #ask(sessionId: string): boolean {
    const { db, nowMs } = this.#moment;
    const { request } = this.#plan;
    const session = findSessionRow(db, sessionId);
    // Only its files know it: then it is no session that retention could take, or that could be held.
    if (!session) return request.kind !== 'retention';
    // A space limit selects by what the whole store holds, which may go on changing; a hold still counts.
    if (request.kind === 'retention' && typeof request.spaceBytes === 'number') return !session.hold;
    return chooseFiles(request, session, { policy: policyInForce(db), nowMs }).files !== 'none';
  }
}
