// The name under which a download is kept, as a header (RFC 6266, RFC 8187). Names come from anybody on the fleet.

/** What no file system wants in a name, what cannot be seen, and what turns the reading direction around. */
const unwanted = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}/\\:*?"<>|]/gu;
const longest = 200;

/** @param filename as its uploader gave it. @returns always `attachment`: nothing of the store opens in our origin. */
export function contentDisposition(filename: string): string {
  const name = safeName(filename);
  const plain = name.replace(/[^\x20-\x7e]|[%]/g, '_');
  const encoded = encodeURIComponent(name).replace(/['()*]/g, percent);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/** Hidden names, names that lead out of a folder, and empty ones become plain ones. */
function safeName(filename: string): string {
  const name = [
    ...filename.replace(unwanted, '_').replace(/^[. ]+|[. ]+$/g, (run) => '_'.repeat(run.length)),
  ];
  return name.slice(0, longest).join('') || 'file';
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
