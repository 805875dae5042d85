import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadText } from './load.ts';

/**
 * Broken files. The mark ¦ stands where the finding must be placed and is taken out before loading; the first pattern
 * must match the message, the second the remedy. A case is the whole file, or a part that a frame below completes.
 */
type Case = readonly [name: string, source: string, message: RegExp, hint: RegExp];

const policy = (fields: string): string => `version: 1\npolicies:\n  - { name: a, type: http, target: /a }\n  - ${fields}\n`;
const names = (fields: string): string => route(`{ name: b, protocol: tcp, listen: "127.0.0.1:1", upstream: "h:1", upstreams_by_name: ${fields} }`);
const route = (fields: string): string => `version: 1\nroutes:\n  - { name: pay, protocol: http, listen: "127.0.0.1:7101", upstream: "127.0.0.1:7201" }\n  - ${fields}\n`;
const probe = (fields: string): string => `version: 1
experiment:
  hypothesis: It holds.
  duration: 1m
  steady_state:
    - { name: shop, expect: p99 < 800, probe: ${fields} }
`;
const experiment = (lines: string): string => `version: 1\nexperiment:\n${lines}`;
const CHECKS = '  steady_state: [{ name: shop, expect: p99 < 800, probe: { type: http, url: "http://127.0.0.1/" } }]\n';
const HEAD = '  hypothesis: It holds.\n  duration: 1m\n';

const SYNTAX: readonly Case[] = [
  ['an empty file', '¦', /file is empty/, /version: 1/],
  ['only comments', '¦# nothing\n# at all\n', /file is empty/, /version: 1/],
  ['a list at the top', '¦- a\n- b\n', /expected a mapping of fields, found a list of 2/, /version/],
  ['a text at the top', '¦just text\n', /found the text "just text"/, /version/],
  ['a tab as indentation', 'version: 1\npolicies:\n¦\t- { type: http }\n', /found a tab/, /spaces/],
  ['an open quote', 'version: 1\nname: "abc¦', /closing/, /close the quote/],
  ['an open bracket', 'version: 1\nroutes: [ {name: a}¦', /flow sequence.*end with a \]/, /close the bracket/],
  ['two mappings on one line', 'version: 1\nname: ¦a: b\n', /one line/, /quotes/],
  ['a second document', 'version: 1\n¦---\nversion: 1\n', /one document/, /---/],
  ['a duplicate key at the top', 'version: 1\nseed: 1\n¦seed: 2\n', /seed again/, /remove one/],
  ['a duplicate key in a policy', policy('{ type: http, target: /a, ¦type: sql }'), /type again/, /remove one/],
  ['an anchor', 'version: 1\npolicies: ¦&all []\n', /anchor &all/, /write the value out/],
  ['an alias', 'version: 1\nseed: 3\nname: ¦*x\n', /alias \*x/, /write the value out/],
  ['a tag of its own', 'version: 1\nname: ¦!secret abc\n', /plain value/, /remove it/],
  ['a control character', 'version: 1\nname: a¦\u0007b\n', /control character 0x07/, /UTF-8/],
  ['binary rubbish', '\u007fELF\u0002\u0001'.replace('\u007f', '¦\u007f'), /control character 0x7f/, /binary/],
  ['nesting without end', `¦${'['.repeat(5_000)}`, /levels of nesting/, /bracket/],
  ['nesting too deep', `version: 1\nname: ${'['.repeat(31)}¦[x]${']'.repeat(31)}\n`, /at most 32 levels/, /bracket/],
  ['a bad escape', 'version: 1\nname: "a¦\\q"\n', /expected plain text/, /single quotes/],
  ['windows line ends', 'version: 1\r\nname: a\r\nseed: ¦-1\r\n', /from 0 to 2147483647/, /seed: 42/],
  ['a byte order mark', '\uFEFFversion: ¦2\n', /expected 1, found 2/, /version: 1/],
];

