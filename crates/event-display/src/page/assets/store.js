// The rows that the page holds, and those of them that fit the filter; oldest first.

const KEPT = 10000;

const store = {
  rows: [],
  keys: new Set(),
  /** Rows that arrived while the list was paused. */
  waiting: [],
  paused: false,
  tokens: [],
  shown: [],
  /** Called with the number of rows that were added to `shown`, or -1 if all may be others. */
  changed: () => {},

  /** Adds a row, unless it is here: a stream may begin again at an earlier place. */
  add(row) {
    if (this.keys.has(row.key)) return;
    this.keys.add(row.key);
    if (this.paused) {
      this.waiting.push(row);
      if (this.waiting.length > KEPT) this.keys.delete(this.waiting.shift().key);
    } else {
      this.append([row]);
    }
  },

  append(rows) {
    let added = 0;
    for (const row of rows) {
      this.rows.push(row);
      if (row.notice || fits(row, this.tokens)) {
        this.shown.push(row);
        added++;
      }
    }
    // Not one by one: moving ten thousand for each would be slow.
    if (this.rows.length > KEPT * 1.1) {
      const gone = this.rows.splice(0, this.rows.length - KEPT);
      for (const row of gone) this.keys.delete(row.key);
      this.shown = this.shown.filter((row) => this.keys.has(row.key));
    }
    if (added > 0) this.changed(added);
  },

  pause(paused) {
    this.paused = paused;
    if (!paused) this.append(this.waiting.splice(0));
  },

  filter(text) {
    this.tokens = parseFilter(text);
    this.shown = this.rows.filter((row) => row.notice || fits(row, this.tokens));
    this.changed(-1);
  },

  clear() {
    // Their keys stay: what was cleared does not come back when the stream begins again.
    this.rows = [];
    this.shown = [];
    this.waiting = [];
    this.changed(-1);
  },

  /** The place of a row in the list, newest first; -1 if it is not shown. */
  place(key) {
    const at = this.shown.findLastIndex((row) => row.key === key);
    return at < 0 ? -1 : this.shown.length - 1 - at;
  },

  at(place) {
    return this.shown[this.shown.length - 1 - place];
  },
};

