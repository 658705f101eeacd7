// Example: an agent on the browser VM that keeps what it sees. Playwright makes the picture, the fleet keeps it.

import type { AppliedReceipt, Client } from '@filefleet/client';
import type { Page } from 'playwright-core';

export interface Visit {
  readonly sessionId: string;
  readonly url: string;
  /** The message of the conversation that asked for the picture. */
  readonly messageId?: string;
}

/** Visits a page and stores a picture of all of it. Resolves when the picture is durable. */
export async function keepScreenshot(files: Client, page: Page, visit: Visit): Promise<AppliedReceipt> {
  const { sessionId, url, messageId } = visit;
  const response = await page.goto(url, { waitUntil: 'load' });
  const title = await page.title();
  const content = await page.screenshot({ fullPage: true, type: 'png' });
  const viewport = page.viewportSize();
  return await files.store({
    sessionId,
    filename: nameFor(title),
    content,
    mimeType: 'image/png',
    associationType: 'generated',
    // Values are strings: what comes out is what went in.
    metadata: {
      url: page.url(),
      title,
      status: String(response?.status() ?? ''),
      viewport: viewport ? `${viewport.width}x${viewport.height}` : '',
    },
    ...(messageId && { messageId }),
  });
}

/** A title is anybody's text: no control characters, no half characters, at most 255 bytes with its ending. */
function nameFor(title: string): string {
  const clean = title.toWellFormed().replace(/\p{Cc}+/gu, ' ');
  let name = '';
  for (const character of clean) {
    if (Buffer.byteLength(name + character) > 240) break;
    name += character;
  }
  return `${name.trim() || 'untitled'}.png`;
}
