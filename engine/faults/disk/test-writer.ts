import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { markOf } from '../../host/spawn.ts';

/** A program of the tests' own that does not hide what the kernel says of a write, as Node and most tools do: they write the rest. */
export interface Writer extends AsyncDisposable {
  readonly pid: number;
  /**
   * Writes 1000 bytes so often to the end of its file, which it has open. @param born by a child that it starts for that.
   * @returns what the kernel took of each.
   */
  writes(times: number, born?: boolean): Promise<readonly number[]>;
  /** Goes on in another file. */
  turnsTo(file: string): Promise<void>;
}

const SOURCE = `
open(my $file, '>>', $ARGV[0]) or die;
$| = 1;
print "[]\\n";
while (my $line = <STDIN>) {
  if ($line =~ m{^(/.*)}) { open($file, '>>', $1) or die; print "[]\\n"; next; }
  my ($times, $born) = $line =~ /^(\\d+)( born)?/;
  if ($born && fork()) { wait; next; }
  my @taken;
  push @taken, (syswrite($file, 'x' x 1000) // -1) for 1 .. $times;
  print '[', join(',', @taken), "]\\n";
  exit if $born;
}`;

/** Why there is none, or false. */
export function noWriter(): string | false {
  try {
    execFileSync('perl', ['-e', '1'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'perl is not installed';
  }
}

export async function startWriter(file: string): Promise<Writer> {
  const child = spawn('perl', ['-e', SOURCE, file, markOf('writer', '', true)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<readonly number[]> => {
    const { value, done } = await answers.next();
    if (done === true) throw new Error('the writer ended');
    return JSON.parse(String(value)) as number[];
  };
  const told = (line: string): Promise<readonly number[]> => {
    child.stdin.write(`${line}\n`);
    return answer();
  };
  await answer();
  return {
    pid: child.pid as number,
    writes: (times, born = false) => told(`${times}${born ? ' born' : ''}`),
    turnsTo: async (file) => void (await told(file)),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
