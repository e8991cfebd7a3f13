// One request, opened: why it was refused, attributes, data in the form that suits it, and the raw
// request. Texts come from the answer's own text, so that no number changes on the way.

const detail = {
  key: null,

  async show(key) {
    this.key = key;
    const row = store.rows.find((found) => found.key === key);
    let whole = null;
    try {
      whole = await getJson(`/events/${encodeURIComponent(key)}`);
    } catch {
      // Gone from the history, or of another replica: the row is all there is.
    }
    if (this.key !== key) return;
    if (!whole && !row) return this.hide();
    const panel = $('detail');
    panel.replaceChildren(...parts(whole ? new Whole(whole) : null, row));
    panel.hidden = false;
    panel.scrollTop = 0;
    say(`${$('detail-title').textContent} is open.`);
    const covers = getComputedStyle(panel).position === 'fixed';
    for (const other of document.querySelectorAll('.top, .overview, .bar, .events')) other.inert = covers;
    if (covers) panel.querySelector('.close').focus();
  },

  hide() {
    this.key = null;
    $('detail').hidden = true;
    $('detail').replaceChildren();
    for (const other of document.querySelectorAll('[inert]')) other.inert = false;
  },
};

/** An answer of `/events/KEY`. */
class Whole {
  constructor(text) {
    this.text = text;
    this.json = JSON.parse(text);
    const root = readJson(text);
    this.event = member(text, root, 'event');
    this.data = this.event && member(text, this.event, 'data');
  }

  /** Attributes by name, with the text that they came with. */
  attributes() {
    if (!this.event) return [];
    return this.event.names.map((name, place) => [JSON.parse(name), this.event.children[place]])
      .filter(([name]) => !['data', 'data_base64'].includes(name))
      .map(([name, node]) => [name, node.kind === 's' ? JSON.parse(rawText(this.text, node)) : rawText(this.text, node)]);
  }

  /** The data, or the body where there is no event: its type, and JSON text, text or bytes. */
  content() {
    const { event, request } = this.json;
    const type = (event?.datacontenttype ?? header(request.head, 'content-type') ?? '').toLowerCase();
    if (!event) {
      const bytes = request.body_base64 ? fromBase64(request.body_base64) : new TextEncoder().encode(request.body ?? '');
      return { type, bytes, text: request.body ?? asText(bytes), raw: true };
    }
    const encoded = event.data_base64 ?? (event.datacontentencoding ? event.data : undefined);
    if (encoded !== undefined) {
      let bytes;
      try { bytes = fromBase64(encoded); } catch { bytes = new TextEncoder().encode(encoded); }
      return { type, bytes, text: asText(bytes) };
    }
    if (!this.data) return null;
    const isText = this.data.kind === 's' && type !== '' && !/[/+]json/.test(type);
    const text = isText ? event.data : rawText(this.text, this.data);
    return { type, text, json: isText ? null : readJson(text), bytes: new TextEncoder().encode(text) };
  }
}

function header(head, name) {
  const line = head.split('\r\n').find((found) => found.startsWith(`${name}: `));
  return line?.slice(name.length + 2);
}

function parts(whole, row) {
  const about = whole?.json ?? row;
  const faults = about.refused?.attributes ?? [];
  const found = [headPart(whole, about)];
  if (about.refused) {
    found.push(el('div', { className: 'alert', role: 'note' }, el('strong', {}, `Refused with ${about.status}`), about.refused.reason));
  }
  if (about.repeats) {
    const link = el('a', { href: '#' }, 'the earlier one');
    link.addEventListener('click', (event) => { event.preventDefault(); list.open(about.repeats); });
    found.push(el('p', { className: 'note' }, 'Same id and source as ', link, '.'));
  }
  if (!whole) found.push(el('p', { className: 'note' }, 'The rest of it is no longer kept.'));
  else if (about.cut) found.push(el('p', { className: 'note' }, `Only a part of it is kept: ${bytesText(about.request.size)} are too much for the history.`));
  found.push(...attributesPart(whole, about, faults));
  const content = whole?.content();
  if (content && content.bytes.length > 0) found.push(dataPart(content));
  if (whole) found.push(requestPart(about));
  return found;
}

