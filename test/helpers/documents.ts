/** Owns that every document that a test meets is as docs/schema/ says: the report, the status, the leases, check-config's answer. */
import * as z from 'zod';
import { doctorSchema } from '../../reconciler/doctor/schema.ts';
import {
  checkConfigSchema,
  fleetSchema,
  leasesSchema,
  reportSchema,
  statusSchema,
} from '../../reconciler/report/schema.ts';

/** `text`: what a command wrote. Anything but one of those documents passes. @throws Error that names the field */
export function checkDocument(text: string): void {
  const schema = text.startsWith('{') && schemaFor(JSON.parse(text) as object);
  if (!schema) return;
  const { error } = schema.safeParse(JSON.parse(text));
  if (error)
    throw new Error(`The document is not as its schema says: ${z.prettifyError(error)}\n${text.slice(0, 2000)}`);
}

function schemaFor(document: object): z.ZodType | undefined {
  if ('checks' in document && 'healthy' in document) return doctorSchema;
  if ('regions' in document && 'rounds' in document) return statusSchema;
  if ('drift' in document && 'converged' in document) return reportSchema;
  if ('hosts' in document && 'network' in document) return fleetSchema;
  if ('leases' in document && 'network' in document && 'source' in document) return leasesSchema;
  return 'backendType' in document && 'subnetMin' in document ? checkConfigSchema : undefined;
}
