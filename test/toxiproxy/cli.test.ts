import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { noToxiproxy, TOXIPROXY } from '../lab/toxiproxy.ts';
import { type Attributes, type Driver, measuresEveryToxic, ProxiedLine } from './toxics.ts';

describe(
  "Toxiproxy's own command line drives every toxic, each within 10 % of what was asked",
  { timeout: 300_000, skip: noToxiproxy, concurrency: 1 },
  () => {
    let line: ProxiedLine;
    const cliAt = async (url: string, ...args: string[]): Promise<string> =>
      (await promisify(execFile)(TOXIPROXY.cli, ['-h', url, ...args])).stdout;
    const cli = (...args: string[]): Promise<string> => cliAt(line.at.url, ...args);
    before(async () => {
      line = await ProxiedLine.open(({ at, upstream }) =>
        cliAt(at.url, 'create', '-l', '127.0.0.1:0', '-u', upstream.address, 'line'),
      );
    });
    after(() => line[Symbol.asyncDispose]());
    const written = (attributes: Attributes): string[] =>
      Object.entries(attributes).flatMap(([key, value]) => ['-a', `${key}=${value}`]);
    const driver: Driver = {
      add: (type, stream, attributes) =>
        cli('toxic', 'add', '-t', type, '-n', 'it', `--${stream}`, ...written(attributes), 'line'),
      update: (attributes) => cli('toxic', 'update', '-n', 'it', ...written(attributes), 'line'),
      remove: () => cli('toxic', 'remove', '-n', 'it', 'line'),
      enable: () => cli('toggle', 'line'),
    };
    measuresEveryToxic(
      () => line,
      () => driver,
    );

    it('lists, inspects, toggles and deletes', async () => {
      assert.match(await cli('list'), /line/);
      await driver.add('latency', 'upstream', { latency: 7, jitter: 0 });
      assert.match(await cli('inspect', 'line'), /latency=7/);
      await cli('toggle', 'line');
      assert.match(await cli('list'), /disabled/);
      await cli('toggle', 'line');
      assert.doesNotMatch(await cli('list'), /disabled/);
      await cli('delete', 'line');
      assert.doesNotMatch(await cli('list'), /line/);
    });
  },
);
