// Text from outside on one line of a terminal: visible, and not too long.

import { visibleName, visibleText } from '@filefleet/protocol';

export function shown(text: string, maxLength = 80): string {
  return visibleText(cut(text, maxLength));
}

/** The name of a file. */
export function shownName(name: string, maxLength = 80): string {
  const short = cut(name, maxLength);
  return short === name ? visibleName(name) : visibleText(short);
}

function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${[...text].slice(0, maxLength - 1).join('')}…` : text;
}
