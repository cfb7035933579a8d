/** Owns a fake Google with its ends served on loopback, for tests without namespaces: one instance, 10.128.0.5, is the host under test. */
import { FakeGce } from './fake-gce.ts';
import { FakeGceMetadata } from './fake-gce-metadata.ts';
import { type GceInstance, type GceOptions, GceWorld } from './gce-world.ts';
import { serve } from './serve.ts';

export const ADDRESS = '10.128.0.5';

export interface FakeGoogle {
  world: GceWorld;
  gce: FakeGce;
  metadata: FakeGceMetadata;
  self: GceInstance;
  /** For the driver and for Google's library: the ends, and no credentials. */
  env: Record<string, string>;
  computeUrl: string;
  tokenUri: string;
  close(): Promise<void>;
}

export async function fakeGoogle(options: GceOptions = {}): Promise<FakeGoogle> {
  const world = new GceWorld(options);
  const self = world.addInstance({ name: 'host-1', ip: ADDRESS });
  const gce = new FakeGce(world);
  const metadata = new FakeGceMetadata(gce, () => ADDRESS);
  const [api, meta, token] = await Promise.all([
    serve(gce.listener),
    serve(metadata.listener),
    serve(metadata.tokenListener),
  ]);
  const computeUrl = `${api.url}/compute/v1/`;
  const env = {
    CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: computeUrl,
    GCE_METADATA_HOST: meta.url.replace('http://', ''),
  };
  const close = async () => void (await Promise.all([api.close(), meta.close(), token.close()]));
  return { world, gce, metadata, self, env, computeUrl, tokenUri: `${token.url}/token`, close };
}
