import { type Injector } from '../../kernel/fault.ts';
import { wireInjector, type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { mongoManifest, type MongoParams } from './manifest.ts';

const WORDS = { one: 'command', many: 'commands' };
/** What is measured of each failure, and what it has done to a command. */
const FAILURES: Readonly<Record<MongoParams['failure'], { readonly figure: string; readonly done: string }>> = {
  command: { figure: 'error rate', done: 'answered with an error' },
  write: { figure: 'error rate', done: 'answered with a write error' },
  'write-concern': { figure: 'error rate', done: 'answered with a write concern error' },
  'remove-documents': { figure: 'corruption rate', done: 'answered with fewer documents' },
  'null-fields': { figure: 'corruption rate', done: 'answered with null fields' },
};

/** Puts the policy into the wire, reads its counters as proof, and takes it out again. */
export function mongoInjector(deps: WireInjectorDeps): Injector<MongoParams, WireUndo> {
  return wireInjector<MongoParams>(deps, {
    protocol: 'mongo',
    manifest: mongoManifest,
    words: ({ failure }) => ({ ...WORDS, failure: FAILURES[failure] }),
    policy: ({ failure, codeName, retryable, errorLabels, documentShare, fields }) => ({
      extra: { failure, codeName, retryable, labels: listOf(errorLabels), share: documentShare, fields: listOf(fields), ...(alters(failure) && { told: 'altered' }) },
    }),
    hint: () => '; check that clients stay on the route (directConnection=true)',
  });
}

const alters = (failure: MongoParams['failure']): boolean => failure === 'remove-documents' || failure === 'null-fields';
const listOf = (text: string): readonly string[] => text.split(',').map((part) => part.trim()).filter((part) => part !== '');
