/**
 * Owns what the daemon tells its service manager while it lives (sd_notify(3), sd_watchdog_enabled(3)): that it waits and may take its time,
 * that it is ready, in one line how it is, and that it lives.
 *
 * - Before READY=1 it asks for more time again and again, so that a start waits for etcd as long as that takes and is not ended after 90 s.
 * - A sign of life is sent only while no step of a round hangs: a stopped or hung daemon falls silent, and is started anew.
 * - Without a service manager ($NOTIFY_SOCKET) nothing of this runs.
 */
import { notifySystemd } from './notify.ts';

/** ms. */
const BEAT = 10_000;
/** What is asked for with each beat before it is ready, µs: six beats. */
const MORE_TIME = 60_000_000;
/** A status follows its cause within this time, however many causes there are, ms. */
const STATUS_DELAY = 200;
/** No step of a round takes so long by itself: 65,536 peers are made in seconds. ms. */
export const HANGS_AFTER = 5 * 60_000;

export interface ServiceState {
  /** For how long the step of a round in hand has been going on, ms; 0 between rounds. */
  stepMs(): number;
  /** One line: how it is, or what it waits for. */
  status(): string;
}

export interface Service {
  ready(): void;
  /** The status may be another. */
  changed(): void;
  stopping(): void;
  close(): void;
}

const nothing = () => {};
const NONE: Service = { ready: nothing, changed: nothing, stopping: nothing, close: nothing };

/** Tells the service manager of this process, as its environment names it. */
export function tellServiceManager(
  state: ServiceState,
  env: Readonly<Record<string, string | undefined>> = process.env,
  notify: (text: string) => unknown = (text) => notifySystemd(text, env.NOTIFY_SOCKET),
): Service {
  if (!env.NOTIFY_SOCKET) return NONE;
  let isReady = false;
  let isStopping = false;
  let said = '';
  let pending: NodeJS.Timeout | undefined;

  const status = (): string => {
    const line = state.status().replaceAll('\n', ' ');
    if (line === said) return '';
    said = line;
    return `STATUS=${line}`;
  };
  const send = (...lines: string[]): void => {
    const text = lines.filter(Boolean).join('\n');
    if (text !== '') notify(text);
  };
  const beat = (): void => {
    if (state.stepMs() >= HANGS_AFTER) return;
    if (isReady) send('WATCHDOG=1');
    else send(`EXTEND_TIMEOUT_USEC=${MORE_TIME}`, status());
  };

  let timer: NodeJS.Timeout | undefined = setInterval(beat, BEAT).unref();
  beat();
  return {
    ready() {
      isReady = true;
      clearInterval(timer);
      send('READY=1', status());
      const every = watchdogMs(env);
      timer = every === undefined ? undefined : setInterval(beat, every / 3).unref();
    },
    changed() {
      pending ??= setTimeout(() => {
        pending = undefined;
        if (!isStopping) send(status());
      }, STATUS_DELAY).unref();
    },
    stopping() {
      isStopping = true;
      send('STOPPING=1', 'STATUS=finishing the change in hand');
    },
    close() {
      clearInterval(timer);
      clearTimeout(pending);
    },
  };
}

/** Within which time a sign of life is expected; undefined: none is. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Readonly<Record<string, string | undefined>>): number | undefined {
  if (!WATCHDOG_USEC || !/^\d+$/.test(WATCHDOG_USEC)) return undefined;
  if (WATCHDOG_PID && Number(WATCHDOG_PID) !== process.pid) return undefined;
  return Number(WATCHDOG_USEC) / 1000 || undefined;
}
