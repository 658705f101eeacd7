// Files against the replay, and bytes against their digests: every row is what the calls made of it, every row has its
// bytes, and nothing is there that nobody asked for.

import { isDeepStrictEqual } from 'node:util';
import { type Evidence, type FileEvidence, isStillNamed, measureBlob } from './evidence.ts';
import type { ExpectedFile } from './replay.ts';
import type { Violation } from './violation.ts';

export function checkFiles(expected: ReadonlyMap<string, ExpectedFile>, evidence: Evidence): Violation[] {
  const rows = new Map(evidence.files.map((file) => [file.fileId, file]));
  const messages = messagesByFile(evidence.associations);
  const found: Violation[] = [];
  for (const [fileId, file] of expected) {
    const row = rows.get(fileId);
    if (!row) {
      found.push({ kind: 'row-missing', subject: fileId, detail: file.filename });
      continue;
    }
    const got = { ...factsOf(row), metadata: evidence.metadata.get(fileId) ?? {} };
    const wanted = { ...wantedFacts(file), metadata: file.metadata };
    if (!isDeepStrictEqual(got, wanted)) {
      const detail = `expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`;
      // Each change raises the version once: a higher one means that something was done again.
      const kind = row.version > file.version ? 'applied-twice' : 'row-differs';
      found.push({ kind, subject: fileId, detail });
    }
    const associations = messages.get(fileId) ?? [];
    if (!isDeepStrictEqual(associations, [...file.messages].sort())) {
      const detail = `expected messages ${[...file.messages].sort().join()}, got ${associations.join()}`;
      found.push({ kind: 'row-differs', subject: fileId, detail });
    }
    const uploads = evidence.uploads.get(fileId) ?? 0;
    if (uploads !== 1) {
      const detail = `expected the access log to have 1 upload, got ${uploads}`;
      found.push({ kind: uploads > 1 ? 'applied-twice' : 'applied-without-trace', subject: fileId, detail });
    }
  }
  for (const { fileId, filename } of evidence.files) {
    if (!expected.has(fileId)) found.push({ kind: 'row-unexplained', subject: fileId, detail: filename });
  }
  return found;
}

function factsOf({ storedFilename, sessionId, filename, digest, size, isDeleted, version }: FileEvidence) {
  return { storedFilename, sessionId, filename, digest, size, isDeleted: isDeleted === 1, version };
}

function wantedFacts({ fileId, sessionId, filename, digest, size, isDeleted, version }: ExpectedFile) {
  return { storedFilename: fileId, sessionId, filename, digest, size, isDeleted, version };
}

/** Every blob is what its digest says, and every file row has one. */
export function checkBytes(evidence: Evidence): Violation[] {
  const found: Violation[] = [];
  const addresses = new Map<string, string>();
  for (const blob of evidence.blobs) {
    const { digest, size, location, name } = blob;
    addresses.set(digest, location === 'file' ? `blobs/${name}` : `inline:${digest}`);
    const kept = measureBlob(evidence.dataDir, blob);
    const where = `${location} ${name ?? ''}`;
    if (!kept) {
      if (location === 'file' && !isStillNamed(evidence.dataDir, name)) continue;
      found.push({ kind: 'bytes-missing', subject: digest, detail: where });
    } else if (kept.digest !== digest || kept.size !== size) {
      const detail = `${where}: expected ${size} bytes, got ${kept.size} with digest ${kept.digest}`;
      found.push({ kind: 'bytes-differ', subject: digest, detail });
    }
  }
  for (const { fileId, digest, path } of evidence.files) {
    const address = addresses.get(digest);
    if (address === undefined) found.push({ kind: 'bytes-missing', subject: fileId, detail: path });
    else if (address !== path) {
      found.push({ kind: 'bytes-missing', subject: fileId, detail: `points to ${path}, kept in ${address}` });
    }
  }
  return found;
}

function messagesByFile(associations: readonly string[]): Map<string, string[]> {
  const byFile = new Map<string, string[]>();
  for (const line of associations) {
    const fileId = line.slice(0, line.indexOf(' '));
    const messageId = line.slice(fileId.length + 1);
    byFile.set(fileId, [...(byFile.get(fileId) ?? []), messageId].sort());
  }
  return byFile;
}
