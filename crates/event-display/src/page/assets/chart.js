// Events per second over the last ten minutes: stacked bars, a colour for each frequent type. While
// the program is younger than that, the chart is as long as its life.

/** Seconds that a chart covers, seconds of a bar, and how that is said. */
const SPANS = [[60, 1, '1 min'], [120, 2, '2 min'], [300, 5, '5 min'], [600, 5, '10 min']];
/** Seconds that the present rate is the mean of. */
const RECENT = 5;

/** The colour of a type stays the same while the page is open; there are six. */
const colours = new Map();

function colourOf(type) {
  if (type !== undefined && colours.size < 6 && !colours.has(type)) colours.set(type, String(colours.size));
  return colours.get(type) ?? 'other';
}

const chart = {
  seconds: null,
  span: SPANS[0],

  update(seconds, uptime) {
    this.seconds = seconds;
    this.span = SPANS.find(([length]) => uptime <= length) ?? SPANS.at(-1);
    $('span').textContent = `last ${this.span[2]}`;
    for (const { name } of seconds.types) colourOf(name);
    this.draw();
  },

  draw() {
    const canvas = $('chart'), { clientWidth: width, clientHeight: height } = canvas;
    if (!this.seconds || !width) return;
    const scale = devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext('2d');
    pen.scale(scale, scale);
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const { stacks, peak } = bars(this.seconds, this.span);
    const top = nice(peak), foot = 15, left = 0, room = height - foot;
    const step = (width - left) / stacks.length;
    pen.font = `11px ${style.getPropertyValue('--sans')}`;
    pen.fillStyle = colour('soft');
    pen.strokeStyle = colour('line');
    pen.lineWidth = 1;
    for (const share of [0, 0.5, 1]) {
      const y = Math.round(room - share * (room - 8)) + 0.5;
      pen.beginPath();
      pen.moveTo(left, y);
      pen.lineTo(width, y);
      pen.stroke();
    }
    stacks.forEach((stack, place) => {
      let y = room;
      for (const { name, value } of stack) {
        const size = (value / top) * (room - 8);
        pen.fillStyle = colour(name);
        pen.fillRect(left + place * step, y - size, Math.max(1, step - 1), size);
        y -= size;
      }
    });
    pen.fillStyle = colour('soft');
    pen.textBaseline = 'top';
    for (const [share, text] of [[0, `${this.span[2]} ago`], [1, 'now']]) {
      pen.textAlign = share === 0 ? 'left' : 'right';
      pen.fillText(text, left + share * (width - left), room + 4);
    }
    pen.textAlign = 'left';
    pen.textBaseline = 'alphabetic';
    pen.fillText(`${number(top)}/s`, 0, 7 + 12);
    const words = `now ${rateText(rateOf(this.seconds))}, at most ${rateText(peak)}`;
    $('peak').textContent = words;
    canvas.setAttribute('aria-label', `Events per second, ${$('span').textContent}: ${words}`);
  },
};

/** For every bar the mean of each type; the refused ones on top. */
function bars({ types, refused }, [length, bar]) {
  const series = types.map(({ name, counts }) => {
    const colour = colourOf(name);
    return { name: colour === 'other' ? 'other' : `t${colour}`, counts };
  });
  series.push({ name: 'refused', counts: refused });
  const stacks = [];
  let peak = 0;
  for (let from = refused.length - length; from < refused.length; from += bar) {
    const stack = series.map(({ name, counts }) => {
      let sum = 0;
      for (let at = from; at < from + bar; at++) sum += counts[at] ?? 0;
      return { name, value: sum / bar };
    }).filter(({ value }) => value > 0);
    stacks.push(stack);
    peak = Math.max(peak, stack.reduce((sum, { value }) => sum + value, 0));
  }
  return { stacks, peak };
}

/** The mean of the last whole seconds. */
function rateOf({ types, refused }) {
  const end = refused.length - 1;
  const sum = (counts) => counts.slice(end - RECENT, end).reduce((total, count) => total + count, 0);
  return types.reduce((total, { counts }) => total + sum(counts), 0) / RECENT;
}

const rateText = (rate) => (rate === 0 || rate >= 9.95 ? number(Math.round(rate)) : rate.toFixed(1));

/** The next round number. */
function nice(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) * power;
}

