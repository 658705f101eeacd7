// Chooses a contestant by the name that somebody typed.

/** @throws Error that lists the names when there is none of this name. */
export function chosen<Name extends string>(table: Readonly<Record<Name, unknown>>, name: string): Name {
  const names = Object.keys(table) as Name[];
  const found = names.find((known) => known === name);
  if (found !== undefined) return found;
  throw new Error(`expected the name to be one of ${names.join(', ')}, got ${JSON.stringify(name)}`);
}
