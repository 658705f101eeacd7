// On the list of files: whoever asks for more with the keyboard goes on at the first of the new rows.

const rows = document.getElementById('rows');

if (rows) {
  new MutationObserver((changes) => {
    const first = changes
      .flatMap(({ addedNodes }) => [...addedNodes])
      .find((node) => node instanceof HTMLElement);
    const lost = document.activeElement === document.body || document.activeElement === null;
    if (lost && first instanceof HTMLElement) first.querySelector('a')?.focus({ preventScroll: true });
  }).observe(rows, { childList: true });
}
