// Values as people read them: times, sizes, bytes in hex, XML with indentation, a request as curl.

const TIME = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });

/** The time of day with milliseconds, where the viewer is. */
function clock(iso) {
  const date = new Date(iso);
  return `${TIME.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function bytesText(count) {
  if (count < 1000) return `${count} B`;
  const units = ['kB', 'MB', 'GB'];
  let value = count / 1000, unit = 0;
  while (value >= 999.5 && unit < 2) { value /= 1000; unit++; }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const number = (value) => value.toLocaleString('en-GB');

function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Bytes as text, or null if they are none that one could read. */
function asText(bytes) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

const HEX_BYTES = 16 << 10;

/** Offset, sixteen bytes, and what of them is text. */
function hexDump(bytes) {
  const shown = bytes.subarray(0, HEX_BYTES);
  const pre = el('pre', { className: 'hex', tabIndex: 0 });
  for (let at = 0; at < shown.length; at += 16) {
    const part = Array.from(shown.subarray(at, at + 16));
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0'));
    const left = hex.slice(0, 8).join(' '), right = hex.slice(8).join(' ');
    const text = part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
    pre.append(
      el('span', { className: 'at' }, at.toString(16).padStart(6, '0')),
      `  ${`${left}  ${right}`.padEnd(48)}  `, el('span', { className: 'text' }, text), '\n');
  }
  if (bytes.length > HEX_BYTES) pre.append(`… ${number(bytes.length - HEX_BYTES)} more bytes`);
  return pre;
}

/** XML with a line for each element; only what is between elements changes. */
function xmlLines(text) {
  const pieces = text.match(/<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<[^>]*>|[^<]+|</g) ?? [];
  const pre = el('pre', { className: 'body' });
  let depth = 0, inline = false;
  const line = () => { if (pre.childNodes.length) pre.append('\n' + '  '.repeat(Math.max(0, depth))); };
  pieces.forEach((piece, place) => {
    if (!piece.startsWith('<') || piece === '<') {
      const only = /^<[^/!?]/.test(pieces[place - 1] ?? '') && /^<\//.test(pieces[place + 1] ?? '');
      if (piece.trim() === '' && !only) return;
      if (!only) line();
      pre.append(only ? piece : piece.trim());
      inline = only;
      return;
    }
    const closes = /^<\//.test(piece);
    const empty = /^<[^/!?]/.test(pieces[place - 1] ?? '') && !/\/>$/.test(pieces[place - 1]);
    if (closes) depth--;
    if (!(closes && (inline || empty))) line();
    inline = false;
    pre.append(el('span', { className: /^<[!?]/.test(piece) ? 'folded' : 'k' }, piece));
    if (/^<[^/!?]/.test(piece) && !/\/>$/.test(piece)) depth++;
  });
  return pre;
}

/** Headers that a client sets by itself, or that belong to one connection. */
const OWN = ['host', 'content-length', 'connection', 'transfer-encoding', 'user-agent', 'accept',
  'accept-encoding', 'te', 'expect', 'keep-alive', 'upgrade', 'trailer'];

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function toBase64(text) {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''));
}

/** The request as a command that sends it again. Senders choose all of it, the method too, and it is
 * pasted into a terminal: everything is quoted, and control characters go as base64. */
function asCurl(request) {
  const [first, ...lines] = request.head.trimEnd().split('\r\n');
  const [method, target] = first.split(' ');
  const url = /^[a-z]+:/i.test(target) ? target : location.origin + target;
  const parts = [`curl -X ${/^[A-Z]+$/.test(method) ? method : quoted(method)} ${quoted(url)}`];
  for (const line of lines) {
    const [name] = line.split(':', 1);
    if (!OWN.includes(name) && !line.endsWith(': (hidden)')) parts.push(`-H ${quoted(line)}`);
  }
  const isTypable = !/[\0-\x08\x0b-\x1f\x7f-\x9f]/.test(request.body ?? '');
  const encoded = request.body_base64 ?? (isTypable ? null : toBase64(request.body));
  if (encoded) {
    parts.push('--data-binary @-');
    return `base64 -d <<<${quoted(encoded)} | ${parts.join(' \\\n  ')}`;
  }
  if (request.body) parts.push(`--data-raw ${quoted(request.body)}`);
  return parts.join(' \\\n  ');
}

