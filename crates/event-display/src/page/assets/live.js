// The stream of rows, and the counts every second. Both come back by themselves.

const live = {
  epoch: null,
  last: null,
  source: null,
  notices: 0,
  wait: 500,

  async start() {
    // The counts first: the most frequent types get the colours.
    await this.count();
    this.connect();
    document.addEventListener('visibilitychange', () => this.count());
  },

  connect() {
    const after = this.last ? `&after=${encodeURIComponent(this.last)}` : '';
    const source = new EventSource(`/events/stream?view=rows${after}`);
    this.source = source;
    source.addEventListener('hello', ({ data }) => this.hello(JSON.parse(data).epoch));
    source.addEventListener('missed', ({ data }) => {
      const { count } = JSON.parse(data);
      this.notice(`${number(count)} ${count === 1 ? 'request is' : 'requests are'} missing here: more came than the history holds`);
    });
    source.addEventListener('message', ({ data, lastEventId }) => {
      this.last = lastEventId;
      const row = JSON.parse(data);
      row.seen = Date.now();
      store.add(row);
      if (store.paused) showState();
    });
    source.addEventListener('error', () => {
      this.state = 'lost';
      showState();
      // The browser tries again by itself, unless a proxy answered something else.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(this.wait * 2, 5000);
    });
  },

  hello(epoch) {
    if (this.epoch && this.epoch !== epoch) {
      this.notice('event-display was restarted: its history begins anew');
    }
    this.epoch = epoch;
    this.wait = 500;
    this.state = 'live';
    showState();
    this.count();
  },

  /** A line of its own between the rows. */
  notice(text) {
    store.add({ key: `notice-${this.notices++}`, notice: text });
    say(text);
  },

  async count() {
    clearTimeout(this.timer);
    try {
      if (!document.hidden) showStats(JSON.parse(await getJson('/stats')));
    } catch {
      // The stream says that the connection is lost.
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.count(), 1000);
  },
};

function showState() {
  const waiting = store.waiting.length;
  const state = live.state === 'lost' ? 'lost' : store.paused ? 'paused' : live.state;
  const words = { lost: 'Connection lost, trying again', paused: 'Paused', live: 'Live' };
  $('state').dataset.state = state;
  if ($('state').textContent !== words[state]) $('state').textContent = words[state];
  $('pause').textContent = store.paused ? (waiting ? `Resume (${number(waiting)})` : 'Resume') : 'Pause';
  $('pause').setAttribute('aria-pressed', store.paused);
}

