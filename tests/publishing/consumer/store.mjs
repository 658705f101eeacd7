// An agent in plain JavaScript, as small as it can be. Run by the test in a project that has only the packed packages.

import { ClientError, createClient } from '@filefleet/client';
import { isOperationId, protocolVersion } from '@filefleet/protocol';

const files = await createClient({ redis: process.argv[2] ?? '', vm: 'vm5', actor: 'consumer' });
const store = { sessionId: 's1', filename: 'a.txt', content: 'hello', mimeType: 'text/plain' };
const receipt = await files.store(store);
const refused = await files.store({ ...store, filename: '' }).catch((error) => error);
if (!(refused instanceof ClientError) || refused.code !== 'INVALID') throw refused;
if (!isOperationId(receipt.operationId) || protocolVersion < 1) throw new Error('expected an operation id');
await files.close();

// With a spool folder: native code comes into play, for its lock.
const spooling = await createClient({
  redis: process.argv[2] ?? '',
  vm: 'vm5',
  spool: process.argv[3] ?? 'spool',
});
const { operationId, acceptedBy } = await spooling.enqueueStore({ ...store, filename: 'b.txt' });
const { outcome } = await spooling.receipt(operationId);
if (acceptedBy !== 'spool' || outcome !== 'applied') throw new Error(`expected a spool, got ${acceptedBy}`);
await spooling.close();
console.log(JSON.stringify(receipt));
