/**
 * Owns when the own lease is renewed. flannel does it a fixed margin before the end, so that a fleet that was started together renews
 * together for ever; ours spreads it.
 */

export interface RenewalInput {
  /** What the store granted (flannel: 86400). */
  grantedSeconds: number;
  remainingSeconds: number;
  /** ms since epoch. */
  now: number;
  /** --subnet-lease-renew-margin: that many minutes before the end. */
  marginMinutes: number;
  /** A number in [0, 1) that spreads hosts which started together. */
  random: number;
}

/** The part of the term over which a fleet's renewals are spread, always towards the earlier side. */
const SPREAD = 0.05;
/** The part of the term that passes at least before the spread: else a margin of nearly the term would have it renewed all the time. */
const ROOM = 0.1;

/**
 * When to renew, ms since epoch, never before `now`. Not for permanent leases: they have no end.
 * A margin that the term has no room for (a short TTL in a test, a store that grants less) means at two thirds of the term.
 */
export function renewAt({ grantedSeconds, remainingSeconds, now, marginMinutes, random }: RenewalInput): number {
  const marginSeconds = marginMinutes * 60;
  const before = marginSeconds <= grantedSeconds * (1 - ROOM) ? marginSeconds : grantedSeconds / 3;
  const seconds = remainingSeconds - before - random * grantedSeconds * SPREAD;
  return now + Math.max(0, Math.round(seconds * 1000));
}
