import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { type FieldMeta, flag } from '../../kernel/fields.ts';
import { checkNth, explainChoice, messageFields } from '../../kernel/message-fields.ts';
import { commonFields, errorCode, explainMessages, idle, idleFields, messageFault, noHeaders } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  ...idleFields('redis'),
  ...messageFields("redis.key.startsWith('cart:')"),
  // Redis errors carry no code.
  errorCode: idle('redis', errorCode('', 0, 65_535, 0)),
  errorBody: commonFields.errorBody.meta({
    help: 'The text of the error, such as "LOADING Redis is loading the dataset in memory"; without a code in capitals it becomes an ERR.',
    example: 'LOADING Redis is loading the dataset in memory',
    form: 'lines',
  } satisfies FieldMeta),
  dropConnection: commonFields.dropConnection.meta({
    help: 'Reset the connection instead of answering with an error; without an error chance, on every command.',
    example: true,
  } satisfies FieldMeta),
  matchHeaders: noHeaders,
  miss: flag(
    'Answer reads with nothing instead of an error: error_chance is then the share of reads that miss. Other commands are left alone.',
  ),
});
export type RedisParams = z.infer<typeof params>;

/** Delays, fails or cuts Redis commands that cross a route, or makes reads of a cache miss. */
export const redisManifest = defineManifest({
  type: 'redis',
  ...messageFault,
  summary: 'Delays, fails or cuts Redis commands that cross a route, or makes reads of a cache miss.',
  params,
  target: {
    required: true,
    help: 'A command such as get; a command and a key, which may end in * (get cart:* takes cart:7 but not cartoon); or all.',
    example: 'get cart:*',
    check: (target) =>
      /^(all|\*)\s+\S/i.test(target.trim())
        ? {
            message: 'expected a command in front of the key',
            hint: "name the command, or use all with when: redis.key.startsWith('cart:')",
          }
        : undefined,
  },
  explain: (asked, target) => {
    const sentence = explainMessages(
      asked,
      messages(target, asked.miss),
      asked.miss ? 'nothing, as if the key were not there' : errorOf(asked.errorBody),
    );
    return `${sentence}${explainChoice(asked)}`;
  },
  facts: { redis: { command: 'string', key: 'string', keys: 'list<string>', args: 'int', db: 'int', resp: 'int', transaction: 'bool' } },
  check: (asked) => [...checkNth(asked), ...checkMiss(asked)],
  blastRadius: () => 3,
});

/** What a miss cannot be together with would silently win over it or do nothing. */
function checkMiss(asked: RedisParams): readonly { field: string; message: string; hint: string }[] {
  if (!asked.miss) return [];
  const found = [];
  if (asked.dropConnection) {
    found.push({
      field: 'miss',
      message: 'expected no drop_connection beside it',
      hint: 'a read misses or loses its connection: make two policies of it',
    });
  } else if (asked.errorChance === 0) {
    found.push({ field: 'errorChance', message: 'expected the share of reads that miss', hint: 'set error_chance, such as 0.3' });
  }
  if (asked.errorBody !== '') {
    found.push({
      field: 'errorBody',
      message: 'expected no text: a miss says nothing',
      hint: 'remove error_body, or remove miss to answer with this error',
    });
  }
  return found;
}

/** By the code that the text of an error begins with, such as LOADING. */
function errorOf(text: string): string {
  const code = /^[A-Z]{2,}\b/.exec(text)?.[0];
  return code === undefined ? 'an error' : `the error ${code}`;
}

/** `get commands`, `get commands on cart:*`, `Redis commands`. */
function messages(target: string, miss: boolean): string {
  const [command = '', key] = target.trim().split(/\s+/, 2);
  if (key !== undefined) return `${command} commands on ${key}`;
  if (!['', 'all', '*'].includes(command.toLowerCase())) return `${command} commands`;
  return miss ? 'Redis reads' : 'Redis commands';
}
