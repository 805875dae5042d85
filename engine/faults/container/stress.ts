import { FirebreakError } from '../../kernel/errors.ts';
import { availableMB, reserveMB } from '../../host/memory-facts.ts';
import { commandsIn, execState, inspect, prepareExec, readStats } from '../../host/containers.ts';
import { usableCores } from '../../host/cpu.ts';
import { type Deed, figure, type Hands, type Live, type Subject } from './deed.ts';

/**
 * A load from inside the container, by its own shell, so that it counts as the application's. Its arguments are: mark, loops,
 * MB, seconds. It ends when its input does, which is when Firebreak is gone; after its time; or by SIGTERM. Each shell waits
 * for what it has started: the first process of many containers is no init, and what it inherits would stay as a zombie.
 * `dd` holds its block as long as nobody reads its output.
 */
const LOAD = `
exec 3<&0 </dev/null
n=$1; all=; me=$$
until [ "$n" -le 0 ]; do
  ( trap exit TERM; while :; do :; done ) & all="$all $!"
  n=$((n-1))
done
if [ "$2" -gt 0 ]; then
  dd if=/dev/zero bs="$2"M count=1 2>/dev/null | ( trap exit TERM; read -r _ <&3 ) & all="$all $!"
fi
( trap 'kill "$s" 2>/dev/null; wait; exit' TERM; sleep "$3" & s=$!; wait "$s"; kill "$me" ) & all="$all $!"
( read -r _ <&3 ) & input=$!
trap 'kill $all $input 2>/dev/null; wait; exit' TERM
wait "$input"
kill $all 2>/dev/null; wait`;

/** Ends everything in the container whose command line has the mark, but itself; at first as it would end by itself. */
const END = `
for how in TERM KILL; do
  for d in /proc/[0-9]*; do
    p=\${d#/proc/}; [ "$p" = "$$" ] && continue
    case "$(cat "$d/cmdline" 2>/dev/null)" in *"$0"*) kill -s $how "$p" 2>/dev/null;; esac
  done
  [ $how = KILL ] || sleep 1
done`;

const markOf = (token: string): string => `firebreak-${token}`;
const MB = 1_048_576;
/** The load ends itself so long after the fault should have ended it, in seconds. */
const LATE = 15;
/** How engines tell that a program could not be started. */
const NOT_FOUND = new Set([126, 127]);
/** Less than this share of what was asked is no load: a busy machine may give little, but not nothing. */
const SOME = 0.1;

export const stressing: Deed<'stress'> = {
  prepare: async (_hands, container, { memoryMB }, token) => {
    const free = Math.max(0, Math.floor(availableMB() - reserveMB()));
    if (memoryMB > free && container.HostConfig.Memory <= 0) {
      throw new FirebreakError('container-memory', `${memoryMB} MB would leave this machine too little: ${free} MB can be taken`, { hint: 'ask for less, or give the container a memory limit' });
    }
    return { kind: 'stress', token, exec: '' };
  },
  act: async ({ api, clock }, subject, _container, live) => {
    const { workers, memoryMB } = live.params;
    await sample({ api, clock }, subject, live);
    const seconds = Math.ceil(live.hold / 1_000) + LATE;
    const command = ['sh', '-c', LOAD, markOf(subject.prior.token), String(workers), String(memoryMB), String(seconds)];
    subject.prior.exec = await prepareExec(api, subject.id, command, true);
    live.amend();
    const line = await api.attach(`/exec/${subject.prior.exec}/start`, { Detach: false, Tty: false });
    line.on('error', () => {}).resume();
    // Whoever wants it ended closes this connection, or dies.
    lines.set(subject.prior.exec, line);
    return 'stressed';
  },
  measure: async (hands, subject, live) => {
    const { workers, memoryMB } = live.params;
    const before = live.samples.get(subject.id);
    const now = await sample(hands, subject, live);
    const state = await execState(hands.api, subject.prior.exec);
    const running = state?.running === true;
    const passed = before === undefined ? 0 : now.at - before.at;
    const cores = before === undefined || passed <= 0 ? 0 : (now.value - before.value) / 1e6 / passed;
    const figures = [
      ...(workers > 0 ? [figure(`processor time of ${subject.name}`, 'cores', workers, cores)] : []),
      ...(memoryMB > 0 ? [figure(`memory of ${subject.name}`, 'MB', memoryMB, now.memory / MB)] : []),
    ];
    const loaded = workers === 0 || cores >= SOME * Math.min(workers, usableCores());
    const holds = running && loaded && (memoryMB === 0 || now.memory / MB >= memoryMB * (1 - SOME));
    return { holds, figures, note: !running && NOT_FOUND.has(state?.code ?? 0) ? `${subject.name} has no shell to start a load with` : '' };
  },
  left: async ({ api }, { id, prior: { token, exec } }) => {
    if (exec === '') return '';
    const now = await inspect(api, id);
    if (now?.State.Running !== true) return '';
    if ((await execState(api, exec))?.running === true) return 'stressed';
    return (await marked(api, id, token)) > 0 ? 'stressed' : '';
  },
  undo: async ({ api, clock }, { id, prior: { token, exec } }) => {
    lines.get(exec)?.destroy();
    lines.delete(exec);
    await clock.sleep(50);
    if ((await marked(api, id, token)) === 0) return;
    const killer = await prepareExec(api, id, ['sh', '-c', END, markOf(token)], false);
    const line = await api.attach(`/exec/${killer}/start`, { Detach: false, Tty: false });
    line.on('error', () => {}).resume();
    for (let looks = 0; looks < 100 && (await execState(api, killer))?.running === true; looks++) await clock.sleep(20);
    line.destroy();
  },
};

/** The open inputs of the loads that this process has started, by the id of their command. */
const lines = new Map<string, { destroy(): unknown }>();

const marked = async (api: Hands['api'], id: string, token: string): Promise<number> => (await commandsIn(api, id)).filter((command) => command.includes(markOf(token))).length;

async function sample({ api, clock }: Hands, { id }: Subject<'stress'>, live: Live): Promise<{ at: number; value: number; memory: number }> {
  const { cpu_stats, memory_stats } = await readStats(api, id);
  const now = { at: clock.now(), value: cpu_stats.cpu_usage.total_usage };
  live.samples.set(id, now);
  return { ...now, memory: memory_stats.usage };
}
