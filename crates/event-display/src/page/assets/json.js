// JSON read with its own text kept, so that 1.50 stays 1.50 and 1e400 does not become null; and
// JSON as a tree that folds. Parts of the tree are built when they are unfolded.

/** Reads a JSON text into nodes that know their place in it; null if it is none. */
function readJson(text) {
  let at = 0;
  const token = /[\s]*(?:([{}[\],:])|("(?:[^"\\]+|\\.)*")|([^\s{}[\],:"]+))/gy;
  function next() {
    token.lastIndex = at;
    const found = token.exec(text);
    if (!found) throw new SyntaxError(`at ${at}`);
    at = token.lastIndex;
    return found;
  }
  function value() {
    const [, sign, string, other] = next();
    const scalar = string ?? other;
    if (scalar !== undefined) {
      const kind = string ? 's' : /^[-0-9]/.test(other) ? 'n' : 'w';
      return { kind, start: at - scalar.length, end: at };
    }
    if (sign !== '{' && sign !== '[') throw new SyntaxError(`at ${at}`);
    const node = { kind: sign, start: at - 1, children: [], names: [] };
    const close = sign === '{' ? '}' : ']';
    for (let first = true; ; first = false) {
      const before = at;
      const [, end, name] = next();
      if (end === close && first) break;
      if (sign === '{') {
        node.names.push(name);
        if (next()[1] !== ':') throw new SyntaxError(`at ${at}`);
      } else {
        at = before;
      }
      node.children.push(value());
      const separator = next()[1];
      if (separator === close) break;
      if (separator !== ',') throw new SyntaxError(`at ${at}`);
    }
    return { ...node, end: at };
  }
  try {
    const node = value();
    return text.slice(at).trim() === '' ? node : null;
  } catch {
    return null;
  }
}

/** The member of an object, or null. */
function member(text, node, name) {
  const place = node?.names?.findLastIndex((found) => JSON.parse(found) === name) ?? -1;
  return place < 0 ? null : node.children[place];
}

const rawText = (text, node) => text.slice(node.start, node.end);

/** A JSON text with line ends and blanks, every value as it came. */
function prettyJson(text, node, indent = '') {
  if (!node.children) return rawText(text, node);
  const close = node.kind === '{' ? '}' : ']';
  if (node.children.length === 0) return node.kind + close;
  const inner = indent + '  ';
  const lines = node.children.map((child, place) => {
    const name = node.kind === '{' ? `${node.names[place]}: ` : '';
    return inner + name + prettyJson(text, child, inner);
  });
  return `${node.kind}\n${lines.join(',\n')}\n${indent}${close}`;
}

/** Members shown at once, and how many of a tree are unfolded at the start. */
const AT_ONCE = 200, UNFOLDED = 150;

function jsonTree(text, node) {
  const room = { left: UNFOLDED };
  return el('div', { className: 'tree' }, branch(text, node, [], '', room));
}

function branch(text, node, name, comma, room) {
  if (!node.children) {
    return el('div', {}, name, el('span', { className: node.kind }, rawText(text, node)), comma);
  }
  const close = node.kind === '{' ? '}' : ']';
  const count = node.children.length;
  if (count === 0) return el('div', {}, name, node.kind + close, comma);
  const unit = node.kind === '{' ? (count === 1 ? 'member' : 'members') : (count === 1 ? 'item' : 'items');
  const folded = el('span', { className: 'folded' }, ` ${count} ${unit} `, close, comma);
  const details = el('details', {}, el('summary', {}, name, node.kind, folded));
  const fill = () => {
    if (details.children.length > 1) return;
    const inside = el('div', { className: 'in' });
    details.append(inside, el('div', {}, close, comma));
    more(text, node, 0, inside, room);
  };
  details.addEventListener('toggle', fill);
  if (room.left > 0) {
    room.left -= count;
    fill();
    details.open = true;
  }
  return details;
}

/** Adds children from one on; the rest waits behind a button. */
function more(text, node, from, inside, room) {
  const until = Math.min(node.children.length, from + AT_ONCE);
  for (let place = from; place < until; place++) {
    const name = node.kind === '{'
      ? [el('span', { className: 'k' }, node.names[place]), ': '] : [];
    const comma = place + 1 < node.children.length ? ',' : '';
    inside.append(branch(text, node.children[place], name, comma, room));
  }
  const left = node.children.length - until;
  if (left === 0) return;
  const button = el('button', { type: 'button', className: 'small' }, `${left} more`);
  button.addEventListener('click', () => {
    button.remove();
    more(text, node, until, inside, room);
  });
  inside.append(button);
}

