// What people read about a variable.

/** What the table says about a variable beside its check. */
export interface VariableFacts {
  /** What it is for. */
  readonly what: string;
  /** What a value should be: "expected <noun> to be <wish>". */
  readonly noun: string;
  readonly wish: string;
  /** What to do about a wrong value. */
  readonly advice: string;
  /** The default as people should read it. */
  readonly byDefault: string;
  /** True: no message ever shows a value of it. */
  readonly secret?: boolean;
}
