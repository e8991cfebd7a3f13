// The list: only the rows in sight are elements, drawn at most once for each frame.

const OVERSCAN = 8, HOLD = 1500;

const list = {
  /** The key of the chosen row. */
  chosen: null,
  elements: new Map(),
  height: 38,
  drawing: false,
  latest: 0,
  /** Rows that came above the ones in sight. */
  newer: 0,
  /** Until when the rows stay where they are, because the pointer moves over them. */
  heldUntil: 0,
  open: () => {},

  start() {
    const box = $('list');
    box.addEventListener('scroll', () => this.draw(), { passive: true });
    // Nobody can click on a row that runs away.
    box.addEventListener('pointermove', () => this.hold(), { passive: true });
    box.addEventListener('wheel', () => { this.returns = false; }, { passive: true });
    box.addEventListener('touchmove', () => { this.returns = false; }, { passive: true });
    new ResizeObserver(() => this.measure()).observe(box);
    $('rows').addEventListener('click', (event) => {
      const key = event.target.closest('.row')?.dataset.key;
      if (key) this.open(key);
    });
    store.changed = (added) => {
      // Who reads further down keeps the same rows in sight.
      if (added > 0 && (box.scrollTop > this.height / 2 || performance.now() < this.heldUntil)) {
        $('rows').style.height = `${store.shown.length * this.height}px`;
        box.scrollTop += added * this.height;
        this.newer += added;
      }
      if (added > 0) this.announce(added);
      this.draw();
    };
    this.measure();
  },

  hold() {
    if (performance.now() > this.heldUntil) this.returns = $('list').scrollTop < this.height / 2;
    this.heldUntil = performance.now() + HOLD;
    clearTimeout(this.release);
    this.release = setTimeout(() => { if (this.returns) $('list').scrollTop = 0; }, HOLD);
  },

  /** How high a row is, which depends on the width. */
  measure() {
    const probe = el('div', { className: 'row' });
    $('rows').append(probe);
    this.height = probe.offsetHeight || 38;
    probe.remove();
    const scrollbar = $('list').offsetWidth - $('list').clientWidth;
    document.documentElement.style.setProperty('--scrollbar', `${scrollbar}px`);
    this.draw();
  },

  announce(added) {
    this.latest += added;
    if (this.announcing) return;
    this.announcing = true;
    setTimeout(() => {
      say(`${number(this.latest)} new ${this.latest === 1 ? 'request' : 'requests'}.`);
      this.latest = 0;
      this.announcing = false;
    }, 10000);
  },

  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.render();
    });
  },

  render() {
    const box = $('list'), rows = $('rows'), count = store.shown.length;
    rows.style.height = `${count * this.height}px`;
    const first = Math.max(0, Math.floor(box.scrollTop / this.height) - OVERSCAN);
    const last = Math.min(count, Math.ceil((box.scrollTop + box.clientHeight) / this.height) + OVERSCAN);
    const seen = new Set();
    for (let place = first; place < last; place++) {
      const row = store.at(place);
      seen.add(row.key);
      let element = this.elements.get(row.key);
      if (!element) {
        element = rowElement(row);
        this.elements.set(row.key, element);
        rows.append(element);
      }
      element.style.transform = `translateY(${place * this.height}px)`;
      element.setAttribute('aria-posinset', place + 1);
      element.setAttribute('aria-setsize', count);
      const chosen = row.key === this.chosen;
      element.classList.toggle('chosen', chosen);
      element.setAttribute('aria-selected', chosen);
    }
    for (const [key, element] of this.elements) {
      if (seen.has(key)) continue;
      element.remove();
      this.elements.delete(key);
    }
    const active = this.elements.get(this.chosen);
    if (active) box.setAttribute('aria-activedescendant', active.id);
    else box.removeAttribute('aria-activedescendant');
    showEmpty(count === 0);
    if (box.scrollTop < this.height / 2) this.newer = 0;
    $('newer').hidden = this.newer === 0;
    $('newer').textContent = `↑ ${number(this.newer)} newer`;
    const filtered = store.tokens.length > 0;
    $('found').textContent = filtered ? `${number(count)} of ${number(store.rows.length)}` : '';
  },

  /** Chooses a row and scrolls to it. */
  choose(key) {
    this.chosen = key;
    const place = store.place(key);
    const box = $('list');
    if (place >= 0) {
      const top = place * this.height;
      if (top < box.scrollTop) box.scrollTop = top;
      const below = top + this.height - box.clientHeight;
      if (below > box.scrollTop) box.scrollTop = below;
    }
    this.draw();
  },

  /** Chooses the next or the previous request; gives its key. */
  step(by) {
    let place = store.place(this.chosen);
    place = place < 0 ? 0 : place + by;
    while (store.at(place)?.notice) place += by || 1;
    const row = place >= 0 && place < store.shown.length ? store.at(place) : null;
    if (row) this.choose(row.key);
    return row?.key;
  },
};

