// Names of everything that filefleet keeps in Redis. All begin with the BullMQ prefix, whose hash tag keeps
// a shard's keys on one Cluster node, and carry the VM where a VM owns them, so that ACLs can pin a VM to its own.

/** BullMQ's queue name; its keys are `<prefix>:operations:...`. */
export const queueName = 'operations';

export function redisPrefix(shard = 0): string {
  return `{filefleet:${shard}}`;
}

export interface RedisKeys {
  readonly prefix: string;
  /** Hash: what the writer publishes about itself (see writer-state.ts). */
  readonly writer: string;
  /** Integer: the highest epoch seen; the fence for every write of a writer to shared keys. */
  readonly epoch: string;
  /** String: chunk `index` (from 0) of the staged bytes of one operation. */
  staged(vm: string, operationId: string, index: number): string;
  /** Hash: limits and sums of staged bytes. `:reserved`, `:leases` and `:line` behind it belong to staging-library.ts. */
  readonly staging: string;
  /** Sorted set: digests of large content that the writer holds, each until the time that is its score. */
  readonly known: string;
  /** List: heads of the audit's chain as JSON, newest first, so that a chain that was rewritten shows. */
  readonly audit: string;
  /** Stream: answers to one producer. The producer makes it and renews its TTL; the writer only adds. */
  receipts(vm: string, producer: string): string;
}

export function redisKeys(shard = 0): RedisKeys {
  const prefix = redisPrefix(shard);
  return {
    prefix,
    writer: `${prefix}:writer`,
    epoch: `${prefix}:epoch`,
    staging: `${prefix}:staging`,
    known: `${prefix}:known`,
    audit: `${prefix}:audit`,
    staged: (vm, operationId, index) => `${prefix}:staged:${vm}:${operationId}:${index}`,
    receipts: (vm, producer) => `${prefix}:receipts:${vm}:${producer}`,
  };
}
