import { RotateCcw } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { type FileIssue } from '../../../engine/contract/models.ts';
import { FIGURES } from '../../../engine/contract/sections.ts';
import { find, type Path, read, type Source } from '../../forms/document.ts';
import { type Field } from '../../../engine/contract/fields.ts';
import { isAbout } from '../../forms/issues.ts';
import { remove } from '../../forms/remove.ts';
import { IconButton, Shape } from '../../ui/controls.tsx';
import { goToPlace, write } from './bench.ts';
import { Collection } from './collection.tsx';
import css from './form.module.css';
import { Input } from './inputs.tsx';

const WIDE = new Set<Field['kind']>(['lines', 'condition', 'map', 'list']);

/** One field: its name, its input, what it means, its default and limits, and what is wrong with it. */
export function FieldRow({
  source,
  owner,
  field,
  issues,
  suggestions = [],
}: {
  readonly source: Source;
  readonly owner: Path;
  readonly field: Field;
  readonly issues: readonly FileIssue[];
  readonly suggestions?: readonly string[];
}): ReactNode {
  const id = useId();
  const path = [...owner, field.name];
  const own = issues.filter((issue) => isAbout(issue, path));
  const { present, holds } = read(source, path);
  const many = field.kind === 'map' || field.kind === 'list';
  const fits =
    holds === undefined || (holds === 'mapping' && field.kind === 'map') || (holds === 'list' && field.kind === 'list');
  const written = many ? present : find(source, path).missing === 0;
  const about = `${id}-help`;
  return (
    <div className={css['field']} data-wide={WIDE.has(field.kind) ? '' : undefined} data-set={written ? '' : undefined}>
      <div className={css['label']}>
        <label id={`${id}-label`} htmlFor={id}>
          {field.label}
          {field.required && <span className={css['required']}> required</span>}
        </label>
        {written && !field.required && (
          <IconButton
            label={`Take ${field.label} out of the file`}
            icon={RotateCcw}
            onClick={() => write(path.join('.'), (now) => remove(now, path), { alone: true })}
          />
        )}
      </div>
      {!fits ? (
        <p className={css['odd']}>The text has a {holds} here: change it there.</p>
      ) : many ? (
        <Collection source={source} path={path} field={field} id={id} describedBy={about} />
      ) : (
        <Input
          source={source}
          path={path}
          field={field}
          id={id}
          describedBy={about}
          invalid={own.length > 0}
          suggestions={suggestions}
        />
      )}
      <div id={about} className={css['about']}>
        {own.map((issue) => (
          <button
            type="button"
            key={`${issue.line}:${issue.column}:${issue.message}`}
            className={css['issue']}
            onClick={() => goToPlace(issue.line, issue.column)}
          >
            <Shape tone="bad" />
            <span>
              {issue.message} <span className={css['place']}>Line {issue.line}.</span>
            </span>
          </button>
        ))}
        <p>
          {sentence(field.help)} <span className={css['limits']}>{limitsOf(field)}</span>
        </p>
        {field.kind === 'condition' && (
          <p className={css['limits']}>
            {field.facts === undefined
              ? `Figures: ${FIGURES.join(', ')}.`
              : `Facts: ${[...field.facts, 'route'].join(', ')}.`}
          </p>
        )}
      </div>
    </div>
  );
}

/** Limits and example follow it. */
const sentence = (help: string): string => (/[.?!]$/.test(help) ? help : `${help}.`);
const UNIT_WORDS: Readonly<Record<string, string>> = { MB: 'MB', percent: '%', cores: 'cores' };
/** Default, limits and example, as far as they say something. */
function limitsOf({ kind, min, max, unit, fallback, example, help }: Field): string {
  const parts: string[] = [];
  const word = UNIT_WORDS[unit] ?? '';
  if (kind === 'number' && min !== undefined && max !== undefined)
    parts.push(`${min.toLocaleString('en-GB')} to ${max.toLocaleString('en-GB')}${word === '' ? '' : ` ${word}`}`);
  if (fallback !== undefined && fallback !== '' && kind !== 'choice')
    parts.push(kind === 'flag' ? `default ${fallback === 'true' ? 'yes' : 'no'}` : `default ${fallback}`);
  if (['text', 'condition', 'map', 'list', 'lines'].includes(kind) && example !== '' && !help.includes(example))
    parts.push(`such as ${example}`);
  const text = parts.join(', ');
  return text === '' ? '' : `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`;
}
