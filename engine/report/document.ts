import { type RunRecord } from '../contract/models.ts';
import { type ReportDocument, type ReportFormat } from '../contract/room.ts';
import { writeJson } from './json.ts';
import { writeMarkdown } from './markdown.ts';
import { writePdf } from './pdf/pdf.ts';

interface Output {
  readonly extension: string;
  readonly mediaType: string;
  readonly write: (record: RunRecord) => string | Buffer | Promise<Buffer>;
}

/** What a report can be written as; markdown's media type is RFC 7763's. */
export const OUTPUTS: Readonly<Record<ReportFormat, Output>> = {
  pdf: { extension: 'pdf', mediaType: 'application/pdf', write: writePdf },
  json: { extension: 'json', mediaType: 'application/json', write: writeJson },
  markdown: { extension: 'md', mediaType: 'text/markdown; charset=utf-8', write: writeMarkdown },
};

/** The name of a run's reports, without extension; safe as a file name whatever the run is called. */
export const reportName = (run: string): string => `firebreak-${run.replaceAll(/[^\w-]/g, '_').slice(0, 100)}`;

/** One report of a run as bytes, touching no disk. */
export async function writeDocument(record: RunRecord, format: ReportFormat): Promise<ReportDocument> {
  const { extension, mediaType, write } = OUTPUTS[format];
  const bytes = Buffer.from(await write(record));
  return { name: `${reportName(record.run)}.${extension}`, mediaType, base64: bytes.toString('base64') };
}
