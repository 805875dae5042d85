import { Notification } from 'electron';
import { type Note } from './note.ts';

/** Shows a note where the desktop can; a click on it brings the room up. */
export function showNote({ title, body, urgent }: Note, onClick: () => void): void {
  if (!Notification.isSupported()) return;
  const notification = new Notification({
    title,
    body,
    urgency: urgent ? 'critical' : 'normal',
    timeoutType: urgent ? 'never' : 'default',
  });
  notification.on('click', onClick);
  notification.show();
}
