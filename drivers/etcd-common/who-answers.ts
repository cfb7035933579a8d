/**
 * Owns the second look at an endpoint that answers, but not as etcd does: gRPC drops what an HTTP server says, and the names of a
 * certificate. Asked after such a failure only, and loaded for it; what it sees goes into a sentence, and changes nothing.
 *
 * - A second and 4 KB at most. What can't be seen leaves the first words as they were.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import { connect, type PeerCertificate, type SecureContextOptions } from 'node:tls';
import { httpAnswer } from './http-answer.ts';

const MOST_MS = 1000;
const MOST_BYTES = 4096;
/** What Go's and nginx's servers answer to HTTP where they speak TLS. */
const WANTS_TLS = /HTTP request (was sent )?to (an )?HTTPS/;

/** In the words that failure-rules.ts reads; undefined if it is an etcd, or nothing is known. Never throws. */
export async function whoAnswers(url: string, credentials: SecureContextOptions): Promise<string | undefined> {
  try {
    return await askVersion(url, credentials);
  } catch {
    return undefined;
  }
}

function askVersion(url: string, { ca, cert, key }: SecureContextOptions): Promise<string | undefined> {
  const secure = url.startsWith('https:');
  // Whose certificate can't be trusted has failed before; here nothing is believed.
  const options = {
    agent: false as const,
    timeout: MOST_MS,
    ...(secure && { ca, cert, key, rejectUnauthorized: false }),
  };
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).get(`${url}/version`, options, (response) => {
      let body = '';
      const tell = (): void => {
        clearTimeout(timer);
        const { statusCode: status = 0, headers } = response;
        resolve(isEtcds(body) || WANTS_TLS.test(body) ? etcd2(body) : httpAnswer({ status, headers, body }));
        request.destroy();
      };
      response
        .on('data', (part: Buffer) => {
          body += part.toString('latin1');
          if (body.length >= MOST_BYTES) tell();
        })
        .on('end', tell)
        .on('error', reject);
    });
    const timer = setTimeout(() => request.destroy(new Error('no answer in time')), MOST_MS);
    request.on('error', reject).on('close', () => {
      clearTimeout(timer);
      reject(new Error('closed'));
    });
  });
}

const isEtcds = (body: string): boolean => /"etcdserver"\s*:/.test(body);

const etcd2 = (body: string): string | undefined => {
  const version = /"etcdserver"\s*:\s*"(2\.[\d.]+)"/.exec(body)?.[1];
  return version === undefined ? undefined : `this is etcd ${version}`;
};

/** Which names the certificate there has, in the words that failure-rules.ts reads. Never throws. */
export function certificateNames(url: string, credentials: SecureContextOptions): Promise<string | undefined> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const { ca, cert, key } = credentials;
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(port),
      ...(isIP(host) ? {} : { servername: host }),
      ...{ ca, cert, key, rejectUnauthorized: false },
    });
    const end = (text?: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(end, MOST_MS);
    socket.on('error', () => end()).on('secureConnect', () => end(namesOf(socket.getPeerCertificate())));
  });
}

function namesOf({ subject, subjectaltname }: PeerCertificate): string {
  if (subjectaltname)
    return `does not match certificate with the names ${subjectaltname.replace(/DNS:|IP Address:/g, '')}`;
  return `does not match certificate without names, of ${subject?.CN ?? 'nobody'}`;
}
