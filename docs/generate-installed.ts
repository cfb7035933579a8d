/** Writes what is installed beside the program and made from config/: manual pages, /etc/default/selvage, completions. */
import { bashCompletion, zshCompletion } from './pages/completion.ts';
import { configManual } from './pages/config-manual.ts';
import { defaults } from './pages/defaults.ts';
import { generated } from './pages/generated.ts';
import { manual } from './pages/manual.ts';

const PAGES = {
  'selvage.8': manual(),
  'selvage-config.5': configManual(),
  'selvage.default': defaults(),
  'selvage.bash': bashCompletion(),
  _selvage: zshCompletion(),
};

for (const [name, page] of Object.entries(PAGES)) generated(`packaging/installed/${name}`, page, 'config/');
