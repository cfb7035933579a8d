/** Owns which cloud has which driver. The entry of a bundle of its own (packaging/build-cloud.mjs). */
import type { CloudDriver, CloudName } from '../../reconciler/cloud/model.ts';

/** @param env where both clouds' own variables are read: credentials, endpoints. @throws CloudError for one that can't be used */
export async function openCloudDriver(cloud: CloudName, env: NodeJS.ProcessEnv): Promise<CloudDriver> {
  if (cloud === 'aws-vpc') return new (await import('./aws/driver.ts')).AwsDriver(env);
  return new (await import('./gce/driver.ts')).GceDriver(env);
}
