import { type Scalar } from 'yaml';
import { type InputHTMLAttributes, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { type Path, read, type Source } from '../../forms/document.ts';
import { set } from '../../forms/edit.ts';
import { type Field } from '../../../engine/contract/fields.ts';
import { remove } from '../../forms/remove.ts';
import { Raw } from '../../forms/scalar.ts';
import { write } from './bench.ts';
import css from './form.module.css';

/** The inputs of single values. What is typed goes into the text with each key; the text is what they show. */

export interface InputProps {
  readonly source: Source;
  readonly path: Path;
  readonly field: Field;
  readonly id: string;
  readonly describedBy: string;
  readonly invalid: boolean;
  /** Values to choose from beside typing, such as the names of routes. */
  readonly suggestions: readonly string[];
}

const TEXTS = new Set(['text', 'lines', 'condition']);
/** Writes a field; an empty one is taken out of the file. @returns what the file will say. */
export function writeField(path: Path, field: Field, typed: string, style?: Scalar.Type): string {
  const isText = TEXTS.has(field.kind);
  const text = isText ? typed : typed.trim();
  write(path.join('.'), (source) =>
    text === '' ? remove(source, path) : set(source, path, isText ? text : new Raw(text), style),
  );
  return text;
}

interface Typed {
  /** What the file says. */
  readonly actual: string;
  /** How that is shown; the same when absent. */
  readonly shown?: string;
  /** Writes what was typed. @returns what the file will say. */
  commit(typed: string): string;
}
/** What an input shows: the text of the file, but while one types what was typed (`0.` is not yet a number). */
export function useTyped({ actual, shown = actual, commit }: Typed): {
  readonly value: string;
  readonly change: (text: string) => void;
  readonly blur: () => void;
} {
  const [typed, setTyped] = useState<string | null>(null);
  // What was written and has not come back yet: a long text comes back late, and then one key after the other.
  const sent = useRef<string[]>([]);
  useEffect(() => {
    const own = sent.current.lastIndexOf(actual);
    sent.current.splice(0, own + 1);
    // Undo, or an edit of the text at the right: that counts more than what was typed.
    if (own === -1) setTyped(null);
  }, [actual]);
  return {
    value: typed ?? shown,
    change: (text) => {
      setTyped(text);
      const written = commit(text);
      if (written !== actual) sent.current.push(written);
    },
    blur: () => setTyped(null),
  };
}

/** One line of text, a number or a duration as written. */
function Line({
  source,
  path,
  field,
  id,
  describedBy,
  invalid,
  suggestions,
  ...rest
}: InputProps & InputHTMLAttributes<HTMLInputElement>): ReactNode {
  const { text, style } = read(source, path);
  const before = useRef<Scalar.Type | undefined>(undefined);
  const { value, change, blur } = useTyped({
    actual: text,
    commit: (now) => writeField(path, field, now, before.current),
  });
  const list = useId();
  return (
    <>
      <input
        {...rest}
        id={id}
        className={css['input']}
        value={value}
        placeholder={field.fallback === undefined || field.fallback === '' ? placeholderOf(field) : field.fallback}
        aria-describedby={describedBy}
        aria-invalid={invalid}
        autoComplete="off"
        spellCheck={false}
        {...(suggestions.length > 0 && { list })}
        onFocus={() => (before.current = style ?? 'PLAIN')}
        onChange={(event) => change(event.target.value)}
        onBlur={blur}
      />
      {suggestions.length > 0 && (
        <datalist id={list}>
          {suggestions.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      )}
    </>
  );
}
const placeholderOf = ({ example, required }: Field): string =>
  example === '' ? '' : required ? '' : `such as ${example}`;

function Lines({ source, path, field, id, describedBy, invalid }: InputProps): ReactNode {
  const { text, style } = read(source, path);
  const before = useRef<Scalar.Type | undefined>(undefined);
  const { value, change, blur } = useTyped({
    actual: text,
    commit: (now) => writeField(path, field, now, before.current),
  });
  return (
    <textarea
      id={id}
      className={css['input']}
      rows={Math.min(8, Math.max(2, value.split('\n').length))}
      value={value}
      placeholder={placeholderOf(field)}
      aria-describedby={describedBy}
      aria-invalid={invalid}
      spellCheck={false}
      onFocus={() => (before.current = style ?? 'PLAIN')}
      onChange={(event) => change(event.target.value)}
      onBlur={blur}
    />
  );
}

const UNITS = ['ms', 's', 'm', 'h', 'd'] as const;
/** A figure with its unit; what is written otherwise (`1h30m`) is shown whole. */
function Duration(props: InputProps): ReactNode {
  const { source, path, field, id, describedBy, invalid } = props;
  const { text } = read(source, path);
  const parts = /^(\d*\.?\d+)\s*(ms|s|m|h|d)$/.exec(text.trim());
  const [unit, setUnit] = useState<string>(() => /[a-z]+$/.exec(field.example)?.[0] ?? 's');
  const shownUnit = parts?.[2] ?? unit;
  const commit = (now: string): string =>
    writeField(path, field, /^\d*\.?\d+$/.test(now.trim()) && Number(now) !== 0 ? now.trim() + shownUnit : now);
  const { value, change, blur } = useTyped({ actual: text, shown: parts?.[1] ?? text, commit });
  const whole = parts === null && text !== '' && text !== '0';
  return (
    <span className={css['joined']}>
      <input
        id={id}
        className={css['input']}
        inputMode="decimal"
        value={value}
        placeholder={field.fallback ?? `such as ${field.example}`}
        aria-describedby={describedBy}
        aria-invalid={invalid}
        autoComplete="off"
        onChange={(event) => change(event.target.value)}
        onBlur={blur}
      />
      <select
        className={css['input']}
        aria-label={`Unit of ${field.label}`}
        value={whole ? '' : shownUnit}
        onChange={({ target }) => {
          setUnit(target.value);
          if (parts !== null) writeField(path, field, `${parts[1] ?? ''}${target.value}`);
        }}
      >
        {whole && <option value="">as written</option>}
        {UNITS.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </span>
  );
}

/** A share from 0 to 1: by sliding, or as a figure. */
function Ratio(props: InputProps): ReactNode {
  const { source, path, field } = props;
  const { text } = read(source, path);
  const value = Number(text === '' ? (field.fallback ?? 0) : text);
  return (
    <span className={css['joined']}>
      <input
        type="range"
        min={field.min ?? 0}
        max={field.max ?? 1}
        step={0.01}
        value={Number.isFinite(value) ? value : 0}
        aria-label={`${field.label}, slider`}
        aria-valuetext={`${Math.round(value * 100)} %`}
        onChange={(event) => writeField(path, field, event.target.value)}
      />
      <Line {...props} inputMode="decimal" size={5} />
    </span>
  );
}

function Choice({ source, path, field, id, describedBy, invalid }: InputProps): ReactNode {
  const { text } = read(source, path);
  const named = field.choices.filter((name) => name !== '');
  const none = field.required
    ? 'Choose …'
    : field.fallback === undefined || field.fallback === ''
      ? 'not set'
      : `${field.fallback} (default)`;
  const known = named.find((name) => name === text || (field.name === 'type' && name === text.toLowerCase()));
  return (
    <select
      id={id}
      className={css['input']}
      value={known ?? text}
      aria-describedby={describedBy}
      aria-invalid={invalid}
      onChange={(event) => writeField(path, field, event.target.value)}
    >
      {(!field.required || text === '') && <option value="">{none}</option>}
      {text !== '' && known === undefined && <option value={text}>{text} (unknown)</option>}
      {named.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Flag({ source, path, field, id, describedBy, invalid }: InputProps): ReactNode {
  const { text } = read(source, path);
  const on = (text === '' ? field.fallback : text) === 'true';
  return (
    <span className={css['flag']}>
      <input
        type="checkbox"
        id={id}
        checked={on}
        aria-describedby={describedBy}
        aria-invalid={invalid}
        onChange={(event) => writeField(path, field, String(event.target.checked))}
      />
      <span aria-hidden>{text !== '' && text !== 'true' && text !== 'false' ? text : on ? 'yes' : 'no'}</span>
    </span>
  );
}

/** The input that fits a field of one value. */
export function Input(props: InputProps): ReactNode {
  const { field } = props;
  switch (field.kind) {
    case 'duration':
      return <Duration {...props} />;
    case 'ratio':
      return <Ratio {...props} />;
    case 'choice':
      return <Choice {...props} />;
    case 'flag':
      return <Flag {...props} />;
    case 'lines':
      return <Lines {...props} />;
    case 'number':
      return <Line {...props} inputMode={field.whole ? 'numeric' : 'decimal'} />;
    case 'condition':
      return <Line {...props} data-mono="" />;
    default:
      return <Line {...props} />;
  }
}
