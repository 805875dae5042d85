import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { snake } from '../../engine/contract/sections.ts';
import { fieldsAt } from './catalogue.ts';
import { find, parse, parseSliced, type Path, read, readNode, type Source } from './document.ts';
import { addEntry, insertItem, put, rename, set } from './edit.ts';
import { type Field } from '../../engine/contract/fields.ts';
import { applied, type Change } from './places.ts';
import { duplicate, move, remove, removeEntry } from './remove.ts';
import { Raw } from './scalar.ts';
import { file, isFree, isRaw, type Model, valueOf } from './test-files.ts';

const RUNS = { numRuns: 500, seed: 20261121 };

function parsed(text: string): Source {
  const result = parse(text);
  assert.ok(result.ok, `${JSON.stringify(result)}\n${text}`);
  return result.source;
}
/** All that a source says, with fields in snake_case. */
function said(node: unknown, free = false): Model {
  if (isMap(node)) {
    return Object.fromEntries(
      node.items.map((pair) => {
        const key = isScalar(pair.key) ? String(pair.key.value) : '';
        return [free ? key : snake(key), said(pair.value, isFree(key))];
      }),
    );
  }
  if (isSeq(node)) return node.items.map((item) => said(item));
  const { text, style } = readNode(node as Node | null);
  return style === undefined ? null : text;
}
const commentsOf = (text: string): string[] => text.match(/# (about|note) \d+/g) ?? [];
const leaf = (field: Field, text: string): Raw | string => (isRaw(field) ? new Raw(text) : text);

/** Every mapping of the file that a form shows, by its path. */
function sections(source: Source): Path[] {
  const paths: Path[] = [[]];
  const there = (path: Path): boolean => find(source, path).missing === 0 && isMap(find(source, path).node);
  for (const name of ['ignoredCommands', 'experiment']) if (there([name])) paths.push([name]);
  for (const list of [['routes'], ['policies'], ['experiment', 'steadyState']]) {
    const { node, missing } = find(source, list);
    if (missing > 0 || !isSeq(node)) continue;
    node.items.forEach((_, index) => {
      paths.push([...list, index]);
      if (list.length === 2) paths.push([...list, index, 'probe']);
    });
  }
  if (there(['experiment', 'abort'])) paths.push(['experiment', 'abort']);
  return paths.filter(there);
}
const fieldsOfSection = (source: Source, path: Path): readonly Field[] =>
  fieldsAt(path, (where) => read(source, [...where, 'type']).text) ?? assert.fail(`no fields at ${path.join('.')}`);

test('YAML -> form -> YAML: what is written is read, and writing it again changes nothing', () => {
  fc.assert(
    fc.property(file, ({ text, model }) => {
      const source = parsed(text);
      assert.deepEqual(said(source.root), model);
      for (const path of sections(source)) {
        for (const field of fieldsOfSection(source, path)) {
          const value = read(source, [...path, field.name]);
          if (value.style === undefined) continue;
          assert.deepEqual(set(source, [...path, field.name], leaf(field, value.text)), []);
        }
      }
    }),
    RUNS,
  );
});

/** One thing a person does in a form, and what the file says afterwards. */
interface Deed {
  readonly what: string;
  readonly changes: readonly Change[];
  readonly model: Model;
  /** Whether every comment must still be there (those inside a removed item go with it). */
  readonly keeps: boolean;
  /** The one line that may differ, when only one may. */
  readonly line?: number;
}

const copy = (model: Model): Model => structuredClone(model);
function at(model: Model, path: Path): Model | undefined {
  return path.reduce<Model | undefined>((value, step) => {
    if (Array.isArray(value)) return value[step as number];
    if (typeof value !== 'object' || value === null) return undefined;
    return typeof step === 'number' ? Object.values(value)[step] : value[snake(step)];
  }, model);
}

function deed(source: Source, pick: () => number, valueFor: (field: Field) => Model): Deed | undefined {
  const model = copy(said(source.root));
  const paths = sections(source);
  const path = paths[pick() % paths.length] ?? [];
  const fields = fieldsOfSection(source, path).filter(
    ({ kind, name }) => kind !== 'section' && name !== 'type' && name !== 'version',
  );
  const field = fields[pick() % fields.length] as Field;
  const where = [...path, field.name];
  const owner = at(model, path) as Record<string, Model>;
  const key = snake(field.name);
  const before = owner[key];
  const value = valueFor(field);
  const listPath = path.length > 0 && typeof path.at(-1) === 'number' ? path.slice(0, -1) : undefined;
  switch (pick() % 8) {
    case 0: {
      if (typeof before === 'undefined') return undefined;
      delete owner[key];
      const said = Object.keys(owner).length === 0 ? withNothing(model, path) : model;
      return { what: `remove ${where.join('.')}`, changes: remove(source, where), model: said, keeps: true };
    }
    case 1: {
      if (listPath === undefined) return undefined;
      const list = at(model, listPath) as Model[];
      const index = path.at(-1) as number;
      const [item] = list.splice(index, 1);
      if (pick() % 2 === 0 && list.length > 0) {
        const to = pick() % (list.length + 1);
        list.splice(to, 0, item as Model);
        return {
          what: `move ${path.join('.')} to ${to}`,
          changes: move(source, listPath, index, to),
          model,
          keeps: true,
        };
      }
      const said =
        list.length === 0 &&
        find(source, listPath).parent !== null &&
        (find(source, listPath).node as { flow?: boolean }).flow !== true
          ? withNothing(model, listPath)
          : model;
      return { what: `remove ${path.join('.')}`, changes: remove(source, path), model: said, keeps: false };
    }
    case 2: {
      if (listPath === undefined || path.at(-1) === undefined) return undefined;
      const list = at(model, listPath) as Model[];
      const index = path.at(-1) as number;
      list.splice(index + 1, 0, { ...(list[index] as Record<string, Model>), name: 'copy-of-it' });
      return {
        what: `duplicate ${path.join('.')}`,
        changes: duplicate(source, listPath, index, 'copy-of-it'),
        model,
        keeps: true,
      };
    }
    case 3: {
      const list = (model as Record<string, Model>)['policies'];
      const plain = { name: 'new-one', type: 'http', target: 'all', latency_chance: new Raw('1') };
      if (list !== undefined && !Array.isArray(list)) return undefined;
      const index = list === undefined ? 0 : pick() % (list.length + 1);
      const added = { name: 'new-one', type: 'http', target: 'all', latency_chance: '1' };
      if (Array.isArray(list))
        list.splice(
          (find(source, ['policies']).node as { flow?: boolean }).flow === true ? list.length : index,
          0,
          added,
        );
      else (model as Record<string, Model>)['policies'] = [added];
      return {
        what: `insert policy ${index}`,
        changes: insertItem(source, ['policies'], index, plain),
        model,
        keeps: true,
      };
    }
    case 4: {
      if (typeof before !== 'object' || before === null) return undefined;
      const entry = pick() % Object.keys(before).length;
      if (pick() % 2 === 0) {
        if (Array.isArray(before)) before.splice(entry, 1);
        else delete before[Object.keys(before)[entry] as string];
        if (Object.keys(before).length === 0) delete owner[key];
        const said = Object.keys(owner).length === 0 ? withNothing(model, path) : model;
        return {
          what: `remove entry ${where.join('.')} ${entry}`,
          changes: removeEntry(source, [...where, entry]),
          model: said,
          keeps: !Array.isArray(before),
        };
      }
      if (Array.isArray(before)) return undefined;
      const renamed = Object.fromEntries(
        Object.entries(before).map(([name, inner], index) => [index === entry ? 'new-key: #' : name, inner]),
      );
      owner[key] = renamed;
      return {
        what: `rename ${where.join('.')} ${entry}`,
        changes: rename(source, [...where, entry], 'new-key: #'),
        model,
        keeps: true,
      };
    }
    default: {
      if (field.kind === 'map') {
        if (before !== undefined && (typeof before !== 'object' || before === null)) return undefined;
        owner[key] = { ...(before as Record<string, Model> | undefined), 'x: new': '404' };
        return {
          what: `add entry ${where.join('.')}`,
          changes: addEntry(source, where, 'x: new', '404'),
          model,
          keeps: true,
        };
      }
      if (field.kind === 'list') {
        owner[key] = [...((before as Model[] | undefined) ?? []), '404'];
        return {
          what: `add item ${where.join('.')}`,
          changes: insertItem(source, where, 99, new Raw('404')),
          model,
          keeps: true,
        };
      }
      owner[key] = value;
      const oneLine = typeof before === 'string' && !before.includes('\n') && !String(value).includes('\n');
      const line = oneLine
        ? source.text.slice(0, find(source, where).node?.range?.[0]).split('\n').length - 1
        : undefined;
      return {
        what: `set ${where.join('.')} = ${JSON.stringify(value)}`,
        changes: set(source, where, leaf(field, String(value))),
        model,
        keeps: true,
        ...(line !== undefined && { line }),
      };
    }
  }
}
/** A mapping or list without its last line is a key without a value; in brackets it stays empty. */
function withNothing(model: Model, path: Path): Model {
  if (path.length === 0) return model;
  const owner = at(model, path.slice(0, -1)) as Record<string, Model> | Model[];
  const step = path.at(-1) as string | number;
  if (Array.isArray(owner)) owner[step as number] = null;
  else owner[snake(String(step))] = null;
  return model;
}
/** Empty brackets and nothing at all say the same. */
const even = (model: Model): Model => {
  if (typeof model !== 'object' || model === null) return model;
  if (Object.keys(model).length === 0) return null;
  return Array.isArray(model)
    ? model.map(even)
    : Object.fromEntries(
        Object.entries(model)
          .map(([key, value]) => [key, even(value)])
          .sort(([a], [b]) => String(a).localeCompare(String(b))),
      );
};

test('form -> YAML -> form: what is entered is read back, all else and every comment stay', () => {
  const deeds = fc.array(fc.tuple(fc.array(fc.nat(9_999), { minLength: 12, maxLength: 12 }), fc.nat(1e9)), {
    minLength: 1,
    maxLength: 8,
  });
  let done = 0;
  fc.assert(
    fc.property(file, deeds, ({ text: first }, list) => {
      let text = first;
      for (const [dice, seed] of list) {
        const source = parsed(text);
        if (source.root === null) break;
        let next = 0;
        const valueFor = (field: Field): Model => fc.sample(valueOf(field), { numRuns: 1, seed })[0] as Model;
        const one = deed(source, () => dice[next++ % dice.length] ?? 0, valueFor);
        if (one === undefined) continue;
        done++;
        const now = applied(text, one.changes);
        const told = `${one.what}\n--- before\n${text}\n--- after\n${now}`;
        const result = parse(now);
        assert.ok(result.ok, `${JSON.stringify(result)}\n${told}`);
        assert.deepEqual(even(said(result.source.root)), even(one.model), told);
        if (one.keeps) {
          const [had, has] = [commentsOf(text).sort(), commentsOf(now).sort()];
          for (const comment of had) assert.ok(has.includes(comment), `${comment} is lost: ${told}`);
        }
        if (one.line !== undefined) {
          const [old, fresh] = [text.split('\n'), now.split('\n')];
          assert.equal(fresh.length, old.length, told);
          old.forEach((line, index) => index === one.line || assert.equal(fresh[index], line, told));
        }
        text = now;
      }
    }),
    RUNS,
  );
  assert.ok(done > 1_000, `only ${done} deeds`);
});

test('a reading in slices gives the same, and one that nobody awaits ends', async () => {
  const text = `version: 1\npolicies:\n${'  - { name: a, type: http, target: all } # c\n'.repeat(500)}`;
  const sliced = await parseSliced(text, async () => true);
  assert.ok(sliced?.ok);
  assert.deepEqual(said(sliced.source.root), said(parsed(text).root));
  assert.equal(await parseSliced(text, async () => false), undefined);
});

test('a text that cannot be read says where, and an empty one takes its first field', () => {
  const broken = parse('version: 1\nname: "open\n');
  assert.ok(!broken.ok && broken.problem.offset >= 11);
  assert.equal(parse('[1, 2]').ok, false);
  assert.equal(parse('['.repeat(3_000)).ok, false);
  assert.equal(parse('a: 1\n---\nb: 2\n').ok, false);
  for (const empty of ['', '# only a comment', '# two\n\n']) {
    const source = parsed(empty);
    assert.equal(source.root, null);
    const now = applied(empty, put(source, ['experiment', 'abort', 'when'], 'p99 > 1'));
    assert.deepEqual(said(parsed(now).root), { experiment: { abort: { when: 'p99 > 1' } } });
    assert.ok(now.startsWith(empty));
  }
});