function rowElement(row) {
  if (row.notice) {
    return el('div', { className: 'row notice', role: 'option', 'aria-disabled': 'true', id: `row-${row.key}` }, row.notice);
  }
  const cell = (name, ...children) => el('span', { className: name }, ...children);
  const fresh = Date.now() - row.seen < 1500;
  const element = el('div', {
    className: `row${row.refused ? ' refused' : ''}${fresh ? ' new' : ''}`,
    role: 'option', id: `row-${row.key}`, data: { key: row.key }, 'aria-label': rowLabel(row),
  });
  const [time, millis] = clock(row.received).split('.');
  element.append(cell('time', time, el('span', { className: 'millis' }, `.${millis}`)));
  if (row.refused) {
    element.append(
      cell('type', dot('refused'), el('span', {}, row.type || 'no event'),
        el('span', { className: 'badge bad' }, `refused ${row.status}`)),
      cell('reason', row.refused.reason));
  } else {
    element.append(
      cell('type', dot(colourOf(row.type)), el('span', {}, row.type),
        row.repeats ? el('span', { className: 'badge' }, 'repeat') : null),
      cell('source', row.source), cell('subject', row.subject ?? ''), cell('id', row.id ?? ''));
  }
  element.append(cell('size', bytesText(row.size)));
  for (const child of element.children) child.title = child.textContent;
  return element;
}

const dot = (colour) => el('span', { className: 'dot', data: { colour } });

function rowLabel(row) {
  const parts = [clock(row.received)];
  if (row.refused) parts.push(`refused with ${row.status}: ${row.refused.reason}`);
  parts.push(row.type && `type ${row.type}`, row.source && `source ${row.source}`,
    row.subject && `subject ${row.subject}`, row.id && `id ${row.id}`, bytesText(row.size),
    row.repeats && 'repeat of an earlier event');
  return parts.filter(Boolean).join(', ');
}

/** Instead of an empty list: how to post a first event, or that nothing fits. */
function showEmpty(empty) {
  const box = $('empty');
  box.hidden = !empty;
  const kind = store.tokens.length ? 'filter' : store.rows.length === 0 && store.cleared ? 'cleared' : 'first';
  if (!empty || box.dataset.kind === kind) return;
  box.dataset.kind = kind;
  if (kind === 'filter') {
    return box.replaceChildren(el('h2', {}, 'Nothing fits the filter'), el('p', {}, 'New events that fit will appear here.'));
  }
  if (kind === 'cleared') {
    return box.replaceChildren(el('h2', {}, 'Cleared'),
      el('p', {}, 'New events will appear here. Reload the page to see the ones before again.'));
  }
  const command = `curl ${location.origin} \\
  -H 'Ce-Specversion: 1.0' -H 'Ce-Type: com.example.order' \\
  -H 'Ce-Source: /shop' -H 'Ce-Id: 1' \\
  -H 'Content-Type: application/json' \\
  -d '{"order": 4711}'`;
  box.replaceChildren(
    el('h2', {}, 'Waiting for the first event'),
    el('p', {}, 'It appears here as soon as it arrives. Send one:'),
    el('pre', { tabIndex: 0 }, command),
    copyButton('Copy', () => command));
}