function headPart(whole, about) {
  const close = el('button', { type: 'button', className: 'small close', 'aria-label': 'Close' }, '✕');
  close.addEventListener('click', () => list.open(null));
  const tools = el('div', { className: 'tools' });
  if (whole && !about.cut) tools.append(copyButton('Copy as curl', () => asCurl(whole.json.request)));
  if (whole?.event) tools.append(copyButton('Copy as JSON', () => prettyJson(whole.text, whole.event)));
  const when = new Date(about.received).toLocaleString([], { dateStyle: 'medium' });
  const facts = [`${when}, ${clock(about.received)}`, about.mode && `${about.mode} mode`, about.peer && `from ${about.peer}`];
  return el('div', { className: 'head' },
    el('div', { className: 'line' }, el('h2', { id: 'detail-title' }, about.type || 'No event'), close),
    el('p', {}, facts.filter(Boolean).join(' · ')),
    tools.children.length ? tools : null);
}

const CONTEXT = ['specversion', 'type', 'source', 'subject', 'id', 'time', 'dataschema', 'schemaurl', 'datacontenttype', 'datacontentencoding'];

function attributesPart(whole, about, faults) {
  let all = whole?.attributes() ?? [];
  if (all.length === 0) {
    all = CONTEXT.filter((name) => about[name] !== undefined).map((name) => [name, about[name]]);
    all.push(...Object.entries(about.extensions ?? {}));
  }
  for (const fault of faults) {
    const sent = whole && header(whole.json.request.head, fault === 'datacontenttype' ? 'content-type' : `ce-${fault}`);
    if (!all.some(([name]) => name === fault)) all.push([fault, sent?.trim() ?? null]);
  }
  const pairs = (wanted) => wanted.map(([name, value]) => el('div', { className: faults.includes(name) ? 'fault' : '' },
    el('dt', {}, name),
    value ? el('dd', {}, value) : el('dd', { className: 'missing' }, value === null ? 'missing' : 'empty')));
  const extensions = all.filter(([name]) => !CONTEXT.includes(name));
  const context = all.filter(([name]) => CONTEXT.includes(name));
  return [
    context.length ? el('section', { className: 'part' }, el('h3', {}, 'Attributes'), el('dl', { className: 'pairs' }, pairs(context))) : null,
    extensions.length ? el('section', { className: 'part' }, el('h3', {}, 'Extensions'), el('dl', { className: 'pairs' }, pairs(extensions))) : null,
  ].filter(Boolean);
}

function dataPart(content) {
  const views = {};
  const json = content.json ?? (/json/.test(content.type) && content.text !== null ? readJson(content.text) : null);
  if (json) views.JSON = () => jsonTree(content.text, json);
  else if (content.text !== null && /xml/.test(content.type)) views.XML = () => xmlLines(content.text);
  if (content.text !== null) views.Text = () => el('pre', { className: 'body' }, content.text);
  views.Hex = () => hexDump(content.bytes);
  const place = el('div');
  const buttons = Object.keys(views).map((name) => {
    const button = el('button', { type: 'button', className: 'small' }, name);
    button.addEventListener('click', () => choose(name));
    return button;
  });
  function choose(name) {
    place.replaceChildren(views[name]());
    for (const button of buttons) button.setAttribute('aria-pressed', button.textContent === name);
  }
  choose(Object.keys(views)[0]);
  const title = `${content.raw ? 'Body' : 'Data'} · ${bytesText(content.bytes.length)}`;
  return el('section', { className: 'part' }, el('div', { className: 'line' }, el('h3', {}, title), buttons), place);
}

/** The request as it came; the headers at fault are marked, those that are missing are named. */
function requestPart(about) {
  const { head, body, body_base64: encoded } = about.request;
  const headers = about.refused?.headers ?? [];
  const pre = el('pre', { className: 'body raw' });
  const lines = head.trimEnd().split('\r\n');
  lines.forEach((line, place) => {
    const isFault = place > 0 && headers.includes(line.split(':', 1)[0]);
    pre.append(isFault ? el('mark', {}, line) : line, '\n');
  });
  // Of what frames a body one is always missing.
  for (const name of headers.filter((wanted) => /^(ce-|host)/.test(wanted) && header(head, wanted) === undefined)) {
    pre.append(el('span', { className: 'missing' }, `${name} is missing`), '\n');
  }
  pre.append('\n', encoded ? `(${bytesText(about.request.size)} that are not text)` : body ?? '');
  const open = Boolean(about.refused);
  return el('details', { className: 'part', open }, el('summary', { className: 'h3' }, 'Request'), pre);
}

