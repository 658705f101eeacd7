// All cases, in the order in which they run: the one that takes longest last.

import type { Case } from '../case.ts';
import { client4k } from './client-4k.ts';
import { files2m } from './files-2m.ts';
import { files4k } from './files-4k.ts';
import { largeFiles } from './large-files.ts';
import { lonelyStore } from './lonely-store.ts';
import { maintenance } from './maintenance.ts';
import { manyFiles } from './many-files.ts';
import { metadata } from './metadata.ts';
import { open } from './open.ts';
import { readPage } from './read-page.ts';
import { readers } from './readers.ts';
import { restart } from './restart.ts';
import { viewers } from './viewers.ts';

export const cases: readonly Case[] = [
  files4k,
  metadata,
  lonelyStore,
  restart,
  files2m,
  largeFiles,
  open,
  client4k,
  readers,
  viewers,
  readPage,
  maintenance,
  manyFiles,
];
