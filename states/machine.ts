/**
 * Owns when: what the agent is doing and what may wake it (docs/design.md#the-machine). How each thing is done is behind AgentServices.
 *
 * - Three regions side by side: the store, our lease, the work on the host. None waits for another but through events.
 * - EDGE is handled at the root, so that no state can lose one; it only widens what is dirty. No state may handle it itself: the root's
 *   handler would then not be asked (xstate: a region's transition comes before its ancestor's).
 * - A round is never left half-way for a new edge: idle is the only state that starts one, and it looks at what is dirty first.
 * - Guards and actions only read and set plain values, so none can throw; whatever can fail is an actor, and its failure an event.
 */
import { assign, fromCallback, fromPromise, setup } from 'xstate';
import type { AgentEvent, Region } from './events.ts';
import type { AcquireResult } from './lease-services.ts';
import type { AgentServices } from './services.ts';

interface Context {
  services: AgentServices;
  /** How often each region has failed in a row; it sets the back-off, and returns to 0 on success. */
  failures: Record<Region, number>;
  /** True if config or host have changed since the lease was last looked at. */
  leaseOutdated: boolean;
  /** True if since then there may be room, or our own record is another. */
  leaseMayFit: boolean;
  stopping: boolean;
}

type Input = { services: AgentServices };

const input = ({ context }: { context: Context }): Input => ({ services: context.services });
const enters = (region: Region, state: string) => ({ type: 'noteState', params: { region, state } }) as const;
const failed = (region: Region) =>
  [
    { type: 'noteFailure', params: { region } },
    { type: 'countFailure', params: { region } },
  ] as const;

