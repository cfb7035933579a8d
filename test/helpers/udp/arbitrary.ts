/** Owns random packets of a few connections, as they come in a network. */
import fc from 'fast-check';
import type { PacketSpec } from './reference.ts';

export const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const words = fc
  .integer({ min: 0, max: 10 })
  .chain((count) => fc.uint8Array({ minLength: 4 * count, maxLength: 4 * count }));

/** Any packet to a peer, with what may vary in it. */
export const anyPacket = (maxPayload: number): fc.Arbitrary<PacketSpec> =>
  fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const),
    destination: fc.constantFrom('10.7.2.2', '10.7.2.77', '10.7.3.5'),
    sourcePort: fc.constantFrom(1, 40_000, 65_535),
    destinationPort: fc.constantFrom(80, 5201),
    ttl: fc.integer({ min: 2, max: 255 }),
    tos: fc.integer({ min: 0, max: 255 }),
    id: fc.integer({ min: 0, max: 65_535 }),
    dontFragment: fc.boolean(),
    ipOptions: fc.oneof({ weight: 4, arbitrary: fc.constant(new Uint8Array()) }, { weight: 1, arbitrary: words }),
    seq: fc.integer({ min: 0, max: 0xffffffff }),
    ack: fc.integer({ min: 0, max: 0xffffffff }),
    flags: fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(16, 24, 17, 16 + 128) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
    ),
    window: fc.integer({ min: 0, max: 65_535 }),
    tcpOptions: words,
    payload: fc.oneof(
      bytes(maxPayload),
      fc
        .constantFrom(0, 255)
        .chain((value) => fc.integer({ min: 0, max: maxPayload }).map((length) => new Uint8Array(length).fill(value))),
    ),
  });

/** One packet of a stream, told by how it goes on from the one before. */
export interface Step {
  flow: number;
  payload: number;
  push: boolean;
  /** Something that keeps it from being gathered with the one before. */
  odd:
    | 'nothing'
    | 'gap'
    | 'ack'
    | 'window'
    | 'tos'
    | 'ttl'
    | 'df'
    | 'options'
    | 'fin'
    | 'corrupt'
    | 'corrupt header'
    | 'fragment'
    | 'no checksum'
    | 'id';
}

const ODD: Step['odd'][] = [
  'gap',
  'ack',
  'window',
  'tos',
  'ttl',
  'df',
  'options',
  'fin',
  'corrupt',
  'corrupt header',
  'fragment',
  'no checksum',
  'id',
];

/** Packets of up to twelve connections, mostly as a bulk transfer has them. */
export const streams: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    flow: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 2 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 11 }) },
    ),
    payload: fc.oneof(
      { weight: 5, arbitrary: fc.constant(600) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 700 }) },
    ),
    push: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    odd: fc.oneof(
      { weight: 9, arbitrary: fc.constant('nothing' as const) },
      { weight: 1, arbitrary: fc.constantFrom(...ODD) },
    ),
  }),
  { minLength: 1, maxLength: 120 },
);
