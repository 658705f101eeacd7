// The published files are what the schemas say now. After a change of a schema: `npm run schemas`.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { jsonSchemas } from './index.ts';

const folder = fileURLToPath(new URL('../schemas/', import.meta.url));
const schemas = Object.entries(jsonSchemas());

test('there is a file for every schema, and no other', () => {
  expect(readdirSync(folder).sort()).toEqual(schemas.map(([name]) => `${name}.json`).sort());
});

test.each(schemas)('schemas/%s.json is up to date', async (name, schema) => {
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(`../schemas/${name}.json`);
});
