import { type Refused } from './grounds.ts';

/** Plans that must be refused, each with its reason. */
export const REFUSED: readonly Refused[] = [
  // Who must survive.
  { name: 'the first process', policies: () => 'type: process, target: "pid:1"', because: /process 1 .* is the first process of the system/ },
  { name: 'a thread of the kernel', policies: () => 'type: process, target: "pid:2", action: kill', because: /is a thread of the kernel/ },
  { name: 'Firebreak itself', policies: () => `type: process, target: "pid:${process.pid}", allow_last: true`, because: /is this Firebreak/ },
  { name: 'its parent', policies: () => `type: process, target: "pid:${process.ppid}", action: terminate, allow_last: true`, because: /is an ancestor of this Firebreak|first process of the system/ },
  { name: 'calls of Firebreak itself', policies: () => `type: kernel, target: "pid:${process.pid}"`, because: /is this Firebreak/ },
  { name: 'calls of the first process', policies: () => 'type: kernel, target: "pid:1", action: call, calls: read', because: /is the first process of the system/ },
  { name: 'limits on Firebreak itself', policies: () => `type: resource, target: "pid:${process.pid}", memory_limit_mb: 64`, because: /is this Firebreak/ },
  { name: 'the clock of the first process', policies: () => 'type: time, target: "pid:1", offset: 1h', because: /is the first process of the system/ },
  // Whole fleets.
  { name: 'every process', policies: () => 'type: process, target: "name:*"', because: /every process/ },
  { name: 'every process, by its command line', policies: () => 'type: process, target: "cmd://"', because: /every process/ },
  { name: 'every control group', policies: () => 'type: process, target: "group:/"', because: /every process/ },
  { name: 'a whole fleet', policies: ({ fleet }) => `type: process, target: "cmd:${fleet.word}", percentage: 100`, because: /from 0 to 99/ },
  { name: 'the last of a fleet', policies: ({ lone }) => `type: process, target: "cmd:${lone.word}", action: kill`, because: /taking it would leave none/ },
  { name: 'a lone process frozen', policies: ({ lone }) => `type: process, target: "cmd:${lone.word}", action: freeze`, because: /taking it would leave none/ },
  // What two would do to one.
  { name: 'two faults that stop the same', policies: ({ lone }) => ['', ''].map(() => `type: process, target: "pid:${lone.pid}", allow_last: true`), because: /would do the same to process/ },
  { name: 'two that fill the same disk', policies: ({ disk }) => [50, 60].map((percentage) => `type: disk, target: ${disk.path}, action: fill, percentage: ${percentage}, reserve_mb: 1`), because: /would do the same to/ },
  { name: 'two limits on one process', policies: ({ lone }) => [64, 128].map((mb) => `type: resource, target: "pid:${lone.pid}", memory_limit_mb: ${mb}`), because: /would both change \/.* \(the control group of \d+, node\)/ },
  { name: 'connections and names of one process', policies: ({ lone }) => ['type: kernel', 'type: dns, names: api.example.org'].map((one) => `${one}, target: "pid:${lone.pid}"`), because: /would both change \/.* \(the control group of/ },
  { name: 'names for one process and for all', policies: ({ lone }) => [`"pid:${lone.pid}"`, 'host'].map((target) => `type: dns, names: api.example.org, target: ${target}`), because: /each have the questions of the network namespace \d+ in its own way/ },
  { name: 'a process that somebody debugs', policies: ({ traced }) => `type: kernel, target: "pid:${traced.pid}", action: call, calls: read`, because: /is traced by process \d+ already/ },
  { name: 'two that strike the same packets', policies: ({ world }) => ['loss: 0.1', 'loss: 0.5, direction: egress'].map((one) => `type: network, target: "netns:${world.here}/${world.dev}", port: 5432, ${one}`), because: /strikes packets of \w+ that this one would strike too/ },
  { name: 'a rate of all and a rate of some', policies: ({ world }) => ['rate: 1mbit', 'rate: 2mbit, port: 5432'].map((one) => `type: network, target: "netns:${world.here}/${world.dev}", ${one}`), because: /strike too/ },
  // The way back to this room.
  { name: 'the whole loopback interface', policies: () => 'type: network, target: lo, partition: drop', because: /what the programs of this machine say to each other/ },
  { name: 'the loopback addresses', policies: () => 'type: network, target: lo, cidr: 127.0.0.0/8, loss: 1', because: /what the programs of this machine say to each other/ },
  { name: 'the port of SSH', policies: () => 'type: network, target: lo, port: 22, partition: drop', because: /port 22 is .*SSH/ },
  { name: 'the port of SSH within a range', policies: ({ world }) => `type: network, target: "netns:${world.here}/${world.dev}", port: "1-1024", partition: reject`, because: /port 22 is .*SSH/ },
  // What is not Firebreak's.
  { name: 'a queue that somebody else has set up', policies: ({ foreign }) => `type: network, target: "netns:${foreign.here}/${foreign.dev}", rate: 1mbit`, because: /root queue tbf 7:, which is not Firebreak's/ },
  // Disks.
  { name: 'filling the disk of the system', policies: () => 'type: disk, target: /usr, action: fill, percentage: 99', because: /is on / },
  { name: 'the disk of the system read-only', policies: () => 'type: disk, target: /, action: read-only, allow_system_disk: true', because: /never made read-only/ },
  { name: 'the disk that Firebreak keeps its journal on', policies: ({ stateDir }) => `type: disk, target: ${stateDir}, action: fill, size_mb: 1`, because: /is on / },
  { name: 'the inodes of the disk of the system', policies: () => 'type: disk, target: /etc, action: inodes', because: /is on / },
  { name: 'more than the disk has', policies: ({ disk }) => `type: disk, target: ${disk.path}, action: fill, size_mb: 4096, reserve_mb: 1`, because: /MB can be taken/ },
  { name: 'what the reserve keeps', policies: ({ disk }) => `type: disk, target: ${disk.path}, action: fill, percentage: 99`, because: /stay free/ },
  { name: 'a folder that is no mount, read-only', policies: ({ disk }) => `type: disk, target: ${disk.path}/inner, action: read-only`, because: /nothing is mounted at/ },
  { name: 'a folder that is not there', policies: ({ disk }) => `type: disk, target: ${disk.path}/nothing, action: fill`, because: /there is no folder/ },
  { name: 'what is no disk', policies: () => 'type: disk, target: /sys, action: fill', because: /is on/ },
  { name: 'a relative path', policies: () => 'type: disk, target: data, action: fill', because: /absolute path/ },
  // Bounds.
  { name: 'more memory than may ever be taken', policies: () => 'type: resource, target: host, ram_mb: 4097', because: /from 0 to 4096/ },
  { name: 'a hold without an end', policies: ({ fleet }) => `type: process, target: "cmd:${fleet.word}", interval: 2h`, because: /from 0s? to 1h/ },
  { name: 'rounds faster than a supervisor', policies: ({ fleet }) => `type: process, target: "cmd:${fleet.word}", interval: 10ms`, because: /at least 100ms/ },
  // What cannot be.
  { name: 'an error that such calls never have', policies: ({ lone }) => `type: kernel, target: "cmd:${lone.word}", action: connect, errno: ENOSPC`, because: /expected ECONNREFUSED/ },
  { name: 'calls with which a process ends', policies: ({ lone }) => `type: kernel, target: "cmd:${lone.word}", action: call, calls: exit_group`, because: /cannot be struck/ },
  { name: 'jitter without a latency', policies: ({ world }) => `type: network, target: "netns:${world.here}/${world.dev}", jitter: 10ms`, because: /at most the latency/ },
  { name: 'a partition that also slows', policies: ({ world }) => `type: network, target: "netns:${world.here}/${world.dev}", partition: drop, rate: 1mbit`, because: /nothing passes/ },
  { name: 'ports of a protocol that has none', policies: ({ world }) => `type: network, target: "netns:${world.here}/${world.dev}", protocol: icmp, port: 80, loss: 1`, because: /icmp has none/ },
  { name: 'no network', policies: ({ world }) => `type: network, target: "netns:${world.here}/${world.dev}", cidr: 10.0.0.300/8, loss: 1`, because: /cidr/ },
  { name: 'an interface that is not there', policies: ({ world }) => `type: network, target: "netns:${world.here}/eth9", loss: 1`, because: /eth9/ },
  { name: 'a name space that is not there', policies: () => 'type: network, target: "netns:nowhere/eth0", loss: 1', because: /nowhere/ },
  { name: 'a clock that nobody can set off', policies: ({ lone }) => `type: time, target: "cmd:${lone.word}", offset: 1h`, because: /no clock of what matches/ },
  { name: 'a target that says nothing', policies: () => 'type: kernel, target: "worker"', because: /expected name:NAME/ },
  { name: 'a port that is none', policies: () => 'type: process, target: "port:0"', because: /expected a port/ },
];
