import { toast, toastError } from '../stores/toasts.ts';

/** Puts text on the clipboard and says so; `what` as in `12 lines`. */
export async function copy(what: string, text: string | Promise<string>): Promise<void> {
  try {
    await navigator.clipboard.writeText(await text);
    toast('ok', 'Copied', what);
  } catch (error) {
    toastError(`${what} could not be copied`, error);
  }
}
