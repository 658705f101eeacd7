// Keeps a page fresh: what the stream sends replaces the parts of the page that carry its name. Only while the page is
// seen: a hidden tab holds no connection. Other modules listen to `filefleet:point` and `filefleet:commit` on the body.

const parts = new Map(
  [...document.querySelectorAll('[data-part]')].map((element) => [element.dataset.part, element]),
);
const state = document.querySelector('[data-live-state]');
let source;
let commit = -1;

function say(text) {
  if (!state || state.textContent === text) return;
  state.textContent = text;
  state.classList.toggle('on', text === 'Live');
}

function open() {
  if (source || document.hidden) return;
  source = new EventSource('/live');
  source.addEventListener('fleet', (event) => show(JSON.parse(event.data)));
  source.addEventListener('error', () => {
    // A closed one does not come back by itself: too many watch, or the login ended.
    if (source?.readyState === EventSource.CLOSED) {
      say('No updates; load the page again');
      close();
    } else say('Waiting for updates');
  });
}

function close() {
  source?.close();
  source = undefined;
}

function show(message) {
  say('Live');
  for (const [name, text] of Object.entries(message.parts)) {
    const target = parts.get(name);
    // Changes only what differs, so that focus and reading stay where they are.
    if (target) window.htmx.swap({ text, target, swap: 'innerMorph' });
  }
  if (message.point) tell('point', message.point);
  if (commit >= 0 && message.commit > commit) tell('commit', { commit: message.commit });
  commit = message.commit;
}

function tell(name, detail) {
  document.body.dispatchEvent(new CustomEvent(`filefleet:${name}`, { detail }));
}

document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
window.addEventListener('pagehide', close);
window.addEventListener('pageshow', open);
open();
