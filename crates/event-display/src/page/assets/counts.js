// Totals, and counts by type and by source; a click on one filters by it.

function showStats(stats) {
  $('printed').textContent = number(stats.printed);
  $('refused').textContent = number(stats.refused);
  $('refused').parentElement.classList.toggle('some', stats.refused > 0);
  $('rate').textContent = rateText(rateOf(stats.seconds));
  const { max_events: events, max_bytes: bytes } = stats.history;
  $('bounds').textContent = `the last ${number(events)} requests within ${number(Math.round(bytes / 2 ** 20 * 10) / 10)} MiB`;
  chart.update(stats.seconds, stats.uptime);
  showCounts($('types'), 'type', stats.types);
  showCounts($('sources'), 'source', stats.sources);
}

const SHOWN = 50;

function showCounts(box, name, counts) {
  const shown = counts.slice(0, SHOWN);
  const names = shown.map((one) => one.name ?? '').join('\n');
  // The same buttons stay, so that a click or a focus is not lost.
  if (box.dataset.names !== names || box.children.length === 0) {
    box.dataset.names = names;
    box.replaceChildren(...shown.map((one) => countElement(name, one)));
    if (shown.length === 0) box.append(el('li', { className: 'none' }, 'none yet'));
  }
  shown.forEach((one, place) => {
    box.children[place].querySelector('.count').textContent = number(one.count);
    const mark = box.children[place].querySelector('.dot');
    if (mark) mark.dataset.colour = colourOf(one.name);
  });
}

function countElement(name, one) {
  const label = el('span', { className: 'name', title: one.name ?? '' }, one.name ?? 'others');
  const button = el('button', { type: 'button', disabled: one.name === undefined },
    name === 'type' ? dot('other') : null, label, el('span', { className: 'count' }));
  button.addEventListener('click', () => setFilter(condition(name, one.name)));
  return el('li', {}, button);
}

