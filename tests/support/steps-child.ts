// A process of its own that makes, restores, prunes or adopts, and dies at a named step: `node steps-child.ts <order as JSON>`.

import { adoptStore, makeBackupAlone, pruneBackups, restoreBackup } from '@filefleet/store';

export interface Order {
  readonly action: keyof typeof actions;
  readonly dataDir: string;
  readonly backupDir: string;
  readonly name: string;
  readonly sourcePath: string;
  readonly storageDir: string;
  /** Where to die, and at which of its passings, from 1. */
  readonly step: string;
  readonly nth: number;
}

type OnStep = (step: string) => void;

export const actions = {
  backup: ({ dataDir, backupDir }: Order, onStep: OnStep) => makeBackupAlone({ dataDir, backupDir, onStep }),
  restore: ({ dataDir, backupDir, name }: Order, onStep: OnStep) =>
    restoreBackup({ dataDir, backupDir, name, replace: true, onStep }),
  prune: ({ backupDir }: Order, onStep: OnStep) => pruneBackups(backupDir, 1, onStep),
  adopt: ({ sourcePath, storageDir, dataDir }: Order, onStep: OnStep) =>
    adoptStore({ sourcePath, storageDir, dataDir, inlineBytes: 1_000, onStep }),
};

if (import.meta.main) {
  const order = JSON.parse(process.argv[2] ?? '') as Order;
  let passed = 0;
  await actions[order.action](order, (step) => {
    if (step !== order.step) return;
    passed += 1;
    if (passed === order.nth) process.kill(process.pid, 'SIGKILL');
  });
}
