import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { connectLoopback } from '../../engine/transport/websocket.ts';
import { createClient } from '../../engine/contract/client.ts';
import { FAKE, Running, cli, folder } from './process.ts';

const COMMANDS = ['demo', 'run', 'plan', 'validate', 'apply', 'inject', 'snipe', 'halt', 'status', 'recover', 'history', 'report', 'serve', 'doctor', 'helper', 'ca'];
const ESCAPE = /\x1b/;

describe('command line: help and usage', { timeout: 300_000, concurrency: 2 }, () => {
  for (const command of [...COMMANDS.filter((name) => name !== 'inject'), 'inject http', 'inject process']) {
    test(`${command} --help explains itself, with examples`, async () => {
      const { code, out, err } = await cli(FAKE, [...command.split(' '), '--help']);
      assert.equal(code, 0);
      assert.equal(err, '');
      assert.match(out, new RegExp(`^Usage: firebreak ${command}`));
      assert.match(out, /--json/);
      assert.match(out, /--state-dir/);
      assert.match(out, new RegExp(`Examples:\n  firebreak ${command}`));
      const long = out.split('\n').filter((line) => line.length > 110);
      assert.deepEqual(long, []);
    });
  }
  test('the overall help names every command and every exit code', async () => {
    const { code, out } = await cli(FAKE, ['--help']);
    assert.equal(code, 0);
    for (const command of COMMANDS) assert.match(out, new RegExp(`^  ${command}\\b`, 'm'));
    for (const word of ['0 held', '1 refuted', '2 bad usage', '3 aborted', '4 inconclusive', '5 engine failure', '6 residue']) assert.ok(out.includes(word), word);
  });
  test('--version prints the version', async () => {
    assert.deepEqual([(await cli(FAKE, ['--version'])).out], ['0.0.0-test\n']);
  });

  const bad: readonly (readonly [string[], RegExp])[] = [
    [[], /no command given/],
    [['rnu'], /unknown command 'rnu'; did you mean run\?/],
    [['run'], /missing required argument 'file'/],
    [['run', 'a', 'b'], /too many arguments/],
    [['run', 'a', '--duration', '5'], /'--duration <d>' argument '5' is invalid\. Expected a duration such as/],
    [['run', 'a', '--seed', '-1'], /Expected a whole number/],
    [['run', 'a', '--seed'], /argument missing/],
    [['run', '/does/not/exist.yaml'], /cannot read .*exist\.yaml: there is no such file/],
    [['run', '/'], /it is a directory/],
    [['apply', 'a'], /--ttl <d>' not specified/],
    [['inject'], /no command given/],
    [['inject', 'htp'], /unknown command 'htp'; did you mean http\?/],
    [['inject', 'process'], /--target is missing: name:NAME/],
    [['inject', 'process', '--target', 'nginx'], /--target: expected name:NAME/],
    [['inject', 'process', '--target', 'name:x', '--jitter', '0.5'], /--jitter: expected an interval to vary/],
    [['inject', 'http', '--target', 'all'], /--upstream is missing/],
    [['inject', 'http', '--target', 'all', '--upstream', 'here'], /--upstream: expected host:port/],
    [['inject', 'http', '--upstream', '127.0.0.1:1', '--target', 'all', '--latency-chance', '2'], /--latency-chance: expected a number from 0 to 1, found 2/],
    [['inject', 'http', '--upstream', '127.0.0.1:1', '--target', 'all', '--match-headers', 'x'], /Expected name=value/],
    [['inject', 'resource', '--ttl', '0'], /Expected a duration/],
    [['snipe'], /--target <text>' not specified/],
    [['doctor', '--jsn'], /unknown option '--jsn'; did you mean --json\?/],
    [['history', '--limit', '0'], /Expected a whole number/],
    [['serve', '--port', '70000'], /Expected a whole number/],
    [['report', 'r-x'], /no run like that/],
  ];
  for (const [args, message] of bad) {
    test(`bad usage: firebreak ${args.join(' ')}`, async () => {
      const { code, out, err } = await cli(FAKE, args);
      assert.equal(code, 2);
      assert.equal(out, '');
      const [first = '', second = '', ...rest] = err.trimEnd().split('\n');
      assert.match(first, message);
      assert.match(second, /^ {2}→ \S/, 'says what to do');
      assert.deepEqual(rest, []);
    });
  }
  test('with --json an error is JSON too', async () => {
    const ended = await cli(FAKE, ['run', '/does/not/exist.yaml', '--json']);
    assert.equal(ended.code, 2);
    assert.equal(ended.err, '');
    assert.equal((ended.last()['error'] as { code: string }).code, 'unreadable-file');
    assert.equal(ended.last()['exit_code'], 2);
    assert.equal((await cli(FAKE, ['recover', '--nope', '--json'])).last()['exit_code'], 2);
  });
});

describe('command line: commands', { timeout: 300_000, concurrency: 2 }, () => {
  const verdicts = [['held', 0], ['refuted', 1], ['aborted', 3], ['inconclusive', 4], ['failed', 5]] as const;
  for (const [verdict, exit] of verdicts) {
    test(`run ends with ${exit} when the verdict is ${verdict}`, async () => {
      using dir = folder();
      const file = dir.file('a.json', JSON.stringify({ verdict }));
      const [text, json] = await Promise.all([cli(FAKE, ['run', file]), cli(FAKE, ['run', file, '--json'])]);
      assert.deepEqual([text.code, json.code], [exit, exit]);
      assert.match(text.out, new RegExp(`^  ${verdict.toUpperCase()}  checkout`, 'm'));
      assert.doesNotMatch(text.out, ESCAPE);
      assert.equal(json.last()['verdict'], verdict);
      assert.equal(json.last()['exit_code'], exit);
    });
  }
  test('run ends with 6 when something was not proven undone, whatever the verdict', async () => {
    using dir = folder();
    const ended = await cli(FAKE, ['run', dir.file('a.json', '{"reverted":false}')]);
    assert.equal(ended.code, 6);
    assert.match(ended.out, /1 change NOT proven undone: slow-payments \(the wire did not answer\).*firebreak recover/);
  });
  test('run --json: every line is JSON, events in order, the verdict last and whole', async () => {
    using dir = folder();
    const ended = await cli(FAKE, ['run', dir.file('a.json', '{}'), '--json', '--duration', '20s']);
    const lines = ended.out.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    const seqs = lines.slice(0, -1).map(({ seq }) => seq as number);
    assert.ok(seqs.length > 10);
    assert.deepEqual(seqs, seqs.map((_, at) => at + 1));
    assert.equal((lines.at(-2) as { body: { kind: string } }).body.kind, 'run-ended');
    const { phases, faults, ...verdict } = ended.last() as { phases: { name: string; start: number; end: number }[]; faults: unknown[] };
    assert.deepEqual(phases.map(({ name }) => name), ['steady-state', 'baseline', 'inject', 'observe', 'revert', 'recovery']);
    assert.ok(phases.every(({ start, end }) => end >= start));
    assert.deepEqual(faults, [
      {
        policy: 'slow-payments', type: 'http', target: 'route payments /charge*',
        requested: { latency_ms: 500 }, delivered: { latency_ms: 503.2 }, state: 'clean', reverted: true,
      },
    ]);
    assert.partialDeepStrictEqual(verdict, { run: 'r-0123456789ab', verdict: 'held', exit_code: 0, reverted: true, recovery_ms: 1_240, reports: ['reports/a.pdf', 'reports/a.json'] });
    assert.equal(ended.err, '');
  });
  test('a bad file: every finding with its place and remedy, exit 2, from run, plan and validate', async () => {
    using dir = folder();
    const file = dir.file('bad.json', '{"bad":true}');
    for (const command of ['run', 'plan', 'validate']) {
      const { code, out, err } = await cli(FAKE, [command, file]);
      assert.equal(code, 2, command);
      assert.ok((out + err).includes(`${file}:7:5: policies[0].latency_chance: expected a number from 0 to 1\n    → Write 0.3`), command);
    }
  });
  test('validate checks every file, the unreadable ones too', async () => {
    using dir = folder();
    const ended = await cli(FAKE, ['validate', dir.file('a.json', '{}'), '/does/not/exist', dir.file('b.json', '{"bad":true}'), '--json']);
    assert.equal(ended.code, 2);
    const [first, second, third] = ended.last() as unknown as { ok: boolean; issues?: unknown[] }[];
    assert.deepEqual([first?.ok, second?.ok, third?.ok], [true, false, false]);
    assert.deepEqual([second?.issues?.length, third?.issues?.length], [1, 2]);
  });
  test('recover --json prints [] when nothing is open', async () => {
    const { code, out } = await cli(FAKE, ['recover', '--json']);
    assert.deepEqual([code, out], [0, '[]\n']);
  });
  for (const args of [['status'], ['doctor'], ['ca'], ['history'], ['halt'], ['recover'], ['report', 'r-0123456789ab']]) {
    test(`${args[0]}: text without colour, and one JSON document`, async () => {
      const [text, json] = await Promise.all([cli(FAKE, args), cli(FAKE, [...args, '--json'])]);
      assert.deepEqual([text.code, json.code], [0, 0]);
      assert.ok(text.out.length > 10);
      assert.doesNotMatch(text.out, ESCAPE);
      assert.equal(json.out.trimEnd().split('\n').length, 1);
      assert.equal(typeof json.last(), 'object');
    });
  }
  test('colour can be forced and refused', async () => {
    assert.match((await cli(FAKE, ['status'], { FORCE_COLOR: '1' })).out, ESCAPE);
    assert.doesNotMatch((await cli(FAKE, ['status'], { FORCE_COLOR: '1', NO_COLOR: '1' })).out, ESCAPE);
  });
  test('demo shows where the shop is, and the verdict', async () => {
    using dir = folder();
    const ended = await cli(FAKE, ['demo', dir.file('a.json', '{}')]);
    assert.equal(ended.code, 0);
    assert.match(ended.out, /storefront {2}http:\/\/127\.0\.0\.1:41234[\s\S]*HELD[\s\S]*reports\/a\.pdf/);
  });
  test('--servers tells what was left out and why, and starts the shop where nothing else asks for it', async () => {
    using dir = folder();
    const file = dir.file('a.json', '{}');
    for (const args of [['demo', file, '--servers'], ['run', file, '--servers'], ['run', file, '--demo', '--servers']]) {
      assert.match((await cli(FAKE, args)).out, /^ *kafka left out: java is not installed on this machine$/m);
    }
    assert.doesNotMatch((await cli(FAKE, ['run', file, '--demo'])).out, /left out/);
    assert.equal((await cli(FAKE, ['run', file, '--servers', '--json'])).last()['verdict'], 'held');
  });
  test('a helper that is stopped while it starts reverts and ends', { skip: process.geteuid?.() !== 0 && 'only root may be a helper' }, async () => {
    const { code, out } = await cli(FAKE, ['helper', '--uid', '1000']);
    assert.deepEqual([code, out], [0, 'serving\neverything is reverted\n']);
  });
  test('apply holds and says that everything is put back', async () => {
    using dir = folder();
    const ended = await cli(FAKE, ['apply', dir.file('a.json', '{}'), '--ttl', '5s']);
    assert.equal(ended.code, 0);
    assert.match(ended.out, /Everything is put back/);
  });
  test('a reader that leaves (| head) does not disturb the run', async () => {
    using dir = folder();
    const file = dir.file('a.json', '{"verdict":"refuted","steps":30,"pace":20}');
    await using running = new Running(FAKE, ['run', file]);
    await running.says(/baseline/);
    running.child.stdout?.destroy();
    assert.equal(await running.code(), 1);
  });
});

describe('command line: stopping', { timeout: 300_000 }, () => {
  for (const [signal, words] of [['SIGINT', 'Ctrl-C'], ['SIGTERM', 'SIGTERM'], ['SIGHUP', 'the terminal closed']] as const) {
    test(`${signal} during a run aborts it, reverts, and tells the verdict`, { skip: process.platform === 'win32' ? 'no signals' : false }, async () => {
      using dir = folder();
      await using running = new Running(FAKE, ['run', dir.file('a.json', '{"steps":600,"pace":50}')]);
      await running.says(/injected/);
      running.child.kill(signal);
      assert.equal(await running.code(), 3);
      assert.match(running.out, new RegExp(`${words}: ending the run[\\s\\S]*put back[\\s\\S]*ABORTED`));
    });
  }
  test('Ctrl-Z holds up nothing: it is answered, and the run goes on', { skip: process.platform === 'win32' ? 'no signals' : false }, async () => {
    using dir = folder();
    await using running = new Running(FAKE, ['run', dir.file('a.json', '{"steps":30,"pace":20}'), '--json']);
    await running.says(/"injected"|"active"/);
    running.child.kill('SIGTSTP');
    await running.says(/Ctrl-Z is not obeyed/);
    assert.equal(await running.code(), 0);
  });
  test('a second Ctrl-C is told to be patient, and the revert is not cut short', async () => {
    using dir = folder();
    await using running = new Running(FAKE, ['run', dir.file('a.json', '{"steps":600,"pace":200}'), '--json']);
    await running.says(/"injected"|"active"/);
    running.child.kill('SIGINT');
    await running.says(/"revert"/);
    running.child.kill('SIGINT');
    assert.equal(await running.code(), 3);
    assert.match(running.err, /Already stopping and reverting/);
    assert.match(running.out, /"verdict":"aborted"[^\n]*\n$/);
  });
  test('serve prints its address, serves the contract and the metrics, and ends on SIGTERM', async () => {
    using dir = folder();
    await using running = new Running(FAKE, ['serve', '--json', '--state-dir', dir.path]);
    await running.says(/\n/);
    const { url, metrics } = JSON.parse(running.out) as { url: string; metrics: string };
    using client = createClient(await connectLoopback(url));
    assert.deepEqual(await client.command('recover', {}), { cleared: [], open: [], damage: [] });
    const scraped = await fetch(metrics);
    assert.deepEqual([scraped.status, await scraped.text()], [200, 'up 1\n']);
    assert.equal((await fetch(metrics.replace(/token=.*/, ''))).status, 401);
    running.child.kill('SIGTERM');
    assert.equal(await running.code(), 0);
    assert.match(await client.closed, /stopped serving/);
  });
  test('a pipe of standard input is a file', async () => {
    const child = spawn(process.execPath, [FAKE, 'validate', '-', '--json'], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end('{}');
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0);
    assert.equal((JSON.parse(out) as { ok: boolean }[])[0]?.ok, true);
  });
});
