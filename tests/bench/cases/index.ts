// All cases, in the order in which they run.

import type { Case } from '../case.ts';
import { files4k } from './files-4k.ts';
import { metadata } from './metadata.ts';

export const cases: readonly Case[] = [files4k, metadata];
