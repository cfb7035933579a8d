/**
 * Owns finding out where this host is on AWS: its region, its instance, and the ENI that has the external interface's address.
 *
 * - ENI, subnet and VPC come from DescribeInstances, which also tells of the source/dest check. Where that isn't permitted they come from the
 *   metadata service, and the check stays unknown.
 */
import { CloudError, type CloudFailure, failureOf } from '../../../reconciler/cloud/failure.ts';
import type { Ec2 } from './ec2.ts';
import type { Imds } from './imds.ts';
import { type Element, items, text } from './xml.ts';

export interface Place {
  eni: string;
  instance: string;
  subnet: string;
  vpc: string;
  /** Undefined: it could not be read. */
  sourceDestCheck: boolean | undefined;
  problems: CloudFailure[];
}

/** From the environment, as AWS's own SDKs, else from the metadata service. @throws CloudError */
export async function findRegion(env: NodeJS.ProcessEnv, imds: Imds, signal?: AbortSignal): Promise<string> {
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || (await imds.get('placement/region', signal));
  if (region) return region.trim();
  const message = `The metadata service at ${imds.endpoint} doesn't say which region this is; set AWS_REGION.`;
  throw new CloudError({ kind: 'invalid', code: 'NoRegion', message });
}

/** @param address of the external interface. @throws CloudError */
export async function findPlace(ec2: Ec2, imds: Imds, address: string, signal?: AbortSignal): Promise<Place> {
  const instance = (await imds.get('instance-id', signal))?.trim();
  if (!instance) {
    const message = `The metadata service at ${imds.endpoint} doesn't say which instance this is; aws-vpc needs an EC2 instance.`;
    throw new CloudError({ kind: 'invalid', code: 'NoInstance', message });
  }
  try {
    const parameters = { 'InstanceId.1': instance };
    const answer = await ec2.call({ action: 'DescribeInstances', parameters, about: instance, signal });
    const found = interfacesOf(answer).find((eni) => addressesOf(eni).includes(address));
    if (found) return placeOf(instance, found);
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'denied' || error.permission === undefined) throw error;
    const place = await fromMetadata(imds, address, signal);
    if (place) return { ...place, instance, sourceDestCheck: undefined, problems: [checkUnknown(error)] };
  }
  const message = `No network interface of ${instance} has the address ${address}; name the right interface with --iface.`;
  throw new CloudError({ kind: 'vanished', code: 'NoENI', message });
}

function placeOf(instance: string, eni: Element): Place {
  return {
    eni: text(eni, 'networkInterfaceId'),
    instance,
    subnet: text(eni, 'subnetId'),
    vpc: text(eni, 'vpcId'),
    sourceDestCheck: text(eni, 'sourceDestCheck') !== 'false',
    problems: [],
  };
}

function interfacesOf(answer: Element): Element[] {
  const instances = items(answer, 'reservationSet').flatMap((reservation) => items(reservation, 'instancesSet'));
  return instances.flatMap((instance) => items(instance, 'networkInterfaceSet'));
}

const addressesOf = (eni: Element): string[] =>
  items(eni, 'privateIpAddressesSet').map((each) => text(each, 'privateIpAddress'));

async function fromMetadata(imds: Imds, address: string, signal: AbortSignal | undefined) {
  const folder = 'network/interfaces/macs/';
  const macs = lines(await imds.get(folder, signal)).map((mac) => mac.replace(/\/$/, ''));
  for (const mac of macs) {
    const addresses = lines(await imds.get(`${folder}${mac}/local-ipv4s`, signal));
    if (!addresses.includes(address)) continue;
    const read = async (name: string) => (await imds.get(`${folder}${mac}/${name}`, signal))?.trim() ?? '';
    return { eni: await read('interface-id'), subnet: await read('subnet-id'), vpc: await read('vpc-id') };
  }
  return undefined;
}

const lines = (listing: string | undefined): string[] =>
  (listing ?? '').split('\n').flatMap((line) => line.trim() || []);

function checkUnknown(error: CloudError): CloudFailure {
  const sentence = error.message.replace(/\.$/, '');
  return { ...failureOf(error), message: `${sentence}; without it the source/dest check of this host is not seen.` };
}
