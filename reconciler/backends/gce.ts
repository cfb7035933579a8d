/**
 * Owns the backend gce: a route to the own instance in its VPC network (flannel up to 0.17, backend/gce). What is done in Google Compute
 * Engine is decided in cloud/plan.ts and done by drivers/cloud/gce/.
 */
import type { Backend } from './backend.ts';
import { vpcBackend } from './vpc.ts';

export const gceBackend: Backend = vpcBackend('gce');
