/** Owns what Compute Engine's errors mean, those of a call and those of an operation, and their sentences. */
import { CloudError, type CloudFailureKind } from '../../../reconciler/cloud/failure.ts';

export interface Refusal {
  status: number;
  /** "notFound", "RESOURCE_ALREADY_EXISTS" */
  code: string;
  /** Google's own sentence. */
  text: string;
  /** What it was about, for sentences: "the route flannel-10-20-3-0-24". */
  about: string;
  /** Whose token. */
  as: string;
}

const KINDS: [RegExp, CloudFailureKind][] = [
  [/^(rateLimitExceeded|userRateLimitExceeded|RATE_LIMIT_EXCEEDED)$/, 'throttled'],
  [/^(quotaExceeded|QUOTA_EXCEEDED|limitExceeded|LIMIT_EXCEEDED)$/, 'quota'],
  [/^(forbidden|authError|required|insufficientPermissions|accessNotConfigured|PERMISSIONS_ERROR)$/, 'denied'],
  [/^(notFound|RESOURCE_NOT_FOUND)$/, 'vanished'],
  [
    /^(alreadyExists|RESOURCE_ALREADY_EXISTS|resourceInUseByAnotherResource|RESOURCE_IN_USE_BY_ANOTHER_RESOURCE|RESOURCE_NOT_READY|resourceNotReady)$/,
    'conflict',
  ],
  [/^(backendError|internalError|INTERNAL_ERROR)$/, 'transient'],
];

function kindOf({ status, code }: Refusal): CloudFailureKind {
  const found = KINDS.find(([pattern]) => pattern.test(code));
  if (found) return found[1];
  if (status === 429) return 'throttled';
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'vanished';
  return status >= 500 ? 'transient' : 'invalid';
}

export function refused(refusal: Refusal): CloudError {
  const kind = kindOf(refusal);
  const permission = /Required '([\w.]+)' permission/.exec(refusal.text)?.[1];
  return new CloudError({
    kind,
    code: refusal.code,
    message: sentence(refusal, kind, permission),
    ...(permission === undefined ? {} : { permission }),
  });
}

function sentence({ code, text, about, as }: Refusal, kind: CloudFailureKind, permission: string | undefined): string {
  const said = text === '' ? code : `${code}: ${text.replace(/\.$/, '')}`;
  if (permission !== undefined)
    return `Google doesn't permit ${as} the permission ${permission} (${about}); add it to its role, as in packaging/cloud/gce-role.yaml.`;
  if (/insufficient authentication scopes/i.test(text))
    return `The token of ${as} has not the scope compute (${about}); stop the VM and give it the scope compute-rw or cloud-platform.`;
  if (code === 'accessNotConfigured')
    return `The Compute Engine API is not switched on in this project (${about}): gcloud services enable compute.googleapis.com.`;
  switch (kind) {
    case 'quota':
      return `There is no room for ${about}: the VPC's quota of routes is reached (${said}); have it raised, or take another VPC.`;
    case 'throttled':
      return `Google takes fewer calls than this project makes (${said}, at ${about}).`;
    case 'denied':
      return `Google refuses ${as} (${said}, at ${about}); see the service account and its role.`;
    case 'vanished':
      return `Google knows no such thing as ${about} (${said}); in a Shared VPC the backend gce finds no network, as flannel's doesn't.`;
    case 'transient':
      return `Google failed at ${about} (${said}).`;
    default:
      return `Google refuses ${about} (${said}).`;
  }
}
