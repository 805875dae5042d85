import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock } from '../kernel/clock.ts';
import { transaction } from './database.ts';
import { filesOf, openJournalFile } from './journal-file.ts';
import { encodeRecord, scanRecords } from './journal-record.ts';
import { readMirror } from './mirror.ts';

/**
 * Sets the files of the journal in `dir` aside as evidence and begins new ones with every record that can be found in
 * them; the caller holds the lock of mending. `mark` is what was added to the names of the old ones.
 */
export function beginAnew(dir: string, clock: Clock): { readonly saved: number; readonly mark: string } {
  const found = new Map(readMirror(join(dir, 'journal.log')).records);
  const own = filesOf(dir, 'journal.db');
  for (const name of own)
    for (const record of scanRecords(readFileSync(join(dir, name)))) found.set(record.seq, record);
  const mark = `damaged-${new Date(clock.wall()).toISOString().replaceAll(':', '')}-${process.pid}`;
  for (const name of [...own, ...filesOf(dir, 'journal.log')])
    renameSync(join(dir, name), join(dir, `${name}.${mark}`));
  const records = [...found.values()].sort((a, b) => a.seq - b.seq);
  const database = openJournalFile(join(dir, 'journal.db'));
  try {
    transaction(database, () => {
      const insert = database.prepare('INSERT INTO record (seq, payload) VALUES (?, ?)');
      for (const record of records) insert.run(record.seq, encodeRecord(record));
    });
  } finally {
    database.close();
  }
  return { saved: records.length, mark };
}
