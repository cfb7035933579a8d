/** Writes docs/flags.md from the table in config/flags.ts. */
import { flagsPage } from '../config/help.ts';
import { generated } from './pages/generated.ts';

generated('docs/flags.md', flagsPage(), 'config/flags.ts');
