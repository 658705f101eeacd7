// `filefleet spool`: what an operator sees of a producer's folder, and how it is emptied by hand.

import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { useSpooling } from '../../../../tests/support/spooling.ts';
import { runCommandLine } from '../run.ts';

const spooling = useSpooling();
const { open, write, enqueue, filesIn, loseRedis, bringRedis } = spooling;

async function run(...args: string[]): Promise<{ exitCode: number; said: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = text(stdout);
  stderr.resume();
  const env = { FILEFLEET_REDIS_URL: spooling.redisUrl, FILEFLEET_DATA_DIR: `${spooling.folder}-data` };
  const exitCode = await runCommandLine(args, { env, stdout, stderr });
  stdout.end();
  return { exitCode, said: await said };
}

async function ask(...args: string[]) {
  const { exitCode, said } = await run(...args, '--json');
  return { exitCode, value: JSON.parse(said) };
}

describe('spool ls', () => {
  test('shows what is spooled while Redis is away and the producer lives', async () => {
    await loseRedis();
    const client = await open();
    const { operationId } = await enqueue(client, 1, 'ten bytes!');
    const { exitCode, value } = await ask('spool', 'ls', spooling.folder);
    expect(exitCode).toBe(0);
    expect(value.spools).toMatchObject([
      {
        vm: 'vm5',
        holder: expect.stringContaining(`pid ${process.pid}`),
        entries: [{ operationId, name: 'file-store', filename: 'file-1', size: 10 }],
        refused: [],
      },
    ]);
    expect((await run('spool', 'ls', spooling.folder)).said).toContain(operationId);
  });

  test('shows what was refused, and every folder of a shared one', async () => {
    await write();
    const [client] = [await open({ shared: true }), await open({ shared: true })];
    const { operationId } = await enqueue(client, 1, 'one');
    await client.receipt(operationId);
    const again = { sessionId: 'session-1', filename: 'other', content: 'other', operationId };
    await expect(client.store(again)).rejects.toMatchObject({ code: 'REFUSED' });
    await client.close();
    const { value } = await ask('spool', 'ls', spooling.folder);
    expect(value.spools).toHaveLength(2);
    expect(JSON.stringify(value.spools)).toContain('CONFLICT');
  });

  test('says so when the folder is no spool', async () => {
    const { exitCode, value } = await ask('spool', 'ls', spooling.folder);
    expect([exitCode, value.error.code]).toEqual([1, 'SPOOL_MISSING']);
  });
});

describe('spool flush', () => {
  test('hands over what lies there, and gives the receipts', async () => {
    await loseRedis();
    const client = await open();
    const { operationId } = await enqueue(client, 1);
    await client.close();
    await bringRedis();
    await write();
    const { exitCode, value } = await ask('spool', 'flush', spooling.folder);
    expect(exitCode).toBe(0);
    expect(value.flushed).toMatchObject([{ operationId, receipt: { outcome: 'applied' } }]);
    expect(await filesIn('entries')).toEqual([]);
  });

  test('without a writer gives up after its time, with the exit code of a fleet that is away', async () => {
    const client = await open();
    await enqueue(client, 1);
    await client.close();
    const { exitCode, value } = await ask('spool', 'flush', spooling.folder, '--timeout', '1');
    expect(exitCode).toBe(69);
    expect(value.flushed).toMatchObject([{ error: { code: 'NOT_YET_DURABLE' } }]);
    expect(await filesIn('entries')).toHaveLength(1);
  });

  test('leaves a folder alone that a live producer holds', async () => {
    const client = await open();
    await enqueue(client, 1);
    const { exitCode, value } = await ask('spool', 'flush', spooling.folder);
    expect([exitCode, value.held[0].code]).toEqual([75, 'SPOOL_IN_USE']);
  });
});
