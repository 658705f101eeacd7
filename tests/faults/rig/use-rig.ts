// A rig for the tests of one file: started before the first, ended after the last, nothing left.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { leftoverChildren } from '../../support/children.ts';
import { Rig } from './rig.ts';

/** @returns a function that gives the rig, once the tests run. */
export function useRig(options: { seed: string; vms: readonly string[] }): () => Rig {
  let rig: Rig | undefined;
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'filefleet-faults-'));
    rig = await Rig.start({ ...options, folder });
  });
  afterAll(async () => {
    const faults = (await rig?.close()) ?? [];
    const left = (await leftoverChildren()).map((child) => `left a process: ${child}`);
    if (process.env.KEEP_DB) console.log(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
    expect([...faults, ...left]).toEqual([]);
  });
  return () => {
    if (!rig) throw new Error('expected the rig to be started, got none; use it inside a test');
    return rig;
  };
}
