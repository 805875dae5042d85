import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EngineApi } from './contract/api.ts';
import { type Route, type RunRecord } from './contract/models.ts';
import { type FileVersion } from './contract/room.ts';
import { unknownRun } from './experiment/runs.ts';
import { type Clock } from './kernel/clock.ts';
import { messageOf } from './kernel/errors.ts';
import { readLibrary } from './policy/library.ts';
import { loadText } from './policy/load.ts';
import { writeDocument } from './report/document.ts';
import { type History } from './store/history.ts';
import { openSettings } from './store/settings.ts';
import { openVersions } from './store/versions.ts';
import { type EventBus } from './telemetry/bus.ts';

const LIBRARY = fileURLToPath(new URL('../assets/experiments/', import.meta.url));

/** What the room asks of things that are kept: settings, versions, the library, past runs. */
export type KeptHandlers = {
  readonly queries: Pick<EngineApi['queries'], 'setting' | 'library' | 'versions' | 'version' | 'document'>;
  readonly commands: Pick<EngineApi['commands'], 'saveSetting' | 'saveVersion'>;
};

interface GivenText {
  readonly text: string;
  readonly file: string;
  readonly routes?: readonly Route[];
}

export interface Kept extends KeptHandlers {
  /** Keeps the text of something that is in force already: what goes wrong is told by a `log` event, never thrown. */
  version(given: GivenText, why: FileVersion['why']): void;
  /** Throws `unknown-run`, and what History.get throws. */
  recorded(run: string): RunRecord;
}

export interface KeptParts {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly history: Pick<History, 'get'>;
}

/** Touches no file before the first call. */
export function createKept({ stateDir, clock, bus, history }: KeptParts): Kept {
  const warn = (text: string): void => void bus.publish('', { kind: 'log', level: 'warn', text });
  const settings = openSettings(stateDir, clock, warn);
  const versions = openVersions(stateDir, clock, warn);
  const recorded = (run: string): RunRecord => {
    const record = history.get(run);
    if (record === undefined) throw unknownRun(run);
    return record;
  };
  return {
    recorded,
    version: (given, why) => {
      try {
        versions.keep(given.text, nameOf(given), why);
      } catch (error) {
        warn(`This version of ${given.file} was not kept: ${messageOf(error)}`);
      }
    },
    queries: {
      setting: async ({ key }) => ({ value: settings.get(key) }),
      library: async () => {
        const { entries, problems } = await readLibrary(LIBRARY);
        problems.forEach(warn);
        return [...entries];
      },
      versions: async ({ limit }) => versions.list(limit),
      version: async ({ id }) => {
        const text = versions.get(id);
        return text === undefined ? null : { text };
      },
      document: async ({ run, format }) => writeDocument(recorded(run), format),
    },
    commands: {
      saveSetting: async ({ key, value }) => {
        settings.set(key, value);
        return {};
      },
      saveVersion: async (given) => versions.keep(given.text, nameOf(given), 'saved'),
    },
  };
}

/** What the file calls itself; a text that is not valid (yet) bears the name of its file. */
function nameOf({ text, file, routes = [] }: GivenText): string {
  const loaded = loadText(text, file, { knownRoutes: routes.map(({ name }) => name) });
  return loaded.ok ? loaded.file.name : basename(file).slice(0, 200);
}
