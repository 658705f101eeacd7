// Switches a data folder over to a store that was built aside in it. A marker says that this has begun; until it is gone, no
// writer starts, and whoever runs the same command again only does what is left. Each step is one rename, and each can be told
// from what is there.

import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { blobsDir, databasePath, folderMode } from '../data-dir.ts';
import { unlessAbsent } from '../errno.ts';
import { fsyncPath, writeDurably } from './files.ts';
import { type Marker, markerPath, unfinished } from './marker.ts';

interface SwitchOptions<Facts> {
  readonly dataDir: string;
  /** The new store, complete and on the disk, in the data folder. */
  readonly targetDir: string;
  readonly command: string;
  readonly keep: boolean;
  readonly nowMs: number;
  readonly facts: Facts;
  readonly onStep?: ((step: string) => void) | undefined;
}

/** @returns the facts, with where the store from before is kept. Only under the writer's lock. */
export async function switchStore<Facts extends object>(
  options: SwitchOptions<Facts>,
): Promise<Facts & { readonly kept: string | undefined }> {
  const { dataDir, targetDir, command, keep, nowMs, facts, onStep } = options;
  const oldFolder = `replaced-${new Date(nowMs).toISOString().replaceAll(/[-:]/g, '')}`;
  await mkdir(join(dataDir, oldFolder), { recursive: true, mode: folderMode });
  const newFolder = targetDir.slice(dataDir.length + 1);
  const marker: Marker = { command, newFolder, oldFolder, keep, facts };
  // Whole or not there: half a marker would keep everybody out.
  const draft = `${markerPath(dataDir)}.new`;
  await rm(draft, { force: true });
  await writeDurably(draft, `${JSON.stringify(marker)}\n`);
  onStep?.('switch.before');
  await rename(draft, markerPath(dataDir));
  await fsyncPath(dataDir);
  onStep?.('switch.begun');
  return finishSwitch(dataDir, marker, { command, onStep });
}

/**
 * Does what is left of a switch.
 * @throws StoreError RESTORE_UNFINISHED when it was begun by another command.
 */
export async function finishSwitch<Facts extends object>(
  dataDir: string,
  marker: Marker,
  { command, onStep }: { readonly command: string; readonly onStep: ((step: string) => void) | undefined },
): Promise<Facts & { readonly kept: string | undefined }> {
  if (marker.command !== command) throw unfinished(dataDir, marker.command);
  const [newDir, oldDir] = [join(dataDir, marker.newFolder), join(dataDir, marker.oldFolder)];
  // As long as the new one is aside, what is in its place is the old one.
  if (existsSync(blobsDir(newDir))) {
    await moveIfThere(blobsDir(dataDir), blobsDir(oldDir));
    onStep?.('switch.old-blobs');
    await rename(blobsDir(newDir), blobsDir(dataDir));
    onStep?.('switch.new-blobs');
  }
  if (existsSync(databasePath(newDir))) {
    for (const suffix of ['', '-wal', '-shm', '-journal']) {
      await moveIfThere(`${databasePath(dataDir)}${suffix}`, `${databasePath(oldDir)}${suffix}`);
      onStep?.(`switch.old-database${suffix}`);
    }
    await fsyncPath(oldDir);
    await rename(databasePath(newDir), databasePath(dataDir));
    onStep?.('switch.new-database');
  }
  await fsyncPath(dataDir);
  onStep?.('switch.switched');
  await rm(newDir, { recursive: true, force: true });
  if (!marker.keep) await rm(oldDir, { recursive: true, force: true });
  await rm(markerPath(dataDir), { force: true });
  await fsyncPath(dataDir);
  onStep?.('switch.done');
  return { ...(marker.facts as Facts), kept: marker.keep ? oldDir : undefined };
}

async function moveIfThere(from: string, to: string): Promise<void> {
  await unlessAbsent(rename(from, to));
}
