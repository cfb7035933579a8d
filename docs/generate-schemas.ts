/** Writes docs/schema/*.json from reconciler/report/schema.ts; with --check only says whether they are current (exit code 1 if not). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { jsonSchemaOf, SCHEMAS } from '../reconciler/report/schema.ts';

for (const name of Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[]) {
  const file = fileURLToPath(new URL(`./schema/${name}.json`, import.meta.url));
  const text = jsonSchemaOf(name);
  if (!process.argv.includes('--check')) writeFileSync(file, text);
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    console.error(
      `docs/schema/${name}.json is not what reconciler/report/schema.ts says: run node --import tsx docs/generate-schemas.ts.`,
    );
    process.exitCode = 1;
  }
}
