import { databasePath } from '@filefleet/store';
import SQLite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiStore, openApiStore } from '../../../../tests/support/api-store.ts';
import { testUsers } from '../../../../tests/support/dashboard-users.ts';
import { hostileNames } from '../../../../tests/support/hostile-names.ts';
import { idOf, sha256, storeEntry } from '../../../../tests/support/operations.ts';

let store: ApiStore;
/** Ids by the name of what is stored beside the store's own. */
const ids: Record<string, string> = {};

const kinds: Record<string, { bytes: Buffer; declared?: string; seen?: string; filename?: string }> = {
  json: { bytes: Buffer.from('{"n":12345678901234567890,"s":"<b>"}'), declared: 'application/json' },
  broken: { bytes: Buffer.from('{"a":'), declared: 'application/json' },
  log: { bytes: Buffer.from(`${'line\n'.repeat(20_000)}the end`), declared: 'text/plain' },
  hidden: { bytes: Buffer.from('safe\u202egpj.exe'), declared: 'text/plain' },
  numbers: { bytes: Buffer.from([0, 1, 2, 0xff, 0x3c, 0x62, 0x3e]) },
  page: { bytes: Buffer.from('<script>globalThis.broken=1</script>'), seen: 'text/html' },
  drawing: { bytes: Buffer.from('<svg onload="globalThis.broken=1"/>'), seen: 'image/svg+xml' },
  picture: { bytes: Buffer.from('not really a picture'), seen: 'image/png' },
  paper: { bytes: Buffer.from('%PDF-1.4'), seen: 'application/pdf' },
};

beforeAll(async () => {
  store = await openApiStore('redis://127.0.0.1:1', { apiLimits: { searchRows: 1_000 } });
  for (const [name, { bytes, declared, seen }] of Object.entries(kinds)) {
    const fields = {
      sessionId: 'kinds',
      filename: name,
      vm: 'vm2',
      digest: sha256(bytes),
      size: bytes.length,
      ...(declared && { mimeType: declared }),
    };
    const content = { kind: 'inline', bytes, mimeType: seen ?? null } as const;
    const made = storeEntry('', fields, { content });
    store.apply(made);
    ids[name] = idOf(made);
  }
});
afterAll(() => store.close());

async function ask(url: string, role: keyof typeof testUsers = 'viewer') {
  const headers = { authorization: testUsers[role].basic, accept: 'text/html' };
  const response = await store.dashboard.app.inject({ url, headers });
  return { status: response.statusCode, body: response.body, headers: response.headers };
}
const look = async (url: string, role?: keyof typeof testUsers) => (await ask(url, role)).body;
const fileLook = (name: string) => look(`/files/${ids[name]}`);
const previewOf = (body: string) => /<section class="card preview"[\s\S]*?<\/section>/.exec(body)?.[0] ?? '';
const listed = (body: string) =>
  [...body.matchAll(/<bdi class="name">(.*?)<\/bdi>/g)].map(([, name]) => name);

