import { ClipboardList, FilePlus, FolderOpen, Redo2, Save, Undo2 } from 'lucide-react';
import { type ReactNode } from 'react';
import { useDraft } from '../../stores/draft.ts';
import { keysText } from '../../stores/actions.ts';
import { Badge, Button, IconButton, Kbd } from '../../ui/controls.tsx';
import { redoText, undoText, useBench } from './bench.ts';
import css from './builder.module.css';
import { planNow, useDeploy } from './deploy.ts';
import { openFromDisk, save, saveAs } from './files.ts';

/** The file as a whole: its name, where it stands, and what is done with it. */
export function Toolbar(): ReactNode {
  const file = useDraft((state) => state.file);
  const unsaved = useDraft((state) => state.unsaved);
  const canUndo = useBench((state) => state.canUndo);
  const canRedo = useBench((state) => state.canRedo);
  const empty = useBench((state) => state.chars === 0);
  const busy = useDeploy((state) => state.busy);
  return (
    <div className={css['toolbar']} role="toolbar" aria-label="The file">
      <input
        className={css['fileName']}
        aria-label="Name of the file"
        value={file}
        placeholder="untitled.yaml"
        spellCheck={false}
        onChange={({ target }) => useDraft.setState({ file: target.value.slice(0, 200) })}
      />
      {!empty && <Badge tone={unsaved ? 'warn' : 'ok'}>{unsaved ? 'not saved' : 'saved'}</Badge>}
      <span className={css['gap']} />
      <IconButton label="Undo" icon={Undo2} disabled={!canUndo} onClick={undoText} />
      <IconButton label="Redo" icon={Redo2} disabled={!canRedo} onClick={redoText} />
      <Button look="quiet" icon={FilePlus} onClick={() => useBench.setState({ panel: 'library' })}>
        New
      </Button>
      <Button look="quiet" icon={FolderOpen} onClick={() => void openFromDisk()}>
        Open
      </Button>
      <Button look="quiet" icon={Save} onClick={() => void save()} disabled={empty}>
        Save
      </Button>
      <Button look="quiet" onClick={() => void saveAs()} disabled={empty}>
        Save as …
      </Button>
      <Button
        look="primary"
        icon={ClipboardList}
        busy={busy === 'plan'}
        disabled={empty}
        onClick={() => void planNow()}
        title="Shows what would happen; changes nothing"
      >
        Plan <Kbd>{keysText('mod+Enter')}</Kbd>
      </Button>
    </div>
  );
}
