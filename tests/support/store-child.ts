// A process of its own that uses the store: `node store-child.ts <action> <dataDir>`. Says "ready", waits for a line on
// stdin, acts, says one line of JSON, and lives on until its stdin ends.

import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { acquireWriterLock, ConversationFileManager, StoreError } from '@filefleet/store';

const actions: Record<string, (dataDir: string) => Promise<unknown>> = {
  initialize: async (dataDir) => {
    const manager = await ConversationFileManager.open({ dataDir });
    const result = manager.initialize();
    manager.close();
    return result;
  },
  lock: async (dataDir) => acquireWriterLock(dataDir, 'test holder').holder,
};

const [action = '', dataDir = ''] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin });
console.log('ready');
await once(lines, 'line');
try {
  console.log(JSON.stringify({ ok: await actions[action]?.(dataDir) }));
} catch (error) {
  const code = error instanceof StoreError ? error.code : 'OTHER';
  console.log(JSON.stringify({ error: { code, message: String(error) } }));
}
await once(lines, 'close');
