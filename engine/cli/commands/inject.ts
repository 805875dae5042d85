import { Option } from 'commander';
import { stringify } from 'yaml';
import { type Field, fieldsOf } from '../../contract/fields.ts';
import { manifests } from '../../contract/fault-types.ts';
import { policyShape, routeShape, snake } from '../../contract/sections.ts';
import { protocol } from '../../contract/models.ts';
import { EXIT, FirebreakError } from '../../kernel/errors.ts';
import { type FaultManifest } from '../../kernel/fault.ts';
import { type CommandGroup, type CommandSpec } from '../cli.ts';
import { duration } from '../values.ts';
import { holdUntilOver } from './apply.ts';
import { showPlan } from './plan.ts';
import { flagOf, optionOf, valuesOf } from '../flags.ts';

/** How long a fault without a file is held unless told otherwise, in milliseconds: there is no for ever. */
const DEFAULT_TTL = 60_000;
const ONLY_ROUTE = 'here';

export interface InjectOptions {
  readonly target?: string;
  readonly ttl: number;
  readonly plan?: true;
  readonly yaml?: true;
}
type Given = InjectOptions & Readonly<Record<string, unknown>>;

/** What a route of a one-liner may say; its name and protocol follow from the fault. */
const routeFields = (): readonly Field[] =>
  fieldsOf(routeShape).filter(({ name }) => name !== 'name' && name !== 'protocol');
const TARGET = 'target';

/** `firebreak inject TYPE`: one fault without a file, its flags taken from the manifest of its type. */
export const inject: CommandGroup = {
  name: 'inject',
  summary: 'inject one fault without a file, for a limited time',
  commands: () => Object.values(manifests).map((manifest) => commandFor(manifest as FaultManifest)),
};

function commandFor(manifest: FaultManifest): CommandSpec<Given> {
  const fields = fieldsOf(manifest.params.shape).filter(({ part }) => part !== 'idle');
  const wire = manifest.layer === 'wire';
  const head = exampleOf(manifest);
  return {
    usage: manifest.type,
    summary: manifest.summary.replace(/\.$/, '').replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase()),
    details: `The flags are the fields of a policy of type ${manifest.type}, with dashes. Holds the fault in this process and puts everything back when the time is over, on Ctrl-C, on \`firebreak halt\`, or when this process dies.${wire ? ' Traffic is struck that goes through --listen.' : ''}`,
    examples: [
      [`${head} --plan`, 'what would happen; changes nothing'],
      [`${head} --yaml`, 'the same as a file, to go on from'],
    ],
    options: (command) => {
      command.option('--target <text>', manifest.target.help);
      for (const field of fields) command.addOption(optionOf(field));
      if (wire) for (const field of routeFields()) command.addOption(optionOf(field.name === 'listen' ? { ...field, fallback: '127.0.0.1:0' } : field));
      return command
        .addOption(new Option('--ttl <d>', 'how long to hold it; there is no for ever').argParser(duration).default(DEFAULT_TTL, '1m'))
        .option('--plan', 'show what would happen, with its undo; change nothing')
        .option('--yaml', 'print the file that says the same, and change nothing');
    },
    act: (cli, _args, given) => injectOne(cli, manifest, given, fields),
  };
}

/** A command that does something. */
function exampleOf(manifest: FaultManifest): string {
  const flags = Object.entries(manifest.example ?? {}).map(([name, value]) => ` ${flagOf(name)} ${value}`);
  const route = manifest.layer === 'wire' ? ' --upstream 127.0.0.1:8080' : '';
  return `firebreak inject ${manifest.type}${route}${manifest.target.required ? ` --target ${quoted(manifest.target.example)}` : ''}${flags.join('')}`;
}

/** Runs one policy made of flags. @throws FirebreakError `usage` naming the flag that is wrong. */
export async function injectOne(cli: Parameters<typeof holdUntilOver>[0], manifest: FaultManifest, given: Given, fields: readonly Field[] = fieldsOf(manifest.params.shape)): ReturnType<typeof holdUntilOver> {
  const text = fileOf(manifest, given, fields);
  if (given.yaml === true) {
    cli.show({ yaml: text }, () => text.trimEnd());
    return EXIT.held;
  }
  const source = { text, file: 'the command line' };
  return given.plan === true ? await showPlan(cli, { ...source, overrides: {} }, given.ttl) : await holdUntilOver(cli, source, given.ttl);
}

/** The Firebreak file that says what the flags say. */
function fileOf(manifest: FaultManifest, given: Given, fields: readonly Field[]): string {
  const params = valuesOf(fields, manifest.params.shape, given);
  const target = given.target ?? '';
  checkTarget(manifest, target);
  for (const { field, message, hint } of manifest.check?.(manifest.params.parse(params)) ?? []) throw usage(`${flagOf(field)}: ${message}`, hint);
  const wire = manifest.layer === 'wire';
  const route = wire ? valuesOf(routeFields(), routeShape, given) : {};
  if (wire && route['upstream'] === undefined) throw usage(`--upstream is missing: where the traffic goes on to`, 'such as --upstream 127.0.0.1:8080');
  if (manifest.noop(manifest.params.parse(params))) throw usage(`this would do nothing: no flag says what a fault of type ${manifest.type} is to do`, `such as ${exampleOf(manifest)}`);
  const spoken = protocol.safeParse(manifest.type);
  return stringify({
    version: 1,
    ...(wire && {
      routes: [{ name: ONLY_ROUTE, protocol: spoken.success ? spoken.data : 'tcp', listen: '127.0.0.1:0', ...(manifest.type === 'tls' && { terminate_tls: true }), ...inSnake(route) }],
    }),
    policies: [{ name: manifest.type, type: manifest.type, ...(wire && { route: ONLY_ROUTE }), ...(target !== '' && { target }), ...inSnake(params) }],
  });
}

function checkTarget(manifest: FaultManifest, target: string): void {
  if (target === '' && manifest.target.required) throw usage(`--${TARGET} is missing: ${manifest.target.help}`, `such as --${TARGET} ${quoted(manifest.target.example)}`);
  if (target === '') return;
  const shape = policyShape.target.safeParse(target);
  const wrong = shape.success ? manifest.target.check?.(target) : { message: shape.error.issues[0]?.message ?? 'expected a target', hint: manifest.target.help };
  if (wrong !== undefined) throw usage(`--${TARGET}: ${wrong.message}`, wrong.hint);
}

function inSnake(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [snake(name), value]));
}
/** As a shell takes it. */
function quoted(text: string): string {
  return /^[\w:./,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
const usage = (message: string, hint: string): FirebreakError =>
  new FirebreakError('usage', message, { hint, exitCode: EXIT.usage });
