// The filter: words that must be somewhere in a row, and conditions such as `type=a source^=https://`.

const CONDITION = /^([a-z0-9_]+)(!=|\^=|\*=|=)(.*)$/is;

/** Reads a filter; quotes keep blanks together. Gives the conditions and the words. */
function parseFilter(text) {
  const tokens = [];
  const pattern = /(?:[^\s"]|"[^"]*"?)+/g;
  for (const [token] of text.matchAll(pattern)) {
    const condition = CONDITION.exec(token);
    const plain = (part) => part.replaceAll('"', '');
    if (condition && !token.startsWith('"')) {
      const [, name, sign, value] = condition;
      tokens.push({ name: name.toLowerCase(), sign, value: plain(value) });
    } else {
      tokens.push({ word: plain(token).toLowerCase() });
    }
  }
  return tokens.filter((token) => token.name || token.word);
}

/** One condition as it is written. */
function condition(name, value) {
  return `${name}=${/[\s"]/.test(value) ? `"${value.replaceAll('"', '')}"` : value}`;
}

/** What a row says of an attribute, or of what became of it. */
function attribute(row, name) {
  switch (name) {
    case 'is': return row.refused ? 'refused' : row.repeats ? 'repeat' : 'new';
    case 'reason': return row.refused?.reason ?? '';
    case 'status': return String(row.status);
    case 'refused': case 'extensions': return '';
    default: {
      const value = row.extensions?.[name] ?? row[name];
      return value === undefined ? '' : String(value);
    }
  }
}

function fits(row, tokens) {
  return tokens.every(({ name, sign, value, word }) => {
    if (word) return words(row).includes(word);
    const found = attribute(row, name);
    if (sign === '^=') return found.startsWith(value);
    if (sign === '*=') return found.toLowerCase().includes(value.toLowerCase());
    return (found === value) === (sign === '=');
  });
}

/** All that is searched of a row, in small letters. */
function words(row) {
  return row.words ??= [
    row.type, row.source, row.subject, row.id, row.refused?.reason, row.glance, row.status,
    ...Object.entries(row.extensions ?? {}).flat(),
  ].join('\n').toLowerCase();
}

