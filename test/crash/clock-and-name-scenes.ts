import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SHOP, startStage } from '../../engine/faults/dns/test-stage.ts';
import { startClocked } from '../../engine/faults/time/test-clocked.ts';
import { controlTrees, groupFolder, isOwnGroup } from '../../engine/host/control-groups.ts';
import { lookalike, plantIn } from './foreign.ts';
import { type Scene } from './scenes.ts';

const PRIOR = '# ninety seconds ahead\n+90\n';

/** A running process whose clock drifts away. Its file said something before. */
export async function clockScene(byRoot = false): Promise<Scene> {
  const clocked = await startClocked();
  writeFileSync(clocked.file, PRIOR);
  const beside = join(clocked.folder, lookalike());
  writeFileSync(beside, 'of somebody else');
  return {
    text: `version: 1
policies:
  - { name: drift, type: time, target: "cmd:${clocked.word}", action: drift, drift: 200ms, behind: true, other_users: ${byRoot} }`,
    note: () => {},
    visible: async () => readFileSync(clocked.file, 'utf8') !== PRIOR && (await clocked.offset()) < 60_000,
    intact: async () => Math.abs((await clocked.offset()) - 90_000) < 2_000 && readFileSync(clocked.file, 'utf8') === PRIOR && readdirSync(clocked.folder).length === 2 && readFileSync(beside, 'utf8') === 'of somebody else',
    [Symbol.asyncDispose]: () => clocked[Symbol.asyncDispose](),
  };
}

/** A network with a name server and a program that asks it all the time; of the network all is taken, or that program alone. */
export async function nameScene(alone: boolean): Promise<Scene> {
  const stage = await startStage();
  const app = await stage.app('-app');
  const planted = plantIn(['nsenter', '-t', String(stage.pid), '-n', '--']);
  const rules = async (): Promise<string> => (await stage.run('nft', '-s', 'list', 'ruleset')) + planted.dump();
  const before = await rules();
  const ask = (): Promise<string> => app.evaluate("load('node:dns/promises').then((dns) => dns.lookup('shop.test', 4)).then(({ address }) => address)");
  const tree = controlTrees().find(({ v2 }) => v2);
  const group = (): string => (tree === undefined ? '' : (groupFolder(tree, app.pid) ?? ''));
  const home = group();
  let folder = '';
  const asking = setInterval(() => void ask(), 200);
  return {
    text: `version: 1
policies:
  - { name: lost, type: dns, target: "cmd:${stage.word}${alone ? '-app' : ''}", names: "*.test", action: nxdomain }`,
    note: () => {},
    visible: async () => {
      if (isOwnGroup(group())) folder = group();
      return (await ask()) === 'failed: ENOTFOUND';
    },
    intact: async () =>
      (await ask()) === SHOP.v4 && group() === home && (folder === '' || !existsSync(folder)) && (await rules()) === before,
    [Symbol.asyncDispose]: async () => {
      clearInterval(asking);
      await app[Symbol.asyncDispose]();
      await stage[Symbol.asyncDispose]();
    },
  };
}
