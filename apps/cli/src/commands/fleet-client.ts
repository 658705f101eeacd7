// A client of the running fleet for the length of one command.

import { type Client, createClient } from '@filefleet/client';
import type { Context } from '../context.ts';
import { requireFleetRedis } from '../run-file.ts';

export interface ActingAs {
  readonly vm?: string;
  readonly actor?: string;
}

/** @throws CliError FLEET_UNKNOWN; ClientError REDIS_UNAVAILABLE and whatever `use` raises. */
export async function withClient<T>(
  context: Context,
  { vm, actor }: ActingAs,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const config = context.config();
  const client = await createClient({
    redis: requireFleetRedis(config),
    vm: vm ?? config.vm,
    shard: config.shard,
    ...(actor === undefined ? {} : { actor }),
  });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}
