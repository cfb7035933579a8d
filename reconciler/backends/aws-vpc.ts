/**
 * Owns the backend aws-vpc: a route to the own ENI in the VPC's route tables (flannel up to 0.17, backend/awsvpc). What is done in AWS is
 * decided in cloud/plan.ts and done by drivers/cloud/aws/.
 */
import type { BackendType } from './backend-type.ts';
import { VPC_TYPE, vpcBackend } from './vpc.ts';

export const awsVpcType: BackendType = {
  name: 'aws-vpc',
  ...VPC_TYPE,
  backendFor: (config) => (config.kind === 'aws-vpc' ? vpcBackend('aws-vpc', config.routeTables) : undefined),
  // Which tables an earlier config named is not kept: those of the subnet are looked at.
  unseen: vpcBackend('aws-vpc'),
};
