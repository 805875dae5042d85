import { type ReactNode, useId, useMemo, useState } from 'react';
import { Button } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { type Widget } from '../../widgets/widget.ts';
import css from './board.module.css';
import { type Field, fieldsOf, read, written } from './fields.ts';

export interface SettingsProps {
  readonly widget: Widget;
  readonly settings: object;
  readonly onSave: (settings: object) => void;
  readonly onClose: () => void;
}

/** The settings of a widget, as its schema tells them. What the form does not show keeps its value. */
export function Settings({ widget, settings, onSave, onClose }: SettingsProps): ReactNode {
  const fields = useMemo(() => fieldsOf(widget.settings), [widget]);
  const [texts, setTexts] = useState(() => Object.fromEntries(fields.map((field) => [field.key, written(field, (settings as Record<string, unknown>)[field.key])])));
  const next = useMemo(() => {
    const values = Object.fromEntries(fields.map((field) => [field.key, read(field, texts[field.key] ?? '')]));
    return widget.settings.safeParse({ ...settings, ...values });
  }, [widget, settings, fields, texts]);
  const wrong = new Map(next.error?.issues.map(({ path, message }) => [String(path[0]), message]));
  const save = (): void => {
    if (!next.success) return;
    onSave(next.data);
    onClose();
  };
  return (
    <Dialog open onClose={onClose} title={`Settings of ${widget.title}`} about={widget.about}>
      <form className={css['form']} noValidate onSubmit={(event) => (event.preventDefault(), save())}>
        {fields.length === 0 && <p>There is nothing to set here.</p>}
        {fields.map((field) => (
          <Input key={field.key} field={field} text={texts[field.key] ?? ''} wrong={wrong.get(field.key)} onChange={(text) => setTexts({ ...texts, [field.key]: text })} />
        ))}
        <div className={css['buttons']}>
          <Button onClick={() => setTexts(Object.fromEntries(fields.map((field) => [field.key, written(field, (widget.settings.parse({}) as Record<string, unknown>)[field.key])])))}>
            First settings
          </Button>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={!next.success}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Input({ field, text, wrong, onChange }: { readonly field: Field; readonly text: string; readonly wrong: string | undefined; readonly onChange: (text: string) => void }): ReactNode {
  const id = useId();
  const common = { id, value: text, 'aria-describedby': `${id}-help`, 'aria-invalid': wrong !== undefined, placeholder: field.example };
  return (
    <div className={css['field']}>
      {field.kind === 'flag' ? (
        <div className={css['flag']}>
          <input id={id} type="checkbox" checked={text === 'true'} aria-describedby={`${id}-help`} onChange={(event) => onChange(String(event.target.checked))} />
          <label htmlFor={id}>{field.title}</label>
        </div>
      ) : (
        <label htmlFor={id}>{field.title}</label>
      )}
      {field.kind === 'text' && <input type="text" {...common} onChange={(event) => onChange(event.target.value)} />}
      {field.kind === 'number' && <input type="number" step="any" min={field.least} max={field.most} {...common} onChange={(event) => onChange(event.target.value)} />}
      {field.kind === 'lines' && <textarea {...common} onChange={(event) => onChange(event.target.value)} />}
      {field.kind === 'choice' && (
        <select id={id} value={text} aria-describedby={`${id}-help`} onChange={(event) => onChange(event.target.value)}>
          {field.choices.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
      <p id={`${id}-help`} className={wrong === undefined ? css['help'] : css['wrong']} role={wrong === undefined ? undefined : 'alert'}>
        {wrong ?? field.help}
      </p>
    </div>
  );
}
