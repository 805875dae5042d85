import { type ReactNode, useMemo, useState } from 'react';
import { Button } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field as Labelled, Form } from '../../ui/field.tsx';
import { type Widget } from '../../widgets/widget.ts';
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
  const textsOf = (values: object): Record<string, string> =>
    Object.fromEntries(
      fields.map((field) => [field.key, written(field, (values as Record<string, unknown>)[field.key])]),
    );
  const [texts, setTexts] = useState(() => textsOf(settings));
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
      <Form
        onSubmit={save}
        buttons={
          <>
            <Button onClick={() => setTexts(textsOf(widget.settings.parse({})))}>First settings</Button>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look="primary" disabled={!next.success}>
              Save
            </Button>
          </>
        }
      >
        {fields.length === 0 && <p>There is nothing to set here.</p>}
        {fields.map((field, index) => (
          <Input
            key={field.key}
            first={index === 0}
            field={field}
            text={texts[field.key] ?? ''}
            wrong={wrong.get(field.key)}
            onChange={(text) => setTexts({ ...texts, [field.key]: text })}
          />
        ))}
      </Form>
    </Dialog>
  );
}

interface InputProps {
  readonly field: Field;
  /** Where the keyboard begins. */
  readonly first: boolean;
  readonly text: string;
  readonly wrong: string | undefined;
  readonly onChange: (text: string) => void;
}
function Input({
  field: { kind, title, help, example, least, most, choices },
  first,
  text,
  wrong,
  onChange,
}: InputProps): ReactNode {
  const given = { value: text, placeholder: example };
  const onText = (event: { readonly target: { readonly value: string } }): void => onChange(event.target.value);
  return (
    <Labelled title={title} help={help} wrong={wrong}>
      {(label) => {
        const tie = { ...label, autoFocus: first };
        switch (kind) {
          case 'text':
            return <input type="text" {...tie} {...given} onChange={onText} />;
          case 'number':
            return <input type="number" step="any" min={least} max={most} {...tie} {...given} onChange={onText} />;
          case 'lines':
            return <textarea {...tie} {...given} onChange={onText} />;
          case 'flag':
            return (
              <input
                type="checkbox"
                {...tie}
                checked={text === 'true'}
                onChange={(event) => onChange(String(event.target.checked))}
              />
            );
          case 'choice':
            return (
              <select {...tie} value={text} onChange={onText}>
                {choices.map(({ value, label }) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </select>
            );
        }
      }}
    </Labelled>
  );
}
