// Makes the parts of a client: a courier of its own, and, with a shared spool, one for each folder that it adopts.

import { Adoption } from './adoption.ts';
import { Courier, type CourierOptions } from './courier.ts';
import { Gate } from './gate.ts';
import { type SpoolOptions, spoolSettings } from './spool/settings.ts';
import { type OpenSpools, openSharedSpools } from './spool/sharing.ts';
import { Spool } from './spool/spool.ts';

/** Files that are open for reading at once. */
const openFiles = 8;

export interface Connection {
  readonly courier: Courier;
  readonly adoption: Adoption;
}

/** @throws ClientError REDIS_UNAVAILABLE (without a spool), SPOOL_IN_USE, SPOOL_FULL, SPOOL_FAILED, INVALID. */
export async function connect(
  options: Omit<CourierOptions, 'openFiles' | 'spool' | 'clearOf'>,
  spool: string | SpoolOptions | undefined,
): Promise<Connection> {
  const gate = new Gate(openFiles);
  const open = (own: Spool | undefined, clearOf?: CourierOptions['clearOf']) =>
    Courier.open({ ...options, openFiles: gate, spool: own, ...(clearOf && { clearOf }) });
  const adoption = new Adoption(open);
  if (spool === undefined) return { courier: await open(undefined), adoption };
  const { own, adopted } = await openSpools(
    typeof spool === 'string' ? { dir: spool } : spool,
    options,
    gate,
  );
  await adoption.begin(adopted);
  return { courier: await open(own, (sessionId) => adoption.clearOf(sessionId)), adoption };
}

async function openSpools(
  spool: SpoolOptions,
  options: { vm: string; shard: number; clock: CourierOptions['clock'] },
  gate: Gate,
): Promise<OpenSpools> {
  const settings = spoolSettings(spool, options);
  if (spool.shared === true) return await openSharedSpools(spool.dir, settings, gate);
  return { own: await Spool.open(spool.dir, settings, gate), adopted: [] };
}
