// On the form that brings files: files can be dropped on it, what is too much is said before it is sent, and how far it is shows.
// What the server says comes with the page that follows, as without a script.

for (const form of document.querySelectorAll('form.upload')) enhance(form);

function enhance(form) {
  const input = form.querySelector('input[type="file"]');
  const problem = form.querySelector('.problem');
  form.querySelector('.droppable').hidden = false;

  const say = (text) => {
    problem.textContent = text;
    problem.hidden = text === '';
  };
  input.addEventListener('change', () => say(tooMuch(form, input.files)));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const wrong = tooMuch(form, input.files);
    say(wrong);
    if (wrong === '') send(form, say);
  });
  acceptDrops(form, (files) => {
    input.files = files;
    input.dispatchEvent(new Event('change'));
    form.querySelector('button').focus();
  });
}

/** What the server would refuse, in a sentence; an empty text when it fits. */
function tooMuch({ dataset }, files) {
  const all = [...files];
  const large = all.find(({ size }) => size > Number(dataset.fileBytes));
  if (large) return `${large.name} is larger than ${dataset.fileMost}, which is the most.`;
  if (all.length > Number(dataset.files)) {
    return `These are ${all.length} files; at most ${dataset.files} can come at once.`;
  }
  const total = all.reduce((sum, { size }) => sum + size, 0);
  return total > Number(dataset.totalBytes)
    ? `These are larger than ${dataset.totalMost} together, which is the most at once.`
    : '';
}

/** A drag passes over what is inside, too, so that ends of it are counted. */
function acceptDrops(form, take) {
  let inside = 0;
  const mark = (change) => {
    inside = Math.max(0, inside + change);
    form.classList.toggle('over', inside > 0);
  };
  const withFiles = (handle) => (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    handle(event);
  };
  form.addEventListener(
    'dragenter',
    withFiles(() => mark(1)),
  );
  form.addEventListener(
    'dragleave',
    withFiles(() => mark(-1)),
  );
  form.addEventListener(
    'dragover',
    withFiles(() => {}),
  );
  form.addEventListener(
    'drop',
    withFiles((event) => {
      mark(-inside);
      if (event.dataTransfer.files.length > 0) take(event.dataTransfer.files);
    }),
  );
}

/** Not by fetch, which does not say how far an upload is. */
function send(form, say) {
  const request = new XMLHttpRequest();
  const sending = form.querySelector('.sending');
  const progress = sending.querySelector('progress');
  const body = new FormData(form);
  const open = (isOpen) => {
    sending.hidden = isOpen;
    for (const field of form.querySelectorAll('input:not([type="hidden"]), button')) field.disabled = !isOpen;
    form.setAttribute('aria-busy', String(!isOpen));
  };
  const failed = (text) => {
    open(true);
    say(text);
  };
  request.upload.addEventListener('progress', ({ loaded, total }) => {
    if (loaded < total) progress.value = loaded / total;
    else progress.removeAttribute('value'); // all sent: now the writer stores it
  });
  request.addEventListener('load', () => {
    const { goTo, error } = answerOf(request);
    if (goTo !== undefined) location.assign(goTo);
    else
      failed(
        error?.message ??
          `The dashboard answered ${request.status}; nothing is known to be stored. Try again.`,
      );
  });
  request.addEventListener('error', () =>
    failed(
      'The connection broke. Look whether the files are here, and send them again if not: they are stored once.',
    ),
  );
  request.open('POST', form.action);
  request.setRequestHeader('accept', 'application/json');
  request.send(body);
  open(false);
}

function answerOf({ responseText }) {
  try {
    return JSON.parse(responseText);
  } catch {
    return {};
  }
}
