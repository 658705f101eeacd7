import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@filefleet/client';
import { createReader } from '@filefleet/client/reading';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiStore, bearers, openApiStore } from '../support/api-store.ts';
import { makeFolder } from '../support/data-folder.ts';
import { idOf, sha256, storeEntry } from '../support/operations.ts';
import { startRedis } from '../support/redis.ts';
import { collect, firstOf } from './session-reader.ts';

let store: ApiStore;

beforeAll(async () => {
  store = await openApiStore('redis://127.0.0.1:1');
});
afterAll(() => store.close());

test('brings what can be brought, says what cannot, and does not ask again for what is there', async () => {
  const folder = makeFolder();
  const files = createReader({ url: store.url, token: bearers.mine });
  const first = await collect(files, 'mine/1', folder);
  expect(first.missing).toMatchObject([{ file: { fileId: store.ids.damaged }, code: 'CONTENT_DAMAGED' }]);
  expect(first.brought.map(({ fileId }) => fileId)).toContain(store.ids.large);
  const names = await readdir(folder);
  for (const name of names) expect(sha256(await readFile(join(folder, name)))).toBe(name);
  expect(names).toHaveLength(first.brought.length);
  expect((await collect(files, 'mine/1', folder)).brought).toEqual(first.brought);
});

test('finds the newest files of a text, as an agent that also writes', async () => {
  const made = ['one', 'two', 'three'].map((word) => storeEntry(word, { filename: `report ${word}.txt` }));
  for (const each of made) store.apply(each);
  const redis = await startRedis();
  const api = { url: store.url, token: bearers.all };
  const client = await createClient({ redis: redis.url, vm: 'vm5', api });
  try {
    const found = await firstOf(client.files, 'REPORT', 2);
    expect(found.map(({ fileId }) => fileId)).toEqual(made.map(idOf).slice(1).reverse());
    expect((await client.files.read(found[0]?.fileId ?? '')).toString()).toBe('three');
  } finally {
    await client.close();
    await redis.stop();
  }
});

test('a client that was made without an api says so', async () => {
  const redis = await startRedis();
  const client = await createClient({ redis: redis.url, vm: 'vm5' });
  expect(() => client.files).toThrow(expect.objectContaining({ code: 'INVALID', field: 'api' }));
  await client.close();
  await redis.stop();
});
