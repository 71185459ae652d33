/** `npm run proto -w packages/agent`: writes `barter.proto` anew. */

import { writeFileSync } from 'node:fs';
import { protoText } from './proto-text.ts';

writeFileSync(new URL('barter.proto', import.meta.url), protoText());
