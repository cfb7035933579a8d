/** Owns the question to a running daemon over its control socket. */
import { readdirSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { dirname, join } from 'node:path';
import { isControlSocket } from '../../config/control-socket.ts';
import type { Status } from '../../reconciler/contracts/status.ts';

const DEADLINE_MS = 10_000;
/** 65,536 peers have some 10 MB. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Rejects with the errno of the connection, or an Error if what answers is no selvage. */
export function askStatus(socketPath: string): Promise<Status> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/api/status', headers: { host: 'localhost' } }, (response) => {
      read(response)
        .then((text) => resolve(JSON.parse(text) as Status))
        .catch(reject);
    });
    asked.setTimeout(DEADLINE_MS, () => asked.destroy(new Error(`it did not answer in ${DEADLINE_MS / 1000} s`)));
    asked.once('error', reject).end();
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new Error('its answer is too long');
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  if (response.statusCode !== 200) throw new Error(`it answered ${response.statusCode}: ${text.slice(0, 200)}`);
  return text;
}

/** Sockets of other networks' daemons beside that one. */
export function otherSockets(path: string): string[] {
  const folder = dirname(path);
  try {
    return readdirSync(folder)
      .map((name) => join(folder, name))
      .filter((one) => one !== path && isControlSocket(one))
      .sort();
  } catch {
    return [];
  }
}
