// BullMQ parses some fields of a job's hash before a worker can look at it; one that is no JSON throws there, and the job
// cycles for ever between active and wait. They say how a job travels, not what it asks for, so blanks stand in for them.

/** Fields that BullMQ parses, and what stands for nothing in each. */
const parsedFields: Readonly<Record<string, { blank: string; isFine: (value: unknown) => boolean }>> = {
  opts: { blank: '{}', isFine: (value) => typeof value === 'object' && value !== null },
  progress: { blank: '0', isFine: () => true },
  parent: { blank: '', isFine: () => true },
};

/** The part of BullMQ's backend through which each job comes; not of its public types. */
interface Backend {
  execCommand(client: unknown, name: string, args: unknown): Promise<unknown>;
}

/**
 * Makes hashes readable on their way to BullMQ.
 * @param onBlanked told of a job whose fields had to be blanked.
 */
export function keepHashesReadable(
  backend: object,
  onBlanked: (jobId: string, fields: readonly string[]) => void,
): void {
  const { execCommand } = backend as Backend;
  if (typeof execCommand !== 'function')
    throw new Error('expected BullMQ to have execCommand, got none; look at readable-hashes.ts');
  (backend as Backend).execCommand = async (client, name, args) => {
    const reply = await execCommand.call(backend, client, name, args);
    if (!Array.isArray(reply) || !Array.isArray(reply[0])) return reply;
    const blanked = blankUnreadable(reply[0]);
    if (blanked.length > 0) onBlanked(String(reply[1]), blanked);
    return reply;
  };
}

/** Blanks, in place, what does not parse. @param hash names and values in turn, as Redis gives them. @returns the names. */
export function blankUnreadable(hash: unknown[]): readonly string[] {
  const blanked: string[] = [];
  for (let at = 0; at + 1 < hash.length; at += 2) {
    const name = String(hash[at]);
    const field = Object.hasOwn(parsedFields, name) ? parsedFields[name] : undefined;
    if (!field || hash[at + 1] === '' || isReadable(hash[at + 1], field.isFine)) continue;
    hash[at + 1] = field.blank;
    blanked.push(name);
  }
  return blanked;
}

function isReadable(text: unknown, isFine: (value: unknown) => boolean): boolean {
  try {
    return isFine(JSON.parse(String(text)));
  } catch {
    return false;
  }
}
