/** Writes docs/schema/*.json from reconciler/report/schema.ts. */
import { jsonSchemaOf, SCHEMAS } from '../reconciler/report/schema.ts';
import { generated } from './pages/generated.ts';

for (const name of Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[])
  generated(`docs/schema/${name}.json`, jsonSchemaOf(name), 'reconciler/report/schema.ts');
