import { after, describe, test } from 'node:test';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { noDocker } from '../lab/docker.ts';
import { CONTAINER_SCENES } from './container-scenes.ts';
import { killEngine } from './kill.ts';
import { endShared } from './shared.ts';

/** The containers of a real engine after Firebreak was killed with -9, in every way they can be treated. */
describe('containers and a Firebreak that is killed', { skip: noDocker, timeout: 900_000 }, () => {
  after(endShared);
  const SOME: readonly Boundary[] = ['journaled', 'injected', 'bitten', 'reverting', 'undone'];
  const AT: Readonly<Record<string, readonly Boundary[]>> = {
    'paused container': BOUNDARIES, 'limited container': BOUNDARIES, 'killed container': ['injected', 'undone'], 'restarted container': ['injected', 'undone'],
  };

  for (const [way, scene] of Object.entries(CONTAINER_SCENES)) {
    for (const boundary of AT[way] ?? SOME) {
      test(`${way}: the engine killed with -9 when "${boundary}" leaves nothing behind`, async (t) => {
        t.diagnostic(`nothing was left after ${Math.round(await killEngine(scene, boundary))} ms`);
      });
    }
  }
});
