/**
 * Owns the table from what etcd3, gRPC and etcd say to what it means: a reason to branch on, a kind, and the words for a person.
 *
 * - etcd3 drops the status code and keeps the text ("14 UNAVAILABLE: …"), so that the text is what there is to go by. The rows are
 *   what a real etcd 3.4 and grpc-js 1.14 give (test/lab/drivers/etcd).
 * - `unsent` is said only where etcd surely did not act on the request: a write may be sent again then.
 */
import type { StoreErrorKind } from '../../reconciler/contracts/failure.ts';
import { HTTP_ANSWER, httpHint, httpSays } from './http-answer.ts';

export type Why =
  | 'refused'
  | 'unresolved'
  | 'unreachable'
  | 'silent'
  | 'timeout'
  | 'dropped'
  | 'tls'
  | 'notEtcd'
  | 'noLeader'
  | 'password'
  | 'noUser'
  | 'authOff'
  | 'token'
  | 'permission'
  | 'compacted'
  | 'leaseNotFound'
  | 'full'
  /** The connection was given up for a new one. */
  | 'replaced'
  | 'closed'
  | 'other';

/** What we have ended ourselves, in the words of a gRPC failure. */
export const CANCELLED = '1 CANCELLED: stopped by selvage';

/** What a sentence may need to know of the connection. */
export interface Where {
  /** "http://127.0.0.1:2379" */
  endpoint: string;
  prefix: string;
  username: string;
  /** Is there a --etcd-cafile, a --etcd-certfile? */
  ca: boolean;
  cert: boolean;
}

interface Rule {
  match: RegExp;
  why: Why;
  /** Default: unavailable. */
  kind?: StoreErrorKind;
  unsent?: true;
  /** Follows "etcd at http://…". `found`: what `match` has found. */
  says: string | ((found: RegExpExecArray) => string);
  hint?: (where: Where, found: RegExpExecArray) => string;
}

const clientCertificate = (where: Where): string =>
  where.cert ? 'check --etcd-certfile and --etcd-keyfile' : 'give one with --etcd-certfile and --etcd-keyfile';

const hostOf = ({ endpoint }: Where): string => new URL(endpoint).hostname;

