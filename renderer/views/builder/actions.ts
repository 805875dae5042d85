import { useMemo } from 'react';
import { type Action, useOffer } from '../../stores/actions.ts';
import { useDraft } from '../../stores/draft.ts';
import { addCheck, addExperiment, addPolicy, addRoute } from './adding.ts';
import { editor, type Panel, redoText, undoText, useBench } from './bench.ts';
import { deployNow, planNow, runNow, stopDeployed, useDeploy } from './deploy.ts';
import { openFromDisk, save, saveAs } from './files.ts';
import { hasExperiment } from '../../forms/locate.ts';

/** What can be done in the builder, for the palette, the cheat sheet and the keyboard. */
export function useBuilderActions(focusForm: () => void): void {
  const canUndo = useBench((state) => state.canUndo);
  const canRedo = useBench((state) => state.canRedo);
  const empty = useBench((state) => state.chars === 0);
  const drill = useBench((state) => hasExperiment(state.source));
  const revision = useBench((state) => state.revision);
  const { planning, revision: planned, sure } = useDeploy();
  const deployed = useDraft((state) => state.deployed !== null);
  const current = planning?.ok === true && planned === revision;
  const grave = planning?.ok === true && ['HIGH', 'CRITICAL'].includes(planning.plan.guard.level) && !sure;
  const blocked = !current ? 'Plan first.' : grave ? 'Tick in the plan that the guard was read.' : '';
  const actions = useMemo((): readonly Action[] => {
    const show = (panel: Panel) => (): void => useBench.setState({ panel });
    const nothing = empty ? 'The file is empty.' : '';
    const group = 'Policy';
    return [
      {
        id: 'plan',
        title: 'Plan: what would happen',
        group,
        keys: 'mod+Enter',
        always: true,
        disabled: nothing,
        run: () => void planNow(),
      },
      {
        id: 'deploy',
        title: 'Deploy the policies',
        group,
        keys: 'mod+shift+Enter',
        always: true,
        disabled: nothing || blocked,
        run: () => void deployNow(),
      },
      {
        id: 'run',
        title: 'Run the experiment',
        group,
        disabled: nothing || (drill ? blocked : 'The file has no experiment.'),
        run: () => void runNow(),
      },
      ...(deployed
        ? [
            {
              id: 'undeploy',
              title: 'Stop what was deployed and put it back',
              group,
              run: () => void stopDeployed(),
            } satisfies Action,
          ]
        : []),
      { id: 'file-open', title: 'Open a file …', group, keys: 'mod+o', always: true, run: () => void openFromDisk() },
      { id: 'file-save', title: 'Save', group, keys: 'mod+s', always: true, disabled: nothing, run: () => void save() },
      {
        id: 'file-save-as',
        title: 'Save as …',
        group,
        keys: 'mod+shift+s',
        always: true,
        disabled: nothing,
        run: () => void saveAs(),
      },
      { id: 'file-new', title: 'New file, or one from the library', group, keys: 'p n', run: show('library') },
      { id: 'undo', title: 'Undo', group, keys: 'mod+z', disabled: canUndo ? '' : 'Nothing to undo.', run: undoText },
      {
        id: 'redo',
        title: 'Redo',
        group,
        keys: 'mod+shift+z',
        disabled: canRedo ? '' : 'Nothing to redo.',
        run: redoText,
      },
      { id: 'versions', title: 'Versions of the file', group, keys: 'p v', run: show('versions') },
      { id: 'form', title: 'Go to the form', group, keys: 'p f', run: () => (show('form')(), focusForm()) },
      { id: 'editor', title: 'Go to the text', group, keys: 'p e', run: () => editor().focus() },
      { id: 'add-policy', title: 'Add a policy', group, keys: 'p a', run: addPolicy },
      { id: 'add-route', title: 'Add a route', group, run: addRoute },
      drill
        ? { id: 'add-check', title: 'Add a check of the steady state', group, run: addCheck }
        : { id: 'add-experiment', title: 'Add an experiment', group, run: addExperiment },
    ];
  }, [canUndo, canRedo, empty, drill, blocked, deployed, focusForm]);
  useOffer(actions);
}
