import { type MenuAction } from '../../engine/contract/desktop.ts';
import { desktop } from '../bridge/desktop.ts';
import { runAction } from './actions.ts';
import { openInBuilder } from './incoming.ts';
import { toast } from './toasts.ts';

/** The menu of the desktop window names the same actions as the palette. */
const ACTION_OF: Readonly<Record<MenuAction, string>> = {
  open: 'file-open',
  save: 'file-save',
  'save-as': 'file-save-as',
  'export-report': 'export-report',
  'show-board': 'go-board',
  'show-builder': 'go-builder',
  'show-runs': 'go-runs',
  'show-machine': 'go-machine',
  presenter: 'presenter',
  theme: 'theme',
  rehearse: 'rehearse',
  palette: 'palette',
  'cheat-sheet': 'keys',
};

/** Actions that only one view offers; it is gone to first. */
const VIEW_OF: Readonly<Partial<Record<MenuAction, string>>> = {
  open: 'go-builder',
  save: 'go-builder',
  'save-as': 'go-builder',
  'export-report': 'go-runs',
};

/** Does what the desktop's menu asks, and tells what it has to say. */
export function obeyDesktop(): void {
  desktop?.onMenu((action) => {
    const before = VIEW_OF[action];
    if (before !== undefined) void runAction(before);
    void runAction(ACTION_OF[action]).then((known) => {
      if (!known)
        toast(
          'info',
          'Not here',
          action === 'export-report'
            ? 'Open a run first; its report is exported from there.'
            : 'The room does not offer that now.',
        );
    });
  });
  desktop?.onFile(openInBuilder);
  desktop?.onNotice(({ level, text, hint }) => toast(level === 'error' ? 'bad' : level, text, hint));
}
