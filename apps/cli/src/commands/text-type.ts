// The MIME type of a text by its name: from its bytes the writer cannot tell JSON from prose. What has a signature is left to
// the writer, which believes bytes and not endings: `.ts` is a video to the table of types.

import { extname } from 'node:path';
import mime from 'mime';

const isText = /^text\/|[/+](?:json|xml|yaml|javascript|toml|sql)$/;

/** @returns the type that files of this name have, if that is one of a text; undefined else. */
export function textTypeOf(filename: string): string | undefined {
  const type = mime.getType(extname(filename)) ?? '';
  return isText.test(type) ? type : undefined;
}
