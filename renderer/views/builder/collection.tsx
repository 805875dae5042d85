import { Plus, X } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import { entries, type Path, type Source } from '../../forms/document.ts';
import { addEntry, insertItem, rename, set } from '../../forms/edit.ts';
import { type Field } from '../../../engine/contract/fields.ts';
import { removeEntry } from '../../forms/remove.ts';
import { Raw } from '../../forms/scalar.ts';
import { Button, IconButton } from '../../ui/controls.tsx';
import { write } from './bench.ts';
import css from './form.module.css';
import { useTyped } from './inputs.tsx';

/** A mapping with free keys, or a list of values: a line for each, and one to add another. */
export function Collection({
  source,
  path,
  field,
  id,
  describedBy,
}: {
  readonly source: Source;
  readonly path: Path;
  readonly field: Field;
  readonly id: string;
  readonly describedBy: string;
}): ReactNode {
  const rows = entries(source, path);
  const map = field.kind === 'map';
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const first = useRef<HTMLInputElement>(null);
  const leaf = (text: string): string | Raw => (map || field.texts ? text : new Raw(text.trim()));
  const usable = map ? key.trim() !== '' && !rows.some((row) => row.key === key.trim()) : value.trim() !== '';
  const add = (): void => {
    if (!usable) return;
    write(
      path.join('.'),
      (now) =>
        map ? addEntry(now, path, key.trim(), value) : insertItem(now, path, entries(now, path).length, leaf(value)),
      { alone: true },
    );
    setKey('');
    setValue('');
    first.current?.focus();
  };
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    add();
  };
  return (
    <div className={css['collection']} role="group" aria-labelledby={`${id}-label`} aria-describedby={describedBy}>
      {rows.map((row, index) => (
        <div key={index} className={css['entry']} data-map={map ? '' : undefined}>
          {map && (
            <Cell
              label={`Name ${index + 1} of ${field.label}`}
              text={row.key}
              commit={(text) =>
                text.trim() !== '' &&
                write(`${path.join('.')}.${index}.key`, (now) => rename(now, [...path, index], text))
              }
            />
          )}
          {row.value.holds === undefined ? (
            <Cell
              label={map ? `Value of ${row.key}` : `${field.label} ${index + 1}`}
              text={row.value.text}
              commit={(text) => write(`${path.join('.')}.${index}`, (now) => set(now, [...path, index], leaf(text)))}
            />
          ) : (
            <span className={css['odd']}>a {row.value.holds}: change it in the text</span>
          )}
          <IconButton
            label={`Remove ${map ? row.key : row.value.text}`}
            icon={X}
            onClick={() =>
              write(`${path.join('.')}.${index}`, (now) => removeEntry(now, [...path, index]), { alone: true })
            }
          />
        </div>
      ))}
      <div className={css['entry']} data-map={map ? '' : undefined} onKeyDown={onKeyDown}>
        {map && (
          <input
            ref={first}
            id={id}
            className={css['input']}
            value={key}
            placeholder="name"
            aria-label={`New name in ${field.label}`}
            onChange={(event) => setKey(event.target.value)}
          />
        )}
        <input
          {...(!map && { ref: first, id })}
          className={css['input']}
          value={value}
          placeholder={map ? 'value' : 'another'}
          aria-label={map ? `New value in ${field.label}` : `Another in ${field.label}`}
          onChange={(event) => setValue(event.target.value)}
        />
        <Button icon={Plus} onClick={add} disabled={!usable} aria-label={`Add to ${field.label}`}>
          Add
        </Button>
      </div>
    </div>
  );
}

function Cell({
  label,
  text,
  commit,
}: {
  readonly label: string;
  readonly text: string;
  readonly commit: (text: string) => void;
}): ReactNode {
  const { value, change, blur } = useTyped({ actual: text, commit: (typed) => (commit(typed), typed) });
  return (
    <input
      className={css['input']}
      aria-label={label}
      value={value}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => change(event.target.value)}
      onBlur={blur}
    />
  );
}
