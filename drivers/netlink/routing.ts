/** Owns the answers to reconciler/contracts/routing.ts: policy rules, the tables that they name, and look-ups in the FIB. Read only. */
import type { Answer, Routing, Rule } from '../../reconciler/contracts/routing.ts';
import { MAIN_TABLE, type Route } from '../../reconciler/kinds/index.ts';
import { type Client, type Dumped, problemOf } from './client.ts';
import type { Message } from './codec/message.ts';
import { isLonger, readRoute, writeRouteDump, writeRouteLookup } from './codec/route.ts';
import { readWholeRule, writeRuleDump } from './codec/rule.ts';
import { ipv4Number } from './codec/text.ts';
import { Devices } from './device-index.ts';
import { errnoName } from './errno.ts';

const LOCAL_TABLE = 255;
/** The priority of the rule that leads to table main. */
const MAIN_PRIORITY = 32_766;

export function routingOf(client: Client): Routing {
  const devices = new Devices(client);
  const routes = (table: number, wanted: (m: Message) => boolean): Route[] =>
    all(
      'routes',
      client.dump(
        (w) => writeRouteDump(w, table),
        (m) => (wanted(m) ? readRoute(m) : undefined),
      ),
    )
      .filter(({ route }) => route.table === table)
      .map(({ route, index }) => ({ ...route, dev: devices.name(index) }));

  return {
    rules: () => all('rules', client.dump(writeRuleDump, readWholeRule)).filter(isForeign),
    longer: (length, own) => routes(MAIN_TABLE, (m) => isLonger(m, length, ipv4Number(own))),
    table: (table) => routes(table, () => true),
    ask: (questions) =>
      questions.map(({ address, from }): Answer => {
        const iif = from && devices.index(from.dev);
        const way = from && iif ? { source: from.source, iif } : undefined;
        const { value, errno } = client.get((w) => writeRouteLookup(w, address, way), readRoute);
        if (!value) return { error: errnoName(errno) };
        return { route: { ...value.route, dev: devices.name(value.index) } };
      }),
  };
}

const isForeign = ({ priority, action, table }: Rule): boolean =>
  priority < MAIN_PRIORITY && !(action === 'lookup' && (table === LOCAL_TABLE || table === MAIN_TABLE));

function all<T>(what: string, { items, ...reply }: Dumped<T>): T[] {
  const problem = problemOf(what, reply);
  if (problem) throw new Error(problem);
  return items;
}
