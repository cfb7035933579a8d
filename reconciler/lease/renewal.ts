/**
 * Owns when the own lease is renewed. flannel does it a fixed margin before the end, so that a fleet that was started together renews
 * together for ever; ours spreads it.
 */

export interface RenewalInput {
  /** What the store granted (flannel: 86400). */
  grantedSeconds: number;
  remainingSeconds: number;
  /** --subnet-lease-renew-margin: that many minutes before the end. */
  marginMinutes: number;
  /** A number in [0, 1) that spreads hosts which started together. */
  random: number;
}

/** The part of the term over which a fleet's renewals are spread, always towards the earlier side. */
const SPREAD = 0.05;
/** The part of the term that passes at least before the spread: else a margin of nearly the term would have it renewed all the time. */
const ROOM = 0.1;

/** Both ms; `steady` of a clock that nobody sets. */
export interface Clocks {
  now(): number;
  steady(): number;
}

/** When a lease is renewed and when it ends, by both clocks, ms. */
export interface Term {
  renewAt: { wall: number; steady: number };
  endsAt: { steady: number };
}

export function termFrom(input: RenewalInput, clock: Clocks): Term {
  const wait = renewAfter(input);
  const [wall, steady] = [clock.now(), clock.steady()];
  return {
    renewAt: { wall: wall + wait, steady: steady + wait },
    endsAt: { steady: steady + input.remainingSeconds * 1000 },
  };
}

/** By whichever clock it is due first, ms: one may be set back while the store's goes on, the other stands still while the machine sleeps. */
export const renewDelayMs = ({ renewAt }: Term, clock: Clocks): number =>
  Math.max(0, Math.min(renewAt.wall - clock.now(), renewAt.steady - clock.steady()));

/** For people, ms since the epoch as the host's clock now counts them. */
export function timesOf({ renewAt, endsAt }: Term, clock: Clocks): { endsAt: number; renewAt: number } {
  const ahead = clock.now() - clock.steady();
  return { endsAt: Math.round(endsAt.steady + ahead), renewAt: Math.round(renewAt.steady + ahead) };
}

/**
 * How long until it is renewed, ms, never less than 0. Not for permanent leases: they have no end.
 * A margin that the term has no room for (a short TTL in a test, a store that grants less) means at two thirds of the term.
 */
export function renewAfter({ grantedSeconds, remainingSeconds, marginMinutes, random }: RenewalInput): number {
  const marginSeconds = marginMinutes * 60;
  const before = marginSeconds <= grantedSeconds * (1 - ROOM) ? marginSeconds : grantedSeconds / 3;
  const seconds = remainingSeconds - before - random * grantedSeconds * SPREAD;
  return Math.max(0, Math.round(seconds * 1000));
}
