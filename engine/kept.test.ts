import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type EngineApi } from './contract/api.ts';
import { FirebreakError } from './kernel/errors.ts';
import { readLibrary } from './policy/library.ts';
import { loadText } from './policy/load.ts';
import { engineIn } from './test-engine.ts';

const never = new AbortController().signal;
const EXPERIMENTS = join(import.meta.dirname, '../assets/experiments');

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-kept-'));
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}
async function withEngine<T>(stateDir: string, work: (api: EngineApi) => Promise<T>): Promise<T> {
  await using engine = await engineIn(stateDir);
  return await work(engine.api);
}
async function service(t: TestContext): Promise<string> {
  const server = createServer((_request, answer) => answer.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const fileFor = (upstream: string, name: string): string => `version: 1
name: ${name}
routes:
  - { name: shop, protocol: http, listen: "127.0.0.1:0", upstream: "${upstream}" }
policies:
  - { name: slow, type: http, target: all, latency_chance: 1, latency_duration: 1ms }
experiment:
  hypothesis: It stays up.
  blast_radius: 1
  duration: 300ms
  baseline: 200ms
  recovery: 5s
  steady_state:
    - { name: shop, probe: { type: http, url: "route://shop/", every: 50ms, window: 500ms }, expect: success_rate >= 0 }
`;

test('settings outlive the engine that kept them', { timeout: 300_000 }, async (t) => {
  const dir = folder(t);
  const value = { boards: [{ id: 'one', widgets: [] }] };
  await withEngine(dir, (api) => api.commands.saveSetting({ key: 'boards', value }, never));
  await withEngine(dir, async (api) => {
    assert.deepEqual(await api.queries.setting({ key: 'boards' }, never), { value });
    assert.deepEqual(await api.queries.setting({ key: 'other' }, never), { value: null });
  });
});

test('what is run or deployed is kept as a version, and a document of the run can be had', { timeout: 300_000 }, async (t) => {
  const dir = folder(t);
  const text = fileFor(await service(t), 'one');
  await withEngine(dir, async (api) => {
    const { run } = await api.commands.run({ text, file: 'one.yaml', overrides: {}, routes: [] }, never);
    const { verdict } = await api.queries.outcome({ run }, never);
    const list = async () => (await api.queries.versions({ limit: 10 }, never)).map(({ name, why, chars }) => [name, why, chars]);
    assert.deepEqual(await list(), [['one', 'run', text.length]]);

    const broken = { text: `${text}nonsense: 1\n`, file: 'drafts/broken.yaml', routes: [] };
    await assert.rejects(api.commands.run({ ...broken, overrides: {} }, never), /has one error/);
    assert.equal((await list()).length, 1, 'what never ran is no version');
    const saved = await api.commands.saveVersion(broken, never);
    assert.deepEqual([saved.name, saved.why], ['broken.yaml', 'saved']);
    assert.deepEqual(await api.queries.version({ id: saved.id }, never), { text: broken.text });

    const applied = await api.commands.apply({ text, file: 'one.yaml', ttlMs: 60_000, routes: [], watch: false }, never);
    await api.commands.abort({ run: applied.run, why: 'the test is over' }, never);
    assert.equal((await api.queries.released({ run: applied.run }, never)).reverted, true);
    assert.deepEqual(await list(), [['one', 'deployed', text.length], ['broken.yaml', 'saved', broken.text.length]]);
    assert.equal(await api.queries.version({ id: 999 }, never), null);

    const bytes = async (format: 'pdf' | 'markdown' | 'json') => {
      const { name, mediaType, base64 } = await api.queries.document({ run, format }, never);
      return { name, mediaType, text: Buffer.from(base64, 'base64').toString('latin1') };
    };
    const pdf = await bytes('pdf');
    assert.deepEqual([pdf.name, pdf.mediaType, pdf.text.slice(0, 5)], [`firebreak-${run}.pdf`, 'application/pdf', '%PDF-']);
    const json = await bytes('json');
    assert.equal((JSON.parse(json.text) as { verdict: string }).verdict, verdict);
    const markdown = await bytes('markdown');
    assert.ok(markdown.name.endsWith('.md') && markdown.text.includes('It stays up.'));
    await assert.rejects(
      api.queries.document({ run: 'r-none', format: 'pdf' }, never),
      (error) => error instanceof FirebreakError && error.code === 'unknown-run',
    );
  });
});

test('each change of a watched file that comes into force is a version, a broken one is not', { timeout: 300_000 }, async (t) => {
  const dir = folder(t);
  const file = join(dir, 'watched.yaml');
  const text = fileFor(await service(t), 'watched');
  const changed = text.replace('latency_duration: 1ms', 'latency_duration: 2ms');
  writeFileSync(file, text);
  await withEngine(join(dir, 'state'), async (api) => {
    const events = api.streams.events({ since: 0 }, never);
    const { run } = await api.commands.apply({ text, file, ttlMs: 60_000, routes: [], watch: true }, never);
    writeFileSync(file, 'version: 1\nnonsense: 1\n');
    for await (const { body } of events) {
      if (body.kind === 'log' && body.issues !== undefined) writeFileSync(file, changed);
      if (body.kind === 'policy' && body.change !== undefined) break;
    }
    const [newest, ...others] = await api.queries.versions({ limit: 10 }, never);
    assert.deepEqual([newest?.name, newest?.why, others.length], ['watched', 'deployed', 1]);
    assert.deepEqual(await api.queries.version({ id: newest?.id ?? 0 }, never), { text: changed });
    await api.commands.abort({ run, why: 'the test is over' }, never);
    assert.equal((await api.queries.released({ run }, never)).reverted, true);
  });
});

test('a version that cannot be kept does not keep a policy from being deployed', { timeout: 300_000 }, async (t) => {
  const dir = folder(t);
  const text = fileFor(await service(t), 'one');
  mkdirSync(join(dir, 'versions.db'));
  await withEngine(dir, async (api) => {
    const { run, faults } = await api.commands.apply({ text, file: 'one.yaml', ttlMs: 60_000, routes: [], watch: false }, never);
    assert.equal(faults[0]?.state, 'active');
    for await (const { body } of api.streams.events({ since: 0 }, never)) {
      if (body.kind === 'log' && /version of one.yaml was not kept: cannot use the versions/.test(body.text)) break;
    }
    await api.commands.abort({ run, why: 'the test is over' }, never);
    assert.equal((await api.queries.released({ run }, never)).reverted, true);
    await assert.rejects(
      api.commands.saveVersion({ text, file: 'one.yaml' }, never),
      (error) => error instanceof FirebreakError && error.code === 'versions-unwritable' && error.hint !== '',
    );
  });
});

test('the library gives every experiment that comes with Firebreak', { timeout: 300_000 }, async (t) => {
  const entries = await withEngine(folder(t), (api) => api.queries.library({}, never));
  assert.ok(entries.length >= 17);
  for (const { id, name, about, text } of entries) {
    const loaded = loadText(text, `${id}.yaml`);
    assert.ok(loaded.ok && loaded.file.name === name, id);
    assert.ok(about.length > 40 && !about.startsWith('#') && !about.includes('\n#'), id);
  }
  assert.match(entries.find(({ id }) => id === 'slow-payments')?.about ?? '', /What to learn: slow is not down\./);
  assert.deepEqual((await readLibrary(EXPERIMENTS)).problems, []);
});

test('a bad file is left out of the library, and told', async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'a-good.yaml'), '# Does good.\n#\n#   indented\nversion: 1\nname: good\npolicies: []\n');
  writeFileSync(join(dir, 'b-bad.yaml'), '# Does bad.\nversion: 1\nname: bad\nnonsense: 1\n');
  writeFileSync(join(dir, 'c-binary.yaml'), Buffer.from([0xff, 0xfe, 0, 1]));
  writeFileSync(join(dir, 'notes.txt'), 'not an experiment');
  mkdirSync(join(dir, 'd-folder.yaml'));
  const { entries, problems } = await readLibrary(dir);
  assert.deepEqual(entries.map(({ id, name, about }) => [id, name, about]), [['a-good', 'good', 'Does good.\n\n  indented']]);
  assert.equal(problems.length, 3);
  assert.match(problems.join('\n'), /left out b-bad.yaml: line 4: .*\n.*c-binary.yaml: line 1: .*UTF-16.*\n.*d-folder.yaml/);
  const none = await readLibrary(join(dir, 'gone'));
  assert.deepEqual([none.entries, none.problems.length], [[], 1]);
});
