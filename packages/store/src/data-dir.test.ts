// The data folder: what is made, with which modes, and what is refused.

import { chmodSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeFolder } from '../../../tests/support/data-folder.ts';
import { notRun } from '../../../tests/support/not-run.ts';
import { blobFolders, blobsDir, ensureDataDir, incomingDir, tmpDir } from './data-dir.ts';

// Root may write anywhere, so as root one test would say nothing.
const isRoot = process.getuid?.() === 0;
if (isRoot)
  notRun('a data folder that may not be written to: root may write anywhere; run npm test as a plain user');

describe('ensureDataDir', () => {
  test('makes 256 folders for blobs, from 00 to ff, and one for temp files', () => {
    const dataDir = ensureDataDir(join(makeFolder(), 'a', 'b'));
    expect(readdirSync(blobsDir(dataDir)).sort()).toEqual([...blobFolders]);
    expect(blobFolders).toHaveLength(256);
    expect([blobFolders.at(0), blobFolders.at(-1)]).toEqual(['00', 'ff']);
    expect(existsSync(tmpDir(dataDir))).toBe(true);
  });

  test('folders are closed to others', () => {
    const dataDir = ensureDataDir(join(makeFolder(), 'data'));
    for (const path of [dataDir, blobsDir(dataDir), tmpDir(dataDir), join(blobsDir(dataDir), 'ab')]) {
      expect(statSync(path).mode & 0o777 & ~0o750).toBe(0);
    }
  });

  test('the folder of uploads is for the group to put files in, and its mode is put right', () => {
    const umask = process.umask(0o027);
    onTestFinished(() => void process.umask(umask));
    const dataDir = ensureDataDir(join(makeFolder(), 'data'));
    const modeOf = () => statSync(incomingDir(dataDir)).mode & 0o7777;
    expect(modeOf()).toBe(0o1770);
    chmodSync(incomingDir(dataDir), 0o750);
    ensureDataDir(dataDir);
    expect(modeOf()).toBe(0o1770);
  });

  test('again does no harm: it keeps what is there and puts back what is missing', () => {
    const dataDir = ensureDataDir(join(makeFolder(), 'data'));
    const blob = join(blobsDir(dataDir), 'ab', 'content');
    writeFileSync(blob, 'x');
    chmodSync(dataDir, 0o700);
    rmSync(join(blobsDir(dataDir), 'cd'), { recursive: true });
    expect(ensureDataDir(dataDir)).toBe(dataDir);
    expect(existsSync(blob)).toBe(true);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(readdirSync(blobsDir(dataDir))).toHaveLength(256);
  });

  test.each(['blobs', 'tmp', 'blobs/ab'])('a file in the place of %s is named and left alone', (place) => {
    const dataDir = ensureDataDir(join(makeFolder(), 'data'));
    rmSync(join(dataDir, place), { recursive: true });
    writeFileSync(join(dataDir, place), 'mine');
    expect(() => ensureDataDir(dataDir)).toThrow(
      expect.objectContaining({
        code: 'PATH_INVALID',
        facts: expect.objectContaining({ path: join(dataDir, place) }),
      }),
    );
    expect(statSync(join(dataDir, place)).size).toBe(4);
  });

  test('a path longer than the file system takes is refused', () => {
    const path = join(makeFolder(), 'x'.repeat(300));
    expect(() => ensureDataDir(path)).toThrow(expect.objectContaining({ code: 'PATH_INVALID' }));
  });

  test.skipIf(isRoot)('a parent that this user may not write to is refused', () => {
    const parent = makeFolder();
    chmodSync(parent, 0o500);
    expect(() => ensureDataDir(join(parent, 'data'))).toThrow(
      expect.objectContaining({ code: 'PATH_INVALID' }),
    );
    chmodSync(parent, 0o700);
  });
});
