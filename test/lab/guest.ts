import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cpio } from './cpio.ts';

/**
 * A Debian machine of its own in an emulator, with a kernel that has what many test machines lack (netem). Everything in it
 * lies in memory: Node, the tools named, and this project under /firebreak, without its types. Slow (nothing is accelerated), but real.
 */
export interface Guest extends AsyncDisposable {
  /** Runs a line of shell as root. Rejects when it has not ended after `within` ms. */
  run(line: string, within?: number): Promise<{ readonly code: number; readonly out: string }>;
  /** Cuts the power. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface GuestOptions {
  /** Programs of this machine that the guest gets as well, by name. */
  readonly programs?: readonly string[];
  /** Packages of node_modules, with all that they depend on. */
  readonly packages?: readonly string[];
  /** Further files of this machine that the guest gets, at the same place. */
  readonly files?: readonly string[];
  /**
   * Lines of shell with which process 1 goes on, so that it may become another program; commands are then taken by a process
   * beside it, at once. By default process 1 itself takes them.
   */
  readonly boot?: string;
  /** Files that are the guest's disks /dev/vda, /dev/vdb ... in this order, and outlive it. */
  readonly disks?: readonly string[];
}

const lab = join(process.env['FIREBREAK_LAB'] ?? join(homedir(), '.cache/firebreak-lab'), 'guest');
const root = join(import.meta.dirname, '../..');
/** The guest's kernel, and Node in it, take about 10 s to start here; a busy machine takes longer. Milliseconds. */
const BOOT_WITHIN = 120_000;

/** For `skip` of a test: why there is no guest here, or false. */
export function guestMissing(): string | false {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the guest is for Linux on x86-64';
  if (!existsSync(join(lab, 'vmlinuz'))) return 'there is no kernel for the guest (test/lab/install-guest.sh)';
  const missing = ['qemu-system-x86_64', 'busybox'].filter((name) => programPath(name) === undefined);
  return missing.length > 0 && `${missing.join(' and ')} is missing (apt install qemu-system-x86 busybox-static)`;
}

/** Boots a guest; resolves when it takes commands. */
export async function bootGuest({ disks = [], ...contents }: GuestOptions = {}): Promise<Guest> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-guest-'));
  const initrd = join(folder, 'initrd');
  await build(initrd, contents);
  const child = spawn(
    'qemu-system-x86_64',
    [
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
      '-accel',
      'tcg',
      '-cpu',
      'max',
      '-m',
      '1024',
      '-smp',
      '2',
      '-kernel',
      join(lab, 'vmlinuz'),
      '-initrd',
      initrd,
      '-append',
      'console=ttyS0 quiet panic=-1 random.trust_cpu=on',
      '-serial',
      `file:${join(folder, 'console')}`,
      '-chardev',
      'stdio,id=line,signal=off',
      '-serial',
      'chardev:line',
      ...disks.flatMap((disk) => ['-drive', `file=${disk},if=virtio,format=raw,cache=writethrough`]),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let errors = '';
  let text = '';
  let look = (): void => {};
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (errors += piece));
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece.replaceAll('\r', '');
    look();
  });
  child.stdin.on('error', () => {});
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const console_ = (): string =>
    existsSync(join(folder, 'console')) ? readFileSync(join(folder, 'console'), 'utf8').slice(-2_000) : '';

  /** What is said up to a line that begins with `mark`; that line's rest comes second. */
  const until = (mark: string, within: number): Promise<[string, string]> =>
    new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`the guest ${why}: ${text.slice(-2_000)} ${errors} ${console_()}`));
      const timer = setTimeout(() => fail(`did not answer within ${within} ms`), within);
      look = () => {
        const match = new RegExp(`^([^]*?)${mark}(.*)\n`).exec(text);
        if (match === null) return;
        clearTimeout(timer);
        text = text.slice(match[0].length);
        resolve([match[1] ?? '', match[2] ?? '']);
      };
      void gone.then(() => {
        clearTimeout(timer);
        fail('has ended');
      });
      look();
    });

  let count = 0;
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('@ready', BOOT_WITHIN);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    run: async (line, within = 60_000) => {
      // The guest takes one at a time, each up to the end of its line.
      if (line.includes('\n')) throw new Error(`no line of shell: ${line}`);
      child.stdin.write(`${line}\n`);
      const [out, code] = await until(`@end${++count}`, within);
      return { code: Number(code), out: out.replace(/\n$/, '') };
    },
    [Symbol.asyncDispose]: end,
  };
}

/**
 * Commands come over the second serial line, so that what the kernel says does not come between. Each has a shell of its own:
 * one that cannot be read ends that shell, says so, and nothing else.
 */
