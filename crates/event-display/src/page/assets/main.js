// Where it all comes together: the address, the buttons, the keys.

/** Filter and open request are in the address, so that a view can be shared. Browsers limit how often
 * it may change: once, when typing or stepping has paused. */
const writeAddress = (() => {
  const PAUSE = 200;
  let timer;
  const write = () => {
    const parts = new URLSearchParams();
    if ($('filter').value.trim()) parts.set('filter', $('filter').value.trim());
    if (detail.key) parts.set('event', detail.key);
    const hash = parts.toString();
    history.replaceState(null, '', hash ? `#${hash}` : location.pathname + location.search);
  };
  return () => {
    clearTimeout(timer);
    timer = setTimeout(write, PAUSE);
  };
})();

function readAddress() {
  const parts = new URLSearchParams(location.hash.slice(1));
  $('filter').value = parts.get('filter') ?? '';
  store.filter($('filter').value);
  const key = parts.get('event');
  if (key !== detail.key) list.open(key);
}

function setFilter(text) {
  $('filter').value = text;
  store.filter(text);
  writeAddress();
}

/** Opens a request, or closes the open one. */
list.open = (key) => {
  if (key) {
    list.choose(key);
    detail.show(key).then(writeAddress);
  } else {
    detail.hide();
    writeAddress();
    $('list').focus();
  }
};

function togglePause() {
  store.pause(!store.paused);
  showState();
}

function clearList() {
  store.cleared = true;
  store.clear();
}

function step(by) {
  const key = list.step(by);
  if (key && detail.key) list.open(key);
}

const KEYS = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  j: () => step(1),
  k: () => step(-1),
  Home: () => list.choose(store.at(0)?.key),
  Enter: () => list.chosen && list.open(list.chosen),
  p: togglePause,
  c: clearList,
  '/': () => $('filter').focus(),
  '?': () => $('keys').showModal(),
};

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $('keys').open) return;
  const field = event.target.closest('input, textarea');
  if (event.key === 'Escape') {
    if (field) field.blur();
    else if (detail.key) list.open(null);
    return;
  }
  // A button does its own with Enter, and what scrolls with the arrows.
  const own = event.target.closest('button, a, summary, pre, #detail') && /^(Enter|Arrow|Home)/.test(event.key);
  if (field || own || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

for (const kind of ['input', 'change']) {
  $('filter').addEventListener(kind, () => setFilter($('filter').value));
}
$('newer').addEventListener('click', () => { $('list').scrollTop = 0; });
$('bar').addEventListener('submit', (event) => event.preventDefault());
$('pause').addEventListener('click', togglePause);
$('clear').addEventListener('click', clearList);
$('help').addEventListener('click', () => $('keys').showModal());
addEventListener('hashchange', readAddress);
addEventListener('resize', () => chart.draw());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => chart.draw());

list.start();
readAddress();
live.start();
