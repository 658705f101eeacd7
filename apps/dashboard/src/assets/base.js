// On every page: times that stay fresh, and dialogs. Without it pages read and act the same.

const freshenMs = 10_000;
/** How far the server's clock is ahead of this browser's. */
const serverNow = Number(document.querySelector('meta[name="now"]')?.content) || Date.now();
const aheadMs = serverNow - Date.now();

/** The same words as `relative` in pages/show.ts. */
function relative(ms, nowMs) {
  const gap = nowMs - ms;
  if (Math.abs(gap) < 1_500) return 'now';
  return gap > 0 ? `${age(gap)} ago` : `in ${age(-gap)}`;
}

function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

function freshen() {
  const nowMs = Date.now() + aheadMs;
  for (const time of document.querySelectorAll('time[data-relative]')) {
    const text = relative(Date.parse(time.dateTime), nowMs);
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(freshen, freshenMs);

/** `data-opens="id"` on a button opens the dialog of that id; inside, `<form method="dialog">` closes it. */
document.addEventListener('click', (event) => {
  const opener = event.target instanceof Element ? event.target.closest('[data-opens]') : null;
  const dialog = opener && document.getElementById(opener.dataset.opens);
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
});
