import { OWN_MARK, TARGET_MARK } from './spawn.ts';

/** Programs that run scripts: the script says more about a process than they do. */
const INTERPRETER = /^(node|nodejs|bun|deno|tsx|python[\d.]*|pypy[\d.]*|ruby[\d.]*|perl[\d.]*|php[\d.]*|lua[\d.]*|java|dotnet|sh|bash|dash|zsh|ksh|electron)$/;
const SCRIPT = /^([\w@.+-]{1,48})\.(ts|mts|cts|js|mjs|cjs|py|rb|pl|php|lua|jar|dll|sh)$/;
/** Script names that tell nothing without their program. */
const PLAIN = /^(index|main|server|app|run|start|cli|__main__)$/;
/** Options whose value is the next argument and may look like a script. */
const TAKES_VALUE = /^(-r|--require|--import|--loader|--experimental-loader|-C|--env-file|-cp|-classpath|--class-path|-W|-X|-I|-S)$/;

/**
 * What a person would call a process, from its command line: the name of its script, or of its program. Never an
 * argument, for those may be secrets; nor a folder. '' when the command line tells nothing.
 */
export function commandName(argv: readonly string[]): string {
  const mark = argv.find((argument) => argument.startsWith(TARGET_MARK) || argument.startsWith(OWN_MARK)) ?? '';
  const role = mark.slice(mark.indexOf('=') + 1).split(':')[0] ?? '';
  if (role !== '') return clean(role);
  // A process may overwrite its command line with a title, such as `nginx: worker process`.
  const program = baseOf((argv[0] ?? '').split(' ')[0] ?? '').replace(/:$/, '').replace(/^-/, '');
  if (!INTERPRETER.test(program)) return clean(program);
  for (let i = 1; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '-m' && program.startsWith('p')) return clean(argv[i + 1] ?? '') || program;
    if (/^(-e|--eval|-p|--print|-c)$/.test(argument)) return program;
    if (argument === 'run') continue; // deno run, bun run
    if (TAKES_VALUE.test(argument)) i++;
    else if (!argument.startsWith('-')) {
      const script = SCRIPT.exec(baseOf(argument));
      if (script !== null) return PLAIN.test(script[1] ?? '') ? `${program} ${script[0]}` : (script[1] ?? program);
      // `-jar` stands before its value; anything else that is no script is an argument of one without an extension.
      return program;
    }
  }
  return program;
}

const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const clean = (name: string): string => (/^[\w@.+-]+$/.test(name) ? name.slice(0, 64) : '');
