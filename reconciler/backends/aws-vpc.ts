/**
 * Owns the backend aws-vpc: a route to the own ENI in the VPC's route tables (flannel up to 0.17, backend/awsvpc). What is done in AWS is
 * decided in cloud/plan.ts and done by drivers/cloud/aws/.
 */
import type { BackendConfig } from '../../config/model.ts';
import type { Backend } from './backend.ts';
import { vpcBackend } from './vpc.ts';

export const awsVpcBackend = ({ routeTables }: Extract<BackendConfig, { kind: 'aws-vpc' }>): Backend =>
  vpcBackend('aws-vpc', routeTables);
