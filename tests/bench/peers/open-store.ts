// Opens a data folder as the writer does at its start - folders, lock, schema, epoch - and says how long it took.

import { WriterSession } from '@filefleet/store';
import { sayDone, sayReady } from './figures.ts';
import { setting } from './worker.ts';

const dataDir = setting('BENCH_FOLDER');
sayReady();
const startedAt = performance.now();
const session = await WriterSession.open({ dataDir });
const milliseconds = performance.now() - startedAt;
session.close();
sayDone({ milliseconds });
