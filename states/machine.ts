/**
 * Owns when: what the agent is doing and what may wake it (DESIGN 4). How each thing is done is behind AgentServices.
 *
 * - Three regions side by side: the store, our lease, the work on the host. None waits for another but through events.
 * - EDGE is handled at the root, so that no state can lose one; it only widens what is dirty. No state may handle it itself: the root's
 *   handler would then not be asked (xstate: a region's transition comes before its ancestor's).
 * - A round is never left half-way for a new edge: idle is the only state that starts one, and it looks at what is dirty first.
 * - Guards and actions only read and set plain values, so none can throw; whatever can fail is an actor, and its failure an event.
 */
import { assign, fromCallback, fromPromise, setup } from 'xstate';
import type { AcquireResult, AgentEvent, AgentServices, ConnectResult, Region } from './services.ts';

interface Context {
  services: AgentServices;
  /** Consecutive failures of each region; they set the back-off and return to 0 on success. */
  storeFailures: number;
  leaseFailures: number;
  workFailures: number;
  /** Since the lease was last looked at: config or host have changed; there may be room, or our own record is another. */
  leaseOutdated: boolean;
  leaseMayFit: boolean;
  stopping: boolean;
}

type Input = { services: AgentServices };
type Callback = { services: AgentServices };

export const agentMachine = setup({
  types: { context: {} as Context, events: {} as AgentEvent, input: {} as Input },
  actors: {
    edges: fromCallback<AgentEvent, Callback>(({ sendBack, input }) => input.services.watchHost(sendBack)),
    schedule: fromCallback<AgentEvent, Callback>(({ sendBack, input }) => input.services.schedule(sendBack)),
    watchStore: fromCallback<AgentEvent, Callback>(({ sendBack, input }) => input.services.watchStore(sendBack)),
    connect: fromPromise<ConnectResult, Callback>(({ input, signal }) => input.services.connect(signal)),
    acquire: fromPromise<AcquireResult, Callback>(({ input, signal }) => input.services.acquire(signal)),
    renew: fromPromise<'renewed' | 'lost', Callback>(({ input }) => input.services.renew()),
    read: fromPromise<void, Callback>(({ input }) => input.services.read()),
    plan: fromPromise<{ changes: number }, Callback>(({ input }) => input.services.plan()),
    apply: fromPromise<void, Callback>(({ input }) => input.services.apply()),
    verify: fromPromise<void, Callback>(({ input }) => input.services.verify()),
  },
  guards: {
    dirty: ({ context }) => context.services.hasWork(),
    stopping: ({ context }) => context.stopping,
    leaseWanted: ({ context }) => context.services.leaseWanted(),
    leaseGone: ({ context }) => context.services.leaseState() === 'gone',
    leaseChanged: ({ context }) => context.services.leaseState() === 'changed',
    leaseOutdated: ({ context }) => context.leaseOutdated,
    leaseMayFit: ({ context }) => context.leaseMayFit,
    renewalDue: ({ context }) => context.services.renewDelayMs() === 0,
    configMissing: ({ context }) => context.services.configState() === 'missing',
    configInvalid: ({ context }) => context.services.configState() === 'invalid',
  },
  actions: {
    noteEdge: ({ context, event }) => {
      if (event.type === 'EDGE') context.services.markDirty(event.scope);
    },
    noteFailure: ({ context, event }, params: { region: Region }) =>
      context.services.noteFailure(params.region, (event as { error?: unknown }).error),
    noteEnded: ({ context, event }) => {
      if (event.type === 'STORE_ENDED') context.services.noteStoreEnded(event.reason, event.message);
    },
    noteState: ({ context }, params: { region: Region; state: string }) =>
      context.services.noteState(params.region, params.state),
    retryDue: ({ context }) => context.services.markRetriesDirty(),
    abandonRound: ({ context }) => context.services.abandonRound(),
  },
  delays: {
    storeBackoff: ({ context }) => context.services.backoffMs(context.storeFailures, 300, 10_000),
    leaseBackoff: ({ context }) => context.services.backoffMs(context.leaseFailures, 300, 30_000),
    workBackoff: ({ context }) => context.services.backoffMs(context.workFailures, 200, 60_000),
    renewDelay: ({ context }) => timer(context.services.renewDelayMs()),
    retryDelay: ({ context }) => timer(context.services.retryDelayMs()),
  },
}).createMachine({
  id: 'selvage',
  type: 'parallel',
  context: ({ input }) => ({
    services: input.services,
    storeFailures: 0,
    leaseFailures: 0,
    workFailures: 0,
    leaseOutdated: false,
    leaseMayFit: false,
    stopping: false,
  }),
  invoke: [
    { src: 'edges', input: ({ context }) => ({ services: context.services }) },
    { src: 'schedule', input: ({ context }) => ({ services: context.services }) },
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
          entry: { type: 'noteState', params: { region: 'store', state: 'connecting' } },
          invoke: {
            src: 'connect',
            input: ({ context }) => ({ services: context.services }),
            onDone: 'connected',
            onError: {
              target: 'stale',
              actions: [
                { type: 'noteFailure', params: { region: 'store' } },
                assign({ storeFailures: ({ context }) => context.storeFailures + 1 }),
              ],
            },
          },
        },
        connected: {
          description: 'The watch runs from the revision after the snapshot.',
          invoke: { src: 'watchStore', input: ({ context }) => ({ services: context.services }) },
          on: {
            STORE_ENDED: {
              target: 'stale',
              actions: ['noteEnded', assign({ storeFailures: ({ context }) => context.storeFailures + 1 })],
            },
            // Only now: a store that can be listed but not watched must not be listed at full speed.
            STORE_HEARD: { actions: assign({ storeFailures: 0 }) },
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
              entry: { type: 'noteState', params: { region: 'store', state: 'awaitingConfig' } },
            },
            invalid: {
              description: 'The config does not parse; the last good one stays in force.',
              entry: { type: 'noteState', params: { region: 'store', state: 'invalid' } },
            },
            watching: { entry: { type: 'noteState', params: { region: 'store', state: 'watching' } } },
          },
        },
        stale: {
          description:
            'The store cannot be heard: work goes on towards the last complete desired state, deleting nothing.',
          entry: { type: 'noteState', params: { region: 'store', state: 'stale' } },
          after: { storeBackoff: 'connecting' },
        },
      },
    },
    lease: {
      description: 'Our own lease.',
      initial: 'none',
      states: {
        none: {
          entry: { type: 'noteState', params: { region: 'lease', state: 'none' } },
          always: { guard: 'leaseWanted', target: 'acquiring' },
        },
        acquiring: {
          description: 'Makes sure of the lease: reuses, rewrites or creates it; writes nothing when it is right.',
          entry: [
            assign({ leaseOutdated: false, leaseMayFit: false }),
            { type: 'noteState', params: { region: 'lease', state: 'acquiring' } },
          ],
          invoke: {
            src: 'acquire',
            input: ({ context }) => ({ services: context.services }),
            onDone: [
              { guard: 'leaseOutdated', target: 'acquiring', reenter: true },
              {
                guard: ({ event }) => event.output === 'held',
                target: 'held',
                actions: assign({ leaseFailures: 0 }),
              },
              { guard: 'leaseMayFit', target: 'acquiring', reenter: true },
              { guard: ({ event }) => event.output === 'outOfSubnets', target: 'outOfSubnets' },
              { target: 'waiting' },
            ],
            onError: {
              target: 'retrying',
              actions: [
                { type: 'noteFailure', params: { region: 'lease' } },
                assign({ leaseFailures: ({ context }) => context.leaseFailures + 1 }),
              ],
            },
          },
          // Not left for them: two at once would take two leases.
          on: {
            STORE_CONFIG: { actions: assign({ leaseOutdated: true }) },
            HOST_CHANGED: { actions: assign({ leaseOutdated: true }) },
            LEASE_FREED: { actions: assign({ leaseMayFit: true }) },
            OWN_LEASE: { actions: assign({ leaseMayFit: true }) },
          },
        },
        held: {
          description: 'Looked at after every event: what happened while it was being acquired is not missed.',
          entry: { type: 'noteState', params: { region: 'lease', state: 'held' } },
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
          },
        },
        renewing: {
          entry: { type: 'noteState', params: { region: 'lease', state: 'renewing' } },
          invoke: {
            src: 'renew',
            input: ({ context }) => ({ services: context.services }),
            onDone: [
              { guard: ({ event }) => event.output === 'lost', target: 'lost' },
              { target: 'held', actions: assign({ leaseFailures: 0 }) },
            ],
            onError: {
              target: 'renewalFailed',
              actions: [
                { type: 'noteFailure', params: { region: 'lease' } },
                assign({ leaseFailures: ({ context }) => context.leaseFailures + 1 }),
              ],
            },
          },
          on: {
            STORE_CONFIG: { actions: assign({ leaseOutdated: true }) },
            HOST_CHANGED: { actions: assign({ leaseOutdated: true }) },
          },
        },
        renewalFailed: {
          entry: { type: 'noteState', params: { region: 'lease', state: 'renewalFailed' } },
          always: [
            { guard: 'leaseGone', target: 'lost' },
            { guard: 'leaseOutdated', target: 'acquiring' },
          ],
          after: { leaseBackoff: 'renewing' },
          on: { STORE_CONFIG: 'acquiring', HOST_CHANGED: 'acquiring' },
        },
        lost: {
          description: 'Deleted, expired or taken over: taken again at once, on the same subnet if it is still free.',
          entry: { type: 'noteState', params: { region: 'lease', state: 'lost' } },
          always: 'acquiring',
        },
        outOfSubnets: {
          entry: { type: 'noteState', params: { region: 'lease', state: 'outOfSubnets' } },
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
          entry: { type: 'noteState', params: { region: 'lease', state: 'waiting' } },
          on: { STORE_CONFIG: 'acquiring', OWN_LEASE: 'acquiring', HOST_CHANGED: 'acquiring' },
        },
        retrying: {
          entry: { type: 'noteState', params: { region: 'lease', state: 'retrying' } },
          after: { leaseBackoff: 'acquiring' },
          on: { STORE_CONFIG: 'acquiring', HOST_CHANGED: 'acquiring' },
        },
      },
    },
    work: {
      description: 'The host: one round at a time.',
      initial: 'idle',
      states: {
        idle: {
          entry: { type: 'noteState', params: { region: 'work', state: 'idle' } },
          always: [
            { guard: 'stopping', target: 'stopping' },
            { guard: 'dirty', target: 'reading' },
          ],
          after: { retryDelay: { target: 'idle', reenter: true, actions: 'retryDue' } },
        },
        reading: {
          description: 'Takes the whole dirty set, clears it first, and lists that scope.',
          invoke: {
            src: 'read',
            input: ({ context }) => ({ services: context.services }),
            onDone: [{ guard: 'stopping', target: 'stopping' }, { target: 'planning' }],
            onError: {
              target: 'backingOff',
              actions: [
                { type: 'noteFailure', params: { region: 'work' } },
                assign({ workFailures: ({ context }) => context.workFailures + 1 }),
              ],
            },
          },
        },
        planning: {
          invoke: {
            src: 'plan',
            input: ({ context }) => ({ services: context.services }),
            onDone: [
              { guard: 'stopping', target: 'stopping' },
              { guard: ({ event }) => event.output.changes > 0, target: 'applying' },
              { target: 'verifying' },
            ],
            onError: {
              target: 'backingOff',
              actions: [
                { type: 'noteFailure', params: { region: 'work' } },
                assign({ workFailures: ({ context }) => context.workFailures + 1 }),
              ],
            },
          },
        },
        applying: {
          description: 'Cannot be left for an edge: what was begun is finished.',
          invoke: {
            src: 'apply',
            input: ({ context }) => ({ services: context.services }),
            onDone: 'verifying',
            onError: {
              target: 'backingOff',
              actions: [
                { type: 'noteFailure', params: { region: 'work' } },
                assign({ workFailures: ({ context }) => context.workFailures + 1 }),
              ],
            },
          },
        },
        verifying: {
          description: 'Lists again what was touched, compares, and reports.',
          invoke: {
            src: 'verify',
            input: ({ context }) => ({ services: context.services }),
            onDone: { target: 'idle', actions: assign({ workFailures: 0 }) },
            onError: {
              target: 'backingOff',
              actions: [
                { type: 'noteFailure', params: { region: 'work' } },
                assign({ workFailures: ({ context }) => context.workFailures + 1 }),
              ],
            },
          },
        },
        backingOff: {
          description: 'The round itself failed: everything is suspect.',
          entry: ['abandonRound', { type: 'noteState', params: { region: 'work', state: 'backingOff' } }],
          always: { guard: 'stopping', target: 'stopping' },
          after: { workBackoff: 'idle' },
        },
        stopping: {
          type: 'final',
          entry: { type: 'noteState', params: { region: 'work', state: 'stopping' } },
        },
      },
    },
  },
});

/** ms. setTimeout overflows above 24.8 days, and would fire at once; a timer that reaches this looks whether it is time, and starts again. */
const LONGEST_TIMER = 24 * 24 * 3600 * 1000;

const timer = (ms = LONGEST_TIMER): number => Math.min(ms, LONGEST_TIMER);
