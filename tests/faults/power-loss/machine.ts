// VM0 with a power switch: its data folder lies on one disk, or on two, with blobs and temp files apart from the database.
// Redis and the producers are other machines and keep their power.

import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Rig, type RigOptions } from '../rig/rig.ts';
import { cutPowerOf, Disk } from './disk.ts';

/** `two-disks`: `blobs/`, `tmp/` and `quarantine/` on a disk of their own. Only there the directory's fsync cannot come free with the commit's. */
export type Layout = 'one-disk' | 'two-disks';

export class Machine {
  readonly rig: Rig;
  /** The one with the database last. */
  readonly #disks: readonly Disk[];

  static async start(options: RigOptions & { readonly layout: Layout }): Promise<Machine> {
    const { folder, layout } = options;
    const disks = [await Disk.make(join(folder, 'data.img'), join(folder, 'data'))];
    try {
      if (layout === 'two-disks') disks.unshift(await addDiskForBytes(folder));
      for (const disk of disks) await disk.sync(); // else the first cut takes the layout along
      return new Machine(await Rig.start(options), disks);
    } catch (error) {
      for (const disk of disks) await disk.unmount();
      throw error;
    }
  }

  private constructor(rig: Rig, disks: readonly Disk[]) {
    this.rig = rig;
    this.#disks = disks;
  }

  /** The power goes, and comes back: no process of the machine is left, and its disks have what was fsynced. */
  async losePower(): Promise<void> {
    const { writer } = this.rig;
    await cutPowerOf(this.#disks, writer.isRunning ? writer.pid : undefined);
    await writer.kill();
    for (const disk of this.#disks) await disk.unmount();
    for (const disk of this.#disks) await disk.mount();
  }

  /** Ends everything and lets go of the disks, whatever fails. @returns what did not end as it should. */
  async close(): Promise<Awaited<ReturnType<Rig['close']>>> {
    try {
      return await this.rig.close();
    } finally {
      const released = await Promise.allSettled(this.#disks.map((disk) => disk.unmount()));
      for (const { reason } of released.filter((result) => result.status === 'rejected'))
        console.error(reason);
    }
  }
}

/** Links, not mounts: a rename from one mount to another is refused, also when both are of the same disk. */
async function addDiskForBytes(folder: string): Promise<Disk> {
  const disk = await Disk.make(join(folder, 'bytes.img'), join(folder, 'bytes'));
  for (const name of ['blobs', 'tmp', 'quarantine']) {
    await mkdir(join(disk.path, name), { mode: 0o750 });
    await symlink(join(disk.path, name), join(folder, 'data', name));
  }
  return disk;
}
