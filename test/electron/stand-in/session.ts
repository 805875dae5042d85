import { EventEmitter } from 'node:events';
import { type Session as CdpSession } from './cdp.ts';
import { toApp } from './address.ts';

type Handle = (request: Request) => Response | Promise<Response>;
const handlers = new Map<string, Handle>();
const privileged = new Map<string, { standard?: boolean; secure?: boolean }>();

export const protocol = {
  registerSchemesAsPrivileged: (
    schemes: { scheme: string; privileges: { standard?: boolean; secure?: boolean } }[],
  ): void => {
    for (const { scheme, privileges } of schemes) privileged.set(scheme, privileges);
  },
  handle: (scheme: string, handler: Handle): void => void handlers.set(scheme, handler),
};

/** Chromium's names of what Electron names otherwise. */
const PERMISSIONS: Readonly<Record<string, Record<string, unknown>>> = {
  geolocation: { name: 'geolocation' },
  notifications: { name: 'notifications' },
  midi: { name: 'midi' },
  'clipboard-read': { name: 'clipboard-read' },
  'clipboard-sanitized-write': { name: 'clipboard-write', allowWithoutSanitization: false },
};
const CAMERA_AND_MICROPHONE = ['camera', 'microphone'];

type Answer = (granted: boolean) => void;
type RequestHandler = (contents: unknown, permission: string, answer: Answer, details: unknown) => void;
type CheckHandler = (contents: unknown, permission: string, origin: string, details: unknown) => boolean;
type BeforeRequest = (details: { url: string }, answer: (response: { cancel?: boolean }) => void) => void;

class Session extends EventEmitter {
  #request: RequestHandler = (_contents, _permission, answer) => answer(true);
  #check: CheckHandler = () => true;
  #before: BeforeRequest | undefined;
  readonly webRequest = {
    onBeforeRequest: (_filter: unknown, listener: BeforeRequest): void => void (this.#before = listener),
  };

  setPermissionRequestHandler(handler: RequestHandler): void {
    this.#request = handler;
  }
  setPermissionCheckHandler(handler: CheckHandler): void {
    this.#check = handler;
  }
  setDevicePermissionHandler(): void {}

  /** Chromium cannot ask; so the handlers are asked beforehand, and the browser told. */
  async tellPermissions(browser: CdpSession, contents: unknown, origin: string): Promise<void> {
    const settingOf = async (name: string): Promise<string> => {
      const checked = this.#check(contents, name, origin, {});
      const answered = await new Promise<boolean>((resolve) => this.#request(contents, name, resolve, {}));
      // Where the two handlers differ, neither word would be true.
      return checked === answered ? (checked ? 'granted' : 'denied') : 'prompt';
    };
    const tell = async (permission: Record<string, unknown>, name: string): Promise<void> => {
      await browser.send('Browser.setPermission', { permission, setting: await settingOf(name) });
    };
    for (const [name, permission] of Object.entries(PERMISSIONS)) await tell(permission, name);
    for (const device of CAMERA_AND_MICROPHONE) await tell({ name: device }, 'media');
  }

  /** Answers a request of a page: from the program's own scheme, or not at all, for there is no network here. */
  async fulfil(
    session: CdpSession,
    { requestId, request }: { requestId: string; request: { url: string; method: string } },
  ): Promise<void> {
    const url = toApp(request.url);
    const scheme = url.split(':', 1)[0] ?? '';
    const handler = privileged.get(scheme)?.standard === true ? handlers.get(scheme) : undefined;
    if (handler === undefined) {
      const cancelled = await new Promise<boolean>((resolve) => {
        if (this.#before === undefined) resolve(false);
        else this.#before({ url }, ({ cancel }) => resolve(cancel === true));
      });
      return void (await session.send('Fetch.failRequest', {
        requestId,
        errorReason: cancelled ? 'BlockedByClient' : 'InternetDisconnected',
      }));
    }
    const response = await handler(new Request(url, { method: request.method }));
    const body = Buffer.from(await response.arrayBuffer()).toString('base64');
    const responseHeaders = [...response.headers].map(([name, value]) => ({ name, value }));
    await session.send('Fetch.fulfillRequest', { requestId, responseCode: response.status, responseHeaders, body });
  }
}

export const session = { defaultSession: new Session() };
