import { join, resolve } from 'node:path';
import { type BrowserWindow, app, dialog, session, shell } from 'electron';
import { type HostNotice } from '../engine/contract/desktop.ts';
import { EXIT, messageOf } from '../engine/kernel/errors.ts';
import { makeDirectory } from '../engine/kernel/directory.ts';
import { defaultStateDir } from '../engine/kernel/state-dir.ts';
import { ROOM_FOLDER, openPage } from '../engine/transport/page.ts';
import { parseArgs } from './args.ts';
import { serveBridge } from './bridge.ts';
import { CHANNEL } from './channels.ts';
import { askBeforeClosing } from './closing.ts';
import { Demo } from './demo.ts';
import { EngineHost } from './engine-host.ts';
import { Files } from './files.ts';
import { createHalt } from './halt.ts';
import { haltOnSessionEnd, revertOnQuit } from './leaving.ts';
import { Mailbox } from './mailbox.ts';
import { setMenu } from './menu.ts';
import { noteOf } from './note.ts';
import { showNote } from './notify.ts';
import { registerScheme, servePage } from './protocol.ts';
import { guardContents, guardSession } from './rules.ts';
import { createTray, statusLine } from './tray.ts';
import { openWindow } from './window.ts';

/** The desktop host, wired together: everything that is started, and who hears of what. No chaos logic. */

/** A page under development or test stands in for the built one; not in an installed program. */
const pageFolder = (): string => (app.isPackaged ? ROOM_FOLDER : (process.env['FIREBREAK_ROOM'] ?? ROOM_FOLDER));

/** Starts the host. What must happen before Electron is ready happens in this turn. */
export function startDesktop(): void {
  const stateDir = resolve(defaultStateDir());
  const folder = join(stateDir, 'desktop');
  app.setName('Firebreak');
  // With the journal, so that one state directory is one program: the single-instance lock lives here too.
  makeDirectory(folder, 0o700);
  app.setPath('userData', folder);
  if (!app.requestSingleInstanceLock()) return app.exit(EXIT.held);
  registerScheme();
  guardContents(app);
  app.enableSandbox();

  const args = parseArgs(process.argv.slice(app.isPackaged ? 1 : 2), process.cwd());
  const files = new Files();
  const mailbox = new Mailbox();
  let window: BrowserWindow | undefined;
  const tell = (level: HostNotice['level'], text: string, hint = ''): void =>
    mailbox.post(CHANNEL.notice, { level, text, hint });
  const show = (): void => {
    if (window === undefined || window.isDestroyed()) return open();
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  };
  const openFile = (path: string): void => {
    files.read(path).then(
      (file) => mailbox.post(CHANNEL.file, file),
      (error: unknown) => tell('error', messageOf(error), hintOf(error)),
    );
  };
  let open = (): void => {};
  app.on('second-instance', (_event, argv, cwd) => {
    for (const file of parseArgs(argv.slice(1), cwd).files) openFile(file);
    if (app.isReady()) show();
  });
  // macOS hands files over this way, also before the program is ready.
  app.on('open-file', (event, path) => {
    event.preventDefault();
    openFile(path);
    if (app.isReady()) show();
  });
  for (const file of args.files) openFile(file);

  const ready = (): void => {
    const engine = EngineHost.start(stateDir);
    const demo = new Demo(engine);
    const startDemo = (): void => {
      demo.open().then(
        (opened) =>
          tell('info', opened ? 'The demo shop is open, with steady traffic.' : 'The demo shop is open already.'),
        (error: unknown) => tell('error', messageOf(error), hintOf(error)),
      );
    };
    const leaving = revertOnQuit(app, {
      end: async () => {
        await using stack = new AsyncDisposableStack();
        // Ended in reverse.
        stack.defer(() => demo.close());
        stack.use(await engine.catch(() => undefined));
        stack.defer(() => demo.endProbes());
      },
      ending: () => {
        if (window?.isDestroyed() === false) window.hide();
        if (typeof tray !== 'string') tray.update('reverting, then quitting');
      },
    });
    const failed = (problem: string): void => {
      showNote({ title: 'HALT failed', body: problem, urgent: true }, show);
      tell('error', `HALT failed: ${problem}`, 'Run `firebreak halt` in a terminal.');
    };
    const halt = createHalt(engine, failed);
    const tray = createTray({
      platform: process.platform,
      show,
      halt: () => void halt.press('tray'),
      quit: () => app.quit(),
    });
    if (typeof tray === 'string')
      tell('warn', `This desktop has no tray: ${tray}`, 'HALT works from the menu, its keys and the page.');
    const { keys, problem } = halt.register();
    if (problem !== '')
      tell(
        'warn',
        `${keys} does not HALT from other programs: ${problem}.`,
        'It still works while this window has the keyboard.',
      );

    guardSession(session.defaultSession);
    servePage(openPage(pageFolder()));
    serveBridge({ engine, files, mailbox, shortcut: () => halt.shortcut });
    setMenu({
      platform: process.platform,
      development: !app.isPackaged,
      globalKeys: problem === '',
      act: (action) => {
        show();
        mailbox.post(CHANNEL.menu, action);
      },
      halt: () => void halt.press('menu'),
      about: () => app.showAboutPanel(),
      startDemo,
      openStateFolder: () => void shell.openPath(stateDir),
    });
    open = () => {
      window = openWindow({ folder, tell: (text) => tell('warn', text), stayed: () => leaving.cancel() });
      mailbox.attach(window.webContents);
      haltOnSessionEnd(window, () => void halt.press('end of the session'));
      askBeforeClosing(window, {
        underWay: async () => (await engine).underWay(),
        halt: () => halt.press('closing the window'),
        leaving: () => leaving.started,
        hasTray: typeof tray !== 'string',
      });
    };
    open();
    app.on('activate', show);
    app.on('window-all-closed', () => {
      // On macOS a program without windows stays; HALT and the faults' state are in its menu and tray.
      if (process.platform !== 'darwin') app.quit();
    });

    engine.then(
      (host) => {
        follow(host, (line) => typeof tray !== 'string' && tray.update(line), show);
        if (args.demo) startDemo();
      },
      (error: unknown) => {
        dialog.showErrorBox(
          'Firebreak cannot start',
          [messageOf(error), hintOf(error)].filter((text) => text !== '').join('\n\n'),
        );
        app.exit(EXIT.failure);
      },
    );
  };
  app
    .whenReady()
    .then(ready)
    .catch((error: unknown) => {
      process.stderr.write(`firebreak: ${messageOf(error)}\n`);
      app.exit(EXIT.failure);
    });
}

/** Keeps the tray's line true, and notifies. Events come in bursts: one question is under way at a time. */
function follow(host: EngineHost, update: (line: string) => void, show: () => void): void {
  let asking = false;
  let again = false;
  const refresh = async (): Promise<void> => {
    if (asking) return void (again = true);
    asking = true;
    do {
      again = false;
      update(statusLine(await host.status()));
    } while (again);
    asking = false;
  };
  // The engine's end is the only reason for which this fails.
  const soon = (): void => void refresh().catch(() => {});
  soon();
  void host.follow((event) => {
    const note = noteOf(event);
    if (note !== undefined) showNote(note, show);
    if (['fault', 'halt', 'run-started', 'run-ended'].includes(event.body.kind)) soon();
  });
}

const hintOf = (error: unknown): string =>
  error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : '';
