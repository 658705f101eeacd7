// Who imports what: every import, export-from, dynamic import, resolved file and imported type of a source tree, found by a parser that
// reads TypeScript, with the place where it stands.

import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix } from 'node:path';
import { parseSync, Visitor } from 'vite';

export interface Import {
  /** The importing file, relative to the root of the tree, with forward slashes. */
  readonly file: string;
  readonly specifier: string;
}

const sourcePatterns = ['packages/*/src/**/*', 'apps/*/src/**/*', 'tests/**/*', 'scripts/**/*'].flatMap(
  (pattern) => [`${pattern}.ts`, `${pattern}.mjs`, `${pattern}.cjs`],
);

/** Source files of a tree, relative to its root, sorted. */
export function sourceFiles(root: string): string[] {
  const exclude = (path: string) => /(^|\/)(node_modules|dist)$/.test(path);
  const files = globSync(sourcePatterns, { cwd: root, exclude });
  return [...new Set(files.map((file) => file.replaceAll('\\', '/')))].sort();
}

/** @throws Error when a file does not parse: what cannot be read cannot be judged. */
export function importsOf(root: string, file: string): Import[] {
  const { program, errors } = parseSync(file, readFileSync(join(root, file), 'utf8'));
  if (errors.length > 0) throw new Error(`expected ${file} to parse, got ${errors[0]?.message}`);
  const specifiers: string[] = [];
  const note = (source: { readonly type: string } | null | undefined) => {
    if (source?.type !== 'Literal' || !('value' in source)) return; // computed: nothing that can be said about it
    if (typeof source.value === 'string') specifiers.push(source.value);
  };
  new Visitor({
    ImportDeclaration: (node) => note(node.source),
    ExportNamedDeclaration: (node) => note(node.source),
    ExportAllDeclaration: (node) => note(node.source),
    ImportExpression: (node) => note(node.source),
    TSImportType: (node) => note(node.source),
    CallExpression: (node) => {
      if (isRequireResolve(node.callee)) note(node.arguments[0]);
    },
  }).visit(program);
  return specifiers.map((specifier) => ({ file, specifier }));
}

/** `require.resolve('pkg/file')`: the way to a package's files that are served and not imported. */
function isRequireResolve(callee: object): boolean {
  const { object, property } = callee as { object?: { name?: string }; property?: { name?: string } };
  return object?.name === 'require' && property?.name === 'resolve';
}

export const isRelative = (specifier: string): boolean => specifier.startsWith('.');

/** The file that a relative specifier means, relative to the root. */
export const targetOf = ({ file, specifier }: Import): string =>
  posix.normalize(posix.join(posix.dirname(file), specifier));

/** `pkg` of `pkg/sub`, `@scope/pkg` of `@scope/pkg/sub`; undefined for Node's own modules and for relative ones. */
export function packageOf(specifier: string): string | undefined {
  if (isRelative(specifier) || isBuiltin(specifier)) return undefined;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
