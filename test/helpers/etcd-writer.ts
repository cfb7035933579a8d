/**
 * Owns writing to an etcd in a namespace without starting a process for each write, and knowing when it was sent and answered:
 * a small Node process in there, which talks to etcd's JSON gateway, or its v2 API, over one connection.
 */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Netns } from './netns.ts';

/** When the request left and when etcd's answer was there: ms since the epoch, with fractions. */
export interface Written {
  sentAt: number;
  doneAt: number;
}

const PROGRAM = `
const http = require('node:http');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const now = () => performance.timeOrigin + performance.now();
const base = process.argv[1];
const call = ({ method, path, type, body }) => new Promise((resolve, reject) => {
  const request = http.request(base + path, { method, agent, headers: { 'content-type': type } }, (response) => {
    let text = '';
    response.on('data', (data) => (text += data)).on('end', () => (response.statusCode < 300 ? resolve() : reject(new Error(text))));
  });
  request.on('error', reject);
  request.end(body);
});
require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  const request = JSON.parse(line);
  const sentAt = now();
  try {
    await call(request);
    console.log(JSON.stringify({ sentAt, doneAt: now() }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.message) }));
  }
});
console.log('{}');
`;

interface Request {
  method: string;
  path: string;
  type: string;
  body: string;
}

const v3 = (path: string, body: object): Request => ({
  method: 'POST',
  path,
  type: 'application/json',
  body: JSON.stringify(body),
});
const v2 = (method: string, key: string, body = ''): Request => ({
  method,
  path: `/v2/keys${key}`,
  type: 'application/x-www-form-urlencoded',
  body,
});

const base64 = (text: string) => Buffer.from(text).toString('base64');

export class EtcdWriter {
  readonly #child: ChildProcess;
  readonly #waiting: ((line: string) => void)[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => this.#waiting.shift()?.(line));
    child.once('exit', () => {
      for (const each of this.#waiting.splice(0)) each('{"error":"the writer ended"}');
    });
  }

  static async start(ns: Netns, endpoint: string): Promise<EtcdWriter> {
    const child = ns.spawn('setpriv', ['--pdeathsig', 'KILL', process.execPath, '-e', PROGRAM, endpoint], {
      env: { PATH: process.env.PATH },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const writer = new EtcdWriter(child);
    await new Promise<void>((resolve) => writer.#waiting.push(() => resolve()));
    return writer;
  }

  async #call(request: Request): Promise<Written> {
    const answer = new Promise<string>((resolve) => this.#waiting.push(resolve));
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const result = JSON.parse(await answer) as Written | { error: string };
    if ('error' in result) throw new Error(`etcd did not take it: ${result.error}`);
    return result;
  }

  put(key: string, value: string): Promise<Written> {
    return this.#call(v3('/v3/kv/put', { key: base64(key), value: base64(value) }));
  }

  delete(key: string): Promise<Written> {
    return this.#call(v3('/v3/kv/deleterange', { key: base64(key) }));
  }

  putV2(key: string, value: string): Promise<Written> {
    return this.#call(v2('PUT', key, `value=${encodeURIComponent(value)}`));
  }

  deleteV2(key: string): Promise<Written> {
    return this.#call(v2('DELETE', key));
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.kill('SIGKILL')) await ended;
  }
}
