// Peer: the same bytes written to the disk with fsync and nothing else, as many files at once as the writer has under way.

import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { sayDone, sayReady } from './figures.ts';
import { setting } from './worker.ts';

const folder = setting('BENCH_FOLDER');
const files = Number(setting('BENCH_OPERATIONS'));
const bytes = Number(setting('BENCH_FILE_BYTES'));
const atOnce = 4;

async function write(name: string, content: Buffer): Promise<void> {
  const handle = await open(join(folder, name), 'wx');
  await handle.writeFile(content);
  await handle.sync();
  await handle.close();
}

const contents = Array.from({ length: files }, () => randomBytes(bytes));
const limit = pLimit(atOnce);
sayReady();
const startedAt = performance.now();
const cpuBefore = process.cpuUsage();
await Promise.all(contents.map((content, index) => limit(() => write(`${index}.bin`, content))));
const { user, system } = process.cpuUsage(cpuBefore);
sayDone({
  rate: files / ((performance.now() - startedAt) / 1000),
  processorUs: (user + system) / files,
});
