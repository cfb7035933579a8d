/** Owns the timeline: a bar for each of the last rounds, and what was found and done in them. */
import type { RoundNote } from '../../../reconciler/contracts/status.ts';
import { WOKEN } from '../../../reconciler/report/woken.ts';
import { byId, element, setText } from './dom.ts';
import { duration, plural, RESULT } from './words.ts';

const MOST_LISTED = 100;
/** Of the drawing: its width over 100 bars, and its height. */
const STEP = 10;
const HEIGHT = 60;

export function showRounds(rounds: readonly RoundNote[], now: number): void {
  drawStrip(rounds);
  const all = byId<HTMLInputElement>('all-rounds').checked;
  const listed = rounds.filter(({ result }) => all || result !== 'nothing').slice(0, MOST_LISTED);
  setText(
    'rounds-count',
    `${rounds.length}, ${plural(rounds.filter(({ result }) => result !== 'nothing').length, 'repair')}`,
  );
  const items = listed.map(({ at, durationMs, woken, scope, did, result }) => {
    const time = element('time', 'when', `${duration(now - Date.parse(at))} ago`);
    time.setAttribute('datetime', at);
    time.title = at;
    const what = element(
      'span',
      'did',
      element('span', `result ${result}`, RESULT[result]),
      ` – ${did || `looked at ${scope}`} `,
    );
    what.append(element('span', 'why', `Woken by ${woken.map((by) => WOKEN[by]).join(', ') || 'nobody'}.`));
    return element('li', '', time, element('span', 'when', `${durationMs} ms`), what);
  });
  byId('rounds').replaceChildren(...(items.length ? items : [element('li', 'none', 'No repair among them.')]));
}

/** A millisecond is low, ten seconds are as high as it goes. */
const heightOf = (ms: number): number => Math.max(3, Math.min(1, Math.log10(1 + ms) / 4) * HEIGHT);

function drawStrip(rounds: readonly RoundNote[]): void {
  const strip = document.getElementById('strip');
  const title = document.getElementById('strip-title');
  if (!strip || !title) return;
  const counts = { nothing: 0, repaired: 0, unrepaired: 0, failed: 0 };
  const bars = rounds.map(({ result, durationMs }, index) => {
    counts[result]++;
    const height = heightOf(durationMs);
    const bar = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const place = { x: 1000 - (index + 1) * STEP, y: HEIGHT - height, width: STEP - 2, height };
    for (const [name, value] of Object.entries(place)) bar.setAttribute(name, String(value));
    bar.setAttribute('class', result);
    return bar;
  });
  title.textContent = `The last ${plural(rounds.length, 'round')}: ${counts.repaired} repaired, ${counts.unrepaired} not repaired, ${counts.failed} failed, ${counts.nothing} with nothing to do`;
  strip.replaceChildren(title, ...bars);
}
