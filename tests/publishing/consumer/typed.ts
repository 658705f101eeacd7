// What a typed agent writes: compiled by the test against the packed packages, never run.

import { createReadStream } from 'node:fs';
import {
  type AppliedReceipt,
  type Client,
  ClientError,
  type ClientErrorCode,
  type Content,
  createClient,
  type StoreRequest,
} from '@filefleet/client';
import { createReader, type FileFacts, type SearchPage } from '@filefleet/client/reading';
import { type Operation, parseOperation, type RefusedCode, redisKeys } from '@filefleet/protocol';

const contents: Content[] = [new Uint8Array(3), 'text', { path: '/tmp/a' }, createReadStream('/tmp/a')];

export async function keep(client: Client, content: Content): Promise<AppliedReceipt | ClientErrorCode> {
  const request: StoreRequest = { sessionId: 's', filename: 'a', content, metadata: { width: '1' } };
  try {
    return await client.store(request);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const refusal: RefusedCode | undefined = error.refusal;
    return refusal === undefined ? error.code : 'REFUSED';
  }
}

const client = await createClient({ redis: 'redis://vm3', vm: 'vm5' });
for (const content of contents) await keep(client, content);
// @ts-expect-error a session is needed: the types are more than `any`
await client.store({ filename: 'a', content: 'a' });
const operation: Operation = parseOperation('session-end', {});
const key: string = redisKeys().receipts('vm5', operation.payload.operationId);
await client.close({ deadlineMs: key.length });

const reader = createReader({ url: 'http://vm0:8080', token: 'token' });
const file: FileFacts = await reader.get('id');
const found: SearchPage<FileFacts> = await reader.search({ text: file.filename }).page();
const digests: string[] = found.items.map(({ digest }) => digest);
for await (const { size } of client.files.list({ sessionId: 's' })) digests.push(String(size));
// @ts-expect-error a file has no such field: the types are more than `any`
file.nothing;
