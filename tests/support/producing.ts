// Agents that store many files at once, and the check afterwards that each of them is there once, as its receipt says.

import type { AppliedReceipt } from '@filefleet/client';
import { makeOperationId } from '@filefleet/protocol';
import { expect } from 'vitest';
import { look, sha256, storedBytes } from './database.ts';
import { noise } from './files.ts';
import type { Vm } from './vm.ts';

/** A store that was called, and what became of it. */
export interface Produced {
  readonly vm: string;
  readonly operationId: string;
  readonly sessionId: string;
  readonly filename: string;
  readonly digest: string;
  readonly settled: Promise<AppliedReceipt>;
}

export interface Production {
  readonly files: number;
  readonly sessions: readonly string[];
  readonly deadlineMs?: number;
  /** Called at each receipt. */
  readonly onReceipt?: (receipt: AppliedReceipt) => void;
}

/** Every 40th file is too large for the database, the others are small; no two are equal. */
function contentOf(vm: string, n: number): Buffer {
  return noise(n % 40 === 39 ? 150_000 : 500 + n, `${vm} ${n}`);
}

/** Calls `store` for all files without waiting for any; sessions take turns. The order of the result is that of the calls. */
export function produce(vm: Vm, { files, sessions, deadlineMs = 50_000, onReceipt }: Production): Produced[] {
  return Array.from({ length: files }, (_, n) => {
    const sessionId = sessions[n % sessions.length] ?? 'session';
    const content = contentOf(vm.name, n);
    const operationId = makeOperationId();
    const filename = `${vm.name}-${n}.bin`;
    const settled = vm.client.store({ operationId, sessionId, filename, content, deadlineMs });
    settled.then(onReceipt, () => undefined); // the test awaits it as well
    return { vm: vm.name, operationId, sessionId, filename, digest: sha256(content), settled };
  });
}

interface FileRow {
  readonly operationId: string;
  readonly sessionId: string;
  readonly filename: string;
  readonly digest: string;
  readonly vm: string;
}

/**
 * Every file once, with its bytes; every receipt as the ledger has it; one audit entry each; per agent and session in
 * the order of the calls.
 */
export async function expectEachOnce(dataDir: string, produced: readonly Produced[]): Promise<void> {
  const receipts = await Promise.all(produced.map(({ settled }) => settled));
  const { files, ledger, audit } = look(dataDir, (db) => ({
    files: db
      .prepare<[], FileRow>(
        `SELECT file_id AS operationId, session_id AS sessionId, original_filename AS filename, file_hash AS digest, vm
         FROM conversation_files`,
      )
      .all(),
    ledger: new Map(
      db
        .prepare<[], { id: string; receipt: string }>('SELECT operation_id AS id, receipt FROM ledger')
        .all()
        .map(({ id, receipt }) => [id, JSON.parse(receipt) as unknown]),
    ),
    audit: db
      .prepare<[], { operationId: string; sessionId: string; vm: string }>(
        `SELECT operation_id AS operationId, session_id AS sessionId, vm FROM audit_entries
         WHERE action = 'file-store' ORDER BY audit_id`,
      )
      .all(),
  }));
  const inOrderOfId = (list: readonly { operationId: string }[]) =>
    list.toSorted((a, b) => (a.operationId < b.operationId ? -1 : 1));
  const expected = produced.map(({ settled: _settled, ...facts }) => facts);
  expect(inOrderOfId(files)).toEqual(inOrderOfId(expected));
  for (const receipt of receipts) expect(ledger.get(receipt.operationId)).toEqual(receipt);
  expect(ledger.size).toBe(produced.length);
  for (const { operationId, digest } of produced) {
    expect(sha256(storedBytes(dataDir, operationId))).toBe(digest);
  }
  expect(audit).toHaveLength(produced.length);
  const lanes = Map.groupBy(produced, ({ vm, sessionId }) => `${vm} ${sessionId}`);
  const committed = Map.groupBy(audit, ({ vm, sessionId }) => `${vm} ${sessionId}`);
  for (const [lane, calls] of lanes) {
    expect(committed.get(lane)?.map(({ operationId }) => operationId)).toEqual(
      calls.map(({ operationId }) => operationId),
    );
  }
}
