/** Owns the table of peers: search, filter, and no more rows at once than anybody reads. */
import type { PeerStatus } from '../../../reconciler/contracts/status.ts';
import { byId, element, goOnAt, setText } from './dom.ts';
import { count, duration } from './words.ts';

const FIRST = 100;
const MORE = 500;
const STATES: Readonly<Record<PeerStatus['state'], string>> = {
  served: 'served',
  held: 'held: see above',
  waiting: 'waiting, tried again',
};

const numberOf = (subnet: string): number => subnet.split(/[./]/, 4).reduce((sum, part) => sum * 256 + Number(part), 0);

export class Peers {
  readonly #peers = new Map<string, PeerStatus>();
  #sorted: PeerStatus[] = [];
  #shown = FIRST;
  /** Returns now on the host's clock, ms since the epoch. */
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    const again = (): void => {
      this.#shown = FIRST;
      this.show();
    };
    byId('search').addEventListener('input', again);
    byId('filter').addEventListener('change', again);
    byId('more').addEventListener('click', () => this.#showMore());
    document.addEventListener('keydown', (event) => {
      if (event.key !== '/' || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      byId('search').focus();
    });
  }

  clear(): void {
    this.#peers.clear();
  }

  update(changed: readonly PeerStatus[], gone: readonly string[]): void {
    for (const subnet of gone) this.#peers.delete(subnet);
    for (const peer of changed) this.#peers.set(peer.subnet, peer);
    this.#sorted = [...this.#peers.values()].sort((a, b) => numberOf(a.subnet) - numberOf(b.subnet));
    this.show();
  }

  show(): void {
    const text = byId<HTMLInputElement>('search').value.trim();
    const filter = byId<HTMLSelectElement>('filter').value;
    const found = this.#sorted.filter(
      ({ subnet, publicIP, state, lost }) =>
        (filter === 'all' || (filter === 'lost' ? lost > 0 : state !== 'served')) &&
        (text === '' || subnet.includes(text) || publicIP.includes(text)),
    );
    const all = count(this.#sorted.length);
    setText('peers-count', found.length === this.#sorted.length ? all : `${count(found.length)} of ${all}`);
    const rows = found.slice(0, this.#shown).map((peer) => this.#row(peer));
    if (rows.length === 0) {
      const none = element('td', '', this.#sorted.length ? 'None is like that.' : 'There are no other hosts yet.');
      none.setAttribute('colspan', '4');
      rows.push(element('tr', '', none));
    }
    byId('peer-rows').replaceChildren(...rows);
    const more = byId('more');
    more.hidden = found.length <= this.#shown;
    setText('more', `Show ${count(Math.min(MORE, found.length - this.#shown))} more of ${count(found.length)}`);
  }

  #showMore(): void {
    const at = this.#shown;
    this.#shown += MORE;
    this.show();
    goOnAt(byId('peer-rows'), at, byId('more'));
  }

  #row({ subnet, publicIP, state, lost, lostAt }: PeerStatus): HTMLElement {
    const ago = lostAt === null ? '' : `, last ${duration(this.#now() - Date.parse(lostAt))} ago`;
    const times = lost === 0 ? 'never' : `${count(lost)} ×${ago}`;
    return element(
      'tr',
      '',
      element('td', 'mono', subnet),
      element('td', 'mono', publicIP),
      element('td', state, STATES[state]),
      element('td', '', times),
    );
  }
}
