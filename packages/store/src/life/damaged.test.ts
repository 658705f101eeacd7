// Damaged contents: marked only when they are, not held from then on, whole again with the next store of the same bytes.

import { ContentDesk, openReader } from '@filefleet/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entry, idOf, sha256, storeEntry } from '../../../../tests/support/operations.ts';
import { receipt, useWriterSession } from '../../../../tests/support/writer-session.ts';

const fixture = useWriterSession();
const { apply, count, row, column, tamper } = fixture;

let desk: ContentDesk;
beforeEach(() => {
  desk = new ContentDesk(fixture.dataDir, fixture.session.epoch);
});
afterEach(() => desk.close());

const blobOf = (text: string) =>
  row(
    'SELECT blob_id AS blobId, digest, name, location, damage FROM blobs WHERE digest = ?',
    sha256(text),
  ) as {
    blobId: number;
    digest: string;
    name: string | null;
    location: string;
    damage: string | null;
  };
function mark(text: string, reason = 'its bytes have another digest'): number {
  const { blobId, digest, name } = blobOf(text);
  return fixture.session.maintain({ kind: 'damaged', blobId, digest, reason, name }).rows;
}
const flip = () => tamper("UPDATE blob_bytes SET bytes = X'00'");

async function staged(text: string): Promise<{ kind: 'file'; name: string; mimeType: null }> {
  const draft = await desk.beginBlob();
  await draft.write(Buffer.from(text));
  return { kind: 'file', name: await draft.keep(sha256(text)), mimeType: null };
}
async function read(fileId: string): Promise<string> {
  const reader = openReader({ dataDir: fixture.dataDir });
  try {
    const { stream } = await reader.openContent(fileId);
    return Buffer.concat(await stream.toArray()).toString();
  } finally {
    reader.close();
  }
}

describe('a damaged content', () => {
  test('counts as not held, is never served, and is whole again for all of its files when it is stored again', async () => {
    const [mine, yours] = [storeEntry('precious'), storeEntry('precious', { sessionId: 's2' })];
    apply(mine, yours);
    const { blobId } = blobOf('precious');
    flip();
    expect(mark('precious')).toBe(1);
    expect(desk.findBlob(sha256('precious'))).toBeUndefined();
    await expect(read(idOf(mine))).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
    const held = storeEntry('precious', {}, { content: { kind: 'held' } });
    expect(apply(held)).toEqual([{ kind: 'content-gone' }]);
    const known = storeEntry('precious', { content: { from: 'known' } }, { content: { kind: 'held' } });
    expect(apply(known)).toMatchObject([{ kind: 'resend', answer: { code: 'CONTENT_MISSING' } }]);

    const again = storeEntry('precious', { sessionId: 's3', actor: 'ann' });
    expect(receipt(apply(again)[0])).toMatchObject({ outcome: 'applied', deduplicated: false });
    expect(blobOf('precious')).toMatchObject({ blobId, damage: null });
    expect(await Promise.all([mine, yours, again].map((made) => read(idOf(made))))).toEqual(
      Array(3).fill('precious'),
    );
    expect(column("SELECT action FROM audit_entries WHERE action LIKE 'blob-%' ORDER BY audit_id")).toEqual([
      'blob-damaged',
      'blob-healed',
    ]);
    expect(receipt(apply(storeEntry('precious'))[0])).toMatchObject({ deduplicated: true });
  });

  test('moves with its new bytes: its row, its figures and the paths of its files', async () => {
    const first = storeEntry('large', {}, { content: await staged('large') });
    apply(first, storeEntry('large', { sessionId: 's2' }));
    const before = blobOf('large');
    expect(mark('large', 'its bytes are gone')).toBe(1);
    await expect(read(idOf(first))).rejects.toMatchObject({ code: 'CONTENT_DAMAGED' });
    const content = await staged('large');
    apply(storeEntry('large', {}, { content }));
    expect(blobOf('large')).toMatchObject({ blobId: before.blobId, name: content.name, damage: null });
    expect(column('SELECT DISTINCT file_path FROM conversation_files')).toEqual([`blobs/${content.name}`]);
    expect(await read(idOf(first))).toBe('large');

    expect(mark('large', 'flipped')).toBe(1);
    apply(storeEntry('large'));
    expect(blobOf('large')).toMatchObject({ location: 'inline', name: null, damage: null });
    expect(column('SELECT DISTINCT file_path FROM conversation_files')).toEqual([
      `inline:${sha256('large')}`,
    ]);
    expect(row("SELECT blobs, bytes FROM blob_usage WHERE location = 'inline'")).toEqual({
      blobs: 1,
      bytes: 5,
    });
    expect(row("SELECT blobs, bytes FROM blob_usage WHERE location = 'file'")).toEqual({
      blobs: 0,
      bytes: 0,
    });
  });

  test('is healed by bytes from elsewhere too, once', async () => {
    const made = storeEntry('precious');
    apply(made);
    const content = { kind: 'inline', bytes: Buffer.from('precious'), mimeType: null } as const;
    const heal = { kind: 'heal', digest: sha256('precious'), content, from: 'backup' } as const;
    expect(fixture.session.maintain(heal).rows).toBe(0);
    flip();
    mark('precious');
    expect(fixture.session.maintain(heal).rows).toBe(1);
    expect(fixture.session.maintain(heal).rows).toBe(0);
    expect(await read(idOf(made))).toBe('precious');
  });

  test('that nobody names any more is swept like any other', () => {
    apply(storeEntry('precious'));
    flip();
    mark('precious');
    apply(entry('session-cleanup', { sessionId: 's1', mode: 'hard' }));
    fixture.session.maintain({ kind: 'sweep', graceMs: 0 });
    expect([count('blobs'), count('blob_bytes'), count('unreferenced_blobs')]).toEqual([0, 0, 0]);
  });
});

describe('a content is not marked', () => {
  test('when its small bytes are sound, whatever somebody says', () => {
    apply(storeEntry('precious'));
    expect(mark('precious')).toBe(0);
  });

  test('when it was stored anew since somebody looked, or is marked already', async () => {
    apply(storeEntry('large', {}, { content: await staged('large') }));
    const { blobId, digest, name } = blobOf('large');
    mark('large');
    expect(mark('large')).toBe(0);
    apply(storeEntry('large', {}, { content: await staged('large') }));
    const late = { kind: 'damaged', blobId, digest, reason: 'old news', name } as const;
    expect(fixture.session.maintain(late).rows).toBe(0);
    expect(fixture.session.maintain({ ...late, blobId: blobId + 1, name: undefined }).rows).toBe(0);
    expect(blobOf('large').damage).toBeNull();
  });
});
