// Heads of the audit's chain that are kept elsewhere: in Redis, and in the manifests of backups. What cannot be reached is
// left out, and said; verify does without it.

import { redisKeys } from '@filefleet/protocol';
import { listBackups, type VerifyOptions } from '@filefleet/store';
import { Redis } from 'ioredis';
import type { Context } from '../context.ts';
import { findRedisUrl } from '../run-file.ts';

export type AuditAnchor = NonNullable<VerifyOptions['anchors']>[number];

const patienceMs = 2_000;

export async function findAnchors(context: Context): Promise<AuditAnchor[]> {
  return [...(await anchorsInRedis(context)), ...(await anchorsInBackups(context))];
}

async function anchorsInBackups(context: Context): Promise<AuditAnchor[]> {
  const backups = await listBackups(context.config().backupDir);
  return backups.flatMap(({ manifest }) => {
    const { auditId = 0, hash = null } = manifest?.audit ?? {};
    return hash === null ? [] : [{ auditId, hash, atMs: Date.parse(manifest?.createdAt ?? '') }];
  });
}

async function anchorsInRedis(context: Context): Promise<AuditAnchor[]> {
  const config = context.config();
  const url = findRedisUrl(config);
  if (url === undefined) return [];
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: patienceMs,
    commandTimeout: patienceMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  redis.on('error', () => {}); // told by the rejection below
  try {
    await redis.connect();
    return (await redis.lrange(redisKeys(config.shard).audit, 0, -1)).flatMap(parseAnchor);
  } catch {
    if (!context.json)
      context.note('Redis cannot be reached: the audit is not compared with the anchors there');
    return [];
  } finally {
    redis.disconnect();
  }
}

/** What somebody else wrote there is no anchor. */
function parseAnchor(text: string): AuditAnchor[] {
  try {
    const { auditId, hash, atMs } = JSON.parse(text) as Partial<Record<'auditId' | 'hash' | 'atMs', unknown>>;
    if (typeof auditId !== 'number' || typeof hash !== 'string') return [];
    return [{ auditId, hash, ...(typeof atMs === 'number' ? { atMs } : {}) }];
  } catch {
    return [];
  }
}
