import type { RefusedCode } from './codes.ts';

/** Raised by everything in this package that is given something it cannot accept. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: Extract<RefusedCode, 'PAYLOAD_INVALID' | 'VERSION_UNSUPPORTED' | 'OPERATION_UNKNOWN'>;
  /** Path of the offending field, such as `metadata.width`; empty for the payload as a whole. */
  readonly field: string;

  constructor(code: ProtocolError['code'], field: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.field = field;
  }
}
