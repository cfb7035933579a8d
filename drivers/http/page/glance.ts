/** Owns the top of the page: the verdict, and the five cards under it. */
import type { RegionStatus, Status } from '../../../reconciler/contracts/status.ts';
import { byId, element, setText } from './dom.ts';
import { count, duration, plural } from './words.ts';

export type Brief = Omit<Status, 'peers'>;

/** `now`: ms since the epoch, on the host's clock. */
export function showGlance(status: Brief, now: number): void {
  const { host, network, store, lease, regions, selvage, counts } = status;
  document.title = `${status.inSync ? '✓' : '✗'} ${host.hostname} – selvage`;
  setText('hostname', host.hostname);
  setText('verdict', status.inSync ? 'In sync' : 'Not in sync');
  byId('verdict').className = status.inSync ? 'good' : 'bad';
  setText('line', status.line);
  setText('version', `selvage ${selvage.version}, pid ${selvage.pid}`);
  const age = (since: string): string => duration(now - Date.parse(since));
  const until = (then: string): string => duration(Date.parse(then) - now);
  const state = ({ state, since }: RegionStatus): string => `${state} for ${age(since)}`;
  const leaseLines = (): string[] => {
    if (!lease) return [];
    if (lease.permanent) return ['permanent'];
    if (lease.endsAt === null || lease.renewAt === null) return ['renewed by who took it'];
    return [`${until(lease.endsAt)} left`, `renewed in ${until(lease.renewAt)}`];
  };
  byId('facts').replaceChildren(
    card('This host', host.publicIP || 'no address', [host.iface, `selvage for ${age(selvage.since)}`]),
    card('Network', network.network || 'no config', [
      `${network.backend || 'no backend'}, MTU ${network.mtu}`,
      selvage.prefix,
    ]),
    card(
      'Store',
      `revision ${store.revision}`,
      [`${store.where} (${store.kind})`, state(regions.store)],
      regions.store.trouble,
    ),
    card('Lease', lease?.subnet ?? 'none', [...leaseLines(), state(regions.lease)], regions.lease.trouble),
    card(
      'Work',
      plural(counts.rounds, 'round'),
      [`${count(counts.repaired)} repaired, ${count(counts.failed)} failed`, state(regions.work)],
      regions.work.trouble,
    ),
  );
}

function card(title: string, main: string, lines: readonly string[], trouble?: string): HTMLElement {
  const made = element('div', 'card', element('h3', '', title), element('p', 'main', main));
  for (const line of lines.filter(Boolean)) made.append(element('p', '', line));
  if (trouble !== undefined) made.append(element('p', 'trouble', trouble));
  return made;
}

/** A thousand that are held are not a thousand cards. */
const MOST_CARDS = 50;

export function showHeld({ held, retries }: Brief, now: number): void {
  byId('held-section').hidden = held.length === 0;
  setText(
    'held-count',
    held.length > MOST_CARDS ? `the first ${MOST_CARDS} of ${count(held.length)}` : count(held.length),
  );
  byId('held').replaceChildren(
    ...held
      .slice(0, MOST_CARDS)
      .map(({ kind, text, why, detail, unmet }) =>
        element(
          'li',
          unmet ? 'unmet' : '',
          element('strong', '', `${kind} ${text}`),
          element('span', 'tag', ` – ${why}${unmet ? ', unmet' : ''}`),
          element('p', '', detail),
        ),
      ),
  );
  byId('retries-section').hidden = retries.length === 0;
  byId('retries').replaceChildren(
    ...retries.slice(0, MOST_CARDS).map(({ kind, key, why, times, nextAt }) => {
      const again = nextAt === null ? 'when something changes' : `in ${duration(Date.parse(nextAt) - now)}`;
      return element(
        'li',
        '',
        element('strong', '', `${kind} ${key}`),
        element('p', '', `${why} Tried ${plural(times, 'time')}, again ${again}.`),
      );
    }),
  );
}
