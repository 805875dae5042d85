import { Tabs } from 'radix-ui';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { Badge, Kbd, Loading } from '../../ui/controls.tsx';
import { useBuilderActions } from './actions.ts';
import { editor, type Panel, useBench } from './bench.ts';
import css from './builder.module.css';
import { Deployed } from './deployed.tsx';
import { followDeployed } from './deploy.ts';
import { followIncoming, openDropped } from './files.ts';
import { Form } from './form.tsx';
import { startBench } from './keep.ts';
import { Outline } from './outline.tsx';
import { Plan } from './plan.tsx';
import { Rail } from './rail.tsx';
import { Library, Versions } from './shelf.tsx';
import { Toolbar } from './toolbar.tsx';
import { useCheck } from './check.ts';

// Once for the page: the bench outlives this view.
startBench();
followDeployed();
followIncoming();

const PANELS: readonly { readonly id: Panel; readonly title: string }[] = [
  { id: 'form', title: 'Form' },
  { id: 'plan', title: 'Plan' },
  { id: 'library', title: 'Library' },
  { id: 'versions', title: 'Versions' },
];

/** A Firebreak file as form and as text, side by side, with what the engine says of it below. */
export default function Builder(): ReactNode {
  const ready = useBench((state) => state.ready);
  const panel = useBench((state) => state.panel);
  const panels = useRef<HTMLDivElement>(null);
  const [dragged, setDragged] = useState(false);
  useBuilderActions(
    useCallback(() => {
      requestAnimationFrame(() =>
        panels.current?.querySelector<HTMLElement>('fieldset input, fieldset select, fieldset textarea')?.focus(),
      );
    }, []),
  );
  if (!ready) return <Loading what="Bringing back what you worked on …" />;
  const isFile = (event: React.DragEvent): boolean => event.dataTransfer.types.includes('Files');
  return (
    <div
      className={css['view']}
      onDragOver={(event) => {
        if (!isFile(event)) return;
        event.preventDefault();
        setDragged(true);
      }}
      onDragLeave={(event) => event.currentTarget.contains(event.relatedTarget as Node | null) || setDragged(false)}
      onDropCapture={(event) => {
        setDragged(false);
        if (!isFile(event)) return;
        // Before the editor, which would paste the file into the text.
        event.preventDefault();
        event.stopPropagation();
        void openDropped(event.dataTransfer.files);
      }}
    >
      <h1 className="visually-hidden">Builder</h1>
      <Toolbar />
      <Deployed />
      <div className={css['columns']}>
        <Outline />
        <Tabs.Root
          className={css['middle']}
          value={panel}
          onValueChange={(value) => useBench.setState({ panel: value as Panel })}
          ref={panels}
        >
          <Tabs.List className={css['tabs']} aria-label="Beside the text">
            {PANELS.map(({ id, title }) => (
              <Tabs.Trigger key={id} value={id} className={css['tab']}>
                {title}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          <Tabs.Content value="form" className={css['panel']} tabIndex={-1}>
            <Form />
          </Tabs.Content>
          <Tabs.Content value="plan" className={css['panel']}>
            <Plan />
          </Tabs.Content>
          <Tabs.Content value="library" className={css['panel']}>
            <Library />
          </Tabs.Content>
          <Tabs.Content value="versions" className={css['panel']}>
            <Versions />
          </Tabs.Content>
        </Tabs.Root>
        <Text />
      </div>
      <Rail />
      {dragged && <div className={css['drop']}>Drop the file to open it. What is not saved is kept as a version.</div>}
    </div>
  );
}

/** The editor's place. The editor itself outlives it. */
function Text(): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const problem = useBench((state) => state.problem);
  const wrong = useCheck((state) => state.issues.length);
  useEffect(() => {
    const { dom } = editor();
    place.current?.append(dom);
    editor().requestMeasure();
    return () => dom.remove();
  }, []);
  return (
    <section className={css['text']} aria-label="YAML">
      <header>
        <h2>YAML</h2>
        {problem !== null && problem.large !== true ? (
          <Badge tone="bad">cannot be read</Badge>
        ) : (
          wrong > 0 && <Badge tone="bad">{wrong === 1 ? 'one error' : `${wrong} errors`}</Badge>
        )}
        <span className={css['hint']}>
          <Kbd>Esc</Kbd> <Kbd>Tab</Kbd> leaves the editor
        </span>
      </header>
      <div ref={place} className={css['editor']} />
    </section>
  );
}
