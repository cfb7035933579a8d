/**
 * Owns the conversation with the Docker engine: plain HTTP/1.1 on its socket (Engine API, any version: paths without one are answered by all).
 *
 * - No engine is an answer, not an error; one that is there and doesn't answer is a problem, as a sentence.
 * - A connection to a socket that systemd holds would start Docker. So the usual socket is asked only while Docker's pid file names a live
 *   process: somebody who has stopped Docker wants it stopped.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { foreign } from '../../config/foreign-text.ts';
import type { Engine } from '../../reconciler/docker/contract.ts';

/** For all that is asked in one look: each round waits for it. */
const ANSWER_MS = 2000;
/** What one answer may have at most; a thousand containers have less, some 900 bytes each. */
const MAX_BYTES = 1 << 20;
const USUAL_SOCKET = /^(\/var)?\/run\/docker\.sock$/;
export const PID_FILE = '/var/run/docker.pid';

export interface EngineAddress {
  /** "" for TCP. */
  socketPath: string;
  host: string;
  port: number;
}

/** Where a checked --docker-host leads to. */
export function parseEngineAddress(url: string): EngineAddress {
  if (url.startsWith('unix://')) return { socketPath: url.slice('unix://'.length), host: '', port: 0 };
  const { hostname, port } = new URL(url);
  return { socketPath: '', host: hostname, port: Number(port) };
}

/** Whether it takes more than the socket to know that Docker runs. */
export const isActivated = ({ socketPath }: EngineAddress): boolean =>
  USUAL_SOCKET.test(socketPath) && existsSync('/run/systemd/system');

export function mayConnect(address: EngineAddress): boolean {
  if (address.socketPath !== '' && !existsSync(address.socketPath)) return false;
  if (!isActivated(address)) return true;
  try {
    const pid = Number(readFileSync(PID_FILE, 'utf8'));
    return pid > 0 && existsSync(`/proc/${pid}`);
  } catch {
    return false;
  }
}

type EngineAnswer = { engine: Engine } | { engine: undefined; problem?: string };

/** Never rejects. */
export async function askEngine(address: EngineAddress, answerMs = ANSWER_MS): Promise<EngineAnswer> {
  if (!mayConnect(address)) return { engine: undefined };
  try {
    const [info, network, containers] = await Promise.all([
      getJson(address, '/info', answerMs),
      getJson(address, '/networks/bridge', answerMs),
      getJson(address, '/containers/json', answerMs),
    ]);
    return { engine: engineOf(info, network, containers) };
  } catch (error) {
    return { engine: undefined, ...problemOf(address, error as NodeJS.ErrnoException) };
  }
}

function problemOf(address: EngineAddress, { code, message }: NodeJS.ErrnoException): { problem?: string } {
  const where = address.socketPath || `${address.host}:${address.port}`;
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ECONNRESET': // it is just ending
      return {};
    case 'EACCES':
    case 'EPERM':
      return {
        problem: `Not permitted to ask Docker at ${where}: run selvage as root or in the group docker, or with --docker off.`,
      };
    default:
      return {
        problem: `Docker at ${where} can't be asked (${foreign(message, 200)}); see whether it hangs, or run selvage with --docker off.`,
      };
  }
}

export async function openRequest(
  address: EngineAddress,
  path: string,
  onResponse: (response: IncomingMessage) => void,
): Promise<ClientRequest> {
  const { request } = await import('node:http');
  const { socketPath, host, port } = address;
  const where = socketPath ? { socketPath } : { host, port };
  // A socket has no name; Go refuses a request without a Host.
  return request({ ...where, path, method: 'GET', agent: false, headers: { Host: 'docker' } }, onResponse);
}

/** undefined for 404. Rejects with an Error for any other answer than 200 with JSON. */
async function getJson(address: EngineAddress, path: string, answerMs: number): Promise<unknown> {
  const { promise, resolve, reject } = withResolvers<IncomingMessage>();
  const call = await openRequest(address, path, resolve);
  call.on('error', reject);
  const timer = setTimeout(() => call.destroy(new Error(`no answer to ${path} in ${answerMs / 1000} s`)), answerMs);
  call.end();
  try {
    const response = await promise;
    const body = await readBody(response, path);
    if (response.statusCode === 404) return undefined;
    if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode} to ${path}`);
    return parseObject(body, path);
  } finally {
    clearTimeout(timer);
    call.destroy();
  }
}

/** What is no JSON (a proxy's page, another service) is said in a word; its text is nobody's business. */
function parseObject(body: string, path: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new Error(`its answer to ${path} is no JSON`, { cause });
  }
  if (typeof value !== 'object' || value === null) throw new Error(`its answer to ${path} is no engine's`);
  return value;
}

async function readBody(response: IncomingMessage, path: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`its answer to ${path} is too long`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Promise.withResolvers, which Node 20 hasn't. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** What of the engine's answers counts. Fields that are not there, or of another type, are taken for empty. */
function engineOf(info: unknown, network: unknown, containers: unknown): Engine {
  if (text(field(info, 'ServerVersion')) === '') throw new Error("its answer to /info is no engine's");
  return {
    version: foreign(text(field(info, 'ServerVersion'))),
    liveRestore: field(info, 'LiveRestoreEnabled') === true,
    network: network === undefined ? undefined : networkOf(network),
    containers: list(containers).map((container) => ({
      name: text(list(field(container, 'Names'))[0]).replace(/^\//, '') || text(field(container, 'Id')).slice(0, 12),
      address: text(field(field(field(field(container, 'NetworkSettings'), 'Networks'), 'bridge'), 'IPAddress')),
    })),
  };
}

/** Docker's default, where the option is not shown. */
const DEFAULT_MTU = 1500;

function networkOf(network: unknown): Engine['network'] {
  const options = field(network, 'Options');
  const [ipam] = list(field(field(network, 'IPAM'), 'Config'));
  const length = text(field(ipam, 'Subnet')).split('/')[1] ?? '';
  const gateway = text(field(ipam, 'Gateway'));
  return {
    bridge: text(field(options, 'com.docker.network.bridge.name')) || 'docker0',
    address: gateway && length ? `${gateway}/${length}` : '',
    mtu: Number(text(field(options, 'com.docker.network.driver.mtu')) || DEFAULT_MTU),
    ipMasq: field(options, 'com.docker.network.bridge.enable_ip_masquerade') !== 'false',
  };
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
