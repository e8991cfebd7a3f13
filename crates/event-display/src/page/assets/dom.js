// Building the document. Texts become text nodes, never markup: whatever an event holds, it cannot
// become an element. Nothing in these files lets a browser parse a text as HTML.

const $ = (id) => document.getElementById(id);

/** An element with properties (names with `-` are attributes) and children; null children are left out. */
function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === 'data') Object.assign(element.dataset, value);
    else if (key.includes('-') || key === 'role' || key === 'for') element.setAttribute(key, value);
    else element[key] = value;
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/** Says something to screen readers, at most every few seconds: the last words count. */
const say = (() => {
  const PAUSE = 4000;
  let words = '', timer = null;
  return (text) => {
    words = text;
    timer ??= setTimeout(() => {
      timer = null;
      $('said').textContent = words;
    }, $('said').textContent ? PAUSE : 100);
  };
})();

/** A button that copies what `text` gives, and says so. */
function copyButton(label, text) {
  const button = el('button', { type: 'button', className: 'small' }, label);
  button.addEventListener('click', async () => {
    const done = await copy(text());
    button.textContent = done ? 'Copied' : 'Not allowed';
    say(done ? 'Copied.' : 'The browser does not allow copying.');
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

/** The clipboard is there for secure origins only; elsewhere a selection does it. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el('textarea', { value: text, className: 'unseen' });
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

async function getJson(path) {
  const response = await fetch(path, { headers: { Accept: 'application/json' }, cache: 'no-store' });
  if (response.status === 401) location.reload();
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.text();
}

