// The end of a client.

import { makeOperationId } from '@filefleet/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hastyClock } from '../../../tests/support/hasty-clock.ts';
import { startRedis, type TestRedis } from '../../../tests/support/redis.ts';
import { type ScriptedWriter, startScriptedWriter } from '../../../tests/support/scripted-writer.ts';
import { type Client, type ClientOptions, createClient } from './index.ts';

let server: TestRedis;
let writer: ScriptedWriter | undefined;
let client: Client;
const sessionId = 'session-1';

async function connect(options: Partial<ClientOptions> = {}): Promise<Client> {
  return await createClient({
    redis: server.url,
    vm: 'vm5',
    clock: hastyClock(20),
    deadlineMs: 1_000_000,
    ...options,
  });
}

beforeEach(async () => {
  server = await startRedis();
  writer = await startScriptedWriter(server.url);
  client = await connect();
});
afterEach(async () => {
  await client.close();
  await writer?.close();
  await server.stop();
});

describe('close', () => {
  test('twice is once, and afterwards every method says so', async () => {
    await Promise.all([client.close(), client.close()]);
    await client.close();
    const fileId = makeOperationId();
    const calls = [
      () => client.store({ sessionId, filename: 'f', content: 'c' }),
      () => client.enqueueStore({ sessionId, filename: 'f', content: 'c' }),
      () => client.delete({ sessionId, fileId }),
      () => client.initialize(),
      () => client.receipt(fileId),
      () => client.writerState(),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  });

  test('with a deadline waits for what is under way', async () => {
    const stored = client.store({ sessionId, filename: 'f', content: 'c' });
    await client.close({ deadlineMs: 1_000_000 });
    expect(await stored).toMatchObject({ outcome: 'applied' });
  });
});
