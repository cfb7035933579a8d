/**
 * Owns checking a request's signature version 4 as AWS documents it ("Create a signed AWS API request"), with nothing but node:crypto:
 * independent of the signer under test.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface Key {
  secret: string;
  /** Of role credentials: must be sent along. */
  token?: string;
  /** ms since the epoch. */
  until?: number;
}

export interface Signed {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Refused {
  status: number;
  code: string;
  message: string;
}

const HEADER =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/([^/,]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
const MUST_SIGN = ['host', 'x-amz-date'];
/** AWS takes a request for 5 minutes around its date. */
const WINDOW_MS = 5 * 60_000;

/** The access key id, or why the request is refused. */
export function checkSignature(
  request: Signed,
  scope: { region: string; service: string },
  keyOf: (id: string) => Key | undefined,
): { key: string } | Refused {
  const { headers } = request;
  const match = HEADER.exec(headers.authorization ?? '');
  if (!match) return refused(400, 'MissingAuthenticationToken', 'no Authorization of AWS4-HMAC-SHA256');
  const [, id, day, region, service, signedNames, signature] = match as unknown as string[];
  const key = keyOf(id!);
  if (!key) return refused(401, 'AuthFailure', 'AWS was not able to validate the provided access credentials');
  if (region !== scope.region || service !== scope.service)
    return refused(400, 'SignatureDoesNotMatch', `Credential should be scoped to ${scope.region}/${scope.service}`);
  const date = String(headers['x-amz-date'] ?? '');
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(at - Date.now()) < WINDOW_MS) || !date.startsWith(day!))
    return refused(400, 'RequestExpired', `Request has expired: ${date}`);
  if (key.token !== headers['x-amz-security-token'])
    return refused(401, 'AuthFailure', 'the security token is not that of the key');
  if (key.until !== undefined && key.until < Date.now()) return refused(400, 'RequestExpired', 'The token has ended');
  const names = signedNames!.split(';');
  const must = [...MUST_SIGN, ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  const unsigned = must.find((name) => !names.includes(name));
  if (unsigned) return refused(400, 'SignatureDoesNotMatch', `${unsigned} is not signed`);
  const canonical = [
    request.method,
    request.path.split('?')[0],
    request.path.split('?')[1] ?? '',
    ...names.map(
      (name) =>
        `${name}:${String(headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}`,
    ),
    '',
    signedNames,
    sha256(request.body),
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${region}/${service}/aws4_request`, sha256(canonical)].join('\n');
  const signingKey = [day, region, service, 'aws4_request'].reduce<Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part!).digest(),
    Buffer.from(`AWS4${key.secret}`),
  );
  const expected = createHmac('sha256', signingKey).update(text).digest();
  if (timingSafeEqual(expected, Buffer.from(signature!, 'hex'))) return { key: id! };
  return refused(403, 'SignatureDoesNotMatch', 'The signature does not match');
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const refused = (status: number, code: string, message: string): Refused => ({ status, code, message });