const init = (boot: string): string => `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp; mount -t tmpfs run /run
export PATH=/firebreak-bin:/bin HOME=/root TERM=dumb LC_ALL=C
modprobe -a virtio_pci virtio_blk 2>/dev/null
ip link set lo up
commands() {
  stty raw -echo </dev/ttyS1
  exec </dev/ttyS1 >/dev/ttyS1 2>&1
  echo @ready
  count=0
  while IFS= read -r line; do
    (eval "$line") 2>&1 </dev/null
    code=$?
    count=$((count + 1))
    echo; echo "@end$count $code"
  done
}
${boot === '' ? 'commands' : `commands &\n${boot}`}
`;

async function build(
  path: string,
  { programs = [], packages = [], files = [], boot = '' }: GuestOptions,
): Promise<void> {
  using archive = new Cpio(path);
  for (const folder of ['proc', 'sys', 'tmp', 'run', 'root', 'mnt', 'sbin', 'var', 'etc']) archive.folder(folder);
  archive.device('dev/console', 5, 1);
  archive.file('bin/busybox', programPath('busybox') ?? '', true);
  // The kernel looks for it here when it wants a module.
  archive.link('sbin/modprobe', '/bin/busybox');
  archive.file('init', Buffer.from(init(boot)), true);
  archive.file('etc/passwd', Buffer.from('root:x:0:0::/root:/bin/sh\n'));
  archive.file('etc/hosts', Buffer.from('127.0.0.1 localhost\n::1 localhost\n'));
  const version = readFileSync(join(lab, 'version'), 'utf8').trim();
  await tree(archive, join(lab, 'modules'), 'lib/modules');
  archive.link(`lib/modules/${version}/build`, '/');
  const libraries = new Set<string>();
  const add = (program: string, name: string): void => {
    archive.file(`firebreak-bin/${name}`, program, true);
    for (const library of librariesOf(program)) libraries.add(library);
  };
  add(realpathSync(process.execPath), 'node');
  for (const name of programs) {
    const program = programPath(name);
    if (program === undefined) throw new Error(`the guest needs ${name}, which is not on this machine`);
    add(program, name);
  }
  for (const file of [...libraries, ...files]) archive.file(file.slice(1), file, true);
  for (const folder of ['engine', 'assets/systemd']) await tree(archive, join(root, folder), `firebreak/${folder}`);
  for (const folder of ['support', 'crash'])
    await tree(archive, join(root, 'test', folder), `firebreak/test/${folder}`);
  for (const file of ['package.json', 'test/reporter.mjs']) archive.file(`firebreak/${file}`, join(root, file));
  for (const name of closureOf(['zod', ...packages]))
    await tree(archive, join(root, 'node_modules', name), `firebreak/node_modules/${name}`);
}

async function tree(archive: Cpio, from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), `${to}/${entry.name}`];
    if (entry.isDirectory()) await tree(archive, source, target);
    else if (
      entry.isFile() &&
      /(?<!\.d)\.ts$|\.mjs$/.test(source) &&
      to.startsWith('firebreak/') &&
      !to.includes('node_modules')
    )
      archive.file(target.replace(/\.ts$/, '.js'), plain(source), source.endsWith('.mjs'));
    else if (entry.isFile()) archive.file(target, source, (statSync(source).mode & 0o100) !== 0);
  }
}

/** Types are removed here already, with the imports that were of nothing else: in an emulator that takes Node seconds at each start. */
function plain(path: string): Buffer {
  const text = stripTypeScriptTypes(readFileSync(path, 'utf8'));
  return Buffer.from(
    text.replaceAll(/^import\s*\{\s*(,\s*)*\}\s*from\s*'[^']*';/gm, '').replaceAll(/\.ts(?=['"`])/g, '.js'),
  );
}

/** A package with all that it depends on and that is installed. */
function closureOf(names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const manifest = join(root, 'node_modules', name, 'package.json');
    if (found.has(name) || !existsSync(manifest)) return;
    found.add(name);
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<
      string,
      Record<string, string> | undefined
    >;
    for (const one of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]) visit(one);
  };
  names.forEach(visit);
  return found;
}

/** The shared libraries that a program needs, as the loader finds them here. */
function librariesOf(program: string): readonly string[] {
  const text = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...text.matchAll(/(?:=> )?(\/\S+) \(0x/g)]
    .map(([, path]) => path as string)
    .filter((path) => existsSync(path));
}

function programPath(name: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(':'),
    '/usr/sbin',
    '/sbin',
    '/usr/bin',
    '/bin',
    '/lib/systemd',
  ].filter((folder) => folder !== '');
  const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate));
  return path === undefined ? undefined : realpathSync(path);
}