describe('the list', () => {
  test('shows live files newest first and says that all were looked at', async () => {
    const body = await look('/files?session=mine/1');
    expect(listed(body)).toEqual(['damaged.png', 'large.png', 'empty', 'x.html', 'note.txt']);
    expect(body).toContain('That is all: 5 files were looked at, and no other can match.');
  });

  test.each([
    ['?q=NOTE&session=mine/1', ['note.txt']],
    ['?q=fleet', ['note.txt']],
    ['?session=mine/&state=deleted', ['gone.txt']],
    ['?session=mine/1&state=any&q=.txt', ['gone.txt', 'note.txt']],
    ['?vm=vm2&type=image/*', ['picture', 'drawing']],
    ['?vm=vm2&type=application/json', ['broken', 'json']],
    ['?from=2000-01-01&until=2000-01-02', []],
    ['?q=nothing-is-called-this', []],
  ])('%s finds %j', async (query, names) => {
    expect(listed(await look(`/files${query}`))).toEqual(names);
  });

  test('says what of the question it could not read, keeps it in its field, and answers the rest', async () => {
    const body = await look('/files?vm=VM-5%22%3E&q=note');
    expect(body).toContain('A VM has a name such as vm5.');
    expect(body).toContain('<option value="vm-5&quot;&gt;" selected>'.replace('vm', 'VM'));
    expect(listed(body)).toEqual(['note.txt']);
  });

  test('goes on where it stopped, and never shows a file twice', async () => {
    store.apply(
      ...Array.from({ length: 120 }, (_, n) => storeEntry('s', { sessionId: 'many', filename: `m ${n}` })),
    );
    const names: string[] = [];
    let url: string | undefined = '/files?session=many';
    let pages = 0;
    while (url) {
      const body: string = await look(url);
      names.push(...(listed(body) as string[]));
      pages++;
      const next = /id="more"[\s\S]*?href="([^"]+)"/.exec(body)?.[1];
      url = next?.replaceAll('&amp;', '&');
      if (!url) expect(body).toContain('That is all: 120 files were looked at, and no other can match.');
    }
    expect(pages).toBe(3);
    expect(names.toSorted()).toEqual(Array.from({ length: 120 }, (_, n) => `m ${n}`).sort());
  });

  test('a cursor that was made up is an error with a way out, not an empty list', async () => {
    const { status, body } = await ask('/files?cursor=nonsense');
    expect(status).toBe(400);
    expect(body).toContain('CURSOR'.toLowerCase());
  });

  test('damaged bytes are found, and their files say so', async () => {
    const db = new SQLite(databasePath(store.dataDir));
    db.prepare("UPDATE blobs SET damage = 'other bytes', damaged_at_ms = 5 WHERE digest = ?").run(
      sha256('gone'),
    );
    db.close();
    const body = await look('/files?state=damaged');
    expect(listed(body)).toEqual(['gone.txt']);
    expect(body).toContain('bytes damaged</span>');
  });
});

describe('a preview', () => {
  test('of JSON is indented, its numbers as they stand', async () => {
    const preview = previewOf(await fileLook('json'));
    expect(preview).toContain('<span class="json-number">12345678901234567890</span>');
    expect(preview).toContain('<span class="json-string">&quot;&lt;b&gt;&quot;</span>');
  });

  test('of what only claims to be JSON is shown as it is', async () => {
    expect(previewOf(await fileLook('broken'))).toContain('<span class="json-key">&quot;a&quot;</span>');
  });

  test('of a long text is its first 64 KiB, and says so', async () => {
    const preview = previewOf(await fileLook('log'));
    expect(preview).toContain('The first 64 KiB of 97.7 KiB.');
    expect(preview).not.toContain('the end');
    expect(preview.length).toBeLessThan(70_000);
  });

  test('of a text writes out what cannot be seen', async () => {
    expect(previewOf(await fileLook('hidden'))).toContain('safe\\u{202e}gpj.exe');
  });

  test('of other bytes is numbers and letters', async () => {
    const preview = previewOf(await fileLook('numbers'));
    expect(preview).toContain('00 01 02 ff 3c 62 3e');
    expect(preview).toContain('....&lt;b&gt;');
  });

  test.each(['page', 'drawing'])('of a stored %s is its source, as text', async (name) => {
    const preview = previewOf(await fileLook(name));
    expect(preview).toContain('broken=1');
    expect(preview).not.toMatch(/<(script|svg|img|iframe|object|embed)/);
  });

  test.each([
    ['picture', '<img src="/files/ID/preview"'],
    ['paper', 'data-pdf="/files/ID/preview"'],
  ])('of a %s is for the browser to draw', async (name, markup) => {
    expect(previewOf(await fileLook(name))).toContain(markup.replace('ID', ids[name] ?? ''));
  });

  test('what the browser loads for it is no document, and cannot become one', async () => {
    for (const name of Object.keys(kinds)) {
      for (const way of ['preview', 'download']) {
        const { status, headers } = await ask(`/files/${ids[name]}/${way}`);
        expect(status).toBe(200);
        expect(headers['content-security-policy']).toBe("sandbox; default-src 'none'");
        expect(headers['x-content-type-options']).toBe('nosniff');
        expect(headers['content-disposition']).toMatch(/^attachment/);
        expect(headers['content-type']).not.toMatch(/html|svg|xml|javascript/);
      }
    }
  });
});

