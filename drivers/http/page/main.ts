/** Owns the page's life: it listens to the stream of events, and shows what has changed. It asks for nothing but that. */
import type { PeersEvent } from '../../../reconciler/contracts/status.ts';
import { byId, setText } from './dom.ts';
import { followFleet } from './fleet.ts';
import { type Brief, showGlance, showHeld } from './glance.ts';
import { Peers } from './peers.ts';
import { showRounds } from './rounds.ts';

const TICK_MS = 1000;
/** After an answer that ends the stream for good (there are too many), ms. */
const AGAIN_MS = 5000;

let status: Brief | undefined;
/** How far the host's clock is ahead of ours, ms. */
let ahead = 0;
const now = (): number => Date.now() + ahead;
const peers = new Peers(now);

function live(text: string, on: boolean): void {
  setText('live', text);
  byId('live').className = `live ${on ? 'on' : 'off'}`;
}

/** `isNews`: more than the time has changed. */
function show(isNews: boolean): void {
  if (!status) return;
  showGlance(status, now());
  if (!isNews && document.activeElement?.closest('#rounds, #held')) return;
  showHeld(status, now());
  showRounds(status.rounds, now());
}

function listen(): void {
  const events = new EventSource('/api/events');
  events.addEventListener('open', () => {
    live('live', true);
    // A new stream begins with all of them.
    peers.clear();
  });
  events.addEventListener('status', ({ data }: MessageEvent<string>) => {
    status = JSON.parse(data) as Brief;
    ahead = Date.parse(status.at) - Date.now();
    show(true);
  });
  events.addEventListener('peers', ({ data }: MessageEvent<string>) => {
    const { changed, gone } = JSON.parse(data) as PeersEvent;
    peers.update(changed, gone);
  });
  events.addEventListener('error', () => {
    live('not live: selvage does not answer, trying again', false);
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(listen, AGAIN_MS);
  });
}

byId('all-rounds').addEventListener('change', () => show(true));
setInterval(() => {
  if (!document.hidden) show(false);
}, TICK_MS);
peers.show();
listen();
followFleet();
