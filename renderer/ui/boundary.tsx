import { Component, type ErrorInfo, type ReactNode } from 'react';
import { Button, ErrorNote } from './controls.tsx';

interface Props {
  /** What broke, for the sentence. */
  readonly what: string;
  readonly children: ReactNode;
}

/** Keeps what breaks within it from breaking the rest of the room. */
export class Boundary extends Component<Props, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error: error ?? new Error('something that is not an error was thrown') };
  }
  override componentDidCatch(error: unknown, { componentStack }: ErrorInfo): void {
    console.error(error, componentStack);
  }
  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <div>
        <ErrorNote title={`${this.props.what} broke. The rest of the room goes on.`} error={error} />
        <Button onClick={() => this.setState({ error: undefined })}>Try again</Button>
      </div>
    );
  }
}
