import { Command } from 'cmdk';
import { type ReactNode } from 'react';
import { type Action, keysText, useActions } from '../stores/actions.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Kbd } from '../ui/controls.tsx';
import { closeOverlay, useShell } from './shell.ts';
import css from './palette.module.css';

export const GROUPS: readonly Action['group'][] = ['Safety', 'Go to', 'Runs', 'Policy', 'Board', 'Room'];

/** Every action by a few letters of its name. */
export function Palette(): ReactNode {
  const open = useShell((state) => state.open === 'palette');
  return (
    <Dialog open={open} onClose={closeOverlay} title="Do …">
      <Choices />
    </Dialog>
  );
}

function Choices(): ReactNode {
  const actions = useActions((state) => state.actions);
  const run = (action: Action): void => {
    closeOverlay();
    // After the dialog has given the keyboard back, so that what the action focuses stays focused.
    setTimeout(action.run, 0);
  };
  return (
    <Command label="Actions" loop className={css['palette']}>
      <Command.Input placeholder="What do you want to do?" className={css['input']} autoFocus />
      <Command.List className={css['list']}>
        <Command.Empty className={css['empty']}>No action of that name.</Command.Empty>
        {GROUPS.map((group) => {
          const own = actions.filter((action) => action.group === group && action.id !== 'palette');
          return (
            own.length > 0 && (
              <Command.Group key={group} heading={group}>
                {own.map((action) => (
                  <Command.Item
                    key={action.id}
                    value={`${action.title} ${action.id}`}
                    disabled={(action.disabled ?? '') !== ''}
                    onSelect={() => run(action)}
                    className={css['item']}
                  >
                    <span>{action.title}</span>
                    {(action.disabled ?? '') !== '' && <small>{action.disabled}</small>}
                    {action.keys !== undefined && <Kbd>{keysText(action.keys)}</Kbd>}
                  </Command.Item>
                ))}
              </Command.Group>
            )
          );
        })}
      </Command.List>
    </Command>
  );
}

/** All keys at one glance. */
export function CheatSheet(): ReactNode {
  const open = useShell((state) => state.open === 'keys');
  const actions = useActions((state) => state.actions).filter(({ keys }) => keys !== undefined);
  return (
    <Dialog open={open} onClose={closeOverlay} title="Keys" about="Everything else is in the command palette." wide>
      <div className={css['sheet']} tabIndex={0} role="group" aria-label="All keys">
        {GROUPS.map((group) => {
          const own = actions.filter((action) => action.group === group);
          return (
            own.length > 0 && (
              <section key={group}>
                <h3>{group}</h3>
                <dl>
                  {own.map(({ id, title, keys = '' }) => (
                    <div key={id}>
                      <dt>{title}</dt>
                      <dd>
                        <Kbd>{keysText(keys)}</Kbd>
                      </dd>
                    </div>
                  ))}
                </dl>
              </section>
            )
          );
        })}
      </div>
    </Dialog>
  );
}