describe('the page of a file', () => {
  test('says what it is, who stored it, how its bytes are, and shows its receipt', async () => {
    const body = await look(`/files/${store.ids.note}`);
    for (const part of [
      'note.txt',
      'mine/1',
      'm1',
      sha256('a note'),
      'held, in the database, verified just now',
    ]) {
      expect(body).toContain(part);
    }
    expect(body).toContain('<th scope="row"><bdi>topic</bdi></th><td><bdi>fleet</bdi></td>');
    expect(body).toContain('<span class="badge good">applied</span>');
    expect(body).toContain('No other file has these bytes.');
    expect(body).toContain('file-store');
  });

  test('a deleted one shows its facts, not its bytes; restoring is for operators', async () => {
    const asViewer = await look(`/files/${store.ids.deleted}`);
    expect(asViewer).toContain('The content of a deleted file is not shown.');
    expect(asViewer).not.toMatch(/gone<|Download<|<button>Restore/);
    expect(await look(`/files/${store.ids.deleted}`, 'operator')).toContain('<button>Restore</button>');
    expect((await ask(`/files/${store.ids.deleted}/download`)).status).toBe(410);
    expect((await ask(`/files/${store.ids.deleted}/preview`)).status).toBe(410);
  });

  test('a damaged one says so and what to do, also when nobody knew before', async () => {
    const body = await look(`/files/${store.ids.damaged}`);
    expect(body).toContain('The bytes of this file are not those that were stored.');
    expect(body).toContain('filefleet backup restore');
    expect(body).not.toMatch(/Download<|<img src="\/files/);
  });

  test('a purged one shows its history, an unknown one that it is not there', async () => {
    const purged = await ask(`/files/${store.ids.purged}`);
    expect(purged.status).toBe(404);
    expect(purged.body).toContain('file-purge');
    const unknown = await ask('/files/01890000-0000-7000-8000-000000000000');
    expect([unknown.status, unknown.body.includes('No such file')]).toEqual([404, true]);
    expect((await ask('/files/..%2f..%2fetc')).status).toBe(404);
  });

  test('names the other files with its bytes', async () => {
    const twins = ['one', 'two'].map((filename) => storeEntry('twin', { sessionId: 'twins', filename }));
    store.apply(...twins);
    const body = await look(`/files/${idOf(twins[0] as (typeof twins)[0])}`);
    expect(body).toContain('stored once, named 2 times');
    expect(body).toContain(`href="/files/${idOf(twins[1] as (typeof twins)[0])}"`);
  });

  test('a viewer has no button that changes anything; only an operator may post', async () => {
    expect(await look(`/files/${store.ids.note}`)).not.toContain('Delete');
    expect(await look(`/files/${store.ids.note}`, 'operator')).toContain('Delete this file');
  });

  test('fifty hostile names, and as metadata, session and VM filter, are text and nothing else', async () => {
    const entries = hostileNames.map((filename, n) =>
      storeEntry(`hostile ${n}`, {
        sessionId: 'hostile',
        filename,
        metadata: { [filename.slice(0, 30)]: filename },
      }),
    );
    store.apply(...entries);
    const markup = (body: string) => body.match(/<[a-z][^>]*>/gi)?.length ?? 0;
    const plain = markup(await look(`/files/${store.ids.note}`));
    for (const [n, made] of entries.entries()) {
      const body = await look(`/files/${idOf(made)}`);
      expect(Math.abs(markup(body) - plain), hostileNames[n]).toBeLessThan(12);
      const asked = encodeURIComponent(hostileNames[n] ?? '');
      const { status, body: list } = await ask(
        `/files?q=${asked}&session=${asked}&vm=${asked}&type=${asked}&from=${asked}`,
      );
      expect(status).toBe(200);
      expect(list).not.toMatch(/<(script|img|svg|iframe|style)[^>]*broken/);
    }
  });
});

// Last, because afterwards no search of this store is complete.
test('a search that stops says how far it looked, and where to go on', async () => {
  const entries = Array.from({ length: 1_200 }, (_, n) =>
    storeEntry('s', { sessionId: 'z', filename: `f${n}` }),
  );
  for (let at = 0; at < entries.length; at += 200) store.apply(...entries.slice(at, at + 200));
  const body = await look('/files?q=note.txt');
  expect(body).toContain('Not complete: the search stopped here');
  expect(body).toMatch(/1,000 of 1,\d\d\d files were looked at/);
  const next = /id="more"[\s\S]*?href="([^"]+)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const rest = await look(next);
  expect(listed(rest)).toEqual(['note.txt']);
  expect(rest).toMatch(/That is all: 1,\d\d\d files were looked at/);
});
