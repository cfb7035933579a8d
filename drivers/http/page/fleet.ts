/** Owns the table of the fleet: what other hosts say of themselves, those with something wrong first. Absent where nothing is written. */
import type { FleetDocument, FleetHost } from '../../../reconciler/report/fleet.ts';
import { byId, element, goOnAt, setText } from './dom.ts';
import { count, duration } from './words.ts';

const EVERY_MS = 30_000;
/** Hosts that are listed at first, those with something wrong before the others; and how many more when asked. */
const FIRST = 20;
const MORE = 200;

let last: FleetDocument | undefined;
let shown = FIRST;

export function followFleet(): void {
  void ask();
  byId('fleet-more').addEventListener('click', () => {
    const at = shown;
    shown += MORE;
    if (last) show(last);
    goOnAt(byId('fleet'), at, byId('fleet-more'));
  });
  setInterval(() => {
    if (!document.hidden) void ask();
  }, EVERY_MS);
}

async function ask(): Promise<void> {
  try {
    const response = await fetch('/api/fleet');
    if (response.status === 200) show((await response.json()) as FleetDocument);
    else byId('fleet-section').hidden = true;
  } catch {
    // That it does not answer is said by the stream of events.
  }
}

const rank = ({ state, wrong }: FleetHost): number =>
  state === 'not in sync' ? 0 : wrong.length ? 1 : state === 'silent' ? 2 : 3;

function show(document: FleetDocument): void {
  const { hosts, summary } = document;
  last = document;
  byId('fleet-section').hidden = false;
  setText(
    'fleet-count',
    `${count(summary.hosts)}: ${count(summary.inSync)} in sync, ${count(summary.notInSync)} not in sync, ${count(summary.silent)} silent`,
  );
  byId('fleet').replaceChildren(
    ...[...hosts]
      .sort((a, b) => rank(a) - rank(b))
      .slice(0, shown)
      .map(row),
  );
  byId('fleet-more').hidden = hosts.length <= shown;
  setText('fleet-more', `Show ${count(Math.min(MORE, hosts.length - shown))} more of ${count(hosts.length)}`);
}

function row({
  hostname,
  publicIP,
  subnet,
  state,
  wrong,
  unreachable,
  held,
  docker,
  selvage,
  heard,
}: FleetHost): HTMLElement {
  const what = element(
    'td',
    state === 'in sync' && wrong.length === 0 ? 'served' : state === 'silent' && wrong.length === 0 ? '' : 'held',
  );
  what.append(state === 'silent' ? 'says nothing (flanneld, or without --fleet)' : state);
  if (held > 0) what.append(`, ${held} held`);
  if (unreachable.count > 0)
    what.append(element('p', '', `Can't reach ${unreachable.count}: ${unreachable.subnets.join(', ')}`));
  for (const sentence of wrong) what.append(element('p', '', sentence));
  const host = element('td', '', hostname || publicIP);
  if (hostname) host.append(element('p', 'mono', publicIP));
  if (selvage) host.append(element('p', 'tag', `selvage ${selvage}`));
  const its = element('td', '', element('span', 'mono', subnet));
  if (docker !== null) its.append(element('p', 'tag', `Docker: ${docker}`));
  const cells = [host, its, what, element('td', '', heard === null ? 'never' : `${duration(heard * 1000)} ago`)];
  const made = element('tr', '', ...cells);
  // On a phone a row is no row of a table any more (style.css), but for who hears it.
  made.setAttribute('role', 'row');
  for (const cell of cells) cell.setAttribute('role', 'cell');
  return made;
}
