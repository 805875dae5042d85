import { type ReactNode } from 'react';
import { policyFields } from '../../forms/catalogue.ts';
import { type Path, read, type Source } from '../../forms/document.ts';
import { type Field } from '../../../engine/contract/fields.ts';
import { isAbout, issuesAt } from '../../forms/issues.ts';
import { routeNames } from '../../forms/locate.ts';
import { partsOf } from '../../forms/parts.ts';
import { useConnection } from '../../stores/connection.ts';
import { useCheck } from './check.ts';
import { FieldRow } from './field.tsx';
import css from './form.module.css';

/** The fields of one mapping of the file. */
export function Fields({
  source,
  path,
  fields,
}: {
  readonly source: Source;
  readonly path: Path;
  readonly fields: readonly Field[];
}): ReactNode {
  const issues = useCheck((state) => state.issues);
  const open = useConnection(({ status }) => status?.routes);
  const here = issues.length === 0 ? issues : issuesAt(issues, path);
  const routes = [...new Set([...routeNames(source), ...(open ?? []).map(({ name }) => name)])].filter(
    (name) => name !== '',
  );
  if (read(source, path).style !== undefined)
    return <p className={css['odd']}>The text has a single value here: change it there.</p>;
  return (
    <div className={css['fields']}>
      {fields
        .filter(({ kind }) => kind !== 'section')
        .map((field) => (
          <FieldRow
            key={field.name}
            source={source}
            owner={path}
            field={field}
            issues={here}
            suggestions={field.name === 'route' ? routes : []}
          />
        ))}
    </div>
  );
}

/** What kind it is, what it takes hold of, and what it does. */
export function PolicyFields({
  source,
  path,
  type,
}: {
  readonly source: Source;
  readonly path: Path;
  readonly type: string;
}): ReactNode {
  const issues = useCheck((state) => state.issues);
  const { head, scope, effect } = partsOf(
    policyFields(type),
    (name) => read(source, [...path, name]).text,
    (name) => read(source, [...path, name]).present || issues.some((issue) => isAbout(issue, [...path, name])),
  );
  return (
    <>
      <Fields source={source} path={path} fields={head} />
      <h3>On what</h3>
      <Fields source={source} path={path} fields={scope} />
      {effect.length > 0 && <h3>What it does</h3>}
      <Fields source={source} path={path} fields={effect} />
    </>
  );
}
