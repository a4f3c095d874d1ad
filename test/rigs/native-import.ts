import { createRequire } from 'node:module';
import type { Importer } from '../../src/schema/import-module.ts';

/** Node's own `import()`: the test runner transforms that of the modules it loads itself. */
export const nativeImport = createRequire(import.meta.url)('./native-import.cjs') as Importer;