/** The first that matches counts. */
// biome-ignore format: a table
export const RULES: readonly Rule[] = [
  // etcd's own words: they beat the status code, which etcd chooses freely.
  { match: /etcdserver: no leader/, why: 'noLeader', says: 'has no leader', hint: () => 'its cluster has lost its quorum or is electing one' },
  { match: /authentication failed, invalid user ID or password/, why: 'password', kind: 'denied', says: 'refused the user or the password', hint: () => 'check --etcd-username and --etcd-password' },
  { match: /user name is empty/, why: 'noUser', kind: 'denied', says: 'wants a user', hint: () => 'give --etcd-username and --etcd-password' },
  { match: /authentication is not enabled/, why: 'authOff', says: 'knows no users', hint: () => '--etcd-username is of no use there' },
  { match: /invalid auth token|revision (of auth store|in header) is old/, why: 'token', unsent: true, says: 'no longer takes the login that it gave' },
  // v2's words are its error codes (drivers/etcd-v2/protocol.ts).
  { match: /^v2 110:/, why: 'permission', kind: 'denied', says: 'does not permit it', hint: ({ username, prefix }) => `${username ? 'check --etcd-username and --etcd-password, and grant that user' : 'give --etcd-username and --etcd-password of a user with'} a role that may read and write under ${prefix}/ (ETCDCTL_API=2 etcdctl role grant ROLE --path '${prefix}/*' --readwrite)` },
  { match: /^v2 301:/, why: 'noLeader', says: 'has no leader', hint: () => 'its cluster has lost its quorum or is electing one' },
  { match: /^v2 API is off/, why: 'notEtcd', unsent: true, says: 'has no v2 API', hint: () => 'start it with --enable-v2 (etcd 3.4 and 3.5; later ones have none), or say --etcd-api v3' },
  { match: /etcdserver: permission denied|^7 PERMISSION_DENIED/, why: 'permission', kind: 'denied', says: 'does not permit it', hint: ({ username, prefix }) => `grant ${username ? `user ${username} of --etcd-username` : 'the user of --etcd-certfile'} a role that may read and write under ${prefix}/ (etcdctl role grant-permission ROLE readwrite --prefix ${prefix}/)` },
  { match: /revision has been compacted/, why: 'compacted', says: 'has compacted the revision that was asked for' },
  { match: /requested lease not found/, why: 'leaseNotFound', says: 'has no such lease any more' },
  { match: /database space exceeded/, why: 'full', says: 'has reached its space quota and takes no writes', hint: () => 'compact and defragment it, then run etcdctl alarm disarm' },
  // TLS. What the peer thinks of us comes as an alert, what we think of it as OpenSSL's verification errors.
  { match: /alert (bad certificate|certificate \w+|unknown ca)/i, why: 'tls', kind: 'denied', unsent: true, says: 'does not accept the client certificate, or the lack of one', hint: clientCertificate },
  { match: /certificate has expired/, why: 'tls', kind: 'denied', unsent: true, says: 'has a certificate that has expired', hint: () => "renew it (or its authority's in --etcd-cafile), or set this host's clock" },
  { match: /certificate is not yet valid/, why: 'tls', kind: 'denied', unsent: true, says: 'has a certificate that is not valid yet', hint: () => "set this host's clock" },
  // With the names that a second look has found (who-answers.ts).
  { match: /does not match certificate with the names (.+)/, why: 'tls', kind: 'denied', unsent: true, says: ([, names]) => `has a certificate for other names (${names})`, hint: (where) => `write one of them in --etcd-endpoints, or have one issued that names ${hostOf(where)}` },
  { match: /does not match certificate without names, of (.+)/, why: 'tls', kind: 'denied', unsent: true, says: ([, name]) => `has a certificate without subject alternative names (its common name ${name} counts for nothing)`, hint: (where) => `have one issued that names ${hostOf(where)}` },
  { match: /does not match certificate/, why: 'tls', kind: 'denied', unsent: true, says: 'has a certificate for other names', hint: () => 'write one of its names in --etcd-endpoints' },
  { match: /unable to verify|self[- ]signed certificate|unable to get (local )?issuer/, why: 'tls', kind: 'denied', unsent: true, says: "has a certificate that can't be verified", hint: ({ ca }) => (ca ? '--etcd-cafile is not the authority that signed it' : 'give the authority that signed it with --etcd-cafile') },
  // No connection. Which limit was met, and how it is raised, is said where it is shown (config/open-files.ts).
  { match: /\b(EMFILE|ENFILE)\b/, why: 'other', unsent: true, says: ([code]) => `can't be connected to (${code})` },
  { match: /connect ECONNREFUSED/, why: 'refused', unsent: true, says: 'refused the connection', hint: () => 'is it running, and is --etcd-endpoints right?' },
  // With what a second look has found (name-server.ts).
  { match: /name server (.+) is silent/, why: 'unresolved', unsent: true, says: ([, servers]) => `has a name that can't be resolved, because the name server ${servers} does not answer`, hint: (where) => `see to /etc/resolv.conf, or write an address in place of ${hostOf(where)}` },
  { match: /name server (.+) has failed/, why: 'unresolved', unsent: true, says: ([, servers]) => `has a name that can't be resolved, because the name server ${servers} could not ask for it`, hint: (where) => `see to /etc/resolv.conf, or write an address in place of ${hostOf(where)}` },
  { match: /waiting for name resolution/, why: 'timeout', unsent: true, says: 'has a name that could not be resolved in time', hint: () => 'see to the name servers in /etc/resolv.conf' },
  { match: /Name resolution failed|ENOTFOUND|EAI_AGAIN/, why: 'unresolved', unsent: true, says: "has a name that can't be resolved", hint: () => 'is --etcd-endpoints right?' },
  { match: /connect E(HOSTUNREACH|NETUNREACH|TIMEDOUT|ADDRNOTAVAIL|PERM|ACCES)/, why: 'unreachable', unsent: true, says: "can't be reached", hint: () => 'check the route and the firewall on the way, and --etcd-endpoints' },
  { match: /No connection established|before secure TLS connection|wrong version number|packet length too long/, why: 'silent', unsent: true, says: 'closed the connection at once', hint: ({ endpoint }) => endpoint.startsWith('https:') ? 'if it does not speak TLS, write http:// in --etcd-endpoints' : 'if it wants TLS, write https:// in --etcd-endpoints' },
  { match: /Waiting for LB pick/, why: 'timeout', unsent: true, says: 'could not be connected to in time', hint: () => 'is --etcd-endpoints right?' },
  { match: /DEADLINE_EXCEEDED|etcdserver: request timed out/, why: 'timeout', says: 'did not answer in time' },
  { match: /^this is etcd (2\.[\d.]+)/, why: 'notEtcd', unsent: true, says: ([, version]) => `is etcd ${version}, which has no v3 API`, hint: () => 'say --etcd-api v2' },
  { match: HTTP_ANSWER, why: 'notEtcd', unsent: true, says: httpSays, hint: (_, found) => httpHint(found) },
  { match: /^12 UNIMPLEMENTED/, why: 'notEtcd', unsent: true, says: 'answers, but not as etcd v3 does', hint: () => 'does --etcd-endpoints lead to etcd 3?' },
  { match: /the way there has changed/, why: 'dropped', says: 'is connected to anew, because this host reaches it another way than before' },
  { match: /^14 UNAVAILABLE|ECONNRESET|EPIPE|ETIMEDOUT|^13 INTERNAL: .*(RST_STREAM|closed)/, why: 'dropped', says: 'broke the connection off' },
  { match: /client was already closed/, why: 'replaced', unsent: true, says: 'was being connected to anew' },
  { match: /^1 CANCELLED/, why: 'closed', says: 'is no longer asked', hint: () => 'selvage stopped it' },
];
