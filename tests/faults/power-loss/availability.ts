// Whether this machine lets us cut the power of a disk: found out by doing it once, on a small one.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutPowerOf, Disk } from './disk.ts';

/** @returns why the power of a disk cannot be cut here; undefined when it can. */
export async function whyNoPowerCut(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `it needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'it needs root, to mount disks of its own; run npm test as root';
  const folder = await mkdtemp(join(tmpdir(), 'filefleet-power-'));
  let disk: Disk | undefined;
  try {
    disk = await Disk.make(join(folder, 'disk.img'), join(folder, 'disk'));
    await cutPowerOf([disk]);
    return undefined;
  } catch (error) {
    // A failed command says its own line first, then what the program said.
    const [failed, said = failed] = String(error instanceof Error ? error.message : error).split('\n');
    return `it needs mkfs.ext4, perl and loop mounts; here: ${said}`;
  } finally {
    await disk?.unmount();
    await rm(folder, { recursive: true, force: true });
  }
}
