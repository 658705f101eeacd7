// What page modules get: `registerX(app, parts)`. Reads go through the door, changes through the queue and never past it.

import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Person } from './accounts.ts';
import type { Actions } from './actions/actions.ts';
import type { ApiParts } from './api/register.ts';
import type { StoreDoor } from './api/store-door.ts';
import type { Emit } from './events.ts';
import type { FleetProbe } from './fleet-state.ts';
import type { UploadParts } from './upload/upload-route.ts';

export interface PageParts {
  /** `door.reader()` for reads; throws StoreError NOT_INITIALIZED while there is no store. */
  readonly door: StoreDoor;
  /** A caller's view of the store, and the places for searches and contents that pages share with the API. */
  readonly api: ApiParts;
  /** What people ask for becomes an operation in the queue; see actions/form-action.ts for forms. */
  readonly actions: Actions;
  /** Files that people bring: their folder and their limits. */
  readonly uploads: UploadParts;
  /** Whether a person that got in is still who they were; for what goes on after the request. */
  readonly isCurrent: (person: Pick<Person, 'name'>) => boolean;
  readonly probe: FleetProbe;
  readonly queue: Queue;
  readonly redis: Redis;
  readonly emit: Emit;
  /** Wall clock in milliseconds. */
  readonly now: () => number;
  readonly config: {
    readonly shard: number;
    readonly dataDir: string;
    /** `backups` in the data folder when left out. */
    readonly backupDir?: string;
    /** Where the dashboard may write; undefined: nowhere. */
    readonly dashboardDir?: string | undefined;
  };
}
