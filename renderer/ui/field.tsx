import { type ReactNode, useId } from 'react';
import css from './field.module.css';

export interface FieldProps {
  readonly title: string;
  /** Stands below while nothing is wrong. */
  readonly help?: string;
  /** What is wrong with what was typed, in place of the help. */
  readonly wrong?: string | undefined;
  /** Draws the input with what ties it to its label and to its help. */
  readonly children: (tie: {
    readonly id: string;
    readonly 'aria-describedby': string;
    readonly 'aria-invalid': boolean;
  }) => ReactNode;
}

/** A labelled input, whatever it is, with its help or its error below. */
export function Field({ title, help = '', wrong, children }: FieldProps): ReactNode {
  const id = useId();
  return (
    <div className={css['field']}>
      <label htmlFor={id}>{title}</label>
      {children({ id, 'aria-describedby': `${id}-help`, 'aria-invalid': wrong !== undefined })}
      <p
        id={`${id}-help`}
        className={wrong === undefined ? css['help'] : css['wrong']}
        role={wrong === undefined ? undefined : 'alert'}
      >
        {wrong ?? help}
      </p>
    </div>
  );
}

export interface TextFieldProps extends Omit<FieldProps, 'children'> {
  /** Where the keyboard begins in a dialog. */
  readonly first?: boolean;
  readonly value: string;
  readonly example?: string;
  readonly onChange: (text: string) => void;
}
export function TextField({ value, example = '', first = false, onChange, ...rest }: TextFieldProps): ReactNode {
  return (
    <Field {...rest}>
      {(tie) => (
        <input
          type="text"
          {...tie}
          autoFocus={first}
          value={value}
          placeholder={example}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

/** Fields below each other, and the buttons that end them. */
export function Form({
  onSubmit,
  buttons,
  children,
}: {
  readonly onSubmit: () => void;
  readonly buttons: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <form className={css['form']} noValidate onSubmit={(event) => (event.preventDefault(), onSubmit())}>
      {children}
      <div className={css['buttons']}>{buttons}</div>
    </form>
  );
}
