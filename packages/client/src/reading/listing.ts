// Lists that come in pages: one page, all pages, or all items. Nothing is asked before somebody wants it.

import { unexpected } from './problems.ts';

/** One page. `nextCursor` is there when there may be more. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
}

/** What a search says: with a `nextCursor` there are files that nobody has looked at yet, and `complete` is false. */
export interface SearchPage<Item> extends Page<Item> {
  /** Files that were looked at for this page. */
  readonly scanned: number;
  readonly complete: boolean;
}

/**
 * A list of items. `for await (const item of listing)` gives all of them and asks for one page after the other;
 * `listing.pages()` gives the pages; `listing.page()` asks for one. What changes meanwhile may be in it or not; nothing comes twice.
 */
export class Listing<Item, ThePage extends Page<Item> = Page<Item>> implements AsyncIterable<Item> {
  readonly #ask: (cursor: string | undefined) => Promise<ThePage>;
  readonly #cursor: string | undefined;

  /** @internal */
  constructor(ask: (cursor: string | undefined) => Promise<ThePage>, cursor: string | undefined) {
    this.#ask = ask;
    this.#cursor = cursor;
  }

  /** The first page, or the one behind `cursor` if one was given. */
  async page(): Promise<ThePage> {
    return await this.#ask(this.#cursor);
  }

  /** Page by page, until there are no more. */
  async *pages(): AsyncGenerator<ThePage, void, undefined> {
    let cursor = this.#cursor;
    for (;;) {
      const page = await this.#ask(cursor);
      yield page;
      if (page.nextCursor === undefined) return;
      if (page.nextCursor === cursor) throw unexpected('a page that leads on, got one that leads to itself');
      cursor = page.nextCursor;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const { items } of this.pages()) yield* items;
  }
}
