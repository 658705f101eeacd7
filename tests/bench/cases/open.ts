// The first start: making the folders and initialising a fresh database.

import type { Case } from '../case.ts';
import { interleave } from '../interleave.ts';
import { pair } from '../results.ts';
import { withFolder } from '../rig/folder.ts';
import { timeOpening } from './many-files.ts';

export const open: Case = {
  name: 'open',
  what: 'making and initialising a fresh database',
  async run(context) {
    const { ours } = await interleave(context, { ours: () => withFolder(timeOpening) });
    return [pair('open.fresh', ours, [])];
  },
};
