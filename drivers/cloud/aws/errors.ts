/**
 * Owns what EC2's error codes mean, and their sentences. Codes: "Error codes for the Amazon EC2 API" in AWS's reference.
 */
import { CloudError, type CloudFailureKind } from '../../../reconciler/cloud/failure.ts';

export interface Refusal {
  /** "CreateRoute" */
  action: string;
  /** What it was about, for sentences: "the route for 10.20.3.0/24 in rtb-1". */
  about: string;
  /** Whose credentials: "the role flannel". */
  as: string;
  status: number;
  code: string;
  /** EC2's own sentence. */
  text: string;
}

const KINDS: [RegExp, CloudFailureKind][] = [
  [
    /^(RequestLimitExceeded|Throttling|ThrottlingException|RequestThrottled|SlowDown|EC2ThrottledException)$/,
    'throttled',
  ],
  [/^RouteLimitExceeded$/, 'quota'],
  [/^(UnauthorizedOperation|AuthFailure|OptInRequired|InvalidClientTokenId|UnrecognizedClientException)$/, 'denied'],
  [/^(SignatureDoesNotMatch|RequestExpired|ExpiredToken|MissingAuthenticationToken|Blocked)$/, 'denied'],
  [/\.NotFound$/, 'vanished'],
  [/^(RouteAlreadyExists|DependencyViolation|IncorrectState)$/, 'conflict'],
  [/^(InternalError|InternalFailure|ServiceUnavailable|Unavailable)$/, 'transient'],
];

function kindOf({ code, status }: Refusal): CloudFailureKind {
  const found = KINDS.find(([pattern]) => pattern.test(code));
  if (found) return found[1];
  return status >= 500 ? 'transient' : 'invalid';
}

/** Credentials that have ended: new ones may be taken. */
export const isExpired = (code: string): boolean => ['ExpiredToken', 'RequestExpired', 'AuthFailure'].includes(code);

export function refused(refusal: Refusal): CloudError {
  const { action, code } = refusal;
  const kind = kindOf(refusal);
  const permission = code === 'UnauthorizedOperation' ? `ec2:${action}` : undefined;
  return new CloudError({ kind, code, message: sentence(refusal, kind), ...(permission ? { permission } : {}) });
}

function sentence({ action, about, as, code, text }: Refusal, kind: CloudFailureKind): string {
  const said = text === '' ? code : `${code}: ${text.replace(/\.$/, '')}`;
  switch (code) {
    case 'UnauthorizedOperation':
      return `EC2 doesn't permit ${as} the action ec2:${action} (${about}); add it to the policy, as in packaging/cloud/aws-policy.json.`;
    case 'RouteLimitExceeded':
      return `There is no room for ${about}: the quota "Routes per route table" (L-93826ACB) is reached; have it raised, or spread the hosts over several networks.`;
    case 'SignatureDoesNotMatch':
    case 'RequestExpired':
      return `EC2 takes no signature of ${as} (${said}); see whether this host's clock is right and the secret key belongs to the key.`;
    case 'InvalidRouteTableID.NotFound':
    case 'InvalidRouteTableId.Malformed':
      return `EC2 has no such route table (${text.replace(/\.$/, '') || about}); see Backend.RouteTableID in the network config.`;
    case 'InvalidInstanceID.NotFound':
      return `EC2 doesn't know this instance (${about}); see whether the region is right (AWS_REGION).`;
  }
  if (kind === 'throttled')
    return `EC2 takes fewer calls than this account makes in this region (${said}, at ${action}).`;
  if (kind === 'denied') return `EC2 refuses the credentials of ${as} (${said}); see whether they are still valid.`;
  if (kind === 'transient') return `EC2 failed at ${action} of ${about} (${said}).`;
  return `EC2 refuses ${action} of ${about} (${said}).`;
}
