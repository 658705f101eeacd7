// The form that brings files, on the page of a session and on that of files. Works without a script; with `upload.js` files can be
// dropped on it, and large ones show how far they are.

import { actionFields } from '../actions/form-action.ts';
import { type Html, html } from '../pages/html.ts';
import type { Frame } from '../pages/layout.ts';
import { bytesText } from '../pages/show.ts';
import type { UploadLimits } from './limits.ts';

export interface UploadFormFacts {
  readonly frame: Pick<Frame, 'csrfToken'>;
  readonly nowMs: number;
  readonly limits: Pick<UploadLimits, 'fileBytes' | 'totalBytes' | 'formFiles'>;
  /** The session that the files go to; a function: the person says which, and this is the field for it. */
  readonly session: string | (() => Html);
}

/** What pages that have the form need beside it. */
export const uploadAssets = Object.freeze({ script: 'upload.js', style: 'upload.css' });

/** The fields stand before the files: who may not is told before anything is taken. */
export function uploadForm({ frame, nowMs, limits, session }: UploadFormFacts): Html {
  const { fileBytes, totalBytes, formFiles } = limits;
  return html`<form class="upload" method="post" action="/files" enctype="multipart/form-data" data-file-bytes="${fileBytes}" data-file-most="${bytesText(fileBytes)}" data-total-bytes="${totalBytes}" data-total-most="${bytesText(totalBytes)}" data-files="${formFiles}">
  ${actionFields(frame.csrfToken, nowMs)}
  ${typeof session === 'string' ? html`<input type="hidden" name="session" value="${session}">` : session()}
  <label>Files <input type="file" name="file" multiple required></label>
  <button>Upload</button>
  <p class="hint">Up to ${formFiles} at once, each up to ${bytesText(fileBytes)}<span class="droppable" hidden>; they can be dropped here</span>.</p>
  <div class="sending" hidden><progress max="1" value="0" aria-label="How much is sent"></progress></div>
  <p class="problem" role="alert" hidden></p>
</form>`;
}

/** The field for the session, with those that were used last to choose from. */
export function sessionField(asked: string, lately: readonly string[]): Html {
  return html`<label>Session
    <input name="session" value="${asked}" list="sessions" maxlength="128" required placeholder="id, also a new one" autocomplete="off" spellcheck="false">
    <datalist id="sessions">${lately.map((id) => html`<option value="${id}"></option>`)}</datalist>
  </label>`;
}
