import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runRecord, type RunRecord } from '../contract/models.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { abortedRecord, fault, heldRecord, inconclusiveRecord, unsteadyRecord } from './fixtures.ts';
import { emptyRecord, extremeRecord, residueRecord } from './fixtures-odd.ts';
import { RUN_SCHEMA, writeJson } from './json.ts';
import { writeMarkdown } from './markdown.ts';
import { writePdf } from './pdf/pdf.ts';
import { utcTime } from './words.ts';
import { writeReports } from './write.ts';

const folder = mkdtempSync(join(tmpdir(), 'firebreak-report-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const poppler =
  spawnSync('pdftotext', ['-v']).error === undefined ? false : 'pdftotext (poppler-utils) is not installed';
const pages = (pdf: Buffer): number => pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0;
/** The text of a PDF with its white space folded, so that a line break in the layout breaks no search. */
function textOf(pdf: Buffer, ...options: string[]): string {
  const path = join(folder, 'text.pdf');
  writeFileSync(path, pdf);
  return execFileSync('pdftotext', [...options, path, '-'], { encoding: 'utf8', maxBuffer: 64 << 20 });
}
const folded = (text: string): string => text.replaceAll(/\s+/g, ' ');

const RECORDS: Readonly<Record<string, RunRecord>> = {
  held: heldRecord(),
  aborted: abortedRecord(),
  inconclusive: inconclusiveRecord(),
  unsteady: unsteadyRecord(),
  residue: residueRecord(),
  empty: emptyRecord(),
  extreme: extremeRecord(),
};

describe('the PDF', () => {
  for (const [name, record] of Object.entries(RECORDS)) {
    test(`of a run that is ${name} has at least two pages and is well-formed`, async () => {
      runRecord.parse(record);
      const pdf = await writePdf(record);
      assert.ok(pdf.subarray(0, 5).equals(Buffer.from('%PDF-')));
      assert.match(pdf.subarray(-32).toString('latin1'), /%%EOF\s*$/);
      assert.ok(pages(pdf) >= 2, `${pages(pdf)} pages`);
    });
  }

  test('is the same for the same record', async () => {
    const [one, two] = [await writePdf(heldRecord()), await writePdf(heldRecord())];
    assert.ok(one.equals(two));
  });

  test('of an abort says verdict, hypothesis, breach and figures in searchable text', { skip: poppler }, async () => {
    const record = abortedRecord();
    const text = folded(textOf(await writePdf(record)));
    const breach = record.breach;
    assert.ok(breach !== null);
    for (const part of [
      'Aborted',
      record.hypothesis,
      record.reason,
      `${breach.seq} of probe checkout`,
      `${utcTime(breach.at, true)} UTC`,
      'success_rate 31 %',
      'success_rate < 0.95, for 3 s',
      'error rate',
      '70 %',
      '69.3 %',
      '-1 %',
      '202',
      'aborts below 95 %',
      `sample ${breach.seq}`,
      'fault active',
      'equal: reverted',
      'Page 1 of',
      'r-7k2m9q4x0abc',
      'Firebreak 0.1.0',
      'observe begins',
      'Half a second on each call',
      'version: 1',
      '12 Safe',
    ])
      assert.ok(text.includes(part), `"${part}" is not in the text`);
  });

  test(
    'of a latency fault shows requested and delivered, and the key figures of each stage',
    { skip: poppler },
    async () => {
      const text = folded(textOf(await writePdf(heldRecord()), '-layout'));
      assert.match(text, /latency 500 ms 500\.3 ms \+0\.1 % 396/);
      assert.match(text, /before · 15 polls during · 40 polls after · 9 polls/);
      assert.match(text, /1\.24 s 1 of 1 Yes/);
    },
  );

  test('says how long a supervisor took, which nobody had asked for, as the other reports do', { skip: poppler }, async () => {
    const recovery = { name: 'supervisor recovery', unit: 'ms', requested: null, delivered: 732.4, samples: 1 } as const;
    const killed = fault({ effect: { bitten: true, detail: '', figures: [recovery] } });
    const record = runRecord.parse({ ...heldRecord(), faults: [killed] });
    assert.match(folded(textOf(await writePdf(record), '-layout')), /supervisor recovery – 732\.4 ms – 1/);
    assert.match(writeMarkdown(record), /\| supervisor recovery \| – \| 732\.4 ms \| – \| 1 \|/);
    const { faults } = JSON.parse(writeJson(record)) as { faults: { effect: { figures: unknown } }[] };
    assert.deepEqual(faults[0]?.effect.figures, [recovery]);
  });

  test('names what is left behind', { skip: poppler }, async () => {
    const text = folded(textOf(await writePdf(residueRecord())));
    assert.ok(text.includes('Not proven undone: freeze-worker on process 4711 (worker)'));
    assert.ok(text.includes('not proven: unconfirmed'));
    assert.match(text, /1 fault not proven undone/);
  });

  test('says that nothing was injected, and that nothing was measured', { skip: poppler }, async () => {
    const unsteady = folded(textOf(await writePdf(unsteadyRecord())));
    assert.ok(unsteady.includes('nothing was injected') && unsteady.includes('The sample that broke the steady state'));
    const empty = folded(textOf(await writePdf(emptyRecord())));
    for (const part of [
      'No success rate was measured.',
      'No latency was measured.',
      'Nothing was injected',
      'No event was recorded.',
    ]) {
      assert.ok(empty.includes(part), part);
    }
    const inconclusive = folded(textOf(await writePdf(inconclusiveRecord())));
    assert.ok(
      inconclusive.includes('No effect was measured. No request came by.') && inconclusive.includes('not measured'),
    );
  });

  test('keeps every one of 500 rows of the timeline under a repeated header', { skip: poppler }, async () => {
    const timeline = Array.from({ length: 500 }, (_, index) => ({
      seq: index + 1,
      at: 1e12 + index,
      kind: 'log',
      text: `event <${index}>`,
    }));
    const pdf = await writePdf(heldRecord({ timeline }));
    const text = textOf(pdf);
    for (let index = 0; index < 500; index++) assert.ok(text.includes(`event <${index}>`), `row ${index}`);
    const heads = text.match(/What happened/g)?.length ?? 0;
    assert.ok(heads >= 10 && heads <= pages(pdf), `${heads} headers`);
  });

  test('never prints beyond the margins or over the footer, whatever the lengths', { skip: poppler }, async () => {
    for (const [name, record] of Object.entries(RECORDS)) {
      const boxes = [
        ...textOf(await writePdf(record), '-bbox').matchAll(
          /<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</g,
        ),
      ];
      assert.ok(boxes.length > 50);
      for (const [, xMin, yMin, xMax, yMax, word] of boxes) {
        const inside =
          Number(xMin) >= 54 &&
          Number(xMax) <= 541.5 &&
          Number(yMin) >= 50 &&
          (Number(yMax) <= 782 || Number(yMin) >= 794);
        assert.ok(inside, `${name}: "${word}" at ${xMin},${yMin} to ${xMax},${yMax}`);
      }
    }
  });

  test('replaces letters that the fonts lack and says so', { skip: poppler }, async () => {
    const text = folded(textOf(await writePdf(extremeRecord())));
    for (const part of [
      'Überraschung -> ????? Proverka',
      '>= 500 ms is “fine” – naïve façade, ?? and emoji ?',
      'Letters that the fonts of this document lack',
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.ok(!folded(textOf(await writePdf(heldRecord()))).includes('Letters that the fonts'));
  });

  test('stays small for a day of samples', async () => {
    const base = heldRecord();
    const [first] = base.series;
    assert.ok(first !== undefined);
    const series = Array.from({ length: 86_400 }, (_, index) => ({ ...first, at: base.startedAt + index * 1_000 }));
    const pdf = await writePdf(heldRecord({ series, endedAt: base.startedAt + 86_400_000 }));
    assert.ok(pdf.length < 400_000, `${pdf.length} bytes`);
  });
});

describe('JSON and Markdown', () => {
  test('the JSON is the record, named, with its keys in one order', () => {
    for (const record of Object.values(RECORDS)) {
      const { schema, ...rest } = JSON.parse(writeJson(record)) as { schema: string };
      assert.equal(schema, RUN_SCHEMA);
      assert.deepEqual(runRecord.parse(rest), record);
    }
    const record = heldRecord();
    const shuffled = Object.fromEntries(Object.entries(record).reverse()) as RunRecord;
    assert.equal(writeJson(shuffled), writeJson(record));
  });

  test('the Markdown tells the same, and nothing in it becomes markup', () => {
    const record = abortedRecord();
    const text = writeMarkdown(record);
    for (const part of [
      '**Verdict: Aborted.**',
      record.hypothesis,
      `${record.breach?.seq} of probe checkout`,
      '| 69.3 % |',
      '| yes, equal |',
      '```yaml\nversion: 1',
    ]) {
      assert.ok(text.includes(part), part);
    }
    assert.ok(text.includes('The abort condition success_rate < 0.95 was true'), 'plain words stay readable');
    const wild = writeMarkdown(
      heldRecord({
        hypothesis: 'a | b\n# c <script>',
        reason: '1. _no_ list',
        source: 'x: |\n  ```\n  y\n',
        faults: [fault({ note: '**x**' })],
      }),
    );
    assert.ok(
      wild.includes('> a \\| b<br># c \\<script>') && wild.includes('````yaml') && wild.includes('\\*\\*x\\*\\*'),
    );
    assert.ok(wild.includes('\n1\\. \\_no\\_ list\n'));
    for (const line of wild.split('\n').filter((each) => each.startsWith('| '))) assert.ok(line.endsWith(' |'), line);
  });
});

describe('writeReports', () => {
  test('writes three files, over older ones too, and leaves nothing else', async () => {
    const directory = join(folder, 'new', 'deep');
    for (const record of [heldRecord(), heldRecord({ reason: 'again' })]) {
      const files = await writeReports(record, directory);
      assert.deepEqual(
        files.map((file) => file.slice(directory.length + 1)),
        ['pdf', 'json', 'md'].map((kind) => `firebreak-${record.run}.${kind}`),
      );
    }
    assert.equal(readdirSync(directory).length, 3);
    assert.match(readFileSync(join(directory, 'firebreak-r-7k2m9q4x0abc.json'), 'utf8'), /"reason": "again"/);
  });

  test('a run id cannot lead out of the directory', async () => {
    const [file] = await writeReports(heldRecord({ run: '../../etc/x' }), folder);
    assert.equal(file, join(folder, 'firebreak-______etc_x.pdf'));
  });

  test('a path that is a file is refused with a hint', async () => {
    const path = join(folder, 'file');
    writeFileSync(path, '');
    await assert.rejects(writeReports(heldRecord(), path), (error) => {
      assert.ok(error instanceof FirebreakError);
      assert.equal(error.code, 'report-not-written');
      assert.match(error.hint, /a file.*Choose a directory/);
      return true;
    });
  });

  const mountable = process.platform === 'linux' && process.getuid?.() === 0;
  test(
    'a full disk leaves the older report whole and no half file',
    { skip: mountable ? false : 'needs root on Linux to mount a small disk' },
    async (t) => {
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]);
      if (mounted.status !== 0) return t.skip(`tmpfs cannot be mounted: ${String(mounted.stderr)}`);
      try {
        const files = await writeReports(heldRecord(), disk);
        const before = files.map((file) => readFileSync(file, 'latin1'));
        await assert.rejects(writeReports(heldRecord({ source: 'x'.repeat(600_000) }), disk), (error) => {
          assert.ok(error instanceof FirebreakError && /disk is full/.test(error.hint), String(error));
          return true;
        });
        assert.deepEqual(
          files.map((file) => readFileSync(file, 'latin1')),
          before,
        );
        assert.equal(readdirSync(disk).length, 3);
      } finally {
        spawnSync('umount', [disk]);
      }
    },
  );
});
