// Whether the demo went as it should: expectations by name, and every stored file compared byte for byte with its agent's copy.

import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import type { StoreReader } from '@filefleet/store';
import type { Deed } from './agent.ts';

export class Verdict {
  readonly problems: string[] = [];
  checks = 0;

  expect(what: string, got: unknown, wanted: unknown): void {
    this.checks += 1;
    if (isDeepStrictEqual(got, wanted)) return;
    this.problems.push(
      `${what}: expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got) ?? 'nothing'}`,
    );
  }
}

/** Reads back every file that an agent stored: bytes, digest, size, name, session, VM and metadata. */
export async function compareAll(
  reader: StoreReader,
  deeds: readonly (Deed & { readonly vm: string })[],
  verdict: Verdict,
): Promise<void> {
  for (const deed of deeds) {
    if (deed.did !== 'store' || !deed.fileId || !deed.copy) continue;
    const name = `${deed.vm} ${deed.filename}`;
    const { file, stream } = await reader.openContent(deed.fileId);
    const [stored, own] = await Promise.all([buffer(stream), readFile(deed.copy)]);
    verdict.expect(`${name}: bytes`, stored.equals(own), true);
    const { digest, size, filename, sessionId, vm } = file;
    verdict.expect(
      `${name}: facts`,
      { digest, size, filename, sessionId, vm },
      {
        digest: deed.digest,
        size: own.length,
        filename: deed.filename,
        sessionId: deed.sessionId,
        vm: deed.vm,
      },
    );
    const metadata = reader.getMetadata(deed.fileId);
    for (const [key, value] of Object.entries(deed.metadata ?? {})) {
      verdict.expect(`${name}: metadata ${key}`, metadata[key], value);
    }
  }
  const bySize = deeds.filter(({ did, deduplicated }) => did === 'store' && deduplicated);
  verdict.expect('bytes that came twice were stored once', bySize.length >= 2, true);
}
