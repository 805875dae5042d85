import { Notification } from 'electron';
import { type EngineEvent } from '../engine/contract/models.ts';

export interface Note {
  readonly title: string;
  readonly body: string;
  /** Stays until it is dismissed. */
  readonly urgent: boolean;
}

/** What an event is worth telling somebody who does not look at the window; undefined for most. */
export function noteOf({ body }: EngineEvent): Note | undefined {
  switch (body.kind) {
    case 'run-ended':
      if (body.verdict !== 'aborted' && body.verdict !== 'failed') return undefined;
      return {
        title: body.verdict === 'aborted' ? 'The experiment was aborted' : 'The experiment failed',
        body: `${body.reason} ${body.reverted ? 'Everything is reverted.' : 'Not everything is confirmed clean.'}`,
        urgent: !body.reverted,
      };
    case 'halt':
      return { title: 'HALT', body: `By ${body.by}: nothing is injected any more, after ${Math.round(body.tookMs)} ms.`, urgent: false };
    case 'fault':
      if (body.fault.state !== 'unconfirmed') return undefined;
      return { title: 'A fault is unconfirmed', body: `${body.fault.policy} on ${body.fault.target} could not be verified clean. ${body.fault.note}`, urgent: true };
    default:
      return undefined;
  }
}

/** Shows a note where the desktop can; a click on it brings the room up. */
export function showNote({ title, body, urgent }: Note, onClick: () => void): void {
  if (!Notification.isSupported()) return;
  const notification = new Notification({ title, body, urgency: urgent ? 'critical' : 'normal', timeoutType: urgent ? 'never' : 'default' });
  notification.on('click', onClick);
  notification.show();
}