export const agentMachine = setup({
  types: { context: {} as Context, events: {} as AgentEvent, input: {} as Input },
  actors: {
    edges: fromCallback<AgentEvent, Input>(({ sendBack, input }) => input.services.work.watchHost(sendBack)),
    schedule: fromCallback<AgentEvent, Input>(({ sendBack, input }) => input.services.work.schedule(sendBack)),
    watchStore: fromCallback<AgentEvent, Input>(({ sendBack, input }) => input.services.store.watchStore(sendBack)),
    connect: fromPromise<{ revision: number }, Input>(({ input, signal }) => input.services.store.connect(signal)),
    acquire: fromPromise<AcquireResult, Input>(({ input, signal }) => input.services.lease.acquire(signal)),
    renew: fromPromise<'renewed' | 'lost', Input>(({ input }) => input.services.lease.renew()),
    read: fromPromise<void, Input>(({ input }) => input.services.work.read()),
    plan: fromPromise<{ changes: number }, Input>(({ input }) => input.services.work.plan()),
    apply: fromPromise<void, Input>(({ input }) => input.services.work.apply()),
    verify: fromPromise<void, Input>(({ input }) => input.services.work.verify()),
  },
  guards: {
    dirty: ({ context }) => context.services.work.hasWork(),
    stopping: ({ context }) => context.stopping,
    leaseWanted: ({ context }) => context.services.lease.leaseWanted(),
    leaseGone: ({ context }) => context.services.lease.leaseState() === 'gone',
    leaseChanged: ({ context }) => context.services.lease.leaseState() === 'changed',
    leaseOutdated: ({ context }) => context.leaseOutdated,
    leaseMayFit: ({ context }) => context.leaseMayFit,
    renewalDue: ({ context }) => context.services.lease.renewDelayMs() === 0,
    configMissing: ({ context }) => context.services.store.configState() === 'missing',
    configInvalid: ({ context }) => context.services.store.configState() === 'invalid',
  },
  actions: {
    noteEdge: ({ context, event }) => {
      if (event.type === 'EDGE') context.services.work.markDirty(event.scope);
    },
    noteFailure: ({ context, event }, params: { region: Region }) =>
      context.services.noteFailure(params.region, (event as { error?: unknown }).error),
    noteEnded: ({ context, event }) => {
      if (event.type === 'STORE_ENDED') context.services.store.noteStoreEnded(event.reason, event.message);
    },
    noteState: ({ context }, params: { region: Region; state: string }) =>
      context.services.noteState(params.region, params.state),
    countFailure: assign({
      failures: ({ context: { failures } }, { region }: { region: Region }) => ({
        ...failures,
        [region]: failures[region] + 1,
      }),
    }),
    forgetFailures: assign({
      failures: ({ context: { failures } }, { region }: { region: Region }) => ({ ...failures, [region]: 0 }),
    }),
    mayBeOutdated: assign({ leaseOutdated: true }),
    mayFit: assign({ leaseMayFit: true }),
    retryDue: ({ context }) => context.services.work.markRetriesDirty(),
    abandonRound: ({ context }) => context.services.work.abandonRound(),
  },
  delays: {
    storeBackoff: ({ context }) => context.services.backoffMs(context.failures.store, 300, 10_000),
    leaseBackoff: ({ context }) => context.services.backoffMs(context.failures.lease, 300, 30_000),
    workBackoff: ({ context }) => context.services.backoffMs(context.failures.work, 200, 60_000),
    renewDelay: ({ context }) => timer(context.services.lease.renewDelayMs()),
    retryDelay: ({ context }) => timer(context.services.work.retryDelayMs()),
  },
}).createMachine({
  id: 'selvage',
  type: 'parallel',
  context: ({ input }) => ({
    services: input.services,
    failures: { store: 0, lease: 0, work: 0 },
    leaseOutdated: false,
    leaseMayFit: false,
    stopping: false,
  }),
  invoke: [
    { src: 'edges', input },
    { src: 'schedule', input },
  ],
  on: {
    EDGE: { actions: 'noteEdge' },
    STOP: { actions: assign({ stopping: true }) },
  },
  states: {
    store: {
      description: 'What etcd says, and whether it can be heard.',
      initial: 'connecting',
      states: {
        connecting: {
          description: 'One snapshot of config and leases.',
          entry: enters('store', 'connecting'),
          invoke: {
            src: 'connect',
            input,
            onDone: 'connected',
            onError: {
              target: 'stale',
              actions: failed('store'),
            },
          },
        },
        connected: {
          description: 'The watch runs from the revision after the snapshot.',
          invoke: { src: 'watchStore', input },
          on: {
            STORE_ENDED: {
              target: 'stale',
              actions: ['noteEnded', { type: 'countFailure', params: { region: 'store' } }],
            },
            // Only now: a store that can be listed but not watched must not be listed at full speed.
            STORE_HEARD: { actions: { type: 'forgetFailures', params: { region: 'store' } } },
            STORE_CONFIG: { target: '.deciding' },
          },
          initial: 'deciding',
          states: {
            deciding: {
              always: [
                { guard: 'configMissing', target: 'awaitingConfig' },
                { guard: 'configInvalid', target: 'invalid' },
                { target: 'watching' },
              ],
            },
            awaitingConfig: {
              description: 'There is no config yet; its put is an event of the watch.',
              entry: enters('store', 'awaitingConfig'),
            },
            invalid: {
              description: 'The config does not parse; the last good one stays in force.',
              entry: enters('store', 'invalid'),
            },
            watching: { entry: enters('store', 'watching') },
          },
        },
        stale: {
          description:
            'The store cannot be heard: work goes on towards the last complete desired state, deleting nothing.',
          entry: enters('store', 'stale'),
          after: { storeBackoff: 'connecting' },
        },
      },
    },
    lease: {
      description: 'Our own lease.',
      initial: 'none',
      states: {
        none: {
          entry: enters('lease', 'none'),
          always: { guard: 'leaseWanted', target: 'acquiring' },
        },
        acquiring: {
          description: 'Makes sure of the lease: reuses, rewrites or creates it; writes nothing when it is right.',
          entry: [assign({ leaseOutdated: false, leaseMayFit: false }), enters('lease', 'acquiring')],
          invoke: {
            src: 'acquire',
            input,
            onDone: [
              { guard: 'leaseOutdated', target: 'acquiring', reenter: true },
              {
                guard: ({ event }) => event.output === 'held',
                target: 'held',
                actions: { type: 'forgetFailures', params: { region: 'lease' } },
              },
              { guard: 'leaseMayFit', target: 'acquiring', reenter: true },
              { guard: ({ event }) => event.output === 'outOfSubnets', target: 'outOfSubnets' },
              {
                guard: ({ event }) => event.output === 'blocked',
                target: 'retrying',
                actions: { type: 'countFailure', params: { region: 'lease' } },
              },
              { target: 'waiting' },
            ],
            onError: {
              target: 'retrying',
              actions: failed('lease'),
            },
          },
          // Not left for them: two at once would take two leases.
          on: {
            STORE_CONFIG: { actions: 'mayBeOutdated' },
            HOST_CHANGED: { actions: 'mayBeOutdated' },
            PATH_BUILT: { actions: 'mayBeOutdated' },
            SECOND_LEASE: { actions: 'mayBeOutdated' },
            LEASE_FREED: { actions: 'mayFit' },
            OWN_LEASE: { actions: 'mayFit' },
          },
        },
        held: {
          description: 'Looked at after every event: what happened while it was being acquired is not missed.',
          entry: enters('lease', 'held'),
          always: [
            { guard: 'leaseGone', target: 'lost' },
            { guard: 'leaseChanged', target: 'acquiring' },
            { guard: 'leaseOutdated', target: 'acquiring' },
          ],
          after: {
            renewDelay: [
              { guard: 'renewalDue', target: 'renewing' },
              { target: 'held', reenter: true },
            ],
          },
          on: {
            STORE_CONFIG: 'acquiring',
            HOST_CHANGED: 'acquiring',
            PATH_BUILT: 'acquiring',
            SECOND_LEASE: 'acquiring',
          },
        },
        renewing: {
          entry: enters('lease', 'renewing'),
          invoke: {
            src: 'renew',
            input,
            onDone: [
              { guard: ({ event }) => event.output === 'lost', target: 'lost' },
              { target: 'held', actions: { type: 'forgetFailures', params: { region: 'lease' } } },
            ],
            onError: {
              target: 'renewalFailed',
              actions: failed('lease'),
            },
          },
          on: {
            STORE_CONFIG: { actions: 'mayBeOutdated' },
            HOST_CHANGED: { actions: 'mayBeOutdated' },
            PATH_BUILT: { actions: 'mayBeOutdated' },
            SECOND_LEASE: { actions: 'mayBeOutdated' },
          },
        },
        renewalFailed: {
          entry: enters('lease', 'renewalFailed'),
          always: [
            { guard: 'leaseGone', target: 'lost' },
            { guard: 'leaseOutdated', target: 'acquiring' },
          ],
          after: { leaseBackoff: 'renewing' },
          on: {
            STORE_CONFIG: 'acquiring',
            HOST_CHANGED: 'acquiring',
            PATH_BUILT: 'acquiring',
            SECOND_LEASE: 'acquiring',
          },
        },
        lost: {
          description: 'Deleted, expired or taken over: taken again at once, on the same subnet if it is still free.',
          entry: enters('lease', 'lost'),
          always: 'acquiring',
        },
        outOfSubnets: {
          entry: enters('lease', 'outOfSubnets'),
          on: {
            LEASE_FREED: 'acquiring',
            STORE_CONFIG: 'acquiring',
            OWN_LEASE: 'acquiring',
            HOST_CHANGED: 'acquiring',
          },
        },
        waiting: {
          description:
            'Nothing to take: no usable config, or --lease adopt and nobody holds a lease for this host yet.',
          entry: enters('lease', 'waiting'),
          on: { STORE_CONFIG: 'acquiring', OWN_LEASE: 'acquiring', HOST_CHANGED: 'acquiring' },
        },
        retrying: {
          entry: enters('lease', 'retrying'),
          after: { leaseBackoff: 'acquiring' },
          on: { STORE_CONFIG: 'acquiring', HOST_CHANGED: 'acquiring', PATH_BUILT: 'acquiring' },
        },
      },
    },
    work: {
      description: 'The host: one round at a time.',
      initial: 'idle',
      states: {
        idle: {
          entry: enters('work', 'idle'),
          always: [
            { guard: 'stopping', target: 'stopping' },
            { guard: 'dirty', target: 'reading' },
          ],
          after: { retryDelay: { target: 'idle', reenter: true, actions: 'retryDue' } },
          on: { DUE_CHANGED: { target: 'idle', reenter: true } },
        },
        reading: {
          description: 'Takes the whole dirty set, clears it first, and lists that scope.',
          invoke: {
            src: 'read',
            input,
            onDone: [{ guard: 'stopping', target: 'stopping' }, { target: 'planning' }],
            onError: {
              target: 'backingOff',
              actions: failed('work'),
            },
          },
        },
        planning: {
          invoke: {
            src: 'plan',
            input,
            onDone: [
              { guard: 'stopping', target: 'stopping' },
              { guard: ({ event }) => event.output.changes > 0, target: 'applying' },
              { target: 'verifying' },
            ],
            onError: {
              target: 'backingOff',
              actions: failed('work'),
            },
          },
        },
        applying: {
          description: 'Cannot be left for an edge: what was begun is finished.',
          invoke: {
            src: 'apply',
            input,
            onDone: 'verifying',
            onError: {
              target: 'backingOff',
              actions: failed('work'),
            },
          },
        },
        verifying: {
          description: 'Lists again what was touched, compares, and reports.',
          invoke: {
            src: 'verify',
            input,
            onDone: { target: 'idle', actions: { type: 'forgetFailures', params: { region: 'work' } } },
            onError: {
              target: 'backingOff',
              actions: failed('work'),
            },
          },
        },
        backingOff: {
          description: 'The round itself failed: everything is suspect.',
          entry: ['abandonRound', enters('work', 'backingOff')],
          always: { guard: 'stopping', target: 'stopping' },
          after: { workBackoff: 'idle' },
        },
        stopping: {
          type: 'final',
          entry: enters('work', 'stopping'),
        },
      },
    },
  },
});

/** ms. setTimeout overflows above 24.8 days, and would fire at once; a timer that reaches this looks whether it is time, and starts again. */
const LONGEST_TIMER = 24 * 24 * 3600 * 1000;

const timer = (ms = LONGEST_TIMER): number => Math.min(ms, LONGEST_TIMER);
