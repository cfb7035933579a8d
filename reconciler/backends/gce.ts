/**
 * Owns the backend gce: a route to the own instance in its VPC network (flannel up to 0.17, backend/gce). What is done in Google Compute
 * Engine is decided in cloud/plan.ts and done by drivers/cloud/gce/.
 */
import type { BackendType } from './backend-type.ts';
import { VPC_TYPE, vpcBackend } from './vpc.ts';

const gceBackend = vpcBackend('gce');

export const gceType: BackendType = {
  name: 'gce',
  ...VPC_TYPE,
  backendFor: ({ kind }) => (kind === 'gce' ? gceBackend : undefined),
  unseen: gceBackend,
};
