import { type ButtonHTMLAttributes, type ComponentType, type ReactNode } from 'react';
import css from './controls.module.css';

const join = (...names: readonly (string | undefined | false)[]): string => names.filter(Boolean).join(' ');

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: 'plain' | 'primary' | 'danger' | 'quiet';
  readonly icon?: ComponentType<{ size?: number | string; 'aria-hidden'?: boolean }>;
  /** Shown in the place of the icon while something is under way; the button cannot be pressed then. */
  readonly busy?: boolean;
}
/** A button with words. */
export function Button({
  look = 'plain',
  icon: Icon,
  busy = false,
  children,
  className,
  disabled,
  ...rest
}: ButtonProps): ReactNode {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled === true || busy}
      aria-busy={busy}
      className={join(css['button'], css[look], className)}
    >
      {busy ? <Spinner /> : Icon !== undefined && <Icon size="1.1em" aria-hidden />}
      {children}
    </button>
  );
}
/** A button with a picture alone; `label` is its name for those who do not see it, and its tooltip. */
export function IconButton({
  label,
  icon: Icon,
  className,
  ...rest
}: {
  readonly label: string;
  readonly icon: NonNullable<ButtonProps['icon']>;
} & ButtonHTMLAttributes<HTMLButtonElement>): ReactNode {
  return (
    <button type="button" aria-label={label} title={label} {...rest} className={join(css['iconButton'], className)}>
      <Icon size="1.1em" aria-hidden />
    </button>
  );
}
export function Spinner({ label }: { readonly label?: string }): ReactNode {
  return (
    <span
      className={css['spinner']}
      role={label === undefined ? undefined : 'status'}
      aria-label={label}
      aria-hidden={label === undefined}
    />
  );
}
export function Kbd({ children }: { readonly children: ReactNode }): ReactNode {
  return <kbd className={css['kbd']}>{children}</kbd>;
}

export type Tone = 'neutral' | 'accent' | 'ok' | 'warn' | 'bad';
/** A word with a shape and a colour; the shape tells the tone to those who do not see the colour. */
export function Badge({
  tone = 'neutral',
  children,
}: {
  readonly tone?: Tone;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <span className={join(css['badge'], css[tone])}>
      <Shape tone={tone} />
      {children}
    </span>
  );
}
const SHAPES: Readonly<Record<Tone, string>> = {
  neutral: 'M3 8h10',
  accent: 'M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10',
  ok: 'M3 8.5l3.5 3.5L13 4.5',
  warn: 'M8 2.5L14 13H2z',
  bad: 'M4 4l8 8M12 4l-8 8',
};
export function Shape({ tone }: { readonly tone: Tone }): ReactNode {
  return (
    <svg viewBox="0 0 16 16" className={css['shape']} aria-hidden>
      <path d={SHAPES[tone]} />
    </svg>
  );
}

/** What is shown where there is nothing yet: what it will be, and what to do about it. */
export function Empty({
  title,
  children,
  action,
}: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}): ReactNode {
  return (
    <div className={css['empty']}>
      <strong>{title}</strong>
      {children !== undefined && <p>{children}</p>}
      {action}
    </div>
  );
}
export function Loading({ what }: { readonly what: string }): ReactNode {
  return (
    <div className={css['empty']} role="status">
      <Spinner />
      <p>{what}</p>
    </div>
  );
}
/** What went wrong, and its remedy. */
export function ErrorNote({ error, title }: { readonly error: unknown; readonly title?: string }): ReactNode {
  const { message, hint } = error as { message?: string; hint?: string };
  return (
    <div className={css['error']} role="alert">
      <Shape tone="bad" />
      <div>
        {title !== undefined && <strong>{title}</strong>}
        <p>{message ?? String(error)}</p>
        {hint !== undefined && hint !== '' && <p className={css['hint']}>{hint}</p>}
      </div>
    </div>
  );
}
/** One measured figure with its name. */
export function Figure({
  name,
  value,
  note,
  tone = 'neutral',
}: {
  readonly name: string;
  readonly value: ReactNode;
  readonly note?: ReactNode;
  readonly tone?: Tone;
}): ReactNode {
  return (
    <div className={css['figure']}>
      <span className={css['figureName']}>{name}</span>
      <span className={join(css['figureValue'], css[`text-${tone}`])}>{value}</span>
      {note !== undefined && <span className={css['figureNote']}>{note}</span>}
    </div>
  );
}