const TOP: readonly Case[] = [
  ['no version', '¦name: a\n', /version: expected a value, found nothing/, /version: 1/],
  ['version 2', 'version: ¦2\n', /expected 1, found 2/, /version: 1/],
  ['a version in quotes', 'version: ¦"1"\n', /found the text "1"/, /version: 1/],
  ['an unknown key', 'version: 1\n¦polices: []\n', /found polices/, /did you mean policies/],
  ['a key from further down', 'version: 1\n¦steady_state: []\n', /known field/, /belongs under experiment/],
  ['an experiment field at the top', 'version: 1\n¦duration: 10m\n', /found duration/, /belongs under experiment/],
  ['a capital', 'version: 1\n¦Seed: 1\n', /found Seed/, /did you mean seed/],
  ['a seed too large', 'version: 1\nseed: ¦2147483648\n', /2147483647, found 2147483648/, /seed: 42/],
  ['a seed that is no whole number', 'version: 1\nseed: ¦1.5\n', /whole number/, /seed: 42/],
  ['a warm-up of more than a day', 'version: 1\nwarmup_duration: ¦24h1s\n', /0s to 24h/, /10s/],
  ['a warm-up without unit', 'version: 1\nwarmupDuration: ¦10\n', /duration .*found 10$/, /warmupDuration: 10s/],
  ['a range for a duration', 'version: 1\nwarmup_duration: ¦1s-2s\n', /"1s-2s"/, /10s/],
  ['yes for true', 'version: 1\nenable_default_ignored: ¦yes\n', /true or false, found the text "yes"/, /true/],
  ['an unknown protocol to ignore', 'version: 1\nignored_commands:\n  ¦postgres: [A]\n', /found postgres/, /sql/],
  ['a command instead of a list', 'version: 1\nignored_commands:\n  redis: ¦PING\n', /list of prefixes/, /redis: \[/],
  ['an empty prefix', 'version: 1\nignored_commands: { sql: [A, ¦""] }\n', /sql\[1\]: .*empty text/, /prefix/],
  ['routes as a mapping', 'version: 1\nroutes: ¦{ name: a }\n', /expected a list/, /dash/],
  ['policies as a text', 'version: 1\npolicies: ¦all\n', /expected a list, found the text "all"/, /dash/],
];

const ROUTES: readonly Case[] = [
  ['a route that is a text', route('¦payments'), /mapping of fields/, /upstream/],
  ['a route without upstream', route('¦{ name: b, protocol: http, listen: "127.0.0.1:1" }'), /upstream: .*required/, /upstream: "127/],
  ['a name with a space', route('{ name: ¦a b, protocol: http, listen: "127.0.0.1:1", upstream: "h:1" }'), /letters, digits/, /payments/],
  ['a second route of that name', route('{ name: ¦pay, protocol: http, listen: "127.0.0.1:1", upstream: "h:1" }'), /line 3/, /another name/],
  ['a second route at that address', route('{ name: b, protocol: http, listen: ¦"127.0.0.1:7101", upstream: "h:1" }'), /line 3/, /another listen/],
  ['an unknown protocol', route('{ name: b, protocol: ¦https, listen: "127.0.0.1:1", upstream: "h:1" }'), /expected http, grpc/, /protocol: http/],
  ['listen without port', route('{ name: b, protocol: http, listen: ¦localhost, upstream: "h:1" }'), /host:port/, /127.0.0.1:7101/],
  ['a port of more than 65535', route('{ name: b, protocol: http, listen: ¦"127.0.0.1:65536", upstream: "h:1" }'), /65535/, /127.0.0.1:7101/],
  ['upstream port 0', route('{ name: b, protocol: http, listen: "127.0.0.1:1", upstream: ¦"h:0" }'), /from 1 to 65535/, /127.0.0.1:7201/],
  ['upstream as a URL', route('{ name: b, protocol: http, listen: "127.0.0.1:1", upstream: ¦"http://h:80" }'), /host:port/, /127.0.0.1:7201/],
  ['an upstream for what is no server name', names('{ "*": ¦"h:443" }'), /server name such as api.example .* as the key/, /10.0.0.5:443/],
  ['an upstream by name without port', names('{ api.example: ¦h }'), /upstreams_by_name.api.example: .*host:port/, /10.0.0.5:443/],
  ['a name twice, but for capitals', names('¦{ api.example: "h:1", API.example: "h:2" }'), /each name once.*api.example, API.example/, /remove one/],
  ['an upstream by name that is the route', names('¦{ api.example: "127.0.0.1:1" }'), /another address than listen for api.example/, /call itself/],
  ['upstreams by name of what is opened', names('¦{ api.example: "h:1" }, terminate_tls: true'), /expected no terminate_tls beside it/, /a route of its own/],
  ['names refused without names', route('{ name: b, protocol: tcp, listen: "127.0.0.1:1", upstream: "h:1", refuse_other_names: ¦true }'), /upstreams_by_name with it/, /add upstreams_by_name/],
  ['a route into itself', route('{ name: b, protocol: http, listen: "127.0.0.1:1", upstream: ¦"127.0.0.1:1" }'), /another address than listen/, /call itself/],
];

const POLICIES: readonly Case[] = [
  ['a policy that is a text', policy('¦slow'), /expected a policy, found the text "slow"/, /type: http/],
  ['no type', policy('¦{ target: /a }'), /type: .*required/, /http, grpc/],
  ['an unknown type', policy('{ type: ¦htpp, target: /a }'), /found the text "htpp"/, /did you mean http/],
  ['a type that is nothing like one', policy('{ type: ¦volcano, target: /a }'), /"volcano"/, /the types are http/],
  ['a type with the name of a built-in', policy('{ type: ¦constructor, target: /a }'), /"constructor"/, /the types are http/],
  ['no target', policy('¦{ type: http }'), /target: .*required/, /\/charge\*/],
  ['an empty target', policy('{ type: kafka, target: ¦"" }'), /expected a target/, /orders/],
  ['a misspelt field', policy('{ type: http, target: /a, ¦latency_chanse: 1 }'), /latency_chanse/, /did you mean latency_chance/],
  ['dashes in a field', policy('{ type: http, target: /a, ¦error-chance: 1 }'), /error-chance/, /did you mean error_chance/],
  ['a field of another type', policy('{ type: http, target: /a, ¦cpu_cores: 1 }'), /cpu_cores/, /field of resource, not of http/],
  ['a field of no type', policy('{ type: http, target: /a, ¦frobnicate: 1 }'), /frobnicate/, /the fields here are/],
  ['a chance above 1', policy('{ type: http, target: /a, latency_chance: ¦1.01 }'), /0 to 1, found 1.01/, /0\.3/],
  ['a chance below 0', policy('{ type: http, target: /a, error_chance: ¦-0.1 }'), /0 to 1, found -0.1/, /0\.3/],
  ['a chance in percent', policy('{ type: http, target: /a, error_chance: ¦50% }'), /0 to 1, found the text "50%"/, /error_chance: 0\.3/],
  ['a chance that is no number', policy('{ type: http, target: /a, error_chance: ¦.nan }'), /0 to 1, found NaN/, /0\.3/],
  ['a delay of more than an hour', policy('{ type: http, target: /a, latency_duration: ¦61m }'), /0s to 1h/, /500ms/],
  ['a delay below zero', policy('{ type: http, target: /a, latencyDuration: ¦-1s }'), /0s to 1h.*"-1s"/, /latencyDuration: 500ms/],
  ['an http status of 600', policy('{ type: http, target: /a, error_code: ¦600 }'), /100 to 599, or 0 for 500, found 600/, /error_code/],
  ['an http status of 99', policy('{ type: http, target: /a, error_code: ¦99 }'), /100 to 599/, /error_code: 500/],
  ['a gRPC status of 17', policy('{ type: grpc, target: /s/M, error_code: ¦17 }'), /0 to 16, found 17/, /error_code: 14/],
  ['a header with a list', policy('{ type: http, target: /a, match_headers: { x: ¦[1] } }'), /match_headers\.x: .*list of 1/, /x-canary/],
  ['headers where there are none', policy('{ type: redis, target: get, match_headers: ¦{ x: y } }'), /carry none/, /Must be empty/],
  ['drop as a number', policy('{ type: http, target: /a, drop_connection: ¦1 }'), /true or false, found 1/, /true/],
  ['an unknown stream mode', policy('{ type: grpc, target: all, stream_roll_mode: ¦per-message }'), /per-call, per-frame, stream/, /per-call/],
  ['too high a threshold', policy('{ type: resource, throttle_threshold: ¦10000001 }'), /10000000, found 10000001/, /CPU/],
  ['more memory than allowed', policy('{ type: resource, ramChunkMB: ¦4097 }'), /4096, found 4097/, /ramChunkMB/],
  ['an SQL pattern that is none', policy('{ type: sql, target: ¦"SELECT (" }'), /regular expression/, /escape/],
  ['a process selector that is none', policy('{ type: process, target: ¦"colour:red" }'), /target/, /name:nginx/],
  ['fields that do not go together', policy('{ type: process, target: "name:x", jitter: ¦0.5 }'), /interval to vary/, /set interval/],
  ['a name twice', policy('{ name: ¦a, type: http, target: /b }'), /line 3/, /another name/],
  ['a route for a fault of the machine', policy('{ type: resource, cpu_load: 1, route: ¦pay }'), /not on traffic/, /remove the field route/],
];

const EXPERIMENTS: readonly Case[] = [
  ['an experiment of nothing', 'version: 1\nexperiment: ¦\n', /mapping of fields, found nothing/, /hypothesis/],
  ['no hypothesis', `version: 1\n¦experiment:\n  duration: 1m\n${CHECKS}`, /hypothesis: .*required/, /believe/],
  ['an empty hypothesis', experiment(`  hypothesis: ¦""\n  duration: 1m\n${CHECKS}`), /expected a sentence/, /believe/],
  ['no duration', `version: 1\n¦experiment:\n  hypothesis: It holds.\n${CHECKS}`, /duration: .*required/, /duration: 10m/],
  ['a duration of 0', experiment(`  hypothesis: It holds.\n  duration: ¦0s\n${CHECKS}`), /"0s"/, /duration: 10m/],
  ['a blast radius of 6', experiment(`${HEAD}${CHECKS}  blast_radius: ¦6\n`), /1 to 5, found 6/, /region/],
  ['no steady state', `version: 1\n¦experiment:\n${HEAD}`, /at least one check/, /measures nothing/],
  ['an empty steady state', experiment(`${HEAD}  ¦steady_state: []\n`), /at least one check/, /measures nothing/],
  ['a check without probe', experiment(`${HEAD}  steady_state: [¦{ name: a, expect: p99 < 1 }]\n`), /probe: .*required/, /type: http/],
  ['an unknown probe', probe('{ type: ¦htttp, url: "http://h/" }'), /http or prometheus/, /did you mean http/],
  ['a probe with the name of a built-in', probe('{ type: ¦constructor, url: "http://h/" }'), /http or prometheus/, /write type: http/],
  ['a probe without type', probe('¦{ url: "http://h/" }').replace('probe: ¦', '¦probe: '), /type: .*required/, /type: prometheus/],
  ['a field of the other probe', probe('{ type: http, url: "http://h/", ¦query: up }'), /field of a http probe/, /fields are type, url/],
  ['a URL without scheme', probe('{ type: http, url: ¦"127.0.0.1:80/" }'), /begins with http/, /route:\/\/NAME/],
  ['a route that is not there', probe('{ type: http, url: ¦"route://pay/x" }'), /name of a route/, /no routes/],
  ['a poll too often', probe('{ type: http, url: "http://h/", every: ¦10ms }'), /50ms to 1h/, /every: 500ms/],
  ['a method of no use', probe('{ type: http, url: "http://h/", method: ¦BREW }'), /expected GET/, /method: GET/],
  ['a status that is none', probe('{ type: http, url: "http://h/", status: [200, ¦2yy] }'), /status\[1\]: .*2xx/, /2xx/],
  ['a Prometheus probe without query', probe('¦{ type: prometheus, url: "http://h/" }').replace('probe: ¦', '¦probe: '), /query: .*required/, /PromQL/],
  ['an unknown figure', experiment(`${HEAD}${CHECKS}  abort: { when: p50 > 1 && ¦sucess_rate < 0.9 }\n`), /no figure sucess_rate/, /did you mean success_rate/],
  ['a unit in a condition', experiment(`${HEAD}${CHECKS}  abort: { when: p99 > 800¦ms }\n`), /Unexpected character/, /no units/],
  ['a condition that stops short', experiment(`${HEAD}${CHECKS}  abort: { when: "p99 >¦" }\n`), /ends too early/, /success_rate/],
  ['a condition that is a number', experiment(`${HEAD}${CHECKS}  abort: { when: ¦p99 * 2 }\n`), /true or false, found a number/, /compare it/],
  ['a condition that never changes', experiment(`${HEAD}${CHECKS}  abort: { when: ¦1 < 2 }\n`), /could never change/, /figures are/],
  ['a division that drops the rest', experiment(`${HEAD}${CHECKS}  abort: { when: success_rate < ¦95/100 }\n`), /drops the rest/, /0\.95/],
  ['an abort without condition', experiment(`${HEAD}${CHECKS}  abort: ¦{ for: 3s }\n`).replace('abort: ¦', '¦abort: '), /when: .*required/, /CEL/],
  ['too long a wait before the abort', experiment(`${HEAD}${CHECKS}  abort: { when: p99 > 1, for: ¦2h }\n`), /0s to 1h/, /for: 3s/],
];

function placeOf(marked: string): { source: string; line: number; column: number } {
  const before = marked.slice(0, marked.indexOf('¦')).replace('\uFEFF', '').split('\n');
  return { source: marked.replace('¦', ''), line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

for (const [section, cases] of Object.entries({ SYNTAX, TOP, ROUTES, POLICIES, EXPERIMENTS })) {
  test(`${section.toLowerCase()}: ${cases.length} broken files, each finding at its place with a remedy`, () => {
    for (const [name, marked, message, hint] of cases) {
      const { source, line, column } = placeOf(marked);
      const result = loadText(source, 'broken.yaml');
      assert.ok(!result.ok, `${name}: was accepted`);
      const [issue, ...others] = result.issues;
      assert.deepEqual([issue?.file, issue?.line, issue?.column], ['broken.yaml', line, column], `${name}: ${JSON.stringify(result.issues)}`);
      assert.match(issue?.message ?? '', message, name);
      assert.match(issue?.hint ?? '', hint, name);
      assert.deepEqual(others, [], `${name}: one fault, one finding`);
    }
  });
}
