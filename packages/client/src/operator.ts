// What operators ask of the fleet, beside what agents do. Each resolves when the writer has taken it up; the work itself is
// done in slices, and how far it is stands in VM0's database.

import type { AppliedReceipt, OperationName, Payload, PlanRequest } from '@filefleet/protocol';
import type { RequestOptions, SessionRequest } from './requests.ts';

export interface HoldRequest extends SessionRequest {
  /** True: nothing of the session is ever cleaned up or purged, until it is released. */
  readonly hold: boolean;
  readonly reason?: string;
}

/** What an operation asks for: its payload without what the client adds. */
export type OperationFields<N extends OperationName> = Omit<
  Payload<N>,
  'v' | 'operationId' | 'vm' | 'actor' | 'producer' | 'sequence' | 'previous' | 'retryOf'
>;

type Send = (
  name: OperationName,
  fields: Readonly<Record<string, unknown>>,
  options: RequestOptions,
) => Promise<AppliedReceipt>;

/** Made by a client: `client.operator`. Every method rejects as the client's own do. */
export class Operator {
  readonly #send: Send;

  /** @internal */
  constructor(send: Send) {
    this.#send = send;
  }

  /**
   * Any operation by its name, for programs that pass on what people ask for. For contents, `client.store` is the way.
   * @param fields of the operation, as its schema in the protocol names them.
   */
  async run<N extends OperationName>(
    name: N,
    fields: OperationFields<N>,
    options: RequestOptions = {},
  ): Promise<AppliedReceipt> {
    return await this.#send(name, fields, options);
  }

  /** Holds a session, or releases it. */
  async hold({ sessionId, hold, reason, ...options }: HoldRequest): Promise<AppliedReceipt> {
    return await this.#send('session-hold', { sessionId, hold, reason }, options);
  }

  /** Asks for a plan of something destructive. The receipt's `operationId` is the id of the plan. */
  async makePlan(plan: PlanRequest, options: RequestOptions = {}): Promise<AppliedReceipt> {
    return await this.#send('plan-make', { plan }, options);
  }

  /**
   * Applies a plan of the last hour. The receipt says that it was taken up; a plan whose selection has changed becomes `stale`.
   * @throws ClientError REFUSED with PLAN_UNKNOWN, PLAN_NOT_READY, PLAN_EXPIRED
   */
  async applyPlan(planId: string, options: RequestOptions = {}): Promise<AppliedReceipt> {
    return await this.#send('plan-apply', { planId }, options);
  }

  /** Asks for a backup now. */
  async makeBackup(options: RequestOptions = {}): Promise<AppliedReceipt> {
    return await this.#send('backup-make', {}, options);
  }

  /** Says that the writer's clock is right, after retention waited because of it. */
  async acceptClock(options: RequestOptions = {}): Promise<AppliedReceipt> {
    return await this.#send('clock-accept', {}, options);
  }
}
