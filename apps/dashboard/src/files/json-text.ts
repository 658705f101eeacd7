// JSON for people: indented, and its parts told apart by colour. Works on the text itself: what `JSON.parse` would make of a
// number of twenty digits, or of a key that stands there twice, is not what was stored.

import { visibleText } from '@filefleet/protocol';

export type JsonPart = readonly [kind: 'key' | 'string' | 'number' | 'literal' | 'plain', text: string];

/** Deeper than this, indentation would cost more than it shows. */
const deepest = 40;
/** A text whose end is missing is one all the same: a pattern that insisted would look for it again from every quote. */
const token = /"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;

/** @returns undefined for a text that is no JSON, or too deep to be shown indented. */
export function indentedJson(text: string): readonly JsonPart[] | undefined {
  if (!isJson(text)) return undefined;
  const tokens = text.match(token) ?? [];
  const parts: JsonPart[] = [];
  let depth = 0;
  const line = () => parts.push(['plain', `\n${'  '.repeat(depth)}`]);
  for (const [index, one] of tokens.entries()) {
    const opens = one === '{' || one === '[';
    const closes = one === '}' || one === ']';
    const before = tokens[index - 1];
    if (closes) depth--;
    if (closes && before !== '{' && before !== '[') line();
    parts.push(partOf(one, tokens[index + 1] === ':'));
    if (opens && ++depth > deepest) return undefined;
    const next = tokens[index + 1];
    if ((opens && next !== '}' && next !== ']') || one === ',') line();
    if (one === ':') parts.push(['plain', ' ']);
  }
  return parts;
}

/** The text as it stands, its parts told apart as far as they can be: of JSON that is too long, only the beginning is there. */
export function colouredJson(text: string): readonly JsonPart[] {
  const parts: JsonPart[] = [];
  let at = 0;
  for (const match of text.matchAll(token)) {
    if (match.index > at) parts.push(['plain', text.slice(at, match.index)]);
    at = match.index + match[0].length;
    parts.push(partOf(match[0], /^\s*:/.test(text.slice(at, at + 16))));
  }
  if (at < text.length) parts.push(['plain', text.slice(at)]);
  return parts;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function partOf(text: string, isKey: boolean): JsonPart {
  if (text.startsWith('"')) return [isKey ? 'key' : 'string', visibleText(text)];
  if (/^[-\d]/.test(text)) return ['number', text];
  return [/^[tfn]/.test(text) ? 'literal' : 'plain', text];
}
