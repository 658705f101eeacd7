// One slice of maintenance: a short transaction of its own between two groups. What it does and where it stands are
// committed together, so that a kill between two slices loses nothing and does nothing twice.

import type { Database } from 'better-sqlite3';
import { StoreError } from '../errors.ts';
import { machineFault } from '../faults.ts';
import { assertEpoch } from '../group.ts';
import { fillSearch, searchSlice } from '../search/fill.ts';
import { one, run, statement } from '../statements.ts';
import type { Tenure } from '../tenure.ts';
import { pruneAudit } from './audit-prune.ts';
import { markDamaged } from './damaged.ts';
import { healDamaged } from './heal.ts';
import { Budget, graceOf, type SliceMoment } from './moment.ts';
import { findOrphans } from './orphans.ts';
import { workOnPlans } from './plans/plans.ts';
import { takeOverPolicy } from './policy.ts';
import { notePostponement } from './postpone.ts';
import { workOnRetention } from './retention.ts';
import type { Slice, SliceRequest } from './slice.ts';
import { sweep } from './sweep.ts';
import { noteTask } from './task.ts';

/**
 * Does one slice and commits it.
 * @throws StoreError EPOCH_SUPERSEDED when another writer has taken over; STORAGE_FULL, STORAGE_BUSY when nothing was
 *   done and the same may be asked again; STORAGE_FAULT when the disk cannot be trusted any more.
 */
export function maintainSlice(db: Database, tenure: Tenure, request: SliceRequest): Slice {
  try {
    statement(db, 'BEGIN IMMEDIATE').run();
    if (!tenure.without?.has('epoch')) assertEpoch(db, tenure.epoch);
    tenure.probe?.(`slice.begun:${request.kind}`);
    const before = totalChanges(db);
    const moment = openMoment(db, tenure, request);
    const more = work(moment, request);
    if (totalChanges(db) > before) raiseCommit(moment);
    tenure.probe?.(`slice.done:${request.kind}`);
    statement(db, 'COMMIT').run();
    tenure.probe?.(`slice.committed:${request.kind}`);
    return { more, rows: moment.budget.spent, swept: moment.swept, events: moment.events };
  } catch (error) {
    if (db.inTransaction) statement(db, 'ROLLBACK').run();
    throw machineFault(error) ?? error;
  }
}

/** @returns whether the same request would find more to do at once. */
function work(moment: SliceMoment, request: SliceRequest): boolean {
  switch (request.kind) {
    case 'policy':
      return takeOverPolicy(moment, request.policy);
    case 'plan':
      return workOnPlans(moment);
    case 'retention':
      return workOnRetention(moment);
    case 'postpone':
      return notePostponement(moment, request.sinceAuditId);
    case 'sweep':
      return sweep(moment, request.graceMs);
    case 'orphans':
      return findOrphans(moment, request.names);
    case 'damaged':
      return markDamaged(moment, request);
    case 'heal':
      return healDamaged(moment, request);
    case 'audit-prune':
      return pruneAudit(moment, request.beforeMs);
    case 'search':
      return fillSearch(moment);
    case 'task':
      return noteTask(moment, request.task, request.note);
  }
}

function openMoment(db: Database, tenure: Tenure, request: SliceRequest): SliceMoment {
  const sql = 'SELECT commit_sequence AS commitSequence FROM commit_state WHERE id = 1';
  const last = one<{ commitSequence: number }>(db, sql);
  if (!last) {
    const message = 'expected commit_state to have one row, got none; restore a backup';
    throw new StoreError('SCHEMA_DAMAGED', message);
  }
  return {
    db,
    nowMs: tenure.clock.nowMs(),
    commitSequence: last.commitSequence + 1,
    budget:
      request.kind === 'search'
        ? new Budget(tenure.monotonic, searchSlice.rows, searchSlice.ms)
        : new Budget(tenure.monotonic),
    swept: [],
    events: [],
    graceMs: graceOf(request),
    without: tenure.without,
  };
}

/** A slice that wrote nothing has no number: an idle store's number stands still. */
function raiseCommit({ db, commitSequence, nowMs }: SliceMoment): void {
  const sql = 'UPDATE commit_state SET commit_sequence = ?, committed_at_ms = ? WHERE id = 1';
  run(db, sql, commitSequence, nowMs);
}

const totalChanges = (db: Database): number =>
  one<{ changes: number }>(db, 'SELECT total_changes() AS changes')?.changes ?? 0;
