import { type ReactNode, useState } from 'react';
import { engine } from '../../stores/connection.ts';
import { Button, ErrorNote } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Form, TextField } from '../../ui/field.tsx';

const FIELDS = [
  { key: 'name', title: 'Name', help: 'What this room calls it.', example: 'checkout' },
  {
    key: 'url',
    title: 'Address',
    help: 'http://, https://, or route://NAME/path for the listening side of a route.',
    example: 'http://127.0.0.1:7000/checkout',
  },
  { key: 'apdex_t', title: 'T', help: 'An answer within this time satisfies.', example: '500ms' },
  { key: 'every', title: 'Every', help: 'How often to ask.', example: '1s' },
  {
    key: 'expect',
    title: 'Expect',
    help: 'What must hold; shown as steady state. May stay empty.',
    example: 'success_rate >= 0.99 && p99 < 800',
  },
] as const;
type Key = (typeof FIELDS)[number]['key'];
const FIRST: Readonly<Record<Key, string>> = { name: '', url: '', apdex_t: '500ms', every: '1s', expect: '' };

interface Refusal {
  readonly message?: string;
  readonly issues?: readonly { readonly path: string; readonly message: string; readonly hint: string }[];
}

/** Asks for a standing probe. What the engine refuses is told at the field it is about. */
export function AddProbe({
  taken,
  onClose,
}: {
  readonly taken: readonly string[];
  readonly onClose: () => void;
}): ReactNode {
  const [texts, setTexts] = useState(FIRST);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const local: Partial<Record<Key, string>> = {
    ...(texts.name.trim() === ''
      ? { name: 'expected a name' }
      : taken.includes(texts.name.trim())
        ? { name: 'a probe of this name is there already' }
        : {}),
    ...(texts.url.trim() === '' ? { url: 'expected an address' } : {}),
  };
  const [tried, setTried] = useState(false);
  const told = (key: Key): string | undefined => {
    const issue = refusal?.issues?.find(({ path }) => path.split('.').at(-1) === key);
    return (
      (tried ? local[key] : undefined) ??
      (issue === undefined ? undefined : [issue.message, issue.hint].filter(Boolean).join('. '))
    );
  };
  const elsewhere = refusal !== undefined && !FIELDS.some(({ key }) => told(key) !== undefined);
  const start = async (): Promise<void> => {
    setTried(true);
    setRefusal(undefined);
    if (Object.keys(local).length > 0) return;
    setBusy(true);
    const { name, url, apdex_t, every, expect } = texts;
    try {
      await engine().command('startProbe', {
        name: name.trim(),
        probe: { type: 'http', url: url.trim(), apdex_t: apdex_t.trim(), every: every.trim() },
        expect,
      });
      onClose();
    } catch (error) {
      setRefusal(error as Refusal);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title="Add a probe"
      about="It asks this address for as long as the engine runs, also after a restart."
    >
      <Form
        onSubmit={() => void start()}
        buttons={
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look="primary" busy={busy}>
              Add probe
            </Button>
          </>
        }
      >
        {FIELDS.map(({ key, ...field }) => (
          <TextField
            key={key}
            first={key === 'name'}
            {...field}
            value={texts[key]}
            wrong={told(key)}
            onChange={(text) => setTexts({ ...texts, [key]: text })}
          />
        ))}
        {elsewhere && <ErrorNote title="Not started" error={refusal} />}
      </Form>
    </Dialog>
  );
}
