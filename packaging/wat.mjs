/** Owns how WebAssembly's text form becomes bytes: by wabt, at build time, and in a checkout that runs unbuilt. */
import { readFileSync } from 'node:fs';
import wabt from 'wabt';

/** The bytes of the module in `file` (.wat). Throws wabt's own words, with the line, if it doesn't assemble. */
export async function assembleWat(file) {
  const module = (await wabt()).parseWat(file, readFileSync(file, 'utf8'), { simd: true });
  try {
    module.validate({ simd: true });
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}
