import { type Validation } from '../../contract/api.ts';
import { EXIT, FirebreakError } from '../../kernel/errors.ts';
import { type CommandSpec } from '../cli.ts';
import { finding } from '../render/problem.ts';
import { type Style } from '../render/style.ts';
import { plural } from '../render/words.ts';
import { readSource } from '../values.ts';

type Checked = { readonly file: string } & Validation;

export const validate: CommandSpec = {
  usage: 'validate <file...>',
  summary: 'check files, and show every error at once with its place and remedy',
  details: 'Reads pastaay v1 policy files as well. `-` reads standard input. Exit code 2 when any file has an error.',
  examples: [
    ['firebreak validate checkout.yaml', 'check one file'],
    ['firebreak validate experiments/*.yaml --json', 'check many, for a pipeline'],
  ],
  act: async (cli, files) => {
    await using session = await cli.observe();
    const checked: Checked[] = [];
    for (const file of files) {
      try {
        checked.push({ file, ...(await session.client.query('validate', await readSource(file), cli.signal)) });
      } catch (error) {
        // One unreadable file must not hide what is wrong in the others.
        if (!(error instanceof FirebreakError) || error.code !== 'unreadable-file') throw error;
        checked.push({ file, ok: false, issues: [{ file, line: 0, column: 0, path: '', message: error.message, hint: error.hint }] });
      }
    }
    cli.show(checked, () => checked.map((one) => text(one, cli.style)).join('\n'));
    return checked.every(({ ok }) => ok) ? EXIT.held : EXIT.usage;
  },
};

function text(checked: Checked, style: Style): string {
  if (!checked.ok) {
    const findings = checked.issues.map((issue) => `  ${finding(style, issue)}`);
    return [`${style.red('✗')} ${checked.file}: ${plural(checked.issues.length, 'error')}`, ...findings].join('\n');
  }
  const { policies, routes, experiment } = checked.summary;
  const what = [plural(policies.length, 'policy', 'policies'), plural(routes.length, 'route'), experiment === null ? 'no experiment' : 'an experiment'];
  const { score, level, issues } = checked.guard;
  const remarks = issues.map(({ policy, message }) => `  ${style.yellow('!')} ${policy === '' ? '' : `${policy}: `}${message}`);
  return [`${style.green('✓')} ${checked.file}: ${what.join(', ')}; guard ${level} (${score} of 100)`, ...remarks].join('\n');
}
