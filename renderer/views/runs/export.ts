import { type ReportFormat } from '../../../engine/contract/room.ts';
import { desktop } from '../../bridge/desktop.ts';
import { engine } from '../../stores/connection.ts';
import { toast } from '../../stores/toasts.ts';
import { download } from '../../ui/download.ts';

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** Has the report made, and saves it where the person says (desktop) or where the browser saves things. */
export async function exportReport(run: string, format: ReportFormat): Promise<void> {
  const { name, mediaType, base64 } = await engine().query('document', { run, format });
  if (desktop !== undefined) {
    const saved = await desktop.saveDocument({ name, base64 });
    if (saved !== null) toast('ok', 'Report saved', saved.path);
    return;
  }
  download(name, new Blob([bytesOf(base64)], { type: mediaType }));
  toast('ok', 'Report exported', name);
}
